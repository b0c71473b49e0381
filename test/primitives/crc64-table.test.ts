import { describe, expect, it } from 'vitest'
import { TableCrc64 } from '../../src/primitives/crc64-table.js'
import { crc64Vectors } from '../support/crc64-vectors.js'

/** Bit by bit, straight from the definition. */
function bitwise(bytes: Uint8Array): bigint {
  const allOnes = 2n ** 64n - 1n
  let register = allOnes
  for (const byte of bytes) {
    register ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) {
      register = register & 1n ? (register >> 1n) ^ 0xc96c5795d7870f42n : register >> 1n
    }
  }
  return register ^ allOnes
}

function crcOf(...chunks: readonly Uint8Array[]): bigint {
  const crc = new TableCrc64()
  for (const chunk of chunks) crc.update(chunk)
  return crc.digest()
}

/** Every byte value, in no simple order. */
const sample = Uint8Array.from(
  { length: 1_200 },
  (_, index) => (index * 167 + (index >> 8) * 31) & 255,
)

describe('TableCrc64', () => {
  it.each(crc64Vectors)('agrees with the fixture: $name', ({ hex, repeat, lengthBytes, crc64 }) => {
    const bytes = Buffer.from(hex.repeat(repeat), 'hex')
    expect(bytes.byteLength).toBe(lengthBytes)
    expect(crcOf(bytes)).toBe(BigInt(crc64))
  })

  it('agrees with the definition around the eight bytes of one step', () => {
    for (const length of [0, 1, 7, 8, 9, 25, 511, 512, 513, 519, 520, 521, 599, 600, 1_199]) {
      const bytes = sample.subarray(0, length)
      expect(crcOf(bytes), `${length} bytes`).toBe(bitwise(bytes))
    }
  })

  it('agrees with the definition for each single byte', () => {
    for (let byte = 0; byte < 256; byte++) {
      expect(crcOf(Uint8Array.of(byte)), `byte ${byte}`).toBe(bitwise(Uint8Array.of(byte)))
    }
  })

  it.each([40, 1_200])(
    'does not depend on how %i bytes are cut, nor on where they lie in memory',
    (size) => {
      const whole = sample.subarray(0, size)
      const expected = bitwise(whole)
      for (let cut = 0; cut <= size; cut++) {
        expect(crcOf(whole.subarray(0, cut), whole.subarray(cut)), `cut at ${cut}`).toBe(expected)
      }
      for (let offset = 0; offset < 8; offset++) {
        const shifted = new Uint8Array(offset + size).subarray(offset)
        shifted.set(whole)
        expect(crcOf(shifted), `at offset ${offset}`).toBe(expected)
      }
    },
  )

  it('goes on after a digest, and starts anew after a reset', () => {
    const crc = new TableCrc64()
    crc.update(sample.subarray(0, 100))
    expect(crc.digest()).toBe(bitwise(sample.subarray(0, 100)))
    crc.update(sample.subarray(100))
    expect(crc.digest()).toBe(bitwise(sample))
    crc.reset()
    expect(crc.digest()).toBe(0n)
    crc.update(sample.subarray(0, 9))
    expect(crc.digest()).toBe(bitwise(sample.subarray(0, 9)))
  })

  it('keeps two streams apart', () => {
    const [one, other] = [new TableCrc64(), new TableCrc64()]
    one.update(sample.subarray(0, 11))
    other.update(sample.subarray(50, 99))
    one.update(sample.subarray(11, 20))
    expect(one.digest()).toBe(bitwise(sample.subarray(0, 20)))
    expect(other.digest()).toBe(bitwise(sample.subarray(50, 99)))
  })
})
