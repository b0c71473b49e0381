import { expect, it } from 'vitest'
import { crc64 } from '../../src/primitives/crc64.js'
import { crc64Hex } from '../../src/primitives/crc64-hex.js'
import { crc64Vectors } from '../support/crc64-vectors.js'

const hexOf = (bytes: Uint8Array) => crc64Hex(Buffer.from(bytes).toString('latin1'))
const digits = (value: bigint) => value.toString(16).padStart(16, '0')

it.each(crc64Vectors)('agrees with the fixture: $name', ({ hex, repeat, lengthBytes, crc64 }) => {
  const bytes = Buffer.from(hex.repeat(repeat), 'hex')
  expect(bytes.byteLength).toBe(lengthBytes)
  expect(hexOf(bytes)).toBe(digits(BigInt(crc64)))
})

it('agrees with crc64 for each single byte, and behind each single bit', () => {
  for (let byte = 0; byte < 256; byte++) {
    const one = Uint8Array.of(byte)
    expect(hexOf(one), `byte ${byte}`).toBe(digits(crc64(one)))
    const two = Uint8Array.of(1 << (byte & 7), byte)
    expect(hexOf(two), `byte ${byte} behind another`).toBe(digits(crc64(two)))
  }
})

it('writes leading zeros', () => {
  const zeros = new Set<number>()
  for (let value = 0; value < 4_096; value++) {
    const bytes = Buffer.from(String(value))
    const text = hexOf(bytes)
    expect(text).toBe(digits(crc64(bytes)))
    zeros.add(text.search(/[^0]/))
  }
  expect([...zeros]).toEqual(expect.arrayContaining([0, 1, 2]))
})
