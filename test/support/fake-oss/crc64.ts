/** Owns CRC-64/XZ (reflected ECMA-182, what OSS calls crc64ecma): updating, finishing and combining. */

const polynomial = 0xc96c5795d7870f42n
const topBit = 1n << 63n

// Eight tables of 256 entries, low and high 32 bits apart, because BigInt is about a hundred times slower.
const low = new Int32Array(8 * 256)
const high = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte += 1) {
  let value = BigInt(byte)
  for (let bit = 0; bit < 8; bit += 1) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n
  low[byte] = Number(value & 0xffffffffn)
  high[byte] = Number(value >> 32n)
}
for (let at = 256; at < 8 * 256; at += 1) {
  const lowBefore = low[at - 256] as number
  const highBefore = high[at - 256] as number
  low[at] = ((lowBefore >>> 8) | (highBefore << 24)) ^ (low[lowBefore & 0xff] as number)
  high[at] = (highBefore >>> 8) ^ (high[lowBefore & 0xff] as number)
}

/** A running CRC-64; `value` may be read at any time. */
export class Crc64 {
  #low = -1
  #high = -1

  update(bytes: Uint8Array): this {
    let a = this.#low
    let b = this.#high
    let at = 0
    // Eight bytes a turn; `as number` because every index is masked into the tables.
    for (const end = bytes.length - 7; at < end; at += 8) {
      a ^=
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)
      b ^=
        (bytes[at + 4] as number) |
        ((bytes[at + 5] as number) << 8) |
        ((bytes[at + 6] as number) << 16) |
        ((bytes[at + 7] as number) << 24)
      const i7 = 1792 + (a & 0xff)
      const i6 = 1536 + ((a >>> 8) & 0xff)
      const i5 = 1280 + ((a >>> 16) & 0xff)
      const i4 = 1024 + (a >>> 24)
      const i3 = 768 + (b & 0xff)
      const i2 = 512 + ((b >>> 8) & 0xff)
      const i1 = 256 + ((b >>> 16) & 0xff)
      const i0 = b >>> 24
      a =
        (low[i7] as number) ^
        (low[i6] as number) ^
        (low[i5] as number) ^
        (low[i4] as number) ^
        (low[i3] as number) ^
        (low[i2] as number) ^
        (low[i1] as number) ^
        (low[i0] as number)
      b =
        (high[i7] as number) ^
        (high[i6] as number) ^
        (high[i5] as number) ^
        (high[i4] as number) ^
        (high[i3] as number) ^
        (high[i2] as number) ^
        (high[i1] as number) ^
        (high[i0] as number)
    }
    for (; at < bytes.length; at += 1) {
      const index = (a ^ (bytes[at] as number)) & 0xff
      a = ((a >>> 8) | (b << 24)) ^ (low[index] as number)
      b = (b >>> 8) ^ (high[index] as number)
    }
    this.#low = a
    this.#high = b
    return this
  }

  get value(): bigint {
    return (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0)
  }
}

/** Product of two reflected polynomials modulo the CRC's (bit 63 is x^0). */
function multiply(left: bigint, right: bigint): bigint {
  let product = 0n
  let shifted = right
  for (let mask = topBit; mask > 0n; mask >>= 1n) {
    if (left & mask) product ^= shifted
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n
  }
  return product
}

// Parts of one upload have at most a few different sizes, so x^(8n) is worth remembering.
const shifts = new Map<number, bigint>()

function shiftBytes(count: number): bigint {
  const known = shifts.get(count)
  if (known !== undefined) return known
  let result = topBit
  let power = topBit >> 8n
  for (let left = BigInt(count); left > 0n; left >>= 1n) {
    if (left & 1n) result = multiply(result, power)
    power = multiply(power, power)
  }
  if (shifts.size > 1000) shifts.clear()
  shifts.set(count, result)
  return result
}

/** CRC-64 of `a` followed by `b`, from their CRCs and the length of `b` in bytes. */
export function combineCrc64(crcOfA: bigint, crcOfB: bigint, bytesOfB: number): bigint {
  return multiply(shiftBytes(bytesOfB), crcOfA) ^ crcOfB
}
