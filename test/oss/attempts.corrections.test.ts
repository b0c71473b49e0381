// What an attempt learns from a refusal: new credentials and the right time, neither of which counts as an attempt.

import { describe, expect, it, vi } from 'vitest'
import { refreshingCredentials } from '../../src/oss/credentials/refreshing.js'
import { uploadPart } from '../../src/oss/multipart.js'
import { headObject, putObject } from '../../src/oss/object.js'
import { OssError } from '../../src/primitives/errors.js'
import { rejection } from '../support/oss-clients.js'
import {
  lost,
  refusal,
  type Step,
  scripted,
  scriptedClient,
} from '../support/scripted-transport.js'

const object = { bucket: 'examplebucket', key: 'k' }
const body = Buffer.from('xyz')
const expired = refusal(403, 'SecurityTokenExpired', { EC: '0002-00000007' })
const failed = async (promise: Promise<unknown>) => (await rejection(promise)) as OssError

/** Issues `id-1`, `id-2`, ...; those before `good` are refused as expired. */
function rotation(good: number) {
  const source = vi.fn(() => {
    const n = source.mock.calls.length
    return { accessKeyId: `id-${n}`, accessKeySecret: 's', securityToken: `t-${n}` }
  })
  const step: Step = ({ headers }) => {
    const id = /Credential=id-(\d+)\//.exec(headers['Authorization'] ?? '')?.[1]
    return Number(id) < good ? expired : undefined
  }
  return { source, step, credentials: refreshingCredentials(source) }
}

describe('refused credentials', () => {
  it('are renewed, and the request is sent again, which does not count', async () => {
    const { source, step, credentials } = rotation(2)
    const script = scripted(step)
    const { client, events } = scriptedClient(script, { credentials, retry: { attempts: 1 } })
    await putObject(client, { ...object, body })
    expect([source.mock.calls.length, script.requests.length]).toEqual([2, 2])
    expect(events).toMatchObject([
      { type: 'attempt', code: 'SecurityTokenExpired', status: 403, ec: '0002-00000007' },
      { type: 'refresh', code: 'SecurityTokenExpired', result: 'refreshed' },
      { type: 'attempt', attempt: 2, status: 200 },
    ])
  })

  it('are renewed once for all requests that were refused together', async () => {
    const { source, step, credentials } = rotation(2)
    const script = scripted(step)
    const { client, events } = scriptedClient(script, { credentials })
    const parts = Array.from({ length: 20 }, (_, index) => index + 1)
    const results = parts.map((partNumber) =>
      uploadPart(client, { ...object, uploadId: 'U', partNumber, body }),
    )
    expect(await Promise.all(results)).toHaveLength(20)
    expect([source.mock.calls.length, script.requests.length]).toEqual([2, 40])
    expect(events.filter(({ type }) => type === 'refresh')).toHaveLength(1)
  })

  it('that another request has renewed meanwhile are not renewed again', async () => {
    const { source, credentials } = rotation(2)
    // What was signed with the first is refused only after somebody has got the second.
    const late: Step = async () => {
      await credentials.refresh({ force: true })
      return expired
    }
    const script = scripted(late, undefined)
    await putObject(scriptedClient(script, { credentials }).client, { ...object, body })
    expect([source.mock.calls.length, script.requests.length]).toEqual([2, 2])
  })

  it('that are refused again and again are given up after two renewals', async () => {
    const { source, step, credentials } = rotation(99)
    const script = scripted(step)
    const { client } = scriptedClient(script, { credentials })
    const error = await failed(putObject(client, { ...object, body }))
    expect(error).toMatchObject({ code: 'SecurityTokenExpired', status: 403 })
    expect(error.attempts?.map(({ verdict }) => verdict)).toEqual(['refresh', 'refresh', 'fail'])
    expect([source.mock.calls.length, script.requests.length]).toEqual([3, 3])
  })

  it('that cannot be renewed leave the 403, with a hint that says so', async () => {
    const { source } = rotation(2)
    const script = scripted(expired)
    const failing = new OssError('STS is away', { code: 'ERR_OSS_CREDENTIALS' })
    const credentials = refreshingCredentials(() => {
      if (source.mock.calls.length > 0) throw failing
      return source()
    })
    const { client, events } = scriptedClient(script, { credentials })
    const error = await failed(putObject(client, { ...object, body }))
    expect(error).toMatchObject({ code: 'SecurityTokenExpired', status: 403 })
    expect(error.hint).toMatch(/^new credentials could not be got \(STS is away\)/)
    expect(failing.message).toBe('STS is away')
    expect(script.requests).toHaveLength(1)
    expect(events.at(-1)).toEqual({
      ...{ type: 'refresh', code: 'SecurityTokenExpired', result: 'failed' },
    })
  })

  it('that come back the same fail at once', async () => {
    const same = { accessKeyId: 'id', accessKeySecret: 's', securityToken: 't' }
    const script = scripted(expired)
    const credentials = refreshingCredentials(() => ({ ...same }))
    const { client, events } = scriptedClient(script, { credentials })
    await failed(putObject(client, { ...object, body }))
    expect(script.requests).toHaveLength(1)
    expect(events.at(-1)).toMatchObject({ type: 'refresh', result: 'unchanged' })
  })

  it('that are fixed fail at once, and there is no talk of a refresh', async () => {
    const script = scripted(expired)
    const { client, events } = scriptedClient(script)
    const error = await failed(putObject(client, { ...object, body }))
    expect(error.attempts).toMatchObject([{ code: 'SecurityTokenExpired', verdict: 'fail' }])
    expect(events.map(({ type }) => type)).toEqual(['attempt'])
  })

  it('of a plain function are asked for once more', async () => {
    let n = 0
    const credentials = () => ({ accessKeyId: `id-${++n}`, accessKeySecret: 's' })
    const script = scripted(expired, undefined)
    await putObject(scriptedClient(script, { credentials }).client, { ...object, body })
    expect(script.requests).toHaveLength(2)
  })

  it('that cannot be got at all fail before any request, with an error that others may share', async () => {
    const shared = new OssError('no credentials', { code: 'ERR_OSS_CREDENTIALS' })
    const script = scripted(undefined)
    const credentials = () => Promise.reject(shared)
    const { client, events } = scriptedClient(script, { credentials })
    expect(await failed(putObject(client, { ...object, body }))).toBe(shared)
    expect(await failed(headObject(client, object))).toBe(shared)
    expect([shared.message, shared.operation]).toEqual(['no credentials', undefined])
    expect([script.requests, events]).toEqual([[], []])
  })
})

describe('a wrong clock', () => {
  const real = Date.UTC(2026, 6, 1, 12)
  const day = 86_400_000
  const signed = (headers: Readonly<Record<string, string>>): number =>
    Date.parse(
      (headers['x-oss-date'] ?? '').replace(
        /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
        '$1-$2-$3T$4:$5:$6Z',
      ),
    )
  /** OSS, which refuses what is more than 15 minutes off. */
  const strict =
    (tell: (refused: ReturnType<typeof refusal>) => Step): Step =>
    ({ headers }) =>
      Math.abs(signed(headers) - real) < 15 * 60_000
        ? { headers: { etag: '"E"', 'content-length': '0' } }
        : tell(refusal(403, 'RequestTimeTooSkewed', { ServerTime: new Date(real).toISOString() }))
  const date = (time: number) => ({ date: new Date(time).toUTCString() })
  const clientAt = (offset: number, step: Step) => {
    const script = scripted(step)
    const now = () => new Date(real + offset)
    return { ...scriptedClient(script, { now, retry: { attempts: 1 } }), script }
  }

  it.each([16 * 60_000, -16 * 60_000, 3 * day, -3 * day, 4000 * day, -900 * day])(
    'that is off by %i ms is corrected for all requests that follow, which does not count',
    async (offset) => {
      const { client, events, script } = clientAt(
        offset,
        strict((refused) => refused),
      )
      await headObject(client, object)
      await headObject(client, object)
      expect(script.requests).toHaveLength(3)
      expect(events.filter(({ type }) => type === 'skew')).toEqual([
        { type: 'skew', offsetMs: -offset, source: 'ServerTime' },
      ])
      expect((await client.signingContext()).time).toEqual(new Date(real))
    },
  )

  it('is corrected by the Date header where the document tells no time', async () => {
    const tell = () => refusal(403, 'RequestTimeTooSkewed', {}, date(real))
    const { client, events } = clientAt(5 * day, strict(tell))
    await headObject(client, object)
    expect(events).toContainEqual({ type: 'skew', offsetMs: -5 * day, source: 'Date' })
  })

  it.each([
    ['1970', date(0)],
    ['2345', date(Date.UTC(2345, 0))],
    ['nonsense', { date: 'today' }],
    ['nothing', {}],
  ])('is not corrected by %s', async (_, headers) => {
    const tell = () => refusal(403, 'RequestTimeTooSkewed', {}, headers)
    const { client, events, script } = clientAt(5 * day, strict(tell))
    expect(await failed(headObject(client, object))).toMatchObject({ code: 'RequestTimeTooSkewed' })
    expect(script.requests).toHaveLength(1)
    expect(events.map(({ type }) => type)).toEqual(['attempt'])
  })

  it('that is refused although it agrees with what OSS says fails', async () => {
    const now = new Date(real)
    const step = refusal(403, 'RequestTimeTooSkewed', { ServerTime: now.toISOString() })
    const { client, script } = clientAt(0, step)
    await failed(headObject(client, object))
    expect(script.requests).toHaveLength(1)
  })

  it('that OSS tells differently each time is corrected twice, and no more', async () => {
    let told = real
    const { client, events, script } = clientAt(0, () => {
      told += day
      return refusal(403, 'RequestTimeTooSkewed', { ServerTime: new Date(told).toISOString() })
    })
    const error = await failed(headObject(client, object))
    expect(error.attempts?.map(({ verdict }) => verdict)).toEqual(['skew', 'skew', 'fail'])
    expect(script.requests).toHaveLength(3)
    expect(events.filter(({ type }) => type === 'skew')).toHaveLength(2)
  })

  it('is corrected once for all requests that were refused together', async () => {
    const { client, events, script } = clientAt(
      2 * day,
      strict((refused) => refused),
    )
    await Promise.all(Array.from({ length: 10 }, () => headObject(client, object)))
    expect(script.requests).toHaveLength(20)
    expect(events.filter(({ type }) => type === 'skew')).toHaveLength(1)
  })
})

describe('events', () => {
  it('tell of each attempt and retry what is known of it', async () => {
    const ids = { RequestId: 'R1', EC: '0010-00000001' }
    const done = { headers: { etag: '"E"', 'x-oss-request-id': 'R2' } }
    const script = scripted(refusal(500, 'InternalError', ids), lost(), done)
    const { client, events } = scriptedClient(script)
    await uploadPart(client, { ...object, uploadId: 'U', partNumber: 7, body })
    const request = { operation: 'UploadPart', partNumber: 7 }
    const durationMs = expect.any(Number)
    expect(events).toEqual([
      {
        ...{ type: 'attempt', ...request, attempt: 1, durationMs },
        ...{ code: 'InternalError', status: 500, requestId: 'R1', ec: '0010-00000001' },
      },
      {
        ...{ type: 'retry', ...request, attempt: 1, reason: 'server' },
        ...{ code: 'InternalError', waitMs: 0 },
      },
      {
        ...{ type: 'attempt', ...request, attempt: 2, durationMs },
        ...{ code: 'ERR_OSS_TRANSPORT', cause: 'ECONNRESET' },
      },
      {
        ...{ type: 'retry', ...request, attempt: 2, reason: 'network' },
        ...{ code: 'ERR_OSS_TRANSPORT', cause: 'ECONNRESET', waitMs: 0 },
      },
      { type: 'attempt', ...request, attempt: 3, durationMs, status: 200, requestId: 'R2' },
    ])
  })

  it('tell of a stall, with the request that it is of', async () => {
    const script = scripted(({ onStall }) => {
      onStall?.({ phase: 'sending', idleMs: 30_000 })
      return undefined
    })
    const { client, events } = scriptedClient(script)
    await uploadPart(client, { ...object, uploadId: 'U', partNumber: 7, body })
    expect(events[0]).toEqual({
      ...{
        type: 'stall',
        operation: 'UploadPart',
        partNumber: 7,
        phase: 'sending',
        idleMs: 30_000,
      },
    })
  })

  it('break nothing when a listener throws, and reach the others all the same', async () => {
    const heard: string[] = []
    const script = scripted(lost(), undefined)
    const onEvent = () => {
      throw new Error('listener')
    }
    const { client } = scriptedClient(script, { onEvent })
    const scope = { onEvent: ({ type }: { type: string }) => void heard.push(type) }
    const request = { operation: 'PutObject', method: 'PUT', ...object, scope } as const
    await client.send(request)
    expect(heard).toEqual(['attempt', 'retry', 'attempt'])
  })
})
