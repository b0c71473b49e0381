import { execFileSync } from 'node:child_process'
import dns from 'node:dns'
import { getEventListeners } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Agent } from 'undici'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OssError } from '../../src/primitives/errors.js'
import type { RequestBody, Transport, TransportRequest } from '../../src/transport/transport.js'
import {
  createProxyDispatcher,
  createUndiciTransport,
} from '../../src/transport/undici-transport.js'
import { startFakeOss } from '../support/fake-oss/index.js'
import { addressedClient, rejection } from '../support/oss-clients.js'

/** A server that knows no HTTP: what came is kept byte for byte, what goes is written by the test. */
interface RawServer extends AsyncDisposable {
  readonly origin: string
  /** What each connection has sent so far, latin1, in order of arrival. */
  readonly received: readonly string[]
  readonly open: ReadonlySet<Socket>
  close(): Promise<void>
}

/**
 * @param respond called for each request that has arrived in full, `early` instead for each chunk of bytes
 */
async function serve(
  respond: (socket: Socket, request: string) => void,
  early?: (socket: Socket, received: string) => void,
): Promise<RawServer> {
  const received: string[] = []
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    const index = received.push('') - 1
    let consumed = 0
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (chunk) => {
      const all = `${received[index]}${chunk.toString('latin1')}`
      received[index] = all
      early?.(socket, all)
      const request = all.slice(consumed)
      const head = request.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(request)?.[1] ?? 0)
      if (request.length < head + 4 + length) return
      consumed = all.length
      respond(socket, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    for (const socket of open) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    open,
    close,
    [Symbol.asyncDispose]: close,
  }
}

const answering = (answer: string | Buffer) => serve((socket) => socket.write(answer))
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

const disconnected = (server: RawServer) =>
  vi.waitFor(() => expect(server.open.size).toBe(0), { interval: 2 })
const arrived = (server: RawServer, text: string) =>
  vi.waitFor(() => expect(server.received.join('')).toContain(text), { interval: 2 })

let transport: Transport
beforeEach(() => {
  transport = createUndiciTransport({ maxConnections: 10, connectTimeoutMs: 5_000 })
})
afterEach(() => transport.close())

const requestTo = (origin: string, change: Partial<TransportRequest> = {}): TransportRequest => ({
  origin,
  method: 'GET',
  path: '/',
  headers: {},
  maxResponseBytes: 1024,
  ...change,
})

const bytesBody = (text: string, contentLength = text.length): RequestBody => ({
  contentLength,
  open: () => Buffer.from(text),
})
const chunkedBody = (chunks: readonly string[], contentLength: number): RequestBody => ({
  contentLength,
  async *open() {
    for (const chunk of chunks) yield Buffer.from(chunk)
  },
})

describe('what is sent', () => {
  it.each([
    '/',
    '/a/../b',
    '/../..',
    '/a//b/./c',
    '/%2e%2e/%2F%252F',
    '/a?x=%20&y=+&z',
    '/?uploads',
    '/a;b,c:@!$()*',
  ])('has the path %s byte for byte', async (path) => {
    await using server = await answering(ok)
    await transport.request(requestTo(server.origin, { path }))
    expect(server.received[0]?.split('\r\n')[0]).toBe(`GET ${path} HTTP/1.1`)
  })

  it('has the headers that were given and what HTTP needs, and no others', async () => {
    await using server = await answering(ok)
    const headers = { 'x-oss-date': '20260102T030405Z', Authorization: 'OSS4 x' }
    await transport.request(
      requestTo(server.origin, { method: 'PUT', headers, body: bytesBody('abc') }),
    )
    expect(server.received).toEqual([
      `PUT / HTTP/1.1\r\nhost: ${server.origin.slice(7)}\r\nconnection: keep-alive\r\nx-oss-date: 20260102T030405Z\r\nAuthorization: OSS4 x\r\ncontent-length: 3\r\n\r\nabc`,
    ])
  })

  it.each([
    ['PUT', '0'],
    ['POST', '0'],
    ['GET', undefined],
    ['HEAD', undefined],
    ['DELETE', undefined],
  ] as const)('of %s without a body has the Content-Length %s', async (method, length) => {
    await using server = await answering(ok)
    await transport.request(requestTo(server.origin, { method }))
    expect(server.received[0]?.match(/content-length: (\d+)/gi) ?? []).toEqual(
      length === undefined ? [] : [`content-length: ${length}`],
    )
    expect(server.received[0]).not.toMatch(/transfer-encoding/i)
  })

  const bodies: [string, RequestBody, string][] = [
    ['no bytes', bytesBody(''), ''],
    ['one byte', bytesBody('a'), 'a'],
    ['no chunks', chunkedBody([], 0), ''],
    ['one chunk', chunkedBody(['abc'], 3), 'abc'],
    ['several chunks, empty ones among them', chunkedBody(['a', '', 'bc', ''], 3), 'abc'],
    ['200,000 bytes', bytesBody('x'.repeat(200_000)), 'x'.repeat(200_000)],
    [
      '200,000 bytes in chunks',
      chunkedBody(Array(200).fill('y'.repeat(1000)), 200_000),
      'y'.repeat(200_000),
    ],
  ]
  it.each(bodies)('is the body with its exact length: %s', async (_, body, sent) => {
    await using server = await answering(ok)
    const { status } = await transport.request(requestTo(server.origin, { method: 'PUT', body }))
    expect(status).toBe(200)
    const [head, content] = server.received[0]?.split('\r\n\r\n') ?? []
    expect(head?.match(/(content-length|transfer-encoding): .*/gi)).toEqual([
      `content-length: ${sent.length}`,
    ])
    expect(content).toBe(sent)
  })

  it.each([
    ['one byte too few', chunkedBody(['ab'], 3)],
    ['one byte too many', chunkedBody(['abcd'], 3)],
    ['one chunk too many', chunkedBody(['abc', 'd'], 3)],
    ['nothing', chunkedBody([], 3)],
    ['something instead of nothing', chunkedBody(['a'], 0)],
    ['bytes, one too few', bytesBody('ab', 3)],
    ['bytes, one too many', bytesBody('abcd', 3)],
  ])('fails when the body yields %s', async (_, body) => {
    await using server = await answering(ok)
    const error = await rejection(
      transport.request(requestTo(server.origin, { method: 'PUT', body })),
    )
    expect(error).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      cause: { code: 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH' },
    })
    await transport.close()
    await disconnected(server)
  })

  it('opens the body once for each request', async () => {
    await using server = await answering(ok)
    const open = vi.fn(() => Buffer.from('a'))
    const request = requestTo(server.origin, { method: 'PUT', body: { contentLength: 1, open } })
    await transport.request(request)
    await transport.request(request)
    expect(open).toHaveBeenCalledTimes(2)
  })

  it('asks for the next chunk only when the one before was taken', async () => {
    // The server reads nothing, so that the kernel's buffers fill up and the body has to stop.
    await using server = await serve(
      () => {},
      (socket) => socket.pause(),
    )
    let yielded = 0
    const chunk = Buffer.alloc(1024 * 1024)
    const controller = new AbortController()
    const body: RequestBody = {
      contentLength: 4096 * chunk.length,
      async *open() {
        for (;;) {
          yielded++
          yield chunk
        }
      },
    }
    const sent = transport.request(
      requestTo(server.origin, { method: 'PUT', body, signal: controller.signal }),
    )
    const outcome = expect(sent).rejects.toThrow('enough')
    await arrived(server, 'PUT')
    let before = -1
    await vi.waitFor(() => {
      const now = yielded
      const still = now === before
      before = now
      expect(still).toBe(true)
    })
    expect(yielded).toBeLessThan(100)
    controller.abort(new Error('enough'))
    await outcome
  })
})

describe('what is answered', () => {
  it('has status, headers by lower-case name, repeated ones joined, and the body', async () => {
    await using server = await answering(
      'HTTP/1.1 418 Teapot\r\nETag: "E"\r\nX-Two: a\r\nx-two: b\r\n__proto__: p\r\nX-Empty:\r\nContent-Length: 3\r\n\r\nabc',
    )
    const { status, headers, body } = await transport.request(requestTo(server.origin))
    expect(status).toBe(418)
    expect(Object.entries(headers)).toEqual(
      expect.arrayContaining([
        ['etag', '"E"'],
        ['x-two', 'a, b'],
        ['x-empty', ''],
        ['content-length', '3'],
      ]),
    )
    expect(Object.values(headers).every((value) => typeof value === 'string')).toBe(true)
    expect(Object.getPrototypeOf({})).not.toHaveProperty('p')
    expect(Buffer.from(body).toString()).toBe('abc')
  })

  it.each([301, 302, 303, 307, 308])('%i is not followed', async (status) => {
    await using elsewhere = await answering(ok)
    await using server = await answering(
      `HTTP/1.1 ${status} Moved\r\nLocation: ${elsewhere.origin}/\r\nContent-Length: 0\r\n\r\n`,
    )
    const response = await transport.request(requestTo(server.origin))
    expect(response.status).toBe(status)
    expect(response.headers['location']).toBe(`${elsewhere.origin}/`)
    expect([server.received.length, elsewhere.received.length]).toEqual([1, 0])
  })

  it.each(['gzip', 'br', 'deflate', 'unheard-of'])('is not decoded from %s', async (coding) => {
    const content = gzipSync('<Error/>')
    await using server = await answering(
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${content.length}\r\n\r\n`,
        ),
        content,
      ]),
    )
    const { body, headers } = await transport.request(requestTo(server.origin))
    expect(Buffer.from(body)).toEqual(content)
    expect(headers['content-encoding']).toBe(coding)
    expect(server.received[0]).not.toMatch(/accept-encoding/i)
  })

  it('may come in chunks of its own, after an interim answer, or up to the end of the connection', async () => {
    const answers = [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc',
    ]
    for (const answer of answers) {
      await using server = await answering(answer)
      const { status, body } = await transport.request(requestTo(server.origin))
      expect([status, Buffer.from(body).toString()]).toEqual([200, 'abc'])
    }
    await using ending = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nabc'))
    const { body } = await transport.request(requestTo(ending.origin))
    expect(Buffer.from(body).toString()).toBe('abc')
  })

  it.each([
    [0, 0],
    [1, 1],
    [1023, 1024],
    [1024, 1024],
  ])('of %i bytes is read under a limit of %i', async (size, maxResponseBytes) => {
    await using server = await answering(
      `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
    )
    const { body } = await transport.request(requestTo(server.origin, { maxResponseBytes }))
    expect(body.byteLength).toBe(size)
  })

  it.each([
    [1, 0],
    [1025, 1024],
    [1_000_000, 1024],
  ])(
    'of %i bytes is refused under a limit of %i, and its connection closed',
    async (size, maxResponseBytes) => {
      await using server = await answering(
        `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
      )
      const error = await rejection(
        transport.request(requestTo(server.origin, { maxResponseBytes })),
      )
      expect(error).toMatchObject({
        code: 'ERR_OSS_MALFORMED_RESPONSE',
        message: `the answer is larger than ${maxResponseBytes} bytes`,
      })
      await transport.close()
      await disconnected(server)
    },
  )

  it('that never ends is refused at the limit', async () => {
    await using server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const more = () => {
        while (!socket.destroyed && socket.write('10\r\n0123456789abcdef\r\n'));
      }
      socket.on('drain', more)
      more()
    })
    expect(await rejection(transport.request(requestTo(server.origin)))).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
    })
    await disconnected(server)
  })

  it('before the body was sent is the answer all the same', async () => {
    await using oss = await startFakeOss({
      fault: () => ({ type: 'early-response', status: 403, code: 'AccessDenied' }),
    })
    await using addressed = addressedClient(oss, 'path style')
    let sent = 0
    const body: RequestBody = {
      contentLength: 64 * 65_536,
      async *open() {
        for (; sent < 64; sent++) yield Buffer.alloc(65_536)
      },
    }
    const error = await rejection(
      addressed.client.send({
        operation: 'PutObject',
        method: 'PUT',
        bucket: 'examplebucket',
        key: 'k',
        body,
      }),
    )
    // What was lost to the reset that follows is the kernel's choice; nothing else may happen.
    expect(['AccessDenied', 'ERR_OSS_TRANSPORT']).toContain((error as OssError).code)
    await vi.waitFor(() => expect(oss.openConnections).toBe(0), { interval: 2 })
  })
})

describe('what goes wrong', () => {
  it('a refused connection is named', async () => {
    const server = await answering(ok)
    await server.close()
    const error = await rejection(transport.request(requestTo(server.origin)))
    expect(error).toBeInstanceOf(OssError)
    expect(error).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      message: expect.stringMatching(
        /^no complete answer from OSS \(connect ECONNREFUSED 127\.0\.0\.1:\d+\)$/,
      ),
      hint: 'nobody listens there: check the endpoint, its port and proxies',
      cause: { code: 'ECONNREFUSED' },
    })
  })

  const withLookup = (lookup: NonNullable<Agent.Options['connect']> & object) =>
    new Agent({ connect: lookup })

  it('an unknown host is named', async () => {
    const dispatcher = withLookup({
      lookup: (hostname, _, callback) => {
        const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), {
          code: 'ENOTFOUND',
        })
        callback(error, '', 4)
      },
    })
    const own = createUndiciTransport({ dispatcher, maxConnections: 1, connectTimeoutMs: 1 })
    const error = await rejection(own.request(requestTo('http://bucket.oss.test')))
    expect(error).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      message: 'no complete answer from OSS (getaddrinfo ENOTFOUND bucket.oss.test)',
      cause: { code: 'ENOTFOUND' },
    })
    await dispatcher.destroy()
  })

  it('of several addresses that refuse, the first is the cause', async () => {
    const server = await answering(ok)
    await server.close()
    const dispatcher = withLookup({
      autoSelectFamily: true,
      lookup: (_, __, callback) => {
        callback(null, [
          { address: '127.0.0.1', family: 4 },
          { address: '127.0.0.2', family: 4 },
        ])
      },
    })
    const own = createUndiciTransport({ dispatcher, maxConnections: 1, connectTimeoutMs: 1 })
    const { port } = new URL(server.origin)
    expect(await rejection(own.request(requestTo(`http://oss.test:${port}`)))).toMatchObject({
      message: `no complete answer from OSS (connect ECONNREFUSED 127.0.0.1:${port})`,
      cause: { code: 'ECONNREFUSED' },
    })
    await dispatcher.destroy()
  })

  it('a connection that is not made in time names the connect timeout', async () => {
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation((() => {}) as never)
    const own = createUndiciTransport({ maxConnections: 1, connectTimeoutMs: 20 })
    try {
      const error = await rejection(own.request(requestTo('http://bucket.oss.test')))
      expect(lookup).toHaveBeenCalled()
      expect(error).toMatchObject({
        code: 'ERR_OSS_TIMEOUT',
        message: 'no connection within 0.02 s (connectTimeout)',
        hint: 'check the endpoint and the network',
        cause: {
          code: 'UND_ERR_CONNECT_TIMEOUT',
          message: expect.stringContaining('timeout: 20ms'),
        },
      })
    } finally {
      lookup.mockRestore()
      await own.close()
    }
  })

  it.each([
    ['headersTimeout', ''],
    ['bodyTimeout', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'],
  ])(
    'a server that goes silent is named by our own limit, not by the %s of a caller’s dispatcher',
    async (option, answer) => {
      await using server = await serve((socket) => {
        if (answer !== '') socket.write(answer)
      })
      const dispatcher = new Agent({ [option]: 1 })
      const own = createUndiciTransport({ dispatcher, maxConnections: 1, connectTimeoutMs: 1 })
      const timeouts = { idleTimeout: 60_000, answerTimeout: 100 }
      const error = await rejection(own.request(requestTo(server.origin, { timeouts })))
      expect(error).toMatchObject({
        code: 'ERR_OSS_TIMEOUT',
        message: 'no byte of the answer came for 0.1 s (answerTimeout)',
      })
      await disconnected(server)
      await dispatcher.destroy()
    },
  )

  it('a body that waits for a refusal ends with its request: no timer is left', async () => {
    const refusal = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    const answered = new WeakSet<Socket>()
    await using server = await serve(
      () => {},
      (socket, received) => {
        if (answered.has(socket) || !received.includes('\r\n\r\n')) return
        answered.add(socket)
        socket.end(refusal)
      },
    )
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const bytes = Buffer.alloc(100_000)
    const body = { contentLength: bytes.byteLength, open: () => bytes }
    const request = requestTo(server.origin, { method: 'PUT', body, cautious: true })
    expect(await transport.request(request)).toMatchObject({ status: 403 })
    expect(timers()).toBeLessThanOrEqual(before)
  })

  it.each([
    ['ends without an answer', (socket: Socket) => socket.end()],
    ['is reset without an answer', (socket: Socket) => socket.resetAndDestroy()],
    [
      'is reset within the headers',
      (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\nETa', () => socket.resetAndDestroy()),
    ],
    [
      'is reset within the answer',
      (socket: Socket) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', () =>
          socket.resetAndDestroy(),
        ),
    ],
    ['ends within the headers', (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nETa')],
    [
      'ends within the answer',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'),
    ],
    [
      'ends within a chunk',
      (socket: Socket) =>
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc'),
    ],
    [
      'ends before the last chunk',
      (socket: Socket) =>
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'),
    ],
    ['speaks no HTTP', (socket: Socket) => socket.end('220 smtp.example.com ESMTP\r\n')],
    [
      'has two lengths',
      (socket: Socket) =>
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'),
    ],
  ])('a connection that %s has given no complete answer', async (_, respond) => {
    await using server = await serve((socket) => respond(socket))
    const error = await rejection(transport.request(requestTo(server.origin)))
    expect(error).toBeInstanceOf(OssError)
    expect(error).toMatchObject({ code: 'ERR_OSS_TRANSPORT' })
    expect(error.message).toMatch(/^no complete answer from OSS \(.+\)$/)
    expect(error.cause).toBeInstanceOf(Error)
    await disconnected(server)
    expect(server.received).toHaveLength(1)
  })

  it.each([0, 1, 65_536])(
    'a reset after %i bytes of the body ends the request and the body',
    async (afterBodyBytes) => {
      await using oss = await startFakeOss({ fault: () => ({ type: 'reset', afterBodyBytes }) })
      await using addressed = addressedClient(oss, 'path style')
      let ended = false
      const body: RequestBody = {
        contentLength: 1024 * 65_536,
        async *open() {
          try {
            for (let chunk = 0; chunk < 1024; chunk++) yield Buffer.alloc(65_536)
          } finally {
            ended = true
          }
        },
      }
      const error = await rejection(
        addressed.client.send({
          operation: 'PutObject',
          method: 'PUT',
          bucket: 'examplebucket',
          key: 'k',
          body,
        }),
      )
      expect(error).toMatchObject({ code: 'ERR_OSS_TRANSPORT', operation: 'PutObject' })
      await vi.waitFor(() => expect(ended).toBe(true), { interval: 2 })
      expect(oss.requests).toHaveLength(1)
      expect(oss.object('examplebucket', 'k')).toBeUndefined()
    },
  )

  it('a truncated answer of OSS is no answer', async () => {
    await using oss = await startFakeOss({
      fault: () => ({ type: 'truncate-response', bytes: 10 }),
    })
    await using addressed = addressedClient(oss, 'path style')
    const error = await rejection(
      addressed.client.send({
        operation: 'ListMultipartUploads',
        method: 'GET',
        bucket: 'examplebucket',
        query: { uploads: '' },
      }),
    )
    expect(error).toMatchObject({ code: 'ERR_OSS_TRANSPORT', operation: 'ListMultipartUploads' })
  })

  describe('in the body that is sent', () => {
    const failing = (error: unknown, chunks: number): RequestBody => ({
      contentLength: 100,
      async *open() {
        for (let chunk = 0; chunk < chunks; chunk++) yield Buffer.from('x')
        throw error
      },
    })
    const put = (server: RawServer, body: RequestBody) =>
      rejection(transport.request(requestTo(server.origin, { method: 'PUT', body })))

    it.each([0, 1, 99])('an OssError after %i chunks surfaces as it is', async (chunks) => {
      await using server = await answering(ok)
      const error = new OssError('disk on fire', { code: 'ERR_OSS_SOURCE' })
      expect(await put(server, failing(error, chunks))).toBe(error)
      await disconnected(server)
    })

    it('any other error is the cause', async () => {
      await using server = await answering(ok)
      const cause = new Error('disk on fire')
      expect(await put(server, failing(cause, 1))).toMatchObject({
        code: 'ERR_OSS_TRANSPORT',
        message: 'no complete answer from OSS (disk on fire)',
        cause,
      })
    })

    it('an error of open() of a large body surfaces, and its connection is closed', async () => {
      await using server = await answering(ok)
      const error = new OssError('gone', { code: 'ERR_OSS_SOURCE' })
      const open = () => {
        throw error
      }
      expect(await put(server, { contentLength: 100_000, open })).toBe(error)
      await disconnected(server)
      expect(server.received.join('')).not.toContain('PUT')
    })

    it('an error of open() surfaces, and nothing is sent', async () => {
      await using server = await answering(ok)
      const error = new OssError('gone', { code: 'ERR_OSS_SOURCE' })
      const open = () => {
        throw error
      }
      expect(await put(server, { contentLength: 1, open })).toBe(error)
      expect(server.received).toEqual([])
    })
  })

  it('a connection that failed does not spoil the next request', async () => {
    let count = 0
    await using server = await serve((socket) => {
      if (++count === 1) socket.resetAndDestroy()
      else socket.write(ok)
    })
    await rejection(transport.request(requestTo(server.origin)))
    expect((await transport.request(requestTo(server.origin))).status).toBe(200)
  })
})

describe('cancelling', () => {
  const reason = { any: 'value' }

  it('before the request rejects with the reason, and opens neither body nor connection', async () => {
    await using server = await answering(ok)
    const open = vi.fn(() => Buffer.from('a'))
    const cancelled = transport.request(
      requestTo(server.origin, {
        method: 'PUT',
        body: { contentLength: 1, open },
        signal: AbortSignal.abort(reason),
      }),
    )
    await expect(cancelled).rejects.toBe(reason)
    expect(open).not.toHaveBeenCalled()
    expect(server.received).toEqual([])
  })

  it('while undici is being loaded rejects with the reason', async () => {
    await using server = await answering(ok)
    const controller = new AbortController()
    const cancelled = transport.request(requestTo(server.origin, { signal: controller.signal }))
    controller.abort(reason)
    await expect(cancelled).rejects.toBe(reason)
    expect(server.received).toEqual([])
  })

  it('while connecting rejects at once, and nothing is sent when the connection comes', async () => {
    await using server = await answering(ok)
    // One connection, so that the second request waits behind the first; a timeout that the test would not survive.
    const own = createUndiciTransport({ maxConnections: 1, connectTimeoutMs: 600_000 })
    let resolved: (() => void) | undefined
    const looking = new Promise<void>((started) => {
      vi.spyOn(dns, 'lookup').mockImplementation(((
        _: string,
        __: object,
        callback: (...answer: unknown[]) => void,
      ) => {
        const answer = () => callback(null, [{ address: '127.0.0.1', family: 4 }])
        if (resolved !== undefined) answer()
        resolved ??= answer
        started()
      }) as never)
    })
    try {
      const { port } = new URL(server.origin)
      const controller = new AbortController()
      const cancelled = own.request(
        requestTo(`http://oss.test:${port}`, { signal: controller.signal, path: '/cancelled' }),
      )
      const outcome = expect(cancelled).rejects.toBe(reason)
      await looking
      controller.abort(reason)
      await outcome
      resolved?.()
      await own.request(requestTo(`http://oss.test:${port}`, { path: '/next' }))
      expect(server.received.join('')).not.toContain('/cancelled')
      expect(server.received.join('')).toContain('GET /next')
    } finally {
      vi.restoreAllMocks()
      await own.close()
    }
  })

  it('while the body is being sent rejects with the reason and closes the connection', async () => {
    await using server = await answering(ok)
    const controller = new AbortController()
    let ended = false
    let release = () => {}
    const body: RequestBody = {
      contentLength: 6,
      async *open() {
        try {
          yield Buffer.from('abc')
          await new Promise<void>((resolve) => {
            release = resolve
          })
          yield Buffer.from('def')
        } finally {
          ended = true
        }
      },
    }
    const cancelled = transport.request(
      requestTo(server.origin, { method: 'PUT', body, signal: controller.signal }),
    )
    const outcome = expect(cancelled).rejects.toBe(reason)
    await arrived(server, 'abc')
    controller.abort(reason)
    await outcome
    await disconnected(server)
    release()
    await vi.waitFor(() => expect(ended).toBe(true), { interval: 2 })
    expect(server.received.join('')).not.toContain('def')
  })

  it.each([
    ['the answer', ''],
    ['the rest of the headers', 'HTTP/1.1 200 OK\r\n'],
    ['the rest of the body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'],
  ])('while waiting for %s rejects with the reason and closes the connection', async (_, begun) => {
    const controller = new AbortController()
    await using server = await serve((socket) => {
      if (begun !== '') socket.write(begun)
      // After what was written is on its way; which of the two undici sees first makes no difference.
      setImmediate(() => controller.abort(reason))
    })
    const { signal } = controller
    await expect(transport.request(requestTo(server.origin, { signal }))).rejects.toBe(reason)
    await disconnected(server)
  })

  it('after the answer changes nothing', async () => {
    await using server = await answering(ok)
    const controller = new AbortController()
    const { status } = await transport.request(
      requestTo(server.origin, { signal: controller.signal }),
    )
    controller.abort(reason)
    expect(status).toBe(200)
    expect(server.open.size).toBe(1)
  })

  it('one request leaves the others alone', async () => {
    await using server = await serve((socket, request) => {
      if (request.startsWith('GET /slow')) controller.abort(reason)
      else socket.write(ok)
    })
    const controller = new AbortController()
    const slow = transport.request(
      requestTo(server.origin, { path: '/slow', signal: controller.signal }),
    )
    const [outcome, other] = await Promise.allSettled([
      slow,
      transport.request(requestTo(server.origin, { path: '/other' })),
    ])
    expect(outcome).toEqual({ status: 'rejected', reason })
    expect(other).toMatchObject({ status: 'fulfilled', value: { status: 200 } })
  })

  it.each([
    ['an answer', ok],
    ['a failure', 'not HTTP\r\n\r\n'],
    [
      'an answer that is too large',
      `HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(2000)}`,
    ],
  ])('leaves no listener on the signal after %s', async (_, answer) => {
    await using server = await answering(answer)
    const { signal } = new AbortController()
    await transport.request(requestTo(server.origin, { signal })).catch(() => {})
    await vi.waitFor(() => expect(getEventListeners(signal, 'abort')).toEqual([]), { interval: 2 })
  })
})

describe('connections', () => {
  it('are kept for the next request, and closed by close()', async () => {
    await using server = await answering(ok)
    for (let request = 0; request < 5; request++) await transport.request(requestTo(server.origin))
    expect([server.received.length, server.open.size]).toEqual([1, 1])
    await transport.close()
    await disconnected(server)
  })

  it('are at most maxConnections per origin', async () => {
    const waiting: Socket[] = []
    await using server = await serve((socket) => {
      waiting.push(socket)
    })
    const own = createUndiciTransport({ maxConnections: 2, connectTimeoutMs: 5_000 })
    const answers = Promise.all([1, 2, 3].map(() => own.request(requestTo(server.origin))))
    await vi.waitFor(() => expect(waiting).toHaveLength(2), { interval: 2 })
    expect(server.open.size).toBe(2)
    for (const socket of waiting) socket.write(ok)
    await vi.waitFor(() => expect(waiting).toHaveLength(3), { interval: 2 })
    waiting[2]?.write(ok)
    expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(server.received).toHaveLength(2)
    await own.close()
  })

  it('are refused after close(), which is idempotent', async () => {
    await using server = await answering(ok)
    await transport.close()
    await transport.close()
    expect(await rejection(transport.request(requestTo(server.origin)))).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      message: 'the client is closed',
    })
    expect(server.received).toEqual([])
  })

  it('are not left behind by a close() while undici is being loaded', async () => {
    await using server = await answering(ok)
    const failed = rejection(transport.request(requestTo(server.origin)))
    await transport.close()
    expect(await failed).toMatchObject({ code: 'ERR_OSS_TRANSPORT' })
    await disconnected(server)
  })

  it('of a caller’s dispatcher are left open by close()', async () => {
    await using server = await answering(ok)
    const dispatcher = new Agent()
    const own = createUndiciTransport({ dispatcher, maxConnections: 1, connectTimeoutMs: 1 })
    await own.request(requestTo(server.origin))
    await own.close()
    expect([dispatcher.destroyed, server.open.size]).toEqual([false, 1])
    expect(await rejection(own.request(requestTo(server.origin)))).toMatchObject({
      message: 'the client is closed',
    })
    await dispatcher.destroy()
  })
})

describe('createProxyDispatcher', () => {
  it('reads no environment, and connects as the transport does', async () => {
    await using server = await answering(ok)
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:1')
    vi.stubEnv('NO_PROXY', '')
    const proxies = { httpProxy: '', httpsProxy: '', noProxy: '' }
    const limits = { maxConnections: 1, connectTimeoutMs: 1_000 }
    const dispatcher = await createProxyDispatcher({ ...proxies, ...limits })
    try {
      const own = createUndiciTransport({ dispatcher, ...limits })
      expect((await own.request(requestTo(server.origin))).status).toBe(200)
      await own.close()
    } finally {
      vi.unstubAllEnvs()
    }
    expect(server.open.size).toBe(1)
    await dispatcher.destroy()
    await disconnected(server)
  })
})

describe('loading', () => {
  it('the client does not load undici; the first request does', () => {
    const script = `
        import module from 'node:module'
        const loaded = () => Object.keys(module._cache).some((path) => path.includes('/node_modules/undici/'))
        await import('./src/oss/client.ts')
        const { createUndiciTransport } = await import('./src/transport/undici-transport.ts')
        const transport = createUndiciTransport({ maxConnections: 1, connectTimeoutMs: 1000 })
        const before = loaded()
        await transport.request({ origin: 'http://127.0.0.1:1', method: 'GET', path: '/', headers: {}, maxResponseBytes: 1 }).catch(() => {})
        process.stdout.write(JSON.stringify([before, loaded()]))
        await transport.close()`
    const stdout = execFileSync(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', script],
      { cwd: new URL('../..', import.meta.url), encoding: 'utf8' },
    )
    expect(JSON.parse(stdout)).toEqual([false, true])
  })
})
