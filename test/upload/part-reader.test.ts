import { describe, expect, it } from 'vitest'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { OssError } from '../../src/primitives/errors.js'
import { PartBuffers, PartReader, type ReadWhen, readWhen } from '../../src/upload/part-reader.js'
import type { Source } from '../../src/upload/source.js'
import { randomBytes } from '../support/world.js'

const kib = 1024
const mib = 1024 * kib
const bytes = randomBytes(4 * mib)

/** A source of bytes that can be held up, and that writes down what was asked of it. */
class FakeSource implements Source {
  readonly path = '/source'
  readonly size = bytes.length
  readonly identity = { dev: '1', ino: '1', size: String(bytes.length), mtimeNs: '1', ctimeNs: '1' }
  readonly calls: string[] = []
  /** Awaited before each read or check. */
  gate: ((call: string) => Promise<void>) | undefined

  async read(buffer: Uint8Array, position: number): Promise<void> {
    this.calls.push(`read ${position} ${buffer.byteLength}`)
    await this.gate?.('read')
    bytes.copy(buffer, 0, position, position + buffer.byteLength)
  }

  async assertUnchanged(): Promise<void> {
    this.calls.push('check')
    await this.gate?.('check')
  }

  async close(): Promise<void> {}
}

const rangeOf = (offset: number, size: number) => ({ number: 1, offset, size })

async function drain(reader: PartReader): Promise<{ data: Buffer; sizes: number[] }> {
  const chunks: Buffer[] = []
  for await (const chunk of reader.open()) chunks.push(Buffer.from(chunk))
  return { data: Buffer.concat(chunks), sizes: chunks.map(({ length }) => length) }
}

const iterate = (reader: PartReader): AsyncIterator<Uint8Array> =>
  reader.open()[Symbol.asyncIterator]()

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A promise and what settles it. */
function deferred(): {
  promise: Promise<void>
  resolve: () => void
  reject: (error: unknown) => void
} {
  let resolve = (): void => {}
  let reject = (_: unknown): void => {}
  const promise = new Promise<void>((ok, no) => {
    resolve = ok
    reject = no
  })
  return { promise, resolve, reject }
}

const chunk = 512 * kib
const tail = 8 * kib

const sizes = [
  { size: 0, chunks: [0] },
  { size: 1, chunks: [1] },
  { size: tail - 1, chunks: [tail - 1] },
  { size: tail, chunks: [tail] },
  { size: tail + 1, chunks: [1, tail] },
  { size: 100 * kib, chunks: [92 * kib, tail] },
  { size: chunk - 1, chunks: [chunk - 1 - tail, tail] },
  { size: chunk, chunks: [chunk - tail, tail] },
  { size: chunk + tail - 1, chunks: [chunk - 1, tail] },
  { size: chunk + tail, chunks: [chunk, tail] },
  { size: chunk + tail + 1, chunks: [chunk, 1, tail] },
  { size: 2 * chunk + tail, chunks: [chunk, chunk, tail] },
  { size: 3 * mib, chunks: [chunk, chunk, chunk, chunk, chunk, chunk - tail, tail] },
  {
    size: 3 * mib + 12_345,
    chunks: [chunk, chunk, chunk, chunk, chunk, chunk, 12_345 - tail, tail],
  },
]

describe('readWhen', () => {
  it.each([
    { partSize: 100 * kib, concurrency: 4, expected: 'asked' },
    { partSize: 2 * chunk, concurrency: 2, expected: 'asked' },
    { partSize: 2 * chunk, concurrency: 1, expected: 'ahead' },
    { partSize: 2 * chunk + 1, concurrency: 1, expected: 'ahead' },
    { partSize: 2 * chunk + 1, concurrency: 2, expected: 'now' },
  ])(
    '$partSize bytes, $concurrency at a time: $expected',
    ({ partSize, concurrency, expected }) => {
      expect(readWhen(partSize, concurrency)).toBe(expected)
    },
  )
})

// Of a source that reads nothing at once, as one on a slow disk.
describe.each<ReadWhen>(['ahead', 'asked', 'now'])('read %s', (when) => {
  const readsAhead = when !== 'asked'

  describe('a part', () => {
    it.each(sizes)(
      'of $size bytes comes in order, as chunks the last of which is small',
      async ({ size, chunks }) => {
        const source = new FakeSource()
        const offset = 12_345
        const counts: number[] = []
        const reader = new PartReader(
          source,
          rangeOf(offset, size),
          new PartBuffers(when),
          (count) => counts.push(count),
        )
        expect(reader.contentLength).toBe(size)
        const read = await drain(reader)
        const expected = bytes.subarray(offset, offset + size)
        expect(read.data.equals(expected)).toBe(true)
        expect(read.sizes).toEqual(chunks)
        expect(reader.crc64).toBe(formatCrc64(crc64(expected)))
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(size)
      },
    )

    it('has no CRC-64 before its last chunk was handed out', async () => {
      const reader = new PartReader(
        new FakeSource(),
        rangeOf(0, chunk + tail + 1),
        new PartBuffers(when),
      )
      const iterator = iterate(reader)
      expect(reader.crc64).toBeUndefined()
      await iterator.next()
      expect(reader.crc64).toBeUndefined()
      await iterator.next()
      expect(reader.crc64).toBeUndefined()
      await iterator.next()
      expect(reader.crc64).toBe(formatCrc64(crc64(bytes.subarray(0, chunk + tail + 1))))
    })

    it('counts a chunk when the next one is asked for, not when it is handed out', async () => {
      const counts: number[] = []
      const reader = new PartReader(
        new FakeSource(),
        rangeOf(0, tail + 1),
        new PartBuffers(when),
        (n) => counts.push(n),
      )
      const iterator = iterate(reader)
      await iterator.next()
      expect(counts).toEqual([])
      await iterator.next()
      expect(counts).toEqual([1])
      expect(await iterator.next()).toEqual({ done: true, value: undefined })
      expect(counts).toEqual([1, tail])
      await iterator.next()
      expect(counts).toEqual([1, tail])
    })

    it('is read one chunk ahead or not at all, and no further', async () => {
      const source = new FakeSource()
      const iterator = iterate(new PartReader(source, rangeOf(0, 2 * mib), new PartBuffers(when)))
      await settle()
      expect(source.calls).toEqual([`read 0 ${chunk}`])
      await iterator.next()
      await settle()
      const second = `read ${chunk} ${chunk}`
      expect(source.calls).toEqual([`read 0 ${chunk}`, ...(readsAhead ? [second] : [])])
      await iterator.next()
      await settle()
      const third = `read ${2 * chunk} ${chunk}`
      expect(source.calls).toEqual([`read 0 ${chunk}`, second, ...(readsAhead ? [third] : [])])
    })

    it('leaves a chunk alone until the next one is asked for', async () => {
      const iterator = iterate(
        new PartReader(new FakeSource(), rangeOf(0, 2 * mib), new PartBuffers(when)),
      )
      for (let offset = 0; offset < chunk * 3; offset += chunk) {
        const { value } = await iterator.next()
        await settle()
        expect(bytes.subarray(offset, offset + chunk).equals(value)).toBe(true)
      }
    })

    it('uses the same memory from part to part, that which its CRC-64 reads in place', async () => {
      const buffers = new PartBuffers(when)
      const places = new Set<number>()
      for (const offset of [0, mib, 2 * mib]) {
        const reader = new PartReader(new FakeSource(), rangeOf(offset, mib), buffers)
        const data: Buffer[] = []
        for await (const piece of reader.open()) {
          expect(piece.buffer).toBe(buffers.crc.room.buffer)
          places.add(piece.byteOffset - buffers.crc.room.byteOffset)
          data.push(Buffer.from(piece))
        }
        await reader.settled()
        expect(Buffer.concat(data).equals(bytes.subarray(offset, offset + mib))).toBe(true)
        expect(reader.crc64).toBe(formatCrc64(crc64(bytes.subarray(offset, offset + mib))))
      }
      const second = readsAhead ? chunk + tail : 0
      const used = new Set([0, second, second + chunk - tail])
      expect([...places].sort((a, b) => a - b)).toEqual([...used])
      expect(buffers.crc.room.byteLength).toBe(second + chunk + tail)
    })

    it('begins at its first byte in every attempt', async () => {
      const buffers = new PartBuffers(when)
      const source = new FakeSource()
      const range = rangeOf(1000, mib)
      const first = new PartReader(source, range, buffers)
      const iterator = iterate(first)
      await iterator.next()
      await iterator.next()
      await first.settled()
      const second = new PartReader(source, range, buffers)
      const { data } = await drain(second)
      expect(data.equals(bytes.subarray(1000, 1000 + mib))).toBe(true)
      expect(second.crc64).toBe(formatCrc64(crc64(data)))
    })
  })

  describe('the source (I7)', () => {
    it('is looked at once, after the last read and before the last chunk is handed out', async () => {
      const source = new FakeSource()
      const iterator = iterate(
        new PartReader(source, rangeOf(0, chunk + tail), new PartBuffers(when)),
      )
      await iterator.next()
      await iterator.next()
      expect(source.calls).toEqual([`read 0 ${chunk + tail}`, 'check'])
    })

    it('that has changed keeps the last chunk from being sent', async () => {
      const source = new FakeSource()
      const error = new OssError('changed', { code: 'ERR_OSS_SOURCE_CHANGED' })
      source.gate = async (call) => {
        if (call === 'check') throw error
      }
      const reader = new PartReader(source, rangeOf(0, chunk + tail), new PartBuffers(when))
      const iterator = iterate(reader)
      expect((await iterator.next()).value.byteLength).toBe(chunk)
      await expect(iterator.next()).rejects.toBe(error)
      // Whoever asks again must not take it for the end.
      await expect(iterator.next()).rejects.toBe(error)
      expect(reader.crc64).toBeUndefined()
      await reader.settled()
    })

    it.each([1, tail])(
      'that has changed keeps even a part of %d bytes from being sent',
      async (size) => {
        const source = new FakeSource()
        source.gate = async (call) => {
          if (call === 'check') throw new Error('changed')
        }
        await expect(
          drain(new PartReader(source, rangeOf(0, size), new PartBuffers(when))),
        ).rejects.toThrow('changed')
      },
    )
  })

  describe('a read that fails', () => {
    it.each([0, 1, 2])('is thrown to whoever asks for its chunk: number %d', async (failing) => {
      const source = new FakeSource()
      const error = new Error('EIO')
      let reads = 0
      source.gate = async (call) => {
        if (call === 'read' && reads++ === failing) throw error
      }
      const reader = new PartReader(source, rangeOf(0, 2 * chunk + tail + 1), new PartBuffers(when))
      const iterator = iterate(reader)
      for (let index = 0; index < failing; index++) expect((await iterator.next()).done).toBe(false)
      await expect(iterator.next()).rejects.toBe(error)
      await expect(iterator.next()).rejects.toBe(error)
      expect(reader.crc64).toBeUndefined()
      await expect(reader.settled()).resolves.toBeUndefined()
    })

    it('and that nobody asks for is no unhandled rejection', async () => {
      const unhandled: unknown[] = []
      const onUnhandled = (error: unknown): void => {
        unhandled.push(error)
      }
      process.on('unhandledRejection', onUnhandled)
      try {
        const source = new FakeSource()
        source.gate = () => Promise.reject(new Error('EIO'))
        const reader = new PartReader(source, rangeOf(0, 10), new PartBuffers(when))
        reader.open()
        await settle()
        await reader.settled()
      } finally {
        process.off('unhandledRejection', onUnhandled)
      }
      expect(unhandled).toEqual([])
    })
  })

  describe('settled()', () => {
    it.each([
      { during: 'read', size: 2 * mib },
      { during: 'check', size: tail },
      { during: 'read', size: tail + 1 },
    ])(
      'waits for the $during that is under way; then nothing is handed out',
      async ({ during, size }) => {
        const source = new FakeSource()
        const hold = deferred()
        source.gate = async (call) => {
          if (call === during) await hold.promise
        }
        const buffers = new PartBuffers(when)
        const reader = new PartReader(source, rangeOf(0, size), buffers)
        const asked = iterate(reader).next()
        await settle()
        const calls = source.calls.length
        let free = false
        const settled = reader.settled().then(() => {
          free = true
        })
        await settle()
        expect(free).toBe(false)
        hold.resolve()
        await settled
        // From here on the buffers serve another part, whose CRC-64 must not notice.
        buffers.crc.reset()
        expect(await asked).toEqual({ done: true, value: undefined })
        expect(source.calls.length).toBe(calls)
        expect(buffers.crc.digest()).toBe(crc64(new Uint8Array()))
        expect(reader.crc64).toBeUndefined()
      },
    )

    it('is the end of reading, though somebody still asks for more: the memory serves another part', async () => {
      const source = new FakeSource()
      const reader = new PartReader(source, rangeOf(0, 2 * mib), new PartBuffers(when))
      const iterator = iterate(reader)
      await iterator.next()
      await reader.settled()
      const calls = source.calls.length
      expect(await iterator.next()).toEqual({ done: true, value: undefined })
      expect(source.calls.length).toBe(calls)
    })

    it('ends well when the read under way fails', async () => {
      const source = new FakeSource()
      const hold = deferred()
      source.gate = () => hold.promise
      const reader = new PartReader(source, rangeOf(0, mib), new PartBuffers(when))
      const asked = iterate(reader).next()
      const settled = reader.settled()
      hold.reject(new Error('EIO'))
      await expect(settled).resolves.toBeUndefined()
      await expect(asked).rejects.toThrow('EIO')
    })

    it('may be called before the body was opened, and twice', async () => {
      const reader = new PartReader(new FakeSource(), rangeOf(0, 10), new PartBuffers(when))
      await reader.settled()
      await reader.settled()
      expect(reader.crc64).toBeUndefined()
    })

    it('keeps the CRC-64 of a part that was read whole', async () => {
      const reader = new PartReader(new FakeSource(), rangeOf(0, mib), new PartBuffers(when))
      await drain(reader)
      await reader.settled()
      expect(reader.crc64).toBe(formatCrc64(crc64(bytes.subarray(0, mib))))
    })
  })

  describe('leaving the loop early', () => {
    it('waits for the chunk that is being read ahead, and ends the iterator', async () => {
      const source = new FakeSource()
      const reader = new PartReader(source, rangeOf(0, 2 * mib), new PartBuffers(when))
      const hold = deferred()
      let left = false
      const loop = (async () => {
        for await (const piece of reader.open()) {
          expect(piece.byteLength).toBe(chunk)
          source.gate = () => hold.promise
          break
        }
        left = true
      })()
      await settle()
      // The read ahead had begun without the gate.
      await loop
      expect(left).toBe(true)
      const iterator = iterate(new PartReader(source, rangeOf(0, mib), new PartBuffers(when)))
      const returned = iterator.return?.()
      let ended = false
      void returned?.then(() => {
        ended = true
      })
      await settle()
      expect(ended).toBe(false)
      hold.resolve()
      expect(await returned).toEqual({ done: true, value: undefined })
      expect(await iterator.next()).toEqual({ done: true, value: undefined })
    })
  })

  describe('opening again', () => {
    it('reads the part anew, and only the latest pass tells its CRC-64', async () => {
      const reader = new PartReader(new FakeSource(), rangeOf(mib, mib), new PartBuffers(when))
      const first = iterate(reader)
      await first.next()
      for (const _ of [1, 2]) {
        const { data } = await drain(reader)
        expect(data.equals(bytes.subarray(mib, 2 * mib))).toBe(true)
        expect(reader.crc64).toBe(formatCrc64(crc64(data)))
      }
      expect(await first.next()).toEqual({ done: true, value: undefined })
      expect(reader.crc64).toBe(formatCrc64(crc64(bytes.subarray(mib, 2 * mib))))
    })

    it('waits for the read of the pass before, which is into the same memory', async () => {
      const source = new FakeSource()
      const reader = new PartReader(source, rangeOf(0, 2 * mib), new PartBuffers(when))
      const hold = deferred()
      source.gate = () => hold.promise
      const first = iterate(reader)
      const second = iterate(reader).next()
      await settle()
      expect(source.calls).toHaveLength(1)
      source.gate = undefined
      hold.resolve()
      expect(Buffer.from((await second).value ?? []).equals(bytes.subarray(0, chunk))).toBe(true)
      expect(await first.next()).toEqual({ done: true, value: undefined })
    })

    it('tells no CRC-64 until the new pass has read everything', async () => {
      const reader = new PartReader(new FakeSource(), rangeOf(0, mib), new PartBuffers(when))
      await drain(reader)
      const again = iterate(reader)
      expect(reader.crc64).toBeUndefined()
      await again.next()
      expect(reader.crc64).toBeUndefined()
      await reader.settled()
    })
  })
})
