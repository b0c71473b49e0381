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
/** The last chunk of a part is read together with its tail. */
const bufferBytes = chunkBytes + tailBytes

/**
 * Memory for one part at a time: two chunks, reused by every part that a worker sends.
 *
 * Two are enough because undici asks for a chunk only when the one before was flushed, as long as that one is larger than
 * the socket's high-water mark; only the last two chunks of a part can be smaller.
 */
export class PartBuffers {
  /** The chunks are in its memory: it reads them where they are. */
  readonly crc: Crc64 = new Crc64(2 * bufferBytes)
  readonly #whole = [this.#view(0, chunkBytes), this.#view(1, chunkBytes)] as const

  chunk(index: 0 | 1, size: number): Uint8Array {
    return size === chunkBytes ? this.#whole[index] : this.#view(index, size)
  }

  #view(index: 0 | 1, size: number): Uint8Array {
    const start = index * bufferBytes
    return this.crc.room.subarray(start, start + size)
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

/** What one read has brought. */
interface Filled {
  readonly bytes: Uint8Array
  /** Of the last one: fails when the source is not what was opened. */
  readonly unchanged: Promise<void> | undefined
}

const done = { done: true, value: undefined } as const
const nothing = (): void => {}

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
  #pending: Promise<Filled> | undefined
  /** What is left of the last read once all but the tail was handed out. */
  #tail: Filled | undefined
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
    this.#pending = before === undefined ? this.#readNext() : this.#readAfter(before)
  }

  get crc64(): string | undefined {
    return this.#taken === this.#range.size ? formatCrc64(this.#buffers.crc.digest()) : undefined
  }

  /** No async function, like all that runs for each chunk: its frame would be garbage of twice the size. */
  next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#unreported > 0) this.#onBytes(this.#unreported)
    this.#unreported = 0
    if (this.#tail !== undefined) return this.#handLast(this.#tail)
    return this.#pending === undefined ? Promise.resolve(done) : this.#pending.then(this.#take)
  }

  readonly #take = (
    filled: Filled,
  ): IteratorResult<Uint8Array> | Promise<IteratorResult<Uint8Array>> => {
    if (this.#stopped) return done
    if (this.#position < this.#range.size) {
      // The other chunk was flushed, else this one would not have been asked for: read ahead into it.
      this.#pending = this.#readNext()
      return this.#hand(filled.bytes)
    }
    const front = filled.bytes.byteLength - tailBytes
    if (front <= 0) return this.#handLast(filled)
    this.#tail = { ...filled, bytes: filled.bytes.subarray(front) }
    return this.#hand(filled.bytes.subarray(0, front))
  }

  async #handLast({ bytes, unchanged }: Filled): Promise<IteratorResult<Uint8Array>> {
    if (this.#stopped) return done
    // I7: everything has been read now, and without the tail OSS stores nothing.
    await unchanged
    if (this.#stopped) return done
    this.#tail = undefined
    this.#pending = undefined
    return this.#hand(bytes)
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.settled()
    return done
  }

  async settled(): Promise<void> {
    this.#stopped = true
    await this.#pending?.then(({ unchanged }) => unchanged).catch(() => {})
  }

  #hand(bytes: Uint8Array): IteratorResult<Uint8Array> {
    this.#buffers.crc.update(bytes)
    this.#taken += bytes.byteLength
    this.#unreported = bytes.byteLength
    return { done: false, value: bytes }
  }

  #readAfter(before: Promise<void>): Promise<Filled> {
    const filled = before.then(() => {
      this.#buffers.crc.reset()
      return this.#readNext()
    })
    // As below.
    filled.catch(nothing)
    return filled
  }

  #readNext(): Promise<Filled> {
    const rest = this.#range.size - this.#position
    const isLast = rest <= bufferBytes
    const bytes = this.#buffers.chunk(this.#index, isLast ? rest : chunkBytes)
    const position = this.#range.offset + this.#position
    this.#index = this.#index === 0 ? 1 : 0
    this.#position += bytes.byteLength
    const filled = this.#source.read(bytes, position).then(() => {
      const unchanged = isLast && !this.#stopped ? this.#assertUnchanged() : undefined
      return { bytes, unchanged }
    })
    // Nobody may ask for it any more; the error is thrown to whoever does.
    filled.catch(nothing)
    return filled
  }

  #assertUnchanged(): Promise<void> {
    const looked = this.#source.assertUnchanged(this.#range.size === this.#source.size)
    // As above.
    looked.catch(nothing)
    return looked
  }
}
