// Owns how a body is handed to the network: in pieces whose acceptance shows that it moves, and with care where that is asked for.

import type { ChunkIterator, RequestBody } from './transport.js'
import type { Watchdog } from './watchdog.js'

/** Whether the network of a transport has been quick lately; shared by its connections. */
export interface Pace {
  quick: boolean
}

/**
 * On a slow link a whole chunk of half a MiB may be under way for minutes, and nothing shows that it moves. 64 KiB is not less
 * than what a socket takes without asking for patience, and so it is not asked for the next piece before this one is flushed:
 * the producer may reuse its memory then.
 */
const pieceBytes = 64 * 1024
/** A quick network is given this much at once: below 256 KiB the cost per piece shows. */
const quickPieceBytes = 512 * 1024
/** Milliseconds for 512 KiB: below, a network is quick; above, it is slow. In between it stays what it was. */
const quickMs = 1_000
const slowMs = 2_000
/**
 * undici hands Node the headers and the first piece together, and before it encrypts them Node copies both into memory of its own, which
 * for a whole chunk takes 2 to 4 % of the processor time of an upload. So the first piece of a large chunk is a small one.
 */
const secureFirstBytes = 4 * 1024
const largeChunkBytes = 256 * 1024
/** Milliseconds that a cautious request gives the other side to refuse its headers. */
const cautionMs = 500

/** Whose body it is. */
export interface BodyOwner {
  /** Nothing more is to be sent; and where nothing was yet, what the body reads into may serve another one by now. */
  readonly isOver: boolean
  /** Over after `ms`, or with the exchange. */
  pause(ms: number): Promise<void>
}

export interface WatchedBodyOptions {
  readonly watchdog: Watchdog
  readonly pace: Pace
  /** Hands out one byte, and the rest half a second later. */
  readonly cautious: boolean
  /** Over TLS. */
  readonly secure: boolean
  readonly exchange: BodyOwner
}

/** The pieces of a body. */
export interface WatchedBody extends AsyncIterableIterator<Uint8Array>, ChunkIterator {
  nextNow(): IteratorResult<Uint8Array> | undefined
  return(): Promise<IteratorResult<Uint8Array>>
}

/**
 * For one reader: it is its own iterator.
 *
 * @param opened what the body has opened already; else it is opened when it is first asked for
 */
export function watchedBody(
  body: RequestBody,
  opened: AsyncIterable<Uint8Array> | undefined,
  options: WatchedBodyOptions,
): WatchedBody {
  return new Pieces(body, opened, options)
}

const done = { done: true, value: undefined } as const

/** Without async functions, and without a closure for each chunk: this runs for each chunk, and is there for each part under way. */
class Pieces implements WatchedBody {
  readonly #body: RequestBody
  readonly #options: WatchedBodyOptions
  #chunks: ChunkIterator | undefined
  #rest: Uint8Array | undefined
  #handed = 0
  #handedAt = 0
  /** The next chunk may begin with a piece that is smaller than others. */
  #isFirst = true
  #pauses = false

  constructor(
    body: RequestBody,
    opened: AsyncIterable<Uint8Array> | undefined,
    options: WatchedBodyOptions,
  ) {
    this.#body = body
    this.#chunks = opened?.[Symbol.asyncIterator]()
    this.#options = options
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    // Whoever is told that there is no more does not end the source.
    if (this.#options.exchange.isOver) return this.return()
    this.#measure()
    const rest = this.#rest
    if (rest === undefined) {
      this.#options.watchdog.reading()
      this.#chunks ??= openChunks(this.#body)
      return this.#chunks.next().then(this.#handChunk)
    }
    if (!this.#pauses) return Promise.resolve(this.#handPiece(rest))
    this.#pauses = false
    return this.#options.exchange.pause(cautionMs).then(() => this.#handPiece(rest))
  }

  nextNow(): IteratorResult<Uint8Array> | undefined {
    if (this.#options.exchange.isOver || this.#pauses) return undefined
    this.#measure()
    if (this.#rest !== undefined) return this.#handPiece(this.#rest)
    const chunk = this.#chunks?.nextNow?.()
    return chunk && this.#handChunk(chunk)
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.#chunks?.return?.()
    return done
  }

  #measure(): void {
    if (this.#handed === 0) return
    const ms = performance.now() - this.#handedAt
    const msForHalfMiB = (ms * quickPieceBytes) / this.#handed
    if (msForHalfMiB < quickMs) this.#options.pace.quick = true
    else if (msForHalfMiB > slowMs) this.#options.pace.quick = false
  }

  /** Made once, not for each chunk. */
  readonly #handChunk = (chunk: IteratorResult<Uint8Array>): IteratorResult<Uint8Array> => {
    if (chunk.done) {
      this.#options.watchdog.sent(this.#body.contentLength)
      return done
    }
    const { cautious } = this.#options
    const first = this.#firstBytesOf(chunk.value)
    // A first chunk of one byte does not end the caution.
    this.#isFirst &&= cautious && first === 0
    if (first === 0) return this.#handPiece(chunk.value)
    this.#pauses = cautious
    this.#rest = chunk.value.subarray(first)
    return this.#hand(chunk.value.subarray(0, first))
  }

  /** @returns 0 where the first piece is like all others */
  #firstBytesOf({ byteLength }: Uint8Array): number {
    if (!this.#isFirst) return 0
    const { cautious, secure } = this.#options
    if (cautious) return byteLength > 1 ? 1 : 0
    return secure && byteLength >= largeChunkBytes ? secureFirstBytes : 0
  }

  #handPiece(whole: Uint8Array): IteratorResult<Uint8Array> {
    const size = this.#options.pace.quick ? quickPieceBytes : pieceBytes
    // The last piece takes what would be too little for one of its own.
    const isLast = whole.byteLength < 2 * size
    this.#rest = isLast ? undefined : whole.subarray(size)
    return this.#hand(isLast ? whole : whole.subarray(0, size))
  }

  #hand(piece: Uint8Array): IteratorResult<Uint8Array> {
    // Too little says nothing: the machine's own buffer took it.
    this.#handed = piece.byteLength >= pieceBytes ? piece.byteLength : 0
    this.#handedAt = performance.now()
    this.#options.watchdog.sending()
    return { done: false, value: piece }
  }
}

function openChunks(body: RequestBody): ChunkIterator {
  const opened = body.open()
  return (opened instanceof Uint8Array ? wholeAndTail(opened) : opened)[Symbol.asyncIterator]()
}

/**
 * undici takes the socket for still busy, and destroys it, when the answer arrives before the last bytes have drained: a few
 * bytes at the end are taken at once.
 */
async function* wholeAndTail(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  const tail = Math.max(0, bytes.byteLength - 8 * 1024)
  if (tail > 0) yield bytes.subarray(0, tail)
  yield bytes.subarray(tail)
}
