import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Crc64, combineCrc64, crc64, formatCrc64, parseCrc64 } from '../../src/primitives/crc64.js'
import { TableCrc64 } from '../../src/primitives/crc64-table.js'

const numRuns = process.env['SLOW'] === '1' ? 1000 : 100

const anyCrc64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

/** Bit by bit, straight from the definition. */
function bitwiseCrc64(bytes: Uint8Array): bigint {
  let register = 2n ** 64n - 1n
  for (const byte of bytes) {
    register ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) {
      register = register & 1n ? (register >> 1n) ^ 0xc96c5795d7870f42n : register >> 1n
    }
  }
  return register ^ (2n ** 64n - 1n)
}

/** A megabyte and a bit that no pattern repeats in; the long inputs below are views of it. */
const material = new Uint8Array(1_200_000)
for (let i = 0, x = 2024; i < material.length; i++) {
  x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0
  material[i] = x >>> 24
}

/** A view of the material, at any alignment, and the lengths of the chunks to cut it into. */
const longInput = fc
  .record({
    start: fc.nat(64),
    length: fc.oneof(fc.integer({ min: 200_000, max: 450_000 }), fc.nat(1_100_000)),
    chunkLengths: fc.array(
      fc.oneof(fc.nat(40), fc.nat(5000), fc.nat(140_000), fc.constant(65_536)),
      { minLength: 1, maxLength: 60 },
    ),
  })
  .map(({ start, length, chunkLengths }) => ({
    bytes: material.subarray(start, start + length),
    chunkLengths,
  }))

function* cut(bytes: Uint8Array, chunkLengths: readonly number[]): Generator<Uint8Array> {
  let offset = 0
  for (const length of chunkLengths) {
    yield bytes.subarray(offset, offset + length)
    offset += length
  }
  yield bytes.subarray(offset)
}

it('agrees with the definition on short input', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const stream = new Crc64()
      stream.update(bytes)
      expect(stream.digest()).toBe(bitwiseCrc64(bytes))
      expect(crc64(bytes)).toBe(bitwiseCrc64(bytes))
    }),
    { numRuns },
  )
})

it('does not depend on how a stream is cut, or on what the instance did before', () => {
  const stream = new Crc64()
  fc.assert(
    fc.property(longInput, ({ bytes, chunkLengths }) => {
      const expected = new TableCrc64()
      expected.update(bytes)
      stream.reset()
      for (const chunk of cut(bytes, chunkLengths)) stream.update(chunk)
      expect(stream.digest()).toBe(expected.digest())
    }),
    { numRuns },
  )
})

it('does not depend on whether its bytes lie in its own room', () => {
  const stream = new Crc64(material.length)
  fc.assert(
    fc.property(longInput, fc.nat(100), ({ bytes, chunkLengths }, at) => {
      const expected = new TableCrc64()
      expected.update(bytes)
      stream.room.set(bytes, at)
      stream.reset()
      for (const chunk of cut(stream.room.subarray(at, at + bytes.length), chunkLengths)) {
        stream.update(chunk)
      }
      expect(stream.digest()).toBe(expected.digest())
      expect(Buffer.compare(stream.room.subarray(at, at + bytes.length), bytes)).toBe(0)
    }),
    { numRuns },
  )
})

it('gives the CRC at every point of a stream without disturbing it', () => {
  const stream = new Crc64()
  fc.assert(
    fc.property(longInput, ({ bytes, chunkLengths }) => {
      const expected = new TableCrc64()
      stream.reset()
      for (const chunk of cut(bytes, chunkLengths)) {
        stream.update(chunk)
        expected.update(chunk)
        expect(stream.digest()).toBe(expected.digest())
        expect(stream.digest()).toBe(expected.digest())
      }
    }),
    { numRuns: numRuns / 2 },
  )
})

it('keeps interleaved streams apart', () => {
  fc.assert(
    fc.property(fc.array(longInput, { minLength: 2, maxLength: 4 }), (inputs) => {
      const streams = inputs.map(({ bytes, chunkLengths }) => ({
        bytes,
        chunks: [...cut(bytes, chunkLengths)],
        stream: new Crc64(),
      }))
      for (let round = 0; round <= 60; round++) {
        for (const { chunks, stream } of streams) stream.update(chunks[round] ?? new Uint8Array())
      }
      for (const { bytes, stream } of streams) {
        const expected = new TableCrc64()
        expected.update(bytes)
        expect(stream.digest()).toBe(expected.digest())
      }
    }),
    { numRuns: numRuns / 5 },
  )
})

it('combines the CRCs of two ranges into that of both', () => {
  fc.assert(
    fc.property(longInput, fc.double({ min: 0, max: 1, noNaN: true }), ({ bytes }, fraction) => {
      const first = bytes.subarray(0, Math.floor(bytes.length * fraction))
      const second = bytes.subarray(first.length)
      expect(combineCrc64(crc64(first), crc64(second), second.length)).toBe(crc64(bytes))
    }),
    { numRuns },
  )
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (first, second) => {
      expect(combineCrc64(crc64(first), crc64(second), second.length)).toBe(
        crc64(Buffer.concat([first, second])),
      )
    }),
    { numRuns },
  )
})

it('combines to the first CRC when nothing follows, and to the second when nothing precedes', () => {
  fc.assert(
    fc.property(anyCrc64, fc.maxSafeNat(), (value, length) => {
      expect(combineCrc64(value, 0n, 0)).toBe(value)
      expect(combineCrc64(0n, value, length)).toBe(value)
    }),
    { numRuns },
  )
})

it('combines ranges of any length in any grouping', () => {
  const halfOfMax = Math.floor(Number.MAX_SAFE_INTEGER / 2)
  fc.assert(
    fc.property(
      anyCrc64,
      anyCrc64,
      anyCrc64,
      fc.nat(halfOfMax),
      fc.nat(halfOfMax),
      (a, b, c, lengthB, lengthC) => {
        expect(combineCrc64(combineCrc64(a, b, lengthB), c, lengthC)).toBe(
          combineCrc64(a, combineCrc64(b, c, lengthC), lengthB + lengthC),
        )
      },
    ),
    { numRuns },
  )
})

it('reads back what it formats, and nothing else', () => {
  fc.assert(
    fc.property(anyCrc64, (value) => {
      expect(parseCrc64(formatCrc64(value))).toBe(value)
    }),
    { numRuns },
  )
  const nearlyDecimal = fc.string({
    unit: fc.constantFrom(...'0123456789 +-.xne_'.split('')),
    maxLength: 24,
  })
  fc.assert(
    fc.property(fc.oneof(nearlyDecimal, fc.string()), (text) => {
      const value = parseCrc64(text)
      if (value !== undefined) expect(formatCrc64(value)).toBe(text)
    }),
    { numRuns: numRuns * 10 },
  )
})
