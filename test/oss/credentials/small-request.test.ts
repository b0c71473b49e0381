import { Agent } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import {
  type SmallRequest,
  smallRequest,
  trySmallRequest,
} from '../../../src/oss/credentials/small-request.js'
import { closedOrigin, startFakeService } from '../../support/credentials-services.js'
import { rejection } from '../../support/oss-clients.js'

const request = (origin: string): SmallRequest => ({
  what: 'the service',
  origin,
  method: 'GET',
  path: '/p?q=1',
  connectTimeoutMs: 1_000,
  timeoutMs: 2_000,
})

describe('smallRequest', () => {
  it('gives the answer, and leaves no connection open', async () => {
    await using service = await startFakeService(() => ({ status: 418, text: 'tea' }))
    const response = await smallRequest({
      ...request(service.url),
      method: 'POST',
      headers: { 'x-h': 'v' },
      body: Buffer.from('body'),
    })
    expect([response.status, Buffer.from(response.body).toString()]).toEqual([418, 'tea'])
    expect(service.requests).toMatchObject([
      { method: 'POST', path: '/p?q=1', body: 'body', headers: { 'x-h': 'v' } },
    ])
    await vi.waitFor(() => expect(service.openConnections).toBe(0), { interval: 2 })
  })

  it('says within which time there was no answer', async () => {
    await using service = await startFakeService(() => 'hang')
    const hurried = { ...request(service.url), timeoutMs: 50 }
    expect(await rejection(smallRequest(hurried))).toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
      message: 'the service gave no answer within 0.05 s',
    })
    expect(await trySmallRequest(hurried)).toBeUndefined()
    await vi.waitFor(() => expect(service.openConnections).toBe(0), { interval: 2 })
  })

  it('names the code of a failure to connect', async () => {
    const origin = await closedOrigin()
    const failures = [smallRequest(request(origin)), trySmallRequest(request(origin))]
    for (const failure of failures) {
      expect((await rejection(failure)).message).toBe('the service gave no answer (ECONNREFUSED)')
    }
  })

  it('refuses an answer that is too large', async () => {
    await using service = await startFakeService(() => ({ text: 'sentinel'.repeat(10_000) }))
    const error = await rejection(smallRequest(request(service.url)))
    expect(error.message).toBe('the service gave no answer (ERR_OSS_MALFORMED_RESPONSE)')
    await vi.waitFor(() => expect(service.openConnections).toBe(0), { interval: 2 })
  })

  it('keeps what is not HTTP out of its error', async () => {
    await using service = await startFakeService(() => ({ garbage: 'sentinel\r\n\r\n' }))
    const error = await rejection(smallRequest(request(service.url)))
    expect(error.message).toBe('the service gave no answer (ERR_OSS_TRANSPORT)')
    expect(error).not.toHaveProperty('cause')
  })

  it('ends with the reason of a signal', async () => {
    await using service = await startFakeService(() => 'hang')
    const controller = new AbortController()
    const { signal } = controller
    const failed = rejection(smallRequest({ ...request(service.url), signal }))
    await vi.waitFor(() => expect(service.requests).toHaveLength(1), { interval: 2 })
    const reason = new Error('stop')
    controller.abort(reason)
    expect(await failed).toBe(reason)
    await vi.waitFor(() => expect(service.openConnections).toBe(0), { interval: 2 })
  })

  it('uses a caller’s dispatcher, and leaves it open', async () => {
    await using service = await startFakeService(() => ({ text: 'ok' }))
    const dispatcher = new Agent()
    await smallRequest({ ...request(service.url), dispatcher })
    expect([dispatcher.closed, dispatcher.destroyed, service.openConnections]).toEqual([
      ...[false, false, 1],
    ])
    await dispatcher.close()
  })
})
