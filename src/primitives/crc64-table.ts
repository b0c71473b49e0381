// Owns CRC-64 by lookup tables in plain JavaScript: for short input, and wherever WebAssembly is unavailable.

/** The ECMA-182 polynomial, bits reflected (0xC96C5795D7870F42), in two signed 32-bit halves. */
const polynomialHigh = 0xc96c5795 | 0
const polynomialLow = 0xd7870f42 | 0

/** Entry `256 * k + b` is the register that byte `b`, followed by `k` zero bytes, leaves; 64 bits in two halves. */
interface Tables {
  readonly high: Int32Array
  readonly low: Int32Array
}

let tables: Tables | undefined

/** The entries of a step of `bits` bits: what each value of so many leaves. What `length` has more of is left zero. */
export function tableOf(bits: number, length: number = 2 ** bits): Tables {
  const high = new Int32Array(length)
  const low = new Int32Array(length)
  for (let value = 0; value < 2 ** bits; value++) {
    let h = 0
    let l = value
    for (let bit = 0; bit < bits; bit++) {
      const divide = -(l & 1)
      l = ((l >>> 1) | (h << 31)) ^ (polynomialLow & divide)
      h = (h >>> 1) ^ (polynomialHigh & divide)
    }
    high[value] = h
    low[value] = l
  }
  return { high, low }
}

function buildTables(): Tables {
  const { high, low } = tableOf(8, 2048)
  for (let entry = 256; entry < 2048; entry++) {
    const h = high[entry - 256] ?? 0
    const l = low[entry - 256] ?? 0
    high[entry] = (h >>> 8) ^ (high[l & 255] ?? 0)
    low[entry] = ((l >>> 8) | (h << 24)) ^ (low[l & 255] ?? 0)
  }
  return { high, low }
}

/** One running CRC-64, eight bytes per step ("slicing-by-8"). */
export class TableCrc64 {
  #high = -1
  #low = -1

  update(chunk: Uint8Array): void {
    tables ??= buildTables()
    const { high, low } = tables
    let h = this.#high
    let l = this.#low
    let index = 0
    // Every index below is within its array: the fallbacks, never taken, only satisfy the type checker.
    for (const end = chunk.length - 7; index < end; index += 8) {
      // A register XORed into the next eight bytes has the same effect as a register in front of them.
      const a = l ^ word(chunk, index)
      const b = h ^ word(chunk, index + 4)
      const i7 = 1792 + (a & 255)
      const i6 = 1536 + ((a >>> 8) & 255)
      const i5 = 1280 + ((a >>> 16) & 255)
      const i4 = 1024 + (a >>> 24)
      const i3 = 768 + (b & 255)
      const i2 = 512 + ((b >>> 8) & 255)
      const i1 = 256 + ((b >>> 16) & 255)
      const i0 = b >>> 24
      h =
        (high[i7] ?? 0) ^
        (high[i6] ?? 0) ^
        (high[i5] ?? 0) ^
        (high[i4] ?? 0) ^
        (high[i3] ?? 0) ^
        (high[i2] ?? 0) ^
        (high[i1] ?? 0) ^
        (high[i0] ?? 0)
      l =
        (low[i7] ?? 0) ^
        (low[i6] ?? 0) ^
        (low[i5] ?? 0) ^
        (low[i4] ?? 0) ^
        (low[i3] ?? 0) ^
        (low[i2] ?? 0) ^
        (low[i1] ?? 0) ^
        (low[i0] ?? 0)
    }
    for (; index < chunk.length; index++) {
      const entry = (l ^ (chunk[index] ?? 0)) & 255
      l = ((l >>> 8) | (h << 24)) ^ (low[entry] ?? 0)
      h = (h >>> 8) ^ (high[entry] ?? 0)
    }
    this.#high = h
    this.#low = l
  }

  digest(): bigint {
    return (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0)
  }

  reset(): void {
    this.#high = -1
    this.#low = -1
  }
}

/** Four bytes from `index` on, lowest first. */
function word(bytes: Uint8Array, index: number): number {
  return (
    (bytes[index] ?? 0) |
    ((bytes[index + 1] ?? 0) << 8) |
    ((bytes[index + 2] ?? 0) << 16) |
    ((bytes[index + 3] ?? 0) << 24)
  )
}
