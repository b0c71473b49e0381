// Owns CRC-64 as OSS computes it for `x-oss-hash-crc64ecma`: of a running stream, of two ranges joined, and in OSS's decimal form.
//
// The algorithm is CRC-64/XZ: ECMA-182 polynomial, bits reflected, register initially all ones and inverted at the end.
// The fast pass is WebAssembly, explained in crc64.wat; without WebAssembly (`node --jitless`) a slower one takes its place.
// Nothing is compiled or computed on import.

import { TableCrc64 } from './crc64-table.js'
import { crc64WasmBase64 } from './crc64-wasm.js'
import { type WasmMemory, wasmApi } from './web-assembly.js'

/** What `crc64.wat` exports. */
interface WasmExports {
  absorbShort(lengthBytes: number): void
  absorbLong(lengthBytes: number): void
  absorbPlace(from: number, lengthBytes: number): void
  /** As a signed 64-bit integer. */
  digest(): bigint
  reset(): void
}

/** Where the module expects its input, and how much of it at a time: the "input" area of `crc64.wat`. */
const inputOffset = 149_504
const inputSizeBytes = 65_536
/** Where the caller's memory begins, behind all that the module uses itself: the "room" of `crc64.wat`. */
const roomOffset = 262_144
const pageBytes = 65_536
const blockBytes = 16

/**
 * From this many bytes on, a stream uses the long method. Its digest costs 60-90 us more than that of the short one,
 * which the faster pass wins back after 150 to 200 KB.
 */
const longStreamBytes = 262_144

/** Below this many bytes, tables in JavaScript are done before a WebAssembly instance (and its 256 KiB) is made. */
const tinyBytes = 16_384

/** The compiled module; null once it is known that there can be none. */
let compiledModule: object | null | undefined

function compileCrc64(): object | null {
  if (compiledModule !== undefined) return compiledModule
  try {
    const api = wasmApi()
    compiledModule = api ? new api.Module(Buffer.from(crc64WasmBase64, 'base64')) : null
  } catch {
    // Compilation is forbidden, or SIMD unknown: that will not change while the process lives.
    compiledModule = null
  }
  return compiledModule
}

function instantiate(roomBytes: number): WasmCrc64 | undefined {
  const api = wasmApi()
  const module = compileCrc64()
  if (api === undefined || module === null) return undefined
  const pages = Math.ceil((roomOffset + roomBytes) / pageBytes)
  try {
    // It never grows: growing would take the memory away from every array that is a view of it.
    const memory = new api.Memory({ initial: pages, maximum: pages })
    const { exports } = new api.Instance(module, { crc64: { memory } })
    return new WasmCrc64(exports as WasmExports, memory, roomBytes)
  } catch {
    // Each memory reserves address space, which may be limited (`ulimit -v`). Slower is better than failing.
    return undefined
  }
}

class WasmCrc64 {
  readonly room: Uint8Array
  readonly #wasm: WasmExports
  readonly #input: Uint8Array
  /** Bytes so far; not counted any further once the stream is long. */
  #length = 0
  #long = false
  /** Bytes that the long method holds until they fill a block. */
  #held = 0

  constructor(wasm: WasmExports, { buffer }: WasmMemory, roomBytes: number) {
    this.#wasm = wasm
    this.#input = new Uint8Array(buffer, inputOffset, inputSizeBytes)
    this.room = Buffer.from(buffer, roomOffset, roomBytes)
  }

  update(chunk: Uint8Array): void {
    if (!this.#long) {
      // A stream's length is not known in advance. A long chunk goes to the long method at once; with short ones the
      // tables read the first 256 KiB and hand their register over, so no stream costs more than twice its optimum.
      this.#length += chunk.length
      this.#long = this.#length >= longStreamBytes
    }
    for (let offset = this.#updateInPlace(chunk); offset < chunk.length; offset += inputSizeBytes) {
      const size = Math.min(inputSizeBytes, chunk.length - offset)
      // Not chunk.subarray(): on a Buffer that makes another Buffer, which takes longer.
      this.#input.set(
        size === chunk.length
          ? chunk
          : new Uint8Array(chunk.buffer, chunk.byteOffset + offset, size),
      )
      if (this.#long) this.#wasm.absorbLong(size)
      else this.#wasm.absorbShort(size)
      this.#held = this.#long ? (this.#held + size) % blockBytes : 0
    }
  }

  /** @returns how many bytes at the beginning of the chunk were read: none where they have to be copied into the module first. */
  #updateInPlace(chunk: Uint8Array): number {
    const blocks = chunk.length - (chunk.length % blockBytes)
    const isThere = chunk.buffer === this.#input.buffer && chunk.byteOffset >= roomOffset
    if (!isThere || !this.#long || this.#held > 0 || blocks === 0) return 0
    this.#wasm.absorbPlace(chunk.byteOffset, blocks)
    return blocks
  }

  digest(): bigint {
    return BigInt.asUintN(64, this.#wasm.digest())
  }

  reset(): void {
    this.#wasm.reset()
    this.#length = 0
    this.#long = false
    this.#held = 0
  }
}

/**
 * The CRC-64 of one stream of bytes.
 *
 * An instance owns 256 KiB of memory, all of it from the start; keep it and `reset()` it rather than making one per stream.
 */
export class Crc64 {
  /**
   * Memory for the caller's use. Bytes that are in it are read where they are, others are copied first.
   *
   * It begins where a page of the machine's memory does: some processors (AMD's Zen 3 and 4) take three times as long to read a file
   * into memory that begins a few bytes behind one, which is where `malloc`, and so `Buffer`, puts what is large.
   */
  readonly room: Uint8Array
  readonly #engine: WasmCrc64 | TableCrc64

  /** @param roomBytes size of {@link Crc64.room}; its pages cost nothing until they are touched. Default 0 */
  constructor(roomBytes = 0) {
    const wasm = instantiate(roomBytes)
    this.#engine = wasm ?? new TableCrc64()
    this.room = wasm?.room ?? Buffer.allocUnsafeSlow(roomBytes)
  }

  /** Appends `chunk`, of any length and alignment. The bytes are read before this returns: the buffer may be reused. */
  update(chunk: Uint8Array): void {
    this.#engine.update(chunk)
  }

  /**
   * The CRC-64 of all bytes appended so far, 0 to 2^64 - 1. More bytes may follow.
   *
   * Costs up to 90 us once a stream is 256 KiB long, whatever its length: meant for once per part, not once per chunk.
   */
  digest(): bigint {
    return this.#engine.digest()
  }

  /** Forgets all bytes. */
  reset(): void {
    this.#engine.reset()
  }
}

/** The CRC-64 of `bytes`. Where many ranges of 16 KiB or more follow each other, reuse a {@link Crc64}. */
export function crc64(bytes: Uint8Array): bigint {
  const stream = bytes.length < tinyBytes ? new TableCrc64() : new Crc64()
  stream.update(bytes)
  return stream.digest()
}

/**
 * The CRC-64 of two byte ranges joined, from the CRC-64 of each.
 *
 * Takes well under a microsecond when `secondLengthBytes` is that of the previous call, and a few otherwise.
 *
 * @param secondLengthBytes length of the second range: a safe integer, at least 0
 * @throws {RangeError} when an argument is out of its range
 */
export function combineCrc64(first: bigint, second: bigint, secondLengthBytes: number): bigint {
  assertCrc64(first)
  assertCrc64(second)
  if (!Number.isSafeInteger(secondLengthBytes) || secondLengthBytes < 0) {
    throw new RangeError(`secondLengthBytes must be a safe integer >= 0, got ${secondLengthBytes}`)
  }
  // Each of the n bytes that follow multiplies what came before by x^8. The inversions at both ends of the two
  // CRCs cancel out.
  const moved = toBigInt(multiply(powerOfX8(secondLengthBytes), fromBigInt(first)))
  return moved ^ second
}

/** OSS's form of a CRC-64: an unsigned decimal number. @throws {RangeError} when `value` is not 0 to 2^64 - 1 */
export function formatCrc64(value: bigint): string {
  assertCrc64(value)
  return value.toString()
}

/**
 * Reads OSS's form of a CRC-64.
 *
 * @returns undefined unless `text` is what {@link formatCrc64} returns for some value: digits only, no leading zeros,
 *   at most 2^64 - 1
 */
export function parseCrc64(text: string): bigint | undefined {
  if (!/^(?:0|[1-9][0-9]{0,19})$/.test(text)) return undefined
  const value = BigInt(text)
  return isCrc64(value) ? value : undefined
}

function isCrc64(value: bigint): boolean {
  return value >= 0n && value <= 0xffff_ffff_ffff_ffffn
}

function assertCrc64(value: bigint): void {
  if (!isCrc64(value)) throw new RangeError(`a CRC-64 is 0 to 2^64 - 1, got ${value}`)
}

/**
 * A polynomial over GF(2) of degree below 64, in two 32-bit halves (BigInt would be 50 times slower).
 * Reflected like the CRC: the highest bit of `high` stands for x^0, the lowest of `low` for x^63.
 */
interface Polynomial {
  readonly high: number
  readonly low: number
}

function fromBigInt(value: bigint): Polynomial {
  return { high: Number(value >> 32n) | 0, low: Number(value & 0xffff_ffffn) | 0 }
}

function toBigInt({ high, low }: Polynomial): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

// The polynomial again, not imported: engines do not fold an imported constant, which made `multiply` 3 to 10 times slower.
const polynomialHigh = 0xc96c5795 | 0
const polynomialLow = 0xd7870f42 | 0

/** a * b modulo the CRC polynomial. Schoolbook: adds b * x^i for every x^i in a. */
function multiply(a: Polynomial, b: Polynomial): Polynomial {
  let high = 0
  let low = 0
  let { high: shiftedHigh, low: shiftedLow } = b
  for (let coefficients of [a.high, a.low]) {
    for (let i = 0; i < 32; i++) {
      const add = coefficients >> 31 // all ones if the top bit is set, else zero
      coefficients <<= 1
      high ^= shiftedHigh & add
      low ^= shiftedLow & add
      const divide = -(shiftedLow & 1)
      shiftedLow = ((shiftedLow >>> 1) | (shiftedHigh << 31)) ^ (polynomialLow & divide)
      shiftedHigh = (shiftedHigh >>> 1) ^ (polynomialHigh & divide)
    }
  }
  return { high, low }
}

/** The latest answer of {@link powerOfX8}: nearly all parts of an upload have the same length. */
let latestPower: { readonly exponent: number; readonly power: Polynomial } | undefined

/** x^(8 * exponent) modulo the CRC polynomial, by repeated squaring: at most 53 steps. */
function powerOfX8(exponent: number): Polynomial {
  if (latestPower?.exponent === exponent) return latestPower.power
  let power: Polynomial = { high: 1 << 31, low: 0 } // x^0
  let square: Polynomial = { high: 1 << 23, low: 0 } // x^8
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(power, square)
    square = multiply(square, square)
  }
  latestPower = { exponent, power }
  return power
}
