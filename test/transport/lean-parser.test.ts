// What is asked of V8, and what comes of it: V8 itself tells which functions of WebAssembly it optimises.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { repositoryRoot } from '../house/source-tree.js'
import { startFakeOss } from '../support/fake-oss/index.js'

const off = ['--no-wasm-dynamic-tiering', '--no-wasm-tier-up', '--no-wasm-lazy-compilation']
const on = ['--wasm-dynamic-tiering', '--wasm-tier-up', '--wasm-lazy-compilation']

describe('what is asked of V8', () => {
  beforeEach(() => void vi.resetModules())

  const asked = async (v8: string, execArgv: string[] = [], times = 1): Promise<string[]> => {
    const { compileParserLean } = await import('../../src/transport/lean-parser.js')
    const flags: string[] = []
    const started = { versions: { ...process.versions, v8 }, execArgv }
    for (let i = 0; i < times; i++) compileParserLean((flag) => void flags.push(flag), started)
    return flags
  }

  it.each(['11.3.244.8-node.38', '12.4.254.21-node.56', '13.6.233.10-node.44', '14.6.202.1'])(
    'V8 %s: to leave one module as it is, and to go on as before',
    async (version) => {
      expect(await asked(version)).toEqual([...off, ...on])
    },
  )

  it('is asked once for all clients', async () => {
    expect(await asked('11.3', [], 3)).toEqual([...off, ...on])
  })

  it.each(['10.2.154.26', '15.0.1', 'unknown'])('nothing of V8 %s', async (version) => {
    expect(await asked(version)).toEqual([])
  })

  it.each(['--no-wasm-tier-up', '--liftoff-only'])(
    'nothing where Node was started with %s',
    async (flag) => {
      expect(await asked('11.3', ['--max-old-space-size=64', flag])).toEqual([])
    },
  )

  it('is undone, and fails nothing, when compiling fails', async () => {
    const flags: string[] = []
    const { compileParserLean } = await import('../../src/transport/lean-parser.js')
    vi.stubGlobal('WebAssembly', {
      Module: class {
        constructor() {
          throw new Error('compiling is forbidden')
        }
      },
    })
    try {
      expect(() => compileParserLean((flag) => void flags.push(flag))).not.toThrow()
    } finally {
      vi.unstubAllGlobals()
    }
    expect(flags).toEqual([...off, ...on])
  })

  it('goes on where the engine knows no flags', async () => {
    const { compileParserLean } = await import('../../src/transport/lean-parser.js')
    const setFlag = (): void => {
      throw new Error('not implemented')
    }
    expect(() => compileParserLean(setFlag)).not.toThrow()
  })
})

describe('what comes of it', () => {
  /** Bytes of the bodies of the functions that V8 optimises while 16 answers are read, and while a module of its own is hot. */
  async function optimised(...flags: string[]): Promise<number[]> {
    await using oss = await startFakeOss()
    const file = (path: string): string => JSON.stringify(join(repositoryRoot, path))
    const script = `
      import { setFlagsFromString } from 'node:v8'
      import { setTimeout } from 'node:timers/promises'
      setFlagsFromString('--trace-wasm-compilation-times')
      const { exchange } = await import(${file('src/transport/exchange.ts')})
      const { createAgent } = await import(${file('src/transport/undici-agent.ts')})
      const { Crc64 } = await import(${file('src/primitives/crc64.ts')})
      const agent = await createAgent({ connections: 1 })
      for (let i = 0; i < 16; i++) {
        const request = { origin: '${oss.endpoint}', path: '/examplebucket/key', method: 'GET' }
        await exchange(agent, { ...request, headers: {}, maxResponseBytes: 10_000 }, {})
      }
      const crc = new Crc64()
      for (let i = 0; i < 64; i++) crc.update(Buffer.alloc(1 << 19))
      crc.digest()
      // Optimising goes on beside, and is told when it is done.
      await setTimeout(1500)
      await agent.destroy()`
    const argv = [...flags, '--import', 'tsx', '--input-type=module', '-e', script]
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: repositoryRoot })
    return [...stdout.matchAll(/using TurboFan.*bodysize (\d+)/g)].map(([, size]) => Number(size))
  }
  const isParser = (size: number): boolean => size > 20_000

  it("undici's parser is left alone, and what is compiled after it is not", async () => {
    const sizes = await optimised()
    expect(sizes.filter(isParser)).toEqual([])
    expect(sizes.length).toBeGreaterThan(0)
  })

  it('without it V8 optimises the parser', async () => {
    // Says what holds anyway, and so nothing is asked of V8 besides.
    const sizes = await optimised('--wasm-tier-up')
    expect(sizes.filter(isParser)).toHaveLength(1)
  })
})
