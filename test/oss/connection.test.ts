// What the requests of a client share: credentials that are renewed once, and one correction of the clock.

import { describe, expect, it, vi } from 'vitest'
import { Connection, type ConnectionOptions } from '../../src/oss/connection.js'
import { refreshingCredentials } from '../../src/oss/credentials/refreshing.js'
import { defaultRetryPolicy } from '../../src/oss/retry.js'
import { OssServiceError } from '../../src/primitives/errors.js'
import { fakeCredentials } from '../support/oss-clients.js'
import { scripted } from '../support/scripted-transport.js'

const noon = Date.UTC(2026, 0, 2, 12)

function connection(change: Partial<ConnectionOptions> = {}): Connection {
  return new Connection({
    endpoint: { region: 'cn-hangzhou', pathStyle: false, origin: 'https://oss.example.com' },
    credentials: fakeCredentials,
    additionalHeaders: [],
    transport: scripted(undefined).transport,
    retry: defaultRetryPolicy,
    timeouts: { idleTimeout: 1, answerTimeout: 1 },
    now: () => new Date(noon),
    closed: new AbortController().signal,
    ...change,
  })
}

const skewed = (time?: number, source: 'ServerTime' | 'Date' = 'ServerTime') =>
  new OssServiceError('x', {
    ...{ code: 'RequestTimeTooSkewed', status: 403 },
    ...(time !== undefined && { serverTime: { time: new Date(time), source } }),
  })

describe('the clock', () => {
  it('is that of the machine until OSS tells another time', () => {
    const own = connection()
    expect(own.time()).toEqual(new Date(noon))
    expect(own.correctClock(skewed(noon + 3_600_000, 'Date'), own.time())).toEqual({
      ...{ offsetMs: 3_600_000, source: 'Date' },
    })
    expect(own.time()).toEqual(new Date(noon + 3_600_000))
  })

  it('is corrected once for those who were refused together', () => {
    const own = connection()
    const signedAt = own.time()
    expect(own.correctClock(skewed(noon - 7_200_000), signedAt)).toMatchObject({
      offsetMs: -7_200_000,
    })
    expect(own.correctClock(skewed(noon - 7_200_000 + 59_000), signedAt)).toBe('corrected')
    expect(own.time()).toEqual(new Date(noon - 7_200_000))
  })

  it.each([
    ['no time is told', undefined],
    ['the time that is told is the one that was signed', noon],
    ['it is less than a minute off', noon + 59_999],
    ['it is less than a minute off in the other direction', noon - 59_999],
  ])('is left alone when %s', (_, time) => {
    const own = connection()
    expect(own.correctClock(skewed(time), own.time())).toBeUndefined()
    expect(own.time()).toEqual(new Date(noon))
  })

  it('follows the machine’s, whose offset it is', () => {
    let now = noon
    const own = connection({ now: () => new Date(now) })
    own.correctClock(skewed(noon + 60_000), own.time())
    now += 5_000
    expect(own.time()).toEqual(new Date(noon + 65_000))
  })
})

describe('credentials', () => {
  const numbered = () => {
    const source = vi.fn(async () => ({
      accessKeyId: `id-${source.mock.calls.length}`,
      accessKeySecret: 's',
    }))
    return source
  }

  it('that are fixed cannot be renewed', async () => {
    expect(await connection().renewCredentials(fakeCredentials, undefined)).toBe(false)
  })

  it('are renewed once for all who ask at the same time, and again for who asks later', async () => {
    const source = numbered()
    const own = connection({ credentials: refreshingCredentials(source) })
    const first = await own.credentials()
    const renewals = [1, 2, 3].map(() => own.renewCredentials(first, undefined))
    expect(await Promise.all(renewals)).toEqual([true, true, true])
    expect(source).toHaveBeenCalledTimes(2)
    expect(await own.renewCredentials(await own.credentials(), undefined)).toBe(true)
    expect(source).toHaveBeenCalledTimes(3)
  })

  it('need no renewal when they are no longer the refused ones', async () => {
    const source = numbered()
    const own = connection({ credentials: refreshingCredentials(source) })
    await own.credentials()
    const old = { accessKeyId: 'id-0', accessKeySecret: 's' }
    expect(await own.renewCredentials(old, undefined)).toBe(true)
    expect(source).toHaveBeenCalledTimes(1)
  })

  it.each(['accessKeyId', 'accessKeySecret', 'securityToken'])(
    'are others when their %s is another',
    async (name) => {
      const refused = { accessKeyId: 'a', accessKeySecret: 'b', securityToken: 'c' }
      const own = connection({ credentials: () => ({ ...refused, [name]: 'other' }) })
      expect(await own.renewCredentials(refused, undefined)).toBe(true)
      expect(
        await connection({ credentials: () => refused }).renewCredentials(refused, undefined),
      ).toBe(false)
    },
  )

  it('that failed to be renewed once are asked for again', async () => {
    let count = 0
    const own = connection({
      credentials: refreshingCredentials(() => {
        if (++count === 2) throw new Error('away')
        return { accessKeyId: `id-${count}`, accessKeySecret: 's' }
      }),
    })
    const first = await own.credentials()
    await expect(own.renewCredentials(first, undefined)).rejects.toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
    })
    expect(await own.renewCredentials(first, undefined)).toBe(true)
  })
})

describe('closing', () => {
  it('refuses what comes later, by its name', () => {
    const closing = new AbortController()
    const own = connection({ closed: closing.signal })
    expect(() => own.assertOpen('PutObject')).not.toThrow()
    closing.abort()
    expect(() => own.assertOpen('PutObject')).toThrow(
      expect.objectContaining({
        ...{ code: 'ERR_OSS_TRANSPORT', operation: 'PutObject' },
        message: 'PutObject failed: the client is closed',
      }),
    )
  })
})
