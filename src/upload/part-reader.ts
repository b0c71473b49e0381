// Streams one part from the source through two reused chunks, with its CRC-64 on the way.

import { Crc64, formatCrc64 } from '../primitives/crc64.js'
import type { ChunkIterator, RequestBody } from '../transport/transport.js'
import type { PartRange } from './plan.js'
import type { RecordBatch } from './record-batches.js'
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
 * When the next chunk is read:
 *
 * - `ahead`: by another thread, while one is being sent.
 * - `asked`: by another thread, when it is asked for: one chunk of memory is enough.
 * - `now`: at once when it is asked for, as long as the file comes from memory; else `ahead`.
 */
export type ReadWhen = 'ahead' | 'asked' | 'now'

/**
 * At once takes a seventh less processor time, because a chunk is still in the processor's caches when it is sent. One connection alone
 * takes as much either way, and would be idle meanwhile. Of a part of two chunks the second one is all that could be read so, and without
 * reading ahead their chunks take half the memory (docs/performance.md).
 */
export function readWhen(partSize: number, concurrency: number): ReadWhen {
  if (concurrency === 1) return 'ahead'
  return partSize > 2 * chunkBytes ? 'now' : 'asked'
}

/**
 * Memory for one part at a time: two chunks, or one where it is read when asked for, reused by every part that a worker sends.
 *
 * They are enough because undici asks for a chunk only when the one before was flushed, as long as that one is larger than
 * the socket's high-water mark; only the last two chunks of a part can be smaller.
 */
export class PartBuffers {
  readonly when: ReadWhen
  /** The chunks are in its memory: it reads them where they are. */
  readonly crc: Crc64
  readonly #whole: readonly Uint8Array[]

  constructor(when: ReadWhen = 'ahead') {
    const count = when === 'asked' ? 1 : 2
    this.when = when
    this.crc = new Crc64(count * bufferBytes)
    this.#whole = Array.from({ length: count }, (_, index) => this.#view(index, chunkBytes))
  }

  chunk(index: number, size: number): Uint8Array {
    const whole = size === chunkBytes ? this.#whole[index] : undefined
    return whole ?? this.#view(index, size)
  }

  #view(index: number, size: number): Uint8Array {
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
  readonly #records: RecordBatch | undefined
  #reading: Reading | undefined

  /**
   * @param onBytes called with the bytes of each chunk once the consumer is done with it.
   * @param records are written before the first byte is handed out
   */
  constructor(
    source: Source,
    range: PartRange,
    buffers: PartBuffers,
    onBytes: (count: number) => void = () => {},
    records?: RecordBatch,
  ) {
    this.contentLength = range.size
    this.#source = source
    this.#range = range
    this.#buffers = buffers
    this.#onBytes = onBytes
    this.#records = records
  }

  open(): AsyncIterable<Uint8Array> {
    const before = this.#reading?.settled()
    this.#reading = new Reading(
      this.#source,
      this.#range,
      this.#buffers,
      this.#onBytes,
      before,
      this.#records,
    )
    return this.#reading
  }

  /** CRC-64 of the part, decimal; undefined until every byte of it was read. */
  get crc64(): string | undefined {
    return this.#reading?.crc64
  }

  /** Stops handing out chunks and waits for the read that is under way: after this the buffers are free. */
  settled(): Promise<void> {
    return this.#reading?.settled() ?? ended
  }
}

const done = { done: true, value: undefined } as const
const ended = Promise.resolve()
const nothing = (): void => {}
const nothingRead = new Uint8Array()

/** One pass over a part, which is its own iterator: it can be made once. */
class Reading implements AsyncIterableIterator<Uint8Array>, ChunkIterator {
  readonly #source: Source
  readonly #range: PartRange
  readonly #buffers: PartBuffers
  readonly #onBytes: (count: number) => void
  /** To be written before anything is handed out. */
  #records: RecordBatch | undefined
  #position = 0
  #taken = 0
  #unreported = 0
  #index: 0 | 1 = 0
  /** The last read was made at once: so will the next one be, when it is due, and none has to be ahead of its time. */
  #readsNow = false
  /** The read that is under way, or the last one; fails if that has failed. Undefined once everything was handed out. */
  #pending: Promise<void> | undefined
  /** What it fills. */
  #filled: Uint8Array = nothingRead
  /** What is left of the last read once all but the tail was handed out. */
  #tail: Uint8Array | undefined
  /** Once everything was read: fails when the source is not what was opened. */
  #unchanged: Promise<void> | undefined
  #stopped = false
  #crc64: string | undefined

  /** @param before the end of the pass that used the buffers until now */
  constructor(
    source: Source,
    range: PartRange,
    buffers: PartBuffers,
    onBytes: (count: number) => void,
    before: Promise<void> | undefined,
    records: RecordBatch | undefined,
  ) {
    this.#source = source
    this.#range = range
    this.#buffers = buffers
    this.#onBytes = onBytes
    this.#records = records
    if (before === undefined) this.#begin()
    else {
      this.#pending = before.then(() => this.#begin())
      this.#pending.catch(nothing)
    }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  get crc64(): string | undefined {
    if (this.#taken < this.#range.size) return undefined
    // Computed once: it is asked for twice, and takes up to 90 us.
    this.#crc64 ??= formatCrc64(this.#buffers.crc.digest())
    return this.#crc64
  }

  /** No async function, like all that runs for each chunk: its frame would be garbage of twice the size. */
  next(): Promise<IteratorResult<Uint8Array>> {
    this.#report()
    if (this.#tail !== undefined) return this.#handLast(this.#tail)
    if (this.#isDue()) this.#readNext()
    return this.#pending === undefined ? Promise.resolve(done) : this.#pending.then(this.#take)
  }

  nextNow(): IteratorResult<Uint8Array> | undefined {
    if (!this.#isDue()) return undefined
    this.#report()
    this.#readNext()
    // It is more than a tail, which has to wait for the look at the source: no read but the first is as small as that.
    return this.#readsNow ? this.#handFilled() : undefined
  }

  #report(): void {
    if (this.#unreported > 0) this.#onBytes(this.#unreported)
    this.#unreported = 0
  }

  /** Nothing was read ahead: the last chunk was flushed, else no more would be asked for. Once stopped it may serve another part. */
  #isDue(): boolean {
    const isAllTaken = this.#taken > 0 && this.#taken === this.#position
    return isAllTaken && this.#position < this.#range.size && !this.#stopped
  }

  readonly #take = (): IteratorResult<Uint8Array> | Promise<IteratorResult<Uint8Array>> => {
    if (this.#stopped) return done
    const records = this.#records
    if (records !== undefined) {
      this.#records = undefined
      return records.write().then(this.#take)
    }
    if (this.#position < this.#range.size || this.#filled.byteLength > tailBytes) {
      return this.#handFilled()
    }
    this.#look()
    return this.#handLast(this.#filled)
  }

  /** All that was read last, but for a tail. */
  #handFilled(): IteratorResult<Uint8Array> {
    const filled = this.#filled
    if (this.#position < this.#range.size) {
      if (this.#buffers.when !== 'asked' && !this.#readsNow) this.#readAhead()
      return this.#hand(filled)
    }
    this.#look()
    const front = filled.byteLength - tailBytes
    this.#tail = filled.subarray(front)
    return this.#hand(filled.subarray(0, front))
  }

  #look(): void {
    this.#unchanged = this.#source.assertUnchanged(this.#range.size === this.#source.size)
    // Nobody may ask for the tail any more; the error is thrown to whoever does.
    this.#unchanged.catch(nothing)
  }

  async #handLast(bytes: Uint8Array): Promise<IteratorResult<Uint8Array>> {
    if (this.#stopped) return done
    // I7: everything has been read now, and without the tail OSS stores nothing.
    await this.#unchanged
    if (this.#stopped) return done
    this.#tail = undefined
    this.#pending = undefined
    return this.#hand(bytes)
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.settled()
    return done
  }

  settled(): Promise<void> {
    this.#stopped = true
    return this.#pending?.then(() => this.#unchanged).catch(nothing) ?? ended
  }

  #hand(bytes: Uint8Array): IteratorResult<Uint8Array> {
    this.#buffers.crc.update(bytes)
    this.#taken += bytes.byteLength
    this.#unreported = bytes.byteLength
    return { done: false, value: bytes }
  }

  #begin(): Promise<void> {
    this.#buffers.crc.reset()
    return this.#readNext()
  }

  /** Into the other chunk, which was flushed, else this one would not have been asked for. */
  #readAhead(): void {
    this.#index = this.#index === 0 ? 1 : 0
    this.#readNext()
  }

  #readNext(): Promise<void> {
    const rest = this.#range.size - this.#position
    const size = rest <= bufferBytes ? rest : chunkBytes
    const position = this.#range.offset + this.#position
    this.#filled = this.#buffers.chunk(this.#index, size)
    // The first chunk is left to another thread: the disk may have to be woken, or be out of reach.
    const mayBeNow = this.#buffers.when === 'now' && this.#position > 0
    this.#position += size
    this.#readsNow = mayBeNow && this.#source.readNow?.(this.#filled, position) === true
    this.#pending = this.#readsNow ? ended : this.#source.read(this.#filled, position)
    // As above: it may never be asked for.
    this.#pending.catch(nothing)
    return this.#pending
  }
}
