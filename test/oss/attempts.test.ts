// The loop around one request, against a transport that answers what is written down: attempts, their history, events and pauses.

import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { scopedClient } from '../../src/oss/client.js'
import {
  completeMultipartUpload,
  initiateMultipartUpload,
  uploadPart,
} from '../../src/oss/multipart.js'
import { headObject, putObject } from '../../src/oss/object.js'
import { RetryBudget } from '../../src/oss/retry.js'
import type { RequestScope } from '../../src/oss/scope.js'
import type { OssError } from '../../src/primitives/errors.js'
import { rejection } from '../support/oss-clients.js'
import { lost, refusal, scripted, scriptedClient } from '../support/scripted-transport.js'

const object = { bucket: 'examplebucket', key: 'k' }
const body = Buffer.from('xyz')
const part = { ...object, uploadId: 'U', partNumber: 7, body }
const failed = async (promise: Promise<unknown>) => (await rejection(promise)) as OssError

describe('attempts', () => {
  it.each([1, 2, 5])('are %i at most, for each request anew', async (attempts) => {
    const script = scripted(lost())
    const { client } = scriptedClient(script, { retry: { attempts } })
    for (const times of [1, 2]) {
      const error = await failed(headObject(client, object))
      expect(error).toMatchObject({ code: 'ERR_OSS_TRANSPORT', operation: 'HeadObject' })
      expect(script.requests).toHaveLength(times * attempts)
      expect(error.attempts?.map(({ verdict }) => verdict)).toEqual([
        ...Array(attempts - 1).fill('network'),
        'fail',
      ])
    }
  })

  it('end with the first answer that can be used', async () => {
    const script = scripted(lost(), refusal(500, 'InternalError'), { headers: {} }, undefined)
    const { client } = scriptedClient(script)
    expect(await putObject(client, { ...object, body })).toEqual({ etag: 'E' })
    expect(script.requests).toHaveLength(4)
  })

  it('are one for what will not get better', async () => {
    const script = scripted(refusal(403, 'AccessDenied'))
    const { client } = scriptedClient(script)
    const error = await failed(headObject(client, object))
    expect(error.attempts).toMatchObject([{ code: 'AccessDenied', status: 403, verdict: 'fail' }])
    expect(script.requests).toHaveLength(1)
  })

  it('are three where OSS has never answered and there is no connection, and more where it has', async () => {
    const away = lost('ECONNREFUSED')
    const unreachable = scripted(away)
    await failed(headObject(scriptedClient(unreachable).client, object))
    expect(unreachable.requests).toHaveLength(3)
    const known = scripted(refusal(404, 'NoSuchKey'), away)
    const { client } = scriptedClient(known)
    await failed(headObject(client, object))
    await failed(headObject(client, object))
    expect(known.requests).toHaveLength(11)
  })

  it('are one for misuse, which asks nobody', async () => {
    const script = scripted(undefined)
    const { client, events } = scriptedClient(script)
    await expect(headObject(client, { ...object, key: '' })).rejects.toThrow(TypeError)
    expect([script.requests, events]).toEqual([[], []])
  })

  it('of a programming error in the transport is one, and passes untouched', async () => {
    const slip = new TypeError('x is not a function')
    const script = scripted(slip)
    const { client } = scriptedClient(script)
    await expect(headObject(client, object)).rejects.toBe(slip)
    expect(script.requests).toHaveLength(1)
  })

  it('open the body anew, and are signed anew with the credentials and the time of the moment', async () => {
    let time = Date.UTC(2026, 0, 2)
    let issue = 0
    const script = scripted(lost(), lost(), undefined)
    const open = vi.fn(() => body)
    const { client } = scriptedClient(script, {
      now: () => {
        time += 60_000
        return new Date(time)
      },
      credentials: () => ({ accessKeyId: `id-${++issue}`, accessKeySecret: 's' }),
    })
    await uploadPart(client, { ...part, body: { contentLength: 3, open } })
    for (const { body: sent } of script.requests) sent?.open()
    expect(open).toHaveBeenCalledTimes(3)
    const authorizations = script.requests.map(({ headers }) => headers['Authorization'] ?? '')
    expect(authorizations.map((text) => /id-\d/.exec(text)?.[0])).toEqual(['id-1', 'id-2', 'id-3'])
    expect(new Set(authorizations.map((text) => text.slice(-64))).size).toBe(3)
    expect(new Set(script.requests.map(({ headers }) => headers['x-oss-date'])).size).toBe(3)
  })

  it('after a connection was lost under a body are cautious; else they are not', async () => {
    const script = scripted(lost(), lost(undefined, 'ERR_OSS_TIMEOUT'), lost(), undefined)
    const { client } = scriptedClient(script)
    await putObject(client, { ...object, body })
    expect(script.requests.map(({ cautious }) => cautious)).toEqual([false, true, false, true])
    const bodiless = scripted(lost(), { headers: { etag: '"E"', 'content-length': '0' } })
    await headObject(scriptedClient(bodiless).client, object)
    expect(bodiless.requests.map(({ cautious }) => cautious)).toEqual([false, false])
  })
})

describe('what must not be repeated', () => {
  it.each([
    ['a lost connection', lost()],
    ['no connection', lost('ECONNREFUSED')],
    ['a timeout', lost('', 'ERR_OSS_TIMEOUT')],
    ['500', refusal(500, 'InternalError')],
    ['503', refusal(503, 'ServiceUnavailable')],
    ['no XML', { body: Buffer.from('<html>') }],
  ])('is not: Complete, after %s', async (_, step) => {
    const script = scripted(step)
    const { client, events } = scriptedClient(script)
    const parts = [{ partNumber: 1, etag: 'E' }]
    await failed(completeMultipartUpload(client, { ...object, uploadId: 'U', parts }))
    expect(script.requests).toHaveLength(1)
    expect(events.map(({ type }) => type)).toEqual(['attempt'])
  })

  it.each([
    ['a lost connection', lost(), 1],
    ['a timeout', lost('', 'ERR_OSS_TIMEOUT'), 1],
    ['500', refusal(500, 'InternalError'), 1],
    ['an answer without an ETag', { headers: {} }, 1],
    ['no connection', lost('ECONNREFUSED'), 3],
    ['503', refusal(503, 'ServiceUnavailable'), 2],
  ])(
    'is only if it was not sent: a part of a sequential upload, after %s',
    async (_, step, most) => {
      const script = scripted(step, step, undefined)
      const { client } = scriptedClient(script)
      const outcome = await uploadPart(client, { ...part, sequential: true }).catch(() => {})
      expect(script.requests).toHaveLength(outcome === undefined ? most : 3)
      expect(outcome === undefined).toBe(most === 1)
    },
  )

  it('and Initiate may be', async () => {
    const xml =
      '<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>U</UploadId></InitiateMultipartUploadResult>'
    const script = scripted(lost(), { body: Buffer.from('<html>') }, { body: Buffer.from(xml) })
    const { client } = scriptedClient(script)
    expect(await initiateMultipartUpload(client, object)).toEqual({ uploadId: 'U' })
  })
})

describe('the history', () => {
  it('tells of each attempt its time, duration, code, cause, status, request id, EC, verdict and wait', async () => {
    const ids = { RequestId: 'R1', EC: '0010-00000001' }
    const script = scripted(lost(), refusal(500, 'InternalError', ids), lost('', 'ERR_OSS_TIMEOUT'))
    const { client } = scriptedClient(script, {
      retry: { attempts: 3, baseDelay: 1, maxDelay: 1 },
      now: () => new Date('2026-01-02T03:04:05.678Z'),
    })
    const { attempts } = await failed(headObject(client, object))
    const always = { startedAt: '2026-01-02T03:04:05.678Z', durationMs: expect.any(Number) }
    const waitMs = expect.toBeOneOf([0, 1])
    expect(attempts).toEqual([
      { ...always, code: 'ERR_OSS_TRANSPORT', cause: 'ECONNRESET', verdict: 'network', waitMs },
      {
        ...{ ...always, code: 'InternalError', status: 500, verdict: 'server', waitMs },
        ...{ requestId: 'R1', ec: '0010-00000001' },
      },
      { ...always, code: 'ERR_OSS_TIMEOUT', cause: '', verdict: 'fail' },
    ])
  })

  it('has the last 50 attempts', async () => {
    const script = scripted(lost())
    const { client } = scriptedClient(script, { retry: { attempts: 60 } })
    const { attempts } = await failed(headObject(client, object))
    expect(script.requests).toHaveLength(60)
    expect(attempts).toHaveLength(50)
    expect(attempts?.at(-1)).toMatchObject({ verdict: 'fail' })
    expect(attempts?.at(0)).toMatchObject({ verdict: 'network' })
  })
})

describe('a scope', () => {
  it('has a budget that all of its requests use up, and successes fill', async () => {
    const script = scripted(lost(), undefined, lost(), undefined, lost())
    const { client } = scriptedClient(script)
    const scope: RequestScope = { budget: new RetryBudget(2) }
    const scoped = scopedClient(client, scope)
    await putObject(scoped, { ...object, body })
    await putObject(scoped, { ...object, body })
    const first = await failed(putObject(scoped, { ...object, body }))
    expect(script.requests).toHaveLength(7)
    expect(first).toMatchObject({
      hint: expect.stringContaining('retries of this upload are used up'),
    })
    await failed(putObject(scoped, { ...object, body }))
    expect(script.requests).toHaveLength(8)
    await failed(putObject(client, { ...object, body }))
    expect(script.requests).toHaveLength(18)
  })

  it('has retries of its own, events, and is told of throttling and of lost connections', async () => {
    const script = scripted(refusal(503, 'QpsLimitExceeded'), lost(), lost())
    const { client, events } = scriptedClient(script)
    const own: unknown[] = []
    const throttled = vi.fn()
    const ended = vi.fn()
    const admit = vi.fn(async () => ended)
    const lose = vi.fn()
    const scope: RequestScope = {
      ...{ retry: { attempts: 2 }, throttled, admit, lost: lose },
      onEvent: (event) => own.push(event),
    }
    await failed(uploadPart(scopedClient(client, scope), part))
    expect(script.requests).toHaveLength(3)
    expect(own).toEqual(events)
    expect(throttled).toHaveBeenCalledExactlyOnceWith(
      expect.any(Number),
      expect.objectContaining({ code: 'QpsLimitExceeded', status: 503, verdict: 'throttle' }),
    )
    expect(lose).toHaveBeenCalledTimes(1)
    expect([admit.mock.calls.length, ended.mock.calls.length]).toEqual([3, 3])
    await failed(headObject(scopedClient(client, scope), object))
    expect(admit).toHaveBeenCalledTimes(3)
  })
})

describe('pauses', () => {
  const slow = { baseDelay: 60_000, maxDelay: 600_000 }

  it('are at least what OSS asks for', async () => {
    const busy = refusal(503, 'ServiceUnavailable', {}, { 'retry-after': '7' })
    const script = scripted(busy)
    const { client, events } = scriptedClient(script)
    const put = failed(putObject(client, { ...object, body }))
    await vi.waitFor(() => expect(events.at(-1)?.type).toBe('retry'), { interval: 1 })
    expect(events.at(-1)).toMatchObject({ reason: 'throttle', waitMs: 7000 })
    await client.close()
    await put
    expect(script.requests).toHaveLength(1)
  })

  // Far less than the pause that is to be ended.
  const atOnce = { timeout: 10_000 }

  it('end with the client', atOnce, async () => {
    const { client, events } = scriptedClient(scripted(lost()), { retry: slow })
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.9)
    const put = failed(putObject(client, { ...object, body }))
    await vi.waitFor(() => expect(events.at(-1)?.type).toBe('retry'), { interval: 1 })
    random.mockRestore()
    await client.close()
    expect(await put).toMatchObject({ message: 'PutObject failed: the client is closed' })
  })

  it(
    'end with the signal, whose reason is thrown as it is, and leave nothing behind',
    atOnce,
    async () => {
      const { client, events } = scriptedClient(scripted(lost()), { retry: slow })
      const random = vi.spyOn(Math, 'random').mockReturnValue(0.9)
      const controller = new AbortController()
      const { signal } = controller
      const put = putObject(client, { ...object, body, signal }).catch((error: unknown) => error)
      await vi.waitFor(() => expect(events.at(-1)?.type).toBe('retry'), { interval: 1 })
      random.mockRestore()
      const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
      controller.abort({ enough: true })
      expect(await put).toEqual({ enough: true })
      expect(getEventListeners(signal, 'abort')).toEqual([])
      const after = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
      expect(after).toBeLessThan(timers)
    },
  )
})
