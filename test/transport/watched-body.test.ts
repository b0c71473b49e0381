// How a body is handed out: in pieces that add up to it, with what moves told to the watchdog, and one byte first where care is due.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ChunkIterator, RequestBody } from '../../src/transport/transport.js'
import type { Watchdog } from '../../src/transport/watchdog.js'
import { type Pace, watchedBody } from '../../src/transport/watched-body.js'
import { randomBytes } from '../support/world.js'

const kib = 1024
const piece = 64 * kib
const bytes = randomBytes(1200 * kib)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Writes down what the watchdog is told. */
function watched(
  body: RequestBody,
  change: {
    pace?: Pace
    cautious?: boolean
    secure?: boolean
    opened?: AsyncIterable<Uint8Array>
  } = {},
) {
  const told: string[] = []
  const watchdog: Pick<Watchdog, 'sending' | 'reading' | 'sent'> = {
    sending: () => void told.push('sending'),
    reading: () => void told.push('reading'),
    sent: (size) => void told.push(`sent ${size}`),
  }
  const pauses: { ms: number; end: () => void }[] = []
  const exchange = {
    isOver: false,
    pause: (ms: number) => new Promise<void>((end) => pauses.push({ ms, end })),
  }
  const { pace = { quick: false }, cautious = false, secure = false, opened } = change
  const options = { watchdog: watchdog as Watchdog, pace, cautious, secure, exchange }
  const iterator = watchedBody(body, opened, options)
  return { iterator, told, pace, pauses, exchange }
}

async function sizesOf(iterator: AsyncIterator<Uint8Array>, msPerPiece = 0) {
  const pieces: Buffer[] = []
  for (;;) {
    const next = await iterator.next()
    if (next.done) break
    pieces.push(Buffer.from(next.value))
    if (vi.isFakeTimers()) vi.advanceTimersByTime(msPerPiece)
  }
  return { sizes: pieces.map(({ length }) => length), data: Buffer.concat(pieces) }
}

const whole = (size: number): RequestBody => ({
  contentLength: size,
  open: () => bytes.subarray(0, size),
})
const chunked = (...sizes: number[]): RequestBody => ({
  contentLength: sizes.reduce((sum, size) => sum + size, 0),
  async *open() {
    let at = 0
    for (const size of sizes) {
      at += size
      yield bytes.subarray(at - size, at)
    }
  },
})

describe('pieces', () => {
  it.each([0, 1, 8 * kib, 8 * kib + 1, piece, piece + 1, 2 * piece, 500_000, 1200 * kib])(
    'of %i bytes at once add up to them, each 64 KiB or more but the last two',
    async (size) => {
      const { iterator } = watched(whole(size))
      // A network that is never quick.
      const { sizes, data } = await sizesOf(iterator, 1000)
      expect(data.equals(bytes.subarray(0, size))).toBe(true)
      for (const length of sizes.slice(0, -2)) {
        expect(length).toBeGreaterThanOrEqual(piece)
        expect(length).toBeLessThan(2 * piece)
      }
      expect(sizes.at(-1)).toBeLessThanOrEqual(8 * kib)
    },
  )

  it('of chunks are cut within each, and small chunks are left as they are', async () => {
    const { iterator } = watched(chunked(512 * kib, 3 * piece - 1, 10, 0, 5))
    const { sizes, data } = await sizesOf(iterator, 1000)
    expect(sizes).toEqual([...Array(8).fill(piece), piece, 2 * piece - 1, 10, 0, 5])
    expect(data.equals(bytes.subarray(0, data.length))).toBe(true)
  })

  it('are larger on a network that is quick, and small again when it is no more', async () => {
    const pace = { quick: false }
    await sizesOf(watched(chunked(piece), { pace }).iterator, 100)
    expect(pace.quick).toBe(true)
    const { sizes } = await sizesOf(watched(chunked(1024 * kib), { pace }).iterator, 1500)
    // 1.5 s for half a MiB is neither: it stays as it was.
    expect([sizes, pace.quick]).toEqual([[512 * kib, 512 * kib], true])
    await sizesOf(watched(chunked(1024 * kib), { pace }).iterator, 2500)
    expect(pace.quick).toBe(false)
  })

  it('that are too small say nothing of the network', async () => {
    const pace = { quick: false }
    await sizesOf(watched(chunked(1000, 1000), { pace }).iterator, 0)
    expect(pace.quick).toBe(false)
  })
})

describe('the watchdog', () => {
  it('is told of each piece, of reading, and of the end', async () => {
    const { iterator, told } = watched(chunked(2 * piece, 10))
    await sizesOf(iterator, 1000)
    expect(told.join(', ')).toBe(
      `reading, sending, sending, reading, sending, reading, sent ${2 * piece + 10}`,
    )
  })

  it('hears nothing while a piece is with the network', async () => {
    const { iterator, told } = watched(chunked(2 * piece))
    await iterator.next()
    expect(told).toEqual(['reading', 'sending'])
  })
})

describe('over TLS', () => {
  const pace = { quick: true }
  const secure = true

  it('the first chunk begins with a small piece, which Node copies together with the headers', async () => {
    const { iterator, pauses } = watched(chunked(256 * kib, 300 * kib, 10), { pace, secure })
    const { sizes, data } = await sizesOf(iterator)
    expect(sizes).toEqual([4 * kib, 252 * kib, 300 * kib, 10])
    expect(data.equals(bytes.subarray(0, 556 * kib + 10))).toBe(true)
    expect(pauses).toEqual([])
  })

  it('a chunk that is not large is left whole, and so are those after it', async () => {
    const { iterator } = watched(chunked(256 * kib - 1, 300 * kib), { pace, secure })
    expect(await sizesOf(iterator)).toMatchObject({ sizes: [256 * kib - 1, 300 * kib] })
  })

  it('caution comes first', async () => {
    const { iterator, pauses } = watched(chunked(300 * kib), { pace, secure, cautious: true })
    expect((await iterator.next()).value).toHaveLength(1)
    const second = iterator.next()
    pauses[0]?.end()
    expect((await second).value).toHaveLength(300 * kib - 1)
  })
})

describe('with caution', () => {
  it('one byte is handed out, and the rest after a pause of half a second', async () => {
    const { iterator, pauses } = watched(chunked(1000, 10), { cautious: true })
    expect((await iterator.next()).value).toHaveLength(1)
    expect(pauses).toEqual([])
    let isHanded = false
    const second = iterator.next().then(({ value }) => {
      isHanded = true
      return value
    })
    expect(pauses).toMatchObject([{ ms: 500 }])
    await new Promise((resolve) => setImmediate(resolve))
    expect(isHanded).toBe(false)
    pauses[0]?.end()
    expect(await second).toHaveLength(999)
    expect(await sizesOf(iterator)).toMatchObject({ sizes: [10] })
    expect(pauses).toHaveLength(1)
  })
})

it('a first chunk of one byte does not end the caution', async () => {
  const { iterator, pauses } = watched(chunked(1, 100), { cautious: true })
  expect((await iterator.next()).value).toHaveLength(1)
  expect((await iterator.next()).value).toHaveLength(1)
  const third = iterator.next()
  expect(pauses).toHaveLength(1)
  pauses[0]?.end()
  expect((await third).value).toHaveLength(99)
})

describe('what is there at once', () => {
  /** As chunked, but for the first chunk each is at hand. */
  const atHand = (...sizes: number[]): RequestBody => ({
    contentLength: sizes.reduce((sum, size) => sum + size, 0),
    open() {
      let at = 0
      let index = 0
      const next = (): IteratorResult<Uint8Array> => {
        const size = sizes[index++]
        if (size === undefined) return { done: true, value: undefined }
        at += size
        return { done: false, value: bytes.subarray(at - size, at) }
      }
      const iterator: ChunkIterator = {
        next: async () => next(),
        nextNow: () => (index === 0 ? undefined : next()),
      }
      return { [Symbol.asyncIterator]: () => iterator }
    },
  })

  it('is the rest of a chunk, and each further one that is at hand; the watchdog is told as ever', async () => {
    const { iterator, told } = watched(atHand(3 * piece, piece, 10))
    expect(iterator.nextNow()).toBeUndefined()
    const sizes = [(await iterator.next()).value?.length]
    for (let count = 0; count < 3; count++) sizes.push(iterator.nextNow()?.value?.length)
    // The network of this test takes no time.
    expect(sizes).toEqual([piece, 2 * piece, piece, 10])
    expect(iterator.nextNow()).toEqual({ done: true, value: undefined })
    expect(told.at(-1)).toBe(`sent ${4 * piece + 10}`)
    expect(told.filter((word) => word === 'sending')).toHaveLength(4)
  })

  it('tells whether the network is quick', async () => {
    const pace = { quick: false }
    const { iterator } = watched(atHand(piece, piece), { pace })
    await iterator.next()
    vi.advanceTimersByTime(10)
    iterator.nextNow()
    expect(pace.quick).toBe(true)
  })

  it('is nothing while a body waits out of caution', async () => {
    const { iterator, pauses } = watched(atHand(1000, 10), { cautious: true })
    expect((await iterator.next()).value).toHaveLength(1)
    expect(iterator.nextNow()).toBeUndefined()
    const rest = iterator.next()
    pauses[0]?.end()
    expect((await rest).value).toHaveLength(999)
    expect(iterator.nextNow()?.value).toHaveLength(10)
  })

  it('is nothing once the exchange is over', async () => {
    const { iterator, exchange } = watched(atHand(3 * piece, piece))
    await iterator.next()
    exchange.isOver = true
    expect(iterator.nextNow()).toBeUndefined()
  })

  it('is nothing of chunks that all have to be waited for', async () => {
    const { iterator } = watched(chunked(10, 10))
    await iterator.next()
    expect(iterator.nextNow()).toBeUndefined()
    expect((await iterator.next()).value).toHaveLength(10)
  })
})

describe('an exchange that is over', () => {
  it('asks for nothing more, and opens nothing: its memory may serve another body by now', async () => {
    const open = vi.fn(() => chunked(1000).open())
    const { iterator, exchange, told } = watched({ contentLength: 1000, open })
    exchange.isOver = true
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(open).not.toHaveBeenCalled()
    expect(told).toEqual([])
  })

  it('takes no more of a body, and ends it', async () => {
    let isEnded = false
    const body: RequestBody = {
      contentLength: 2000,
      async *open() {
        try {
          yield bytes.subarray(0, 1000)
          yield bytes.subarray(1000, 2000)
        } finally {
          isEnded = true
        }
      },
    }
    const { iterator, exchange } = watched(body)
    await iterator.next()
    exchange.isOver = true
    expect((await iterator.next()).done).toBe(true)
    expect(isEnded).toBe(true)
  })
})

it('what was opened already is not opened again', async () => {
  const body = chunked(1000, 10)
  const opened = body.open() as AsyncIterable<Uint8Array>
  const open = vi.fn(() => opened)
  const { iterator } = watched({ ...body, open }, { opened })
  expect(await sizesOf(iterator)).toMatchObject({ sizes: [1000, 10] })
  expect(open).not.toHaveBeenCalled()
})

describe('the source', () => {
  it('is told when nothing more is wanted', async () => {
    let ended = false
    const { iterator } = watched({
      contentLength: 100,
      async *open() {
        try {
          yield bytes.subarray(0, 10)
          yield bytes.subarray(0, 90)
        } finally {
          ended = true
        }
      },
    })
    await iterator.next()
    await iterator.return?.()
    expect(ended).toBe(true)
  })

  it('that fails makes the body fail', async () => {
    const error = new Error('disk on fire')
    const { iterator } = watched({
      contentLength: 100,
      open: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }),
    })
    await expect(iterator.next()).rejects.toBe(error)
  })
})
