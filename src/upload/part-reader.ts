// Streams one part from the source through two reused chunks, with its CRC-64 on the way.

import { Crc64, formatCrc64 } from '../primitives/crc64.js'
import type { RequestBody } from '../transport/transport.js'
import type { PartRange } from './plan.js'
import type { Source } from './source.js'

/** Below 256 KiB the cost per chunk shows, above 512 KiB the caches' misses do. */
const chunkBytes = 512 * 1024
/**
 * undici takes the socket for still busy, and destroys it, when the answer arrives before the last chunk has drained. A
 * last chunk below the socket's high-water mark (16 KiB with TLS) is taken at once.
 */
const tailBytes = 8 * 1024

/**
 * Memory for one part at a time: two chunks, reused by every part that a worker sends.
 *
 * Two are enough because undici asks for a chunk only when the one before was flushed, as long as that one is larger than
 * the socket's high-water mark; only the last two chunks of a part can be smaller.
 */
export class PartBuffers {
  readonly crc: Crc64 = new Crc64()
  readonly #chunks: Uint8Array[] = []

  chunk(index: 0 | 1, size: number): Uint8Array {
    let chunk = this.#chunks[index]
    if (chunk === undefined) {
      chunk = Buffer.allocUnsafeSlow(chunkBytes)
      this.#chunks[index] = chunk
    }
    return chunk.subarray(0, size)
  }
}

/**
 * The bytes of one part, read anew by each attempt at sending it: each {@link PartReader.open} ends the one before.
 * {@link PartReader.settled} must be awaited before its buffers serve another part.
 */
export class PartReader implements RequestBody {
  readonly contentLength: number
  readonly #source: Source
  readonly #range: PartRange
  readonly #buffers: PartBuffers
  readonly #onBytes: (count: number) => void
  #reading: Reading | undefined

  /** @param onBytes called with the bytes of each chunk once the consumer is done with it. */
  constructor(
    source: Source,
    range: PartRange,
    buffers: PartBuffers,
    onBytes: (count: number) => void = () => {},
  ) {
    this.contentLength = range.size
    this.#source = source
    this.#range = range
    this.#buffers = buffers
    this.#onBytes = onBytes
  }

  open(): AsyncIterable<Uint8Array> {
    const before = this.#reading?.settled()
    const reading = new Reading(this.#source, this.#range, this.#buffers, this.#onBytes, before)
    this.#reading = reading
    return { [Symbol.asyncIterator]: () => reading }
  }

  /** CRC-64 of the part, decimal; undefined until every byte of it was read. */
  get crc64(): string | undefined {
    return this.#reading?.crc64
  }

  /** Stops handing out chunks and waits for the read that is under way: after this the buffers are free. */
  async settled(): Promise<void> {
    await this.#reading?.settled()
  }
}

/** One pass over a part. */
class Reading implements AsyncIterator<Uint8Array> {
  readonly #source: Source
  readonly #range: PartRange
  readonly #buffers: PartBuffers
  readonly #onBytes: (count: number) => void
  #position = 0
  #taken = 0
  #unreported = 0
  #index: 0 | 1 = 0
  #pending: Promise<Uint8Array> | undefined
  #stopped = false

  /** @param before the end of the pass that used the buffers until now */
  constructor(
    source: Source,
    range: PartRange,
    buffers: PartBuffers,
    onBytes: (count: number) => void,
    before: Promise<void> | undefined,
  ) {
    this.#source = source
    this.#range = range
    this.#buffers = buffers
    this.#onBytes = onBytes
    if (before === undefined) buffers.crc.reset()
    this.#pending =
      before === undefined
        ? this.#readNext()
        : before.then(() => {
            buffers.crc.reset()
            return this.#readNext()
          })
    this.#pending.catch(() => {})
  }

  get crc64(): string | undefined {
    return this.#taken === this.#range.size ? formatCrc64(this.#buffers.crc.digest()) : undefined
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#unreported > 0) this.#onBytes(this.#unreported)
    this.#unreported = 0
    const pending = this.#pending
    if (this.#stopped || pending === undefined) return { done: true, value: undefined }
    const chunk = await pending
    if (this.#stopped) return { done: true, value: undefined }
    // The other chunk was flushed, else this one would not have been asked for: read ahead into it.
    const last = this.#position === this.#range.size
    this.#pending = last ? undefined : this.#readNext()
    this.#buffers.crc.update(chunk)
    this.#taken += chunk.byteLength
    this.#unreported = chunk.byteLength
    return { done: false, value: chunk }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.settled()
    return { done: true, value: undefined }
  }

  async settled(): Promise<void> {
    this.#stopped = true
    await this.#pending?.catch(() => {})
  }

  #readNext(): Promise<Uint8Array> {
    const rest = this.#range.size - this.#position
    const size =
      rest > chunkBytes + tailBytes ? chunkBytes : rest > tailBytes ? rest - tailBytes : rest
    const chunk = this.#buffers.chunk(this.#index, Math.min(size, chunkBytes))
    const position = this.#range.offset + this.#position
    this.#index = this.#index === 0 ? 1 : 0
    this.#position += chunk.byteLength
    const last = this.#position === this.#range.size
    const read = this.#source.read(chunk, position).then(async () => {
      // I7: everything has been read now, and without the last chunk OSS stores nothing.
      if (last && !this.#stopped) {
        await this.#source.assertUnchanged(this.#range.size === this.#source.size)
      }
      return chunk
    })
    // Nobody may ask for it any more; the error is thrown to whoever does.
    read.catch(() => {})
    return read
  }
}
