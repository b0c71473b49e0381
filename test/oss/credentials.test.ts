import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { environmentCredentials, resolveCredentials } from '../../src/oss/credentials.js'
import { OssError } from '../../src/primitives/errors.js'
import { rejection } from '../support/oss-clients.js'

const both = { OSS_ACCESS_KEY_ID: 'id', OSS_ACCESS_KEY_SECRET: 'secret' }

describe('environmentCredentials', () => {
  it('reads the names that the official SDKs read', async () => {
    expect(await environmentCredentials(both)()).toEqual({
      accessKeyId: 'id',
      accessKeySecret: 'secret',
    })
    expect(await environmentCredentials({ ...both, OSS_SESSION_TOKEN: 'token' })()).toEqual({
      accessKeyId: 'id',
      accessKeySecret: 'secret',
      securityToken: 'token',
    })
  })

  it('drops blanks and line ends around values, as files of secrets have them', async () => {
    const environment = {
      OSS_ACCESS_KEY_ID: ' id\n',
      OSS_ACCESS_KEY_SECRET: '\tsecret\r\n',
      OSS_SESSION_TOKEN: ' token ',
    }
    expect(await environmentCredentials(environment)()).toEqual({
      accessKeyId: 'id',
      accessKeySecret: 'secret',
      securityToken: 'token',
    })
  })

  it.each(['', ' ', undefined])('takes the token %j for none', async (token) => {
    const credentials = await environmentCredentials({ ...both, OSS_SESSION_TOKEN: token })()
    expect(credentials).not.toHaveProperty('securityToken')
  })

  it.each([
    [{}, 'OSS_ACCESS_KEY_ID'],
    [{ ...both, OSS_ACCESS_KEY_ID: undefined }, 'OSS_ACCESS_KEY_ID'],
    [{ ...both, OSS_ACCESS_KEY_ID: ' ' }, 'OSS_ACCESS_KEY_ID'],
    [{ ...both, OSS_ACCESS_KEY_SECRET: undefined }, 'OSS_ACCESS_KEY_SECRET'],
    [{ ...both, OSS_ACCESS_KEY_SECRET: '' }, 'OSS_ACCESS_KEY_SECRET'],
  ])('names the variable that is missing from %j', async (environment, name) => {
    const error = await rejection(resolveCredentials(environmentCredentials(environment)))
    expect(error).toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
      message: `no credentials: ${name} is not set`,
      hint: 'set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET (and OSS_SESSION_TOKEN for STS)',
    })
  })

  it('reads the environment when it is asked, not before', async () => {
    const environment: Record<string, string> = { ...both }
    const provider = environmentCredentials(environment)
    environment['OSS_ACCESS_KEY_ID'] = 'rotated'
    expect(await provider()).toMatchObject({ accessKeyId: 'rotated' })
  })
})

describe('resolveCredentials', () => {
  const good = { accessKeyId: 'id', accessKeySecret: 'secret' }

  it('rejects with the reason of a cancellation, once the source has settled', async () => {
    const controller = new AbortController()
    const reason = { not: 'even an error' }
    let fail = (_: Error): void => {}
    const source = () =>
      new Promise<never>((_, reject) => {
        fail = reject
      })
    let settled = false
    const outcome = resolveCredentials(source, controller.signal).catch((error: unknown) => {
      settled = true
      return error
    })
    controller.abort(reason)
    await new Promise(setImmediate)
    expect(settled).toBe(false)
    fail(new Error('late'))
    expect(await outcome).toBe(reason)
  })

  it.each([
    ['an object', good],
    ['a function', () => good],
    ['an async function', async () => good],
  ])('takes %s', async (_, source) => {
    expect(await resolveCredentials(source)).toEqual(good)
  })

  it('takes everything that a header can carry', async () => {
    const token = String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 0x21 + i))
    expect(await resolveCredentials({ ...good, securityToken: token })).toMatchObject({
      securityToken: token,
    })
  })

  it('keeps the error of a provider as the cause', async () => {
    const cause = new Error('no network')
    const fail = () => {
      throw cause
    }
    for (const provider of [fail, () => Promise.reject(cause)]) {
      const error = await rejection(resolveCredentials(provider))
      expect(error).toBeInstanceOf(OssError)
      expect(error).toMatchObject({
        code: 'ERR_OSS_CREDENTIALS',
        message: 'the credentials provider failed',
        cause,
      })
    }
  })

  it('hands on an OssError of a provider as it is', async () => {
    const own = new OssError('vault is sealed', { code: 'ERR_OSS_CREDENTIALS' })
    expect(await rejection(resolveCredentials(() => Promise.reject(own)))).toBe(own)
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty object', {}],
    ['no secret', { accessKeyId: 'id' }],
    ['no id', { accessKeySecret: 'secret' }],
    ['a number', { accessKeyId: 1, accessKeySecret: 'secret' }],
  ])('refuses a provider that gives %s', async (_, value) => {
    const error = await rejection(resolveCredentials(() => value as never))
    expect(error).toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
      message: 'credentials need accessKeyId and accessKeySecret, printable ASCII',
    })
  })

  const unsendable = [
    '',
    ' ',
    'a b',
    ' a',
    'a ',
    'a\rb',
    'a\nb',
    'a\r\nx-evil: 1',
    'a\tb',
    'a\0',
    'ä',
    '\x7f',
  ]
  const fields = ['accessKeyId', 'accessKeySecret', 'securityToken'] as const

  it.each(fields.flatMap((field) => unsendable.map((value) => [field, value] as const)))(
    'refuses the %s %j',
    async (field, value) => {
      const error = await rejection(resolveCredentials({ ...good, [field]: value }))
      expect(error).toMatchObject({ code: 'ERR_OSS_CREDENTIALS' })
      expect(error.message).toMatch(/printable ASCII$/)
    },
  )

  it.each(['a/b', 'a,b', '/', ','])(
    'refuses the accessKeyId %j: the Authorization header is split there',
    async (accessKeyId) => {
      expect(await rejection(resolveCredentials({ ...good, accessKeyId }))).toMatchObject({
        code: 'ERR_OSS_CREDENTIALS',
        message: 'accessKeyId must not have a slash or comma',
      })
    },
  )

  it('quotes no value in its errors', async () => {
    for (const field of fields) {
      const error = await rejection(
        resolveCredentials({
          accessKeyId: 'sentinel-id',
          accessKeySecret: 'sentinel-secret',
          securityToken: 'sentinel-token',
          [field]: 'sentinel value',
        }),
      )
      expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('sentinel')
    }
  })
})
