// How a large body flows: in the order of its pieces, only when it is asked for, and to an end in every case.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Agent } from 'undici'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { exchange } from '../../src/transport/exchange.js'
import { FlowingBody } from '../../src/transport/flowing-body.js'
import type { ChunkIterator, RequestBody } from '../../src/transport/transport.js'
import type { WatchedBody } from '../../src/transport/watched-body.js'
import { rejection } from '../support/oss-clients.js'
import { randomBytes } from '../support/world.js'

const done = { done: true, value: undefined } as const

/** Pieces of one byte: those of `now` are there at once, for the others one has to wait. */
function piecesOf(plan: readonly ('now' | 'later')[], failure?: Error) {
  const told: string[] = []
  let at = 0
  const next = (): IteratorResult<Uint8Array> =>
    at === plan.length ? done : { done: false, value: Uint8Array.of(at++) }
  const pieces: WatchedBody = {
    [Symbol.asyncIterator]: () => pieces,
    nextNow() {
      if (plan[at] !== 'now') return undefined
      told.push(`now ${at}`)
      return next()
    },
    async next() {
      told.push(`later ${at}`)
      await nextTurn()
      if (at === plan.length && failure) throw failure
      return next()
    },
    async return() {
      told.push('return')
      return done
    },
  }
  return { pieces, told }
}

/** A body with a listener that lets it flow until `pauseAt` pieces have come. */
function listening(plan: readonly ('now' | 'later')[], pauseAt = Infinity, failure?: Error) {
  const { pieces, told } = piecesOf(plan, failure)
  const body = new FlowingBody(pieces)
  const heard: (number | string)[] = []
  body
    .on('data', (piece: Uint8Array) => {
      heard.push(...piece)
      if (heard.length === pauseAt) body.pause()
    })
    .on('end', () => heard.push('end'))
    .on('error', (error: Error) => heard.push(error.message))
  return { body, told, heard }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn()
}

describe('a flowing body', () => {
  it('fetches nothing before it is asked to', async () => {
    const { told } = listening(['now', 'later'])
    await settle()
    expect(told).toEqual([])
  })

  it.each([
    { plan: [] },
    { plan: ['now', 'now', 'now'] as const },
    { plan: ['later', 'later', 'later'] as const },
    { plan: ['later', 'now', 'later', 'now', 'now'] as const },
  ])('hands out $plan in order, and then ends once', async ({ plan }) => {
    const { body, heard } = listening(plan)
    body.resume()
    await settle()
    body.resume()
    await settle()
    expect(heard).toEqual([...plan.keys(), 'end'])
  })

  it('hands out what is there in the moment in which it is asked', () => {
    const { body, heard } = listening(['now', 'now', 'later'])
    body.resume()
    expect(heard).toEqual([0, 1])
  })

  it('fetches nothing while it pauses, though it may have been asked for before', async () => {
    const { body, told, heard } = listening(['later', 'now', 'later'], 1)
    body.resume()
    await settle()
    expect([told, heard]).toEqual([['later 0'], [0]])
    body.resume()
    await settle()
    expect([told, heard]).toEqual([
      ['later 0', 'now 1', 'later 2', 'later 3'],
      [0, 1, 2, 'end'],
    ])
  })

  it('waits for one piece at a time, however often it is asked', async () => {
    const { body, told, heard } = listening(['later', 'later'])
    for (let time = 0; time < 5; time++) body.resume()
    expect(told).toEqual(['later 0'])
    await settle()
    expect(told).toEqual(['later 0', 'later 1', 'later 2'])
    expect(heard).toEqual([0, 1, 'end'])
  })

  it('tells of a failure once, and does not end', async () => {
    const { body, heard } = listening(['now'], Infinity, new Error('EIO'))
    body.resume()
    await settle()
    body.resume()
    await settle()
    expect(heard).toEqual([0, 'EIO'])
  })

  it.each([undefined, new Error('EIO')])(
    'that is not wanted any more ends its source once, and says nothing: %s',
    async (failure) => {
      const { body, told, heard } = listening(failure ? [] : ['later', 'later'], Infinity, failure)
      body.resume()
      expect(body.destroy().destroyed).toBe(true)
      body.destroy()
      await settle()
      body.resume()
      await settle()
      expect([told, heard]).toEqual([['later 0', 'return'], []])
    },
  )

  it('that undici gives up tells it why, as a stream does, if it still listens', async () => {
    const { body, told, heard } = listening(['now'])
    body.destroy(new Error('too many bytes'))
    expect(heard).toEqual([])
    await settle()
    body.destroy(new Error('again'))
    await settle()
    expect([told, heard]).toEqual([['return'], ['too many bytes']])
    const { body: alone } = listening(['now'])
    alone.removeAllListeners().destroy(new Error('nobody hears this'))
    await settle()
  })

  it('is an iterator of the same pieces until it is told to be a stream', async () => {
    const { pieces } = piecesOf(['later', 'later'])
    const body = new FlowingBody(pieces)
    expect(body.pipe).toBeUndefined()
    const iterated: number[] = []
    for await (const piece of body) iterated.push(...piece)
    expect(iterated).toEqual([0, 1])
  })

  it('is no stream for anything but undici', () => {
    const body = new FlowingBody(piecesOf([]).pieces)
    body.becomeStream()
    expect(() => body.pipe?.()).toThrow('undici')
  })
})

describe('through undici’s agent', () => {
  const bytes = randomBytes(3 * 1024 * 1024)
  const received: Buffer[] = []
  let connections = 0
  let server: Server
  let agent: Agent
  beforeEach(async () => {
    received.length = 0
    connections = 0
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('error', () => {}).on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        received.push(Buffer.concat(chunks))
        response.end()
      })
    })
    server.on('connection', () => {
      connections += 1
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    agent = new Agent({ connections: 1 })
  })
  afterEach(async () => {
    await agent.destroy()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const put = (body: RequestBody, signal?: AbortSignal) => {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const request = { origin, method: 'PUT', path: '/', headers: {}, maxResponseBytes: 10 } as const
    const surroundings = { pace: { quick: true }, connectTimeoutMs: 1_000 }
    return exchange(agent, { ...request, body, signal }, surroundings)
  }

  const chunkSize = 512 * 1024
  const tailAt = bytes.length - 8 * 1024

  /** Chunks of 512 KiB and a tail, every second one at hand, from the same memory over and over; from `stopAt` on, `stop` instead. */
  function chunksOf(stopAt = Infinity, stop = (): Promise<never> => new Promise(() => {})) {
    const chunk = Buffer.alloc(chunkSize)
    const counts = { now: 0, later: 0, returned: 0 }
    let at = 0
    const next = (): IteratorResult<Uint8Array> => {
      if (at === bytes.length) return done
      const end = at < tailAt ? Math.min(tailAt, at + chunkSize) : bytes.length
      const value = chunk.subarray(0, bytes.copy(chunk, 0, at, end))
      at = end
      return { done: false, value }
    }
    const iterator: ChunkIterator = {
      nextNow() {
        if ((at / chunkSize) % 2 !== 1 || at >= stopAt) return undefined
        counts.now += 1
        return next()
      },
      async next() {
        counts.later += 1
        return at < stopAt ? next() : stop()
      },
      async return() {
        counts.returned += 1
        return done
      },
    }
    const body: RequestBody = {
      contentLength: bytes.length,
      open: () => ({ [Symbol.asyncIterator]: () => iterator }),
    }
    return { body, counts }
  }

  it('all arrives as it was, whether it was there at once or not, by one connection', async () => {
    for (let time = 0; time < 3; time++) {
      const { body, counts } = chunksOf()
      expect(await put(body)).toMatchObject({ status: 200 })
      expect(counts.now).toBeGreaterThan(0)
      expect(counts.later).toBeGreaterThan(0)
    }
    expect(received.map((body) => body.equals(bytes))).toEqual([true, true, true])
    expect(connections).toBe(1)
  })

  it('a source that fails fails the request, with its reason, and the next one goes well', async () => {
    const { body } = chunksOf(1024 * 1024, () => Promise.reject(new Error('EIO')))
    expect(await rejection(put(body))).toMatchObject({ message: expect.stringContaining('EIO') })
    expect(await put(chunksOf().body)).toMatchObject({ status: 200 })
    expect(received.map((body) => body.equals(bytes))).toEqual([true])
  })

  it.each([
    { what: 'more', wrong: -1 },
    { what: 'less', wrong: 1 },
  ])('a source that gives $what than it said fails the request at once', async ({ wrong }) => {
    const { body } = chunksOf()
    const answer = put({ ...body, contentLength: bytes.length + wrong })
    expect(await rejection(answer)).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      message: expect.stringContaining('content-length'),
    })
    expect(received).toEqual([])
  })

  it('a cancellation ends the source, and nothing of it is asked for any more', async () => {
    const controller = new AbortController()
    const { body, counts } = chunksOf(1024 * 1024)
    const reason = new Error('stop')
    const answer = put(body, controller.signal)
    await vi.waitFor(() => expect(counts).toEqual({ now: 1, later: 2, returned: 0 }))
    controller.abort(reason)
    expect(await rejection(answer)).toBe(reason)
    await settle()
    expect(counts).toEqual({ now: 1, later: 2, returned: 1 })
  })
})
