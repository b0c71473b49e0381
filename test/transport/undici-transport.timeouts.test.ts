// Time limits, early refusals and endless answers, over real sockets.

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import type { OssClientOptions } from '../../src/oss/client.js'
import { initiateMultipartUpload, uploadPart } from '../../src/oss/multipart.js'
import { headObject, putObject } from '../../src/oss/object.js'
import type { RequestEvent } from '../../src/oss/scope.js'
import type { OssError } from '../../src/primitives/errors.js'
import { createUndiciTransport } from '../../src/transport/undici-transport.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { type AddressedClient, addressedClient, rejection } from '../support/oss-clients.js'
import { scriptedClient } from '../support/scripted-transport.js'

const mib = 1024 * 1024
const object = { bucket: 'examplebucket', key: 'k' }
const failed = async (promise: Promise<unknown>) => (await rejection(promise)) as OssError

/** More than all the buffers between us and a server on this machine take. */
const large = Buffer.alloc(32 * mib)

function connect(oss: FakeOss, options: OssClientOptions = {}) {
  const events: RequestEvent[] = []
  const onEvent = (event: RequestEvent) => void events.push(event)
  const addressed: AddressedClient = addressedClient(oss, 'path style', { onEvent, ...options })
  return { ...addressed, events }
}

const closed = (oss: FakeOss) =>
  vi.waitFor(() => expect(oss.openConnections).toBe(0), { interval: 2 })

/** A server that knows no HTTP. */
async function raw(serve: (socket: Socket) => void) {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function rawClient(endpoint: string, options: OssClientOptions = {}) {
  const transport = createUndiciTransport({ maxConnections: 10, connectTimeoutMs: 5_000 })
  const { client } = scriptedClient(
    { transport, requests: [] },
    {
      ...{ endpoint, pathStyle: true, retry: { attempts: 1 }, ...options },
    },
  )
  return { client, [Symbol.asyncDispose]: () => transport.close() }
}

describe('a server that goes silent', () => {
  it.each([
    ['nothing', new Uint8Array()],
    ['a little', Buffer.alloc(1000)],
    ['more than its headers', Buffer.alloc(66_000)],
  ])(
    'once it has %s is named by answerTimeout, after a stall is told',
    async (_, body) => {
      await using oss = await startFakeOss({ fault: () => ({ type: 'hang' }) })
      const connected = connect(oss, { answerTimeout: 200 })
      const error = await failed(putObject(connected.client, { ...object, body }))
      // Longer by what the end of the body takes at 32 KiB/s.
      const limit = body.length > 64 * 1024 ? Math.round((200 + body.length / 32) / 100) / 10 : 0.2
      expect(error).toMatchObject({
        code: 'ERR_OSS_TIMEOUT',
        message: `PutObject failed: no byte of the answer came for ${limit} s (answerTimeout)`,
        attempts: [{ code: 'ERR_OSS_TIMEOUT', verdict: 'fail' }],
      })
      expect(connected.events[0]).toMatchObject({
        ...{ type: 'stall', operation: 'PutObject', phase: 'answer' },
      })
      await closed(oss)
      await connected[Symbol.asyncDispose]()
    },
    10_000,
  )

  it.each([0, 65_536, 5_000_000])(
    'after %i bytes of the body is named by idleTimeout, whatever answerTimeout is',
    async (afterBodyBytes) => {
      await using oss = await startFakeOss({ fault: () => ({ type: 'stall', afterBodyBytes }) })
      const connected = connect(oss, { idleTimeout: 200, answerTimeout: 86_400_000 })
      const error = await failed(putObject(connected.client, { ...object, body: large }))
      expect(error).toMatchObject({
        code: 'ERR_OSS_TIMEOUT',
        message: 'PutObject failed: the network took no byte for 0.2 s (idleTimeout)',
      })
      expect(connected.events[0]).toMatchObject({ type: 'stall', phase: 'sending' })
      await connected[Symbol.asyncDispose]()
    },
  )

  it('in the middle of its answer is named by answerTimeout', async () => {
    await using server = await raw((socket) => {
      socket.resume()
      socket.write('HTTP/1.1 200 OK\r\nETag: "E"\r\nContent-Length: 9\r\n\r\nabc')
    })
    await using own = rawClient(server.endpoint, { answerTimeout: 100 })
    expect(
      await failed(putObject(own.client, { ...object, body: Buffer.from('x') })),
    ).toMatchObject({
      message: 'PutObject failed: no byte of the answer came for 0.1 s (answerTimeout)',
    })
    await vi.waitFor(() => expect(server.open.size).toBe(0), { interval: 2 })
  })

  it('is asked again, and its answer counts', async () => {
    await using oss = await startFakeOss()
    let requests = 0
    oss.setFault(() => (++requests === 1 ? { type: 'hang' } : undefined))
    const connected = connect(oss, { answerTimeout: 100, retry: { attempts: 2, baseDelay: 0 } })
    await putObject(connected.client, { ...object, body: Buffer.from('abc') })
    expect(oss.object('examplebucket', 'k')?.read().toString()).toBe('abc')
    expect(connected.events.map(({ type }) => type)).toEqual([
      'stall',
      'attempt',
      'retry',
      'attempt',
    ])
    await connected[Symbol.asyncDispose]()
  })
})

describe('a slow link', () => {
  it('may take as long as it needs while bytes move', async () => {
    let received = 0
    await using server = await raw((socket) => {
      socket.on('data', (chunk) => {
        received += chunk.length
        socket.pause()
        // 6 MiB/s: the whole takes longer than the limit.
        setTimeout(() => socket.resume(), chunk.length / (6 * 1024))
        if (received > 12 * mib)
          socket.end('HTTP/1.1 200 OK\r\nETag: "E"\r\nContent-Length: 0\r\n\r\n')
      })
    })
    await using own = rawClient(server.endpoint, { idleTimeout: 1000 })
    const startedAt = performance.now()
    const body = large.subarray(0, 12 * mib)
    expect(await putObject(own.client, { ...object, body })).toEqual({ etag: 'E' })
    expect(performance.now() - startedAt).toBeGreaterThan(1500)
  })

  it('is not blamed for a source that takes its time', async () => {
    await using oss = await startFakeOss()
    const connected = connect(oss, { idleTimeout: 50, answerTimeout: 5_000 })
    const body = {
      contentLength: 200_000,
      async *open() {
        yield large.subarray(0, 100_000)
        await delay(200)
        yield large.subarray(0, 100_000)
      },
    }
    await putObject(connected.client, { ...object, body })
    expect(connected.events).toMatchObject([{ type: 'attempt', status: 200 }])
    await connected[Symbol.asyncDispose]()
  })
})

describe('an early refusal', () => {
  const retry = { attempts: 3, baseDelay: 0 }

  it('is what the user sees, not the reset that follows it', async () => {
    await using oss = await startFakeOss({
      fault: () => ({ type: 'early-response', status: 403, code: 'AccessDenied' }),
    })
    const connected = connect(oss, { retry })
    const error = await failed(putObject(connected.client, { ...object, body: large }))
    expect(error).toMatchObject({ code: 'AccessDenied', status: 403 })
    expect(oss.requests.length).toBeLessThanOrEqual(2)
    await connected[Symbol.asyncDispose]()
  })

  it('that was lost in a reset is seen by the second attempt, which sends one byte', async () => {
    await using oss = await startFakeOss()
    let requests = 0
    oss.setFault(() =>
      ++requests === 1
        ? { type: 'reset', afterBodyBytes: 65_536 }
        : { type: 'early-response', status: 403, code: 'AccessDenied' },
    )
    const connected = connect(oss, { retry })
    const error = await failed(putObject(connected.client, { ...object, body: large }))
    expect(error).toMatchObject({ code: 'AccessDenied', status: 403 })
    expect(error.attempts?.map(({ verdict }) => verdict)).toEqual(['network', 'fail'])
    expect(oss.requests).toHaveLength(2)
    await connected[Symbol.asyncDispose]()
  })

  it('that does not come lets the rest of the body follow', async () => {
    await using oss = await startFakeOss()
    let requests = 0
    oss.setFault(() => (++requests === 1 ? { type: 'reset', afterBodyBytes: 65_536 } : undefined))
    const connected = connect(oss, { retry })
    await putObject(connected.client, { ...object, body: large.subarray(0, 2 * mib) })
    expect(oss.object('examplebucket', 'k')?.size).toBe(2 * mib)
    await connected[Symbol.asyncDispose]()
  })
})

describe('an endless answer', () => {
  const endless = (head: string) => {
    let written = 0
    const serve = (socket: Socket) => {
      const chunk = Buffer.alloc(256 * 1024, 'x')
      const write = (): void => {
        while (!socket.destroyed) {
          written += chunk.length
          if (!socket.write(chunk)) break
        }
      }
      socket.once('data', () => {
        socket.write(`${head}\r\nContent-Length: ${1024 * mib}\r\n\r\n`)
        write()
      })
      socket.on('drain', write)
    }
    return { serve, written: () => written }
  }

  it.each([
    ['HTTP/1.1 403 Forbidden', { code: 'HttpStatus403', status: 403 }],
    ['HTTP/1.1 500 Oh\r\nx-oss-request-id: R1', { code: 'HttpStatus500', requestId: 'R1' }],
    ['HTTP/1.1 200 OK\r\nETag: "E"', { code: 'ERR_OSS_MALFORMED_RESPONSE' }],
  ])('of a gigabyte is cut off, and its status stays: %s', async (head, expected) => {
    const { serve, written } = endless(head)
    await using server = await raw(serve)
    await using own = rawClient(server.endpoint)
    const error = await failed(putObject(own.client, { ...object, body: Buffer.from('x') }))
    expect(error).toMatchObject(expected)
    await vi.waitFor(() => expect(server.open.size).toBe(0), { interval: 2 })
    expect(written()).toBeLessThan(128 * mib)
  })
})

describe('connections', () => {
  it('are as many as parts are in flight, and no more because they are watched', async () => {
    await using oss = await startFakeOss({ store: 'digest' })
    const connected = connect(oss)
    const { uploadId } = await initiateMultipartUpload(connected.client, object)
    const body = large.subarray(0, 3 * mib)
    for (let round = 0; round < 4; round++) {
      const parts = [1, 2, 3].map((n) =>
        uploadPart(connected.client, { ...object, uploadId, partNumber: 3 * round + n, body }),
      )
      await Promise.all(parts)
    }
    await rejection(headObject(connected.client, object))
    expect(oss.connections).toBe(3)
    await connected[Symbol.asyncDispose]()
  })
})
