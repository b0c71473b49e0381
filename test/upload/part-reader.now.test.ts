// Parts of a file that comes from memory, and that may cease to in between.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { OssError } from '../../src/primitives/errors.js'
import type { ChunkIterator } from '../../src/transport/transport.js'
import { PartBuffers, PartReader } from '../../src/upload/part-reader.js'
import type { Source } from '../../src/upload/source.js'
import { randomBytes } from '../support/world.js'

const kib = 1024
const chunk = 512 * kib
const tail = 8 * kib
const bytes = randomBytes(4 * 1024 * kib)

/** Writes down what was asked of it. @param isQuick whether the next read can be made at once */
function sourceOf(isQuick: () => boolean = () => true, check = async (): Promise<void> => {}) {
  const calls: string[] = []
  const fill = (buffer: Uint8Array, position: number): void => {
    bytes.copy(buffer, 0, position, position + buffer.byteLength)
  }
  const source: Source = {
    ...{ path: '/source', size: bytes.length, identity: { kind: 'stream' } },
    async read(buffer, position) {
      calls.push(`read ${position} ${buffer.byteLength}`)
      await new Promise((resolve) => setImmediate(resolve))
      fill(buffer, position)
    },
    readNow(buffer, position) {
      if (!isQuick()) {
        // As a read that came to less than was asked for.
        buffer.fill(0)
        return false
      }
      calls.push(`now ${position} ${buffer.byteLength}`)
      fill(buffer, position)
      return true
    },
    async assertUnchanged() {
      calls.push('check')
      await check()
    },
    close: async () => {},
  }
  return { source, calls }
}

const rangeOf = (offset: number, size: number) => ({ number: 1, offset, size })
const iterate = (reader: PartReader): ChunkIterator => reader.open()[Symbol.asyncIterator]()

describe('a part of a source that is quick', () => {
  it('has its first chunk read by another thread, and the others at once; each when it is asked for', async () => {
    const { source, calls } = sourceOf()
    const counts: number[] = []
    const reader = new PartReader(
      source,
      rangeOf(0, 3 * chunk + 100 * kib),
      new PartBuffers('now'),
      (count) => counts.push(count),
    )
    const iterator = iterate(reader)
    // Nothing is there yet.
    expect(iterator.nextNow?.()).toBeUndefined()
    expect((await iterator.next()).value).toHaveLength(chunk)
    expect(calls).toEqual([`read 0 ${chunk}`, `now ${chunk} ${chunk}`])
    // That one was read beside the first.
    expect(iterator.nextNow?.()).toBeUndefined()
    expect((await iterator.next()).value).toHaveLength(chunk)
    expect(calls).toHaveLength(2)
    expect(iterator.nextNow?.()?.value).toHaveLength(chunk)
    expect(calls.slice(2)).toEqual([`now ${2 * chunk} ${chunk}`])
    expect(counts).toEqual([chunk, chunk])
    expect(iterator.nextNow?.()?.value).toHaveLength(92 * kib)
    expect(calls.slice(3)).toEqual([`now ${3 * chunk} ${100 * kib}`, 'check'])
    expect(reader.crc64).toBeUndefined()
    // I7: the last bytes wait for the look at the source.
    expect(iterator.nextNow?.()).toBeUndefined()
    expect((await iterator.next()).value).toHaveLength(tail)
    expect(iterator.nextNow?.()).toBeUndefined()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(counts).toEqual([chunk, chunk, chunk, 92 * kib, tail])
    const content = bytes.subarray(0, 3 * chunk + 100 * kib)
    expect(reader.crc64).toBe(formatCrc64(crc64(content)))
  })

  it('waits for the look at the source where the tail is all that was read (I7)', async () => {
    const error = new OssError('changed', { code: 'ERR_OSS_SOURCE_CHANGED' })
    const { source, calls } = sourceOf(undefined, () => Promise.reject(error))
    const reader = new PartReader(source, rangeOf(0, 3 * chunk + tail + 1), new PartBuffers('now'))
    const iterator = iterate(reader)
    for (const size of [chunk, chunk]) {
      expect((await iterator.next()).value).toHaveLength(size)
    }
    expect(iterator.nextNow?.()?.value).toHaveLength(chunk)
    expect(iterator.nextNow?.()?.value).toHaveLength(1)
    expect(iterator.nextNow?.()).toBeUndefined()
    await expect(iterator.next()).rejects.toBe(error)
    expect(reader.crc64).toBeUndefined()
    expect(calls.at(-1)).toBe('check')
  })

  it('that ceases to be has its chunks read ahead by another thread, and at once again later', async () => {
    let isQuick = true
    const { source, calls } = sourceOf(() => isQuick)
    const iterator = iterate(new PartReader(source, rangeOf(0, 8 * chunk), new PartBuffers('now')))
    await iterator.next()
    await iterator.next()
    isQuick = false
    expect(iterator.nextNow?.()).toBeUndefined()
    expect(calls.slice(2)).toEqual([`read ${2 * chunk} ${chunk}`])
    await iterator.next()
    expect(calls.slice(3)).toEqual([`read ${3 * chunk} ${chunk}`])
    isQuick = true
    await iterator.next()
    expect(calls.slice(4)).toEqual([`now ${4 * chunk} ${chunk}`])
  })

  it('that was settled hands out nothing, and reads nothing: its memory serves another part', async () => {
    const { source, calls } = sourceOf()
    const reader = new PartReader(source, rangeOf(0, 4 * chunk), new PartBuffers('now'))
    const iterator = iterate(reader)
    await iterator.next()
    await iterator.next()
    await reader.settled()
    expect(iterator.nextNow?.()).toBeUndefined()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(calls).toHaveLength(2)
  })

  it.each(['ahead', 'asked'] as const)(
    'reads nothing at once where it is to read %s',
    async (when) => {
      const { source, calls } = sourceOf()
      const iterator = iterate(new PartReader(source, rangeOf(0, 4 * chunk), new PartBuffers(when)))
      for (let count = 0; count < 3; count++) {
        expect(iterator.nextNow?.()).toBeUndefined()
        await iterator.next()
      }
      expect(calls.filter((call) => call.startsWith('now'))).toEqual([])
    },
  )
})

it('all comes in order, and stays as it is until more is asked for, whenever the source is quick and whoever asks', async () => {
  const anySize = fc.oneof(
    fc.nat(7 * chunk),
    fc
      .tuple(fc.nat(7), fc.integer({ min: -2, max: 2 }), fc.constantFrom(0, tail))
      .map(([chunks, more, rest]) => Math.max(0, chunks * chunk + rest + more)),
  )
  const someBits = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 })
  const buffers = new PartBuffers('now')
  await fc.assert(
    fc.asyncProperty(
      anySize,
      fc.nat(1000),
      someBits,
      someBits,
      async (size, offset, quick, now) => {
        let at = 0
        const next = (bits: readonly boolean[]): boolean => bits[at++ % bits.length] ?? false
        const { source } = sourceOf(() => next(quick))
        let counted = 0
        const reader = new PartReader(source, rangeOf(offset, size), buffers, (count) => {
          counted += count
        })
        const iterator = iterate(reader)
        let position = 0
        for (;;) {
          const chunk = (next(now) ? iterator.nextNow?.() : undefined) ?? (await iterator.next())
          if (chunk.done) break
          // What is read ahead has come by now.
          await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
          const start = offset + position
          position += chunk.value.byteLength
          expect(bytes.subarray(start, offset + position).equals(chunk.value)).toBe(true)
        }
        expect([position, counted]).toEqual([size, size])
        expect(reader.crc64).toBe(formatCrc64(crc64(bytes.subarray(offset, offset + size))))
        await reader.settled()
      },
    ),
    { numRuns: 150 },
  )
}, 60_000)
