// Remembers the parts of one upload in columns, a row for each number: 32 bytes, where an object with its texts takes 300.

import { formatCrc64, parseCrc64 } from '../primitives/crc64.js'
import type { JournalPart } from './journal.js'
import { maxPartCount } from './plan.js'

const rows = maxPartCount + 1
const md5Bytes = 16
/** How OSS writes the ETag of a part, which is its MD5; with KMS it is something else. */
const md5Etag = /^[0-9A-F]{32}$/

/** By number, 1..10,000. What was set comes back as it was. */
export class PartRecords {
  /** Bytes; 0 where there is no part. */
  readonly #sizes = new Float64Array(rows)
  readonly #crcs = new BigUint64Array(rows)
  readonly #md5s = Buffer.alloc(rows * md5Bytes)
  readonly #otherEtags = new Map<number, string>()

  /** @throws {TypeError} for a CRC-64 that is not in OSS's form: it could not be compared with anything. */
  set({ number, size, crc64, etag }: JournalPart): void {
    const crc = parseCrc64(crc64)
    if (crc === undefined) throw new TypeError(`part ${number} has no CRC-64`)
    this.#sizes[number] = size
    this.#crcs[number] = crc
    if (md5Etag.test(etag)) {
      this.#md5s.write(etag, number * md5Bytes, 'hex')
      this.#otherEtags.delete(number)
    } else this.#otherEtags.set(number, etag)
  }

  has(number: number): boolean {
    return (this.#sizes[number] ?? 0) > 0
  }

  get(number: number): JournalPart | undefined {
    const size = this.sizeOf(number)
    // First: `values` asks for every number, and most have no part.
    if (size === undefined) return undefined
    const crc = this.crc64Of(number)
    const etag = this.etagOf(number)
    if (crc === undefined || etag === undefined) return undefined
    return { number, size, crc64: formatCrc64(crc), etag }
  }

  /** Bytes. */
  sizeOf(number: number): number | undefined {
    return this.has(number) ? this.#sizes[number] : undefined
  }

  crc64Of(number: number): bigint | undefined {
    return this.has(number) ? this.#crcs[number] : undefined
  }

  etagOf(number: number): string | undefined {
    if (!this.has(number)) return undefined
    const start = number * md5Bytes
    const md5 = this.#md5s.toString('hex', start, start + md5Bytes).toUpperCase()
    return this.#otherEtags.get(number) ?? md5
  }

  /** In order of their numbers. */
  *values(): Generator<JournalPart> {
    for (let number = 1; number < rows; number++) {
      const part = this.get(number)
      if (part !== undefined) yield part
    }
  }

  get size(): number {
    return this.#sizes.reduce((count, size) => (size > 0 ? count + 1 : count), 0)
  }

  clear(): void {
    this.#sizes.fill(0)
    this.#otherEtags.clear()
  }
}

/** A set of part numbers. */
export class PartNumbers {
  readonly #isIn = new Uint8Array(rows)

  add(number: number): void {
    this.#isIn[number] = 1
  }

  delete(number: number): void {
    this.#isIn[number] = 0
  }

  has(number: number): boolean {
    return this.#isIn[number] === 1
  }

  clear(): void {
    this.#isIn.fill(0)
  }

  /** In order. */
  *[Symbol.iterator](): Generator<number> {
    for (let number = 1; number < rows; number++) if (this.has(number)) yield number
  }
}
