// What is said to a dispatcher and understood of it, in either dialect; what goes over the wire is in undici-transport.test.ts.

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { Agent, type Dispatcher } from 'undici'
import { Agent as Agent6 } from 'undici-6'
import { describe, expect, it, vi } from 'vitest'
import { contentLength, exchange, exchangeByAny } from '../../src/transport/exchange.js'
import { FlowingBody } from '../../src/transport/flowing-body.js'
import type { TransportRequest } from '../../src/transport/transport.js'
import { startFakeOss } from '../support/fake-oss/index.js'
import { rejection } from '../support/oss-clients.js'

const request: TransportRequest = {
  origin: 'http://oss.test',
  method: 'GET',
  path: '/a/../b?c',
  headers: { 'x-oss-date': 'then' },
  maxResponseBytes: 10,
}
const surroundings = { pace: { quick: false }, connectTimeoutMs: 1_000 }

/** What a dispatcher does with the request that it was given last, in the words of one dialect. */
interface Teller {
  connect(abort: (reason: unknown) => void): void
  head(status: number, headers: readonly (readonly [string, string])[]): void
  data(text: string): void
  end(): void
  fail(error: Error): void
}

type Handler = Required<Dispatcher.DispatchHandler>

const olderThan7 = (handler: Handler): Teller => ({
  connect: (abort) => handler.onConnect(abort as () => void),
  head: (status, headers) => {
    const raw = headers.flat().map((text) => Buffer.from(text, 'latin1'))
    expect(handler.onHeaders(status, raw, () => {}, '')).toBe(true)
  },
  data: (text) => expect(handler.onData(Buffer.from(text))).toBe(true),
  end: () => handler.onComplete([]),
  fail: (error) => handler.onError(error),
})

const from7On = (handler: Handler): Teller => {
  const controller = { abort: (_: unknown) => {} } as unknown as Dispatcher.DispatchController
  return {
    connect(abort) {
      controller.abort = abort as Dispatcher.DispatchController['abort']
      handler.onRequestStart(controller, {})
    },
    head(status, pairs) {
      const headers: Record<string, string | string[]> = {}
      for (const [name, value] of pairs) {
        const before = headers[name]
        headers[name] = before === undefined ? value : [before, value].flat()
      }
      handler.onResponseStart(controller, status, headers, '')
    },
    data: (text) => handler.onResponseData(controller, Buffer.from(text)),
    end: () => handler.onResponseEnd(controller, {}),
    fail: (error) => handler.onResponseError(controller, error),
  }
}

/** A dispatcher that does nothing by itself. */
function dispatcherOf(dialect: (handler: Handler) => Teller) {
  const told: { options: Dispatcher.DispatchOptions; teller: Teller }[] = []
  return {
    dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
      told.push({ options, teller: dialect(handler as Handler) })
      return true
    },
    get options() {
      return told[0]?.options
    },
    get teller(): Teller {
      if (told[0] === undefined) throw new Error('nothing was dispatched')
      return told[0].teller
    },
  }
}

describe.each([
  ['our agent', exchange, olderThan7],
  ['a dispatcher of undici before 7', exchangeByAny, olderThan7],
  ['a dispatcher of undici from 7 on', exchangeByAny, from7On],
] as const)('with %s', (_, send, dialect) => {
  function sent(change: Partial<TransportRequest> = {}) {
    const dispatcher = dispatcherOf(dialect)
    const answer = send(dispatcher, { ...request, ...change }, surroundings)
    // Looked at later by most.
    answer.catch(() => {})
    const abort = vi.fn()
    return { answer, dispatcher, teller: dispatcher.teller, abort }
  }

  it('the request goes as it is, without limits of undici’s own', () => {
    expect(sent().dispatcher.options).toEqual({
      origin: 'http://oss.test',
      path: '/a/../b?c',
      method: 'GET',
      headers: { 'x-oss-date': 'then' },
      body: null,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  })

  it('the answer has its last status, lower-case headers, repeated ones joined, and its body', async () => {
    const { answer, teller, abort } = sent()
    teller.connect(abort)
    teller.head(103, [['Link', 'early']])
    const headers = [
      ['ETag', '"A"'],
      ['Via', 'one'],
      ['Via', 'two'],
      ['X-Oss-Meta-Name', 'gr\u00fcn'],
    ] as const
    teller.head(200, headers)
    teller.data('some')
    teller.data('thing')
    teller.end()
    const { status, headers: flat, body } = await answer
    expect(status).toBe(200)
    expect({ ...flat }).toEqual({ etag: '"A"', via: 'one, two', 'x-oss-meta-name': 'gr\u00fcn' })
    expect(Buffer.from(body).toString()).toBe('something')
    expect(abort).not.toHaveBeenCalled()
  })

  it('is answered after what the dispatcher does at the end of an answer, a turn of the event loop later', async () => {
    const { answer, teller, abort } = sent()
    const order: string[] = []
    answer.then(() => order.push('answered'))
    teller.connect(abort)
    teller.head(204, [])
    teller.end()
    setImmediate(() => order.push('connection free'))
    await answer
    expect(order).toEqual(['connection free', 'answered'])
  })

  it('a failure is told in the library’s terms, and nothing that comes later counts', async () => {
    const { answer, teller, abort } = sent()
    teller.connect(abort)
    teller.fail(new Error('other side closed'))
    teller.fail(new Error('again'))
    teller.data('more')
    teller.end()
    expect(await rejection(answer)).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      message: 'no complete answer from OSS (other side closed)',
    })
    expect(abort).not.toHaveBeenCalled()
  })

  it('a cancellation destroys the connection, and rejects with its reason, even if undici says why', async () => {
    const controller = new AbortController()
    const reason = new Error('stop')
    const { answer, teller } = sent({ signal: controller.signal })
    const abort = vi.fn((error: unknown) => teller.fail(error as Error))
    teller.connect(abort)
    controller.abort(reason)
    expect(abort).toHaveBeenCalledExactlyOnceWith(reason)
    expect(await rejection(answer)).toBe(reason)
  })

  it('a cancellation before there is a connection rejects at once, and drops the request when there is one', async () => {
    const controller = new AbortController()
    const reason = new Error('stop')
    const { answer, teller, abort } = sent({ signal: controller.signal })
    controller.abort(reason)
    expect(await rejection(answer)).toBe(reason)
    teller.connect(abort)
    expect(abort).toHaveBeenCalledExactlyOnceWith(reason)
  })

  it('a cancellation after the answer changes nothing', async () => {
    const controller = new AbortController()
    const { answer, teller, abort } = sent({ signal: controller.signal })
    teller.connect(abort)
    teller.head(200, [])
    teller.end()
    controller.abort()
    expect(await answer).toMatchObject({ status: 200 })
    expect(abort).not.toHaveBeenCalled()
  })

  it('a success that is too large is refused, and its connection destroyed', async () => {
    const { answer, teller, abort } = sent()
    teller.connect(abort)
    teller.head(200, [])
    teller.data('0123456789')
    expect(abort).not.toHaveBeenCalled()
    teller.data('!')
    expect(await rejection(answer)).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      message: 'the answer is larger than 10 bytes',
    })
    expect(abort).toHaveBeenCalledOnce()
  })

  it('of an error that is too large the beginning counts', async () => {
    const { answer, teller, abort } = sent()
    teller.connect(abort)
    teller.head(500, [])
    teller.data('01234')
    teller.data('56789!')
    teller.data('more')
    const { status, body } = await answer
    expect([status, Buffer.from(body).toString()]).toEqual([500, '01234'])
    expect(abort).toHaveBeenCalledOnce()
  })

  it('an answer that does not come in time is given up', async () => {
    const timeouts = { idleTimeout: 1_000, answerTimeout: 20 }
    const { answer, teller, abort } = sent({ timeouts })
    teller.connect(abort)
    expect(await rejection(answer)).toMatchObject({ code: 'ERR_OSS_TIMEOUT' })
    expect(abort).toHaveBeenCalledOnce()
  })

  it('a dispatcher that throws has sent nothing', async () => {
    const dispatch = (): never => {
      throw new TypeError('invalid path')
    }
    expect(await rejection(send({ dispatch }, request, surroundings))).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      message: 'no complete answer from OSS (invalid path)',
    })
  })

  it('a body is opened once, be it small or large, in one or in chunks', () => {
    for (const size of [1_000, 300_000]) {
      const bytes = Buffer.alloc(size)
      const chunks = async function* () {
        yield bytes
      }
      for (const opened of [bytes, chunks()]) {
        const open = vi.fn(() => opened)
        const { dispatcher } = sent({ method: 'PUT', body: { contentLength: size, open } })
        const body = dispatcher.options?.body as unknown as AsyncGenerator | Uint8Array
        if (!(body instanceof Uint8Array)) void body[Symbol.asyncIterator]().next()
        expect(open).toHaveBeenCalledOnce()
      }
    }
  })

  it('a body is an iterator; with a connection of our agent one above 1 MiB is a stream', () => {
    for (const size of [1024 * 1024, 1024 * 1024 + 1]) {
      const body = { contentLength: size, open: () => Buffer.alloc(size) }
      const { dispatcher, teller, abort } = sent({ method: 'PUT', body })
      const given = dispatcher.options?.body as unknown as FlowingBody
      const flows = send === exchange && size > 1024 * 1024
      expect(given instanceof FlowingBody, `${size} bytes`).toBe(flows)
      expect(Symbol.asyncIterator in given, `${size} bytes`).toBe(true)
      expect(given.pipe, `${size} bytes`).toBeUndefined()
      teller.connect(abort)
      expect(typeof given.pipe === 'function', `${size} bytes`).toBe(flows)
    }
  })

  it('over TLS a large body begins with a small piece', async () => {
    const bytes = Buffer.alloc(300_000)
    const body = { contentLength: bytes.byteLength, open: () => bytes }
    for (const [origin, size] of [
      ['https://oss.test', 4096],
      ['http://oss.test', 64 * 1024],
    ] as const) {
      const { dispatcher } = sent({ origin, method: 'PUT', body })
      const sending = dispatcher.options?.body as unknown as AsyncGenerator<Uint8Array>
      expect((await sending[Symbol.asyncIterator]().next()).value, origin).toHaveLength(size)
    }
  })

  it('an answer after a cancellation sets no timer', async () => {
    const controller = new AbortController()
    const timeouts = { idleTimeout: 40, answerTimeout: 40 }
    const stalls = vi.fn()
    const { answer, teller, abort } = sent({
      ...{ signal: controller.signal, timeouts, onStall: stalls },
    })
    teller.connect(abort)
    controller.abort(new Error('stop'))
    await rejection(answer)
    teller.head(200, [])
    await delay(60)
    expect(stalls).not.toHaveBeenCalled()
  })

  it('a body that waits goes on when the request is over', async () => {
    const bytes = Buffer.alloc(100_000)
    const body = { contentLength: bytes.byteLength, open: () => bytes }
    const { answer, dispatcher, teller, abort } = sent({ method: 'PUT', body, cautious: true })
    teller.connect(abort)
    const sending = dispatcher.options?.body as unknown as AsyncGenerator<Uint8Array>
    const pieces = sending[Symbol.asyncIterator]()
    expect((await pieces.next()).value).toHaveLength(1)
    const waiting = pieces.next()
    const startedAt = performance.now()
    teller.head(403, [])
    teller.end()
    await answer
    await waiting
    expect(performance.now() - startedAt).toBeLessThan(400)
  })
})

describe.each([
  ['6', () => new Agent6({ connections: 2 }) as unknown as Dispatcher],
  ['7', () => new Agent({ connections: 2 })],
])('somebody’s own agent of undici %s', (_, create) => {
  it('sends a body and brings the answer, and keeps its connection', async () => {
    await using oss = await startFakeOss()
    const agent = create()
    const bytes = Buffer.alloc(300_000, 'a')
    const body = { contentLength: bytes.byteLength, open: () => bytes }
    const put: TransportRequest = {
      ...request,
      ...{ origin: oss.endpoint, path: '/examplebucket/key', method: 'PUT', body },
      maxResponseBytes: 100_000,
    }
    for (let time = 0; time < 3; time++) {
      const { status, body: answer } = await exchangeByAny(agent, put, surroundings)
      // Nobody has signed it.
      expect(status).toBe(403)
      expect(Buffer.from(answer).toString()).toContain('<Code>AccessDenied</Code>')
    }
    expect(oss.connections).toBe(1)
    await agent.destroy()
    await nextTurn()
  })

  it('is told of a cancellation', async () => {
    await using oss = await startFakeOss({ fault: () => ({ type: 'delay', ms: 5_000 }) })
    const agent = create()
    const controller = new AbortController()
    const reason = new Error('stop')
    const get = { ...request, origin: oss.endpoint, signal: controller.signal }
    const answer = exchangeByAny(agent, get, surroundings)
    setTimeout(() => controller.abort(reason), 50)
    expect(await rejection(answer)).toBe(reason)
    await agent.destroy()
  })
})

describe('contentLength', () => {
  it.each([
    ['GET', undefined, {}],
    ['DELETE', undefined, {}],
    ['PUT', undefined, { 'content-length': '0' }],
    ['POST', undefined, { 'content-length': '0' }],
    ['PUT', 12, { 'content-length': '12' }],
  ] as const)('of a %s with a body of %s bytes', (method, size, expected) => {
    const body =
      size === undefined ? undefined : { contentLength: size, open: () => Buffer.alloc(size) }
    expect(contentLength({ method, body })).toEqual(expected)
  })
})
