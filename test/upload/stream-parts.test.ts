// Cutting streams into parts: sizes, alignment, order, limits, and how far the stream is read.

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { PartCutter, PartMemory } from '../../src/upload/stream-parts.js'
import { type ByteStream, ChunkReader } from '../../src/upload/stream-source.js'
import { randomBytes } from '../support/world.js'

const environment = { sleep: async () => {} }
const partSize = 100

function cut(stream: ByteStream, maxParts?: number): PartCutter {
  return new PartCutter(new ChunkReader(stream, environment), partSize, maxParts)
}

async function allParts(cutter: PartCutter): Promise<Buffer[]> {
  const memory = new PartMemory(partSize)
  const parts: Buffer[] = []
  for (;;) {
    const part = await cutter.next(memory, undefined)
    if (part === undefined) return parts
    expect(part.number).toBe(parts.length + 1)
    expect(part.crc64).toBe(formatCrc64(crc64(part.bytes)))
    parts.push(Buffer.from(part.bytes))
  }
}

describe('PartCutter', () => {
  it.each([0, 1, 99, 100, 101, 199, 200, 201, 1000])('cuts %i bytes', async (size) => {
    const bytes = randomBytes(size)
    const cutter = cut([bytes])
    const parts = await allParts(cutter)
    expect(parts.map(({ length }) => length)).toEqual(
      Array.from({ length: Math.ceil(size / partSize) }, (_, i) =>
        Math.min(partSize, size - i * partSize),
      ),
    )
    expect(Buffer.concat(parts).equals(bytes)).toBe(true)
    expect(cutter.whole).toEqual({ size, crc64: formatCrc64(crc64(bytes)) })
    expect(cutter.count).toBe(parts.length)
    expect(cutter.ended).toBe(true)
  })

  it('cuts the same parts whatever the chunks are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 1000 }),
        fc.array(fc.nat({ max: 260 }), { maxLength: 30 }),
        async (size, lengths) => {
          const bytes = randomBytes(size)
          const chunks: Buffer[] = []
          let at = 0
          for (const length of lengths) {
            chunks.push(bytes.subarray(at, at + length))
            at += length
          }
          chunks.push(bytes.subarray(at))
          expect(Buffer.concat(await allParts(cut(chunks))).equals(bytes)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('reads no further than the part needs', async () => {
    let given = 0
    const cutter = cut(
      (function* () {
        for (;;) {
          given += 1
          yield Buffer.alloc(50)
        }
      })(),
    )
    const memory = new PartMemory(partSize)
    await cutter.next(memory, undefined)
    expect(given).toBe(2)
    await cutter.next(memory, undefined)
    expect(given).toBe(4)
  })

  it('serves several who ask at once one after another', async () => {
    const bytes = randomBytes(350)
    const cutter = cut(Array.from(bytes, (byte) => Buffer.of(byte)))
    const parts = await Promise.all(
      Array.from({ length: 6 }, () => cutter.next(new PartMemory(partSize), undefined)),
    )
    expect(parts.map((part) => part?.number)).toEqual([1, 2, 3, 4, undefined, undefined])
    expect(Buffer.concat(parts.flatMap((part) => part?.bytes ?? [])).equals(bytes)).toBe(true)
  })

  it('takes memory only when there is something to put into it', async () => {
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    try {
      const cutter = cut([randomBytes(50)])
      await Promise.all(
        Array.from({ length: 9 }, () => cutter.next(new PartMemory(partSize), undefined)),
      )
      expect(allocate.mock.calls.filter(([size]) => size === partSize)).toHaveLength(1)
    } finally {
      allocate.mockRestore()
    }
  })

  it('says so when there is no memory', async () => {
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation(() => {
      throw new RangeError('Array buffer allocation failed')
    })
    try {
      await expect(
        cut([Buffer.of(1)]).next(new PartMemory(partSize), undefined),
      ).rejects.toMatchObject({
        code: 'ERR_OSS_SOURCE',
        hint: expect.stringContaining('--part-size'),
      })
    } finally {
      allocate.mockRestore()
    }
  })

  it('gives nothing behind a failure: what was read for the failed part is lost', async () => {
    const controller = new AbortController()
    const cutter = cut([Buffer.alloc(30), Buffer.alloc(500)])
    controller.abort('enough')
    const memory = new PartMemory(partSize)
    await expect(cutter.next(memory, controller.signal)).rejects.toBe('enough')
    await expect(cutter.next(memory, undefined)).rejects.toBe('enough')
  })

  it('takes as many parts as there are', async () => {
    expect(await allParts(cut([randomBytes(300)], 3))).toHaveLength(3)
  })

  it('refuses one byte more, and names the part size that would do', async () => {
    const cutter = cut([randomBytes(300), Buffer.of(), Buffer.of(1)], 3)
    await expect(allParts(cutter)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_TOO_LARGE',
      message: expect.stringContaining('more than 300 bytes'),
      hint: expect.stringMatching(/nothing was published; .*--part-size\): 400 /),
    })
    expect(cutter.ended).toBe(false)
  })
})
