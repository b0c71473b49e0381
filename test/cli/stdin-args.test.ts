import { describe, expect, it } from 'vitest'
import { assertStdinArgs, openStdin } from '../../src/cli/stdin-args.js'
import { pretendIo } from './fixtures.js'

const fine = { adopt: false, restart: false, hasCheckpoint: false }

describe('assertStdinArgs', () => {
  it.each([fine, { ...fine, verify: 'content' }, { ...fine, restart: true, hasCheckpoint: true }])(
    'takes %o',
    (values) => expect(assertStdinArgs(values)).toBeUndefined(),
  )

  it.each([
    [{ ...fine, verify: 'stat' }, '--verify stat needs a file'],
    [{ ...fine, adopt: true, hasCheckpoint: true }, '--adopt needs a file'],
    [{ ...fine, restart: true }, '--restart needs --checkpoint'],
  ])('refuses %o', (values, message) => {
    expect(() => assertStdinArgs(values)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining(message) }),
    )
  })
})

describe('openStdin', () => {
  it('gives what is piped in', async () => {
    const chunks: Uint8Array[] = []
    for await (const chunk of openStdin(pretendIo({ input: 'abc' }))) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe('abc')
  })

  it.each([
    ['terminal', {}],
    ['directory', { stdinKind: 'directory' as const, input: '' }],
  ])('refuses a %s with a hint', (kind, options) => {
    expect(() => openStdin(pretendIo(options))).toThrow(
      expect.objectContaining({
        code: 'ERR_USAGE',
        message: `stdin is a ${kind}, and - uploads what comes through stdin`,
        hint: expect.stringContaining('tar c dir | ossup upload -'),
      }),
    )
  })
})
