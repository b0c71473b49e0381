import { expect, it } from 'vitest'
import { leaveParserAlone } from '../../src/cli/lean-engine.js'

const asked = (version: string): readonly string[] => {
  const flags: string[] = []
  leaveParserAlone({ engine: { version, setFlag: (flag) => void flags.push(flag) } })
  return flags
}

it.each(['11.3.244.8-node.38', '12.4.254.21-node.56'])(
  'asks V8 %s to optimise no module that comes later',
  (version) => {
    expect(asked(version)).toEqual(['--no-wasm-dynamic-tiering', '--no-wasm-tier-up'])
  },
)

it.each(['13.6.233.10-node.44', '14.6.202.1'])('asks nothing of V8 %s', (version) => {
  expect(asked(version)).toEqual([])
})

it('asks nothing where the process belongs to somebody else', () => {
  expect(() => leaveParserAlone({})).not.toThrow()
})

it('goes on where the engine knows no flags', () => {
  const setFlag = (): void => {
    throw new Error('not implemented')
  }
  expect(() => leaveParserAlone({ engine: { version: '11.3', setFlag } })).not.toThrow()
})
