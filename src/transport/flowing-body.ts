// Owns how the pieces of a large body flow into undici's agent: as those of a stream, each handed on in the moment in which it is there.

import { EventEmitter } from 'node:events'
import type { WatchedBody } from './watched-body.js'

/**
 * undici also takes an iterator, and then every piece goes through some promises before it is written. Meanwhile the other connections read
 * their chunks, and this one has left the processor's caches: 10 % of the processor time of an upload over TLS, where chunks are there at
 * once (docs/performance.md).
 *
 * It has what undici asks of a stream (its `util.isStream` and `writeStream`), and no buffer of its own, which a `Readable` has: nothing is
 * fetched before undici asks for it.
 *
 * Until there is a connection it is an iterator. A request that is made with a stream assigns a function to a property of itself
 * (`errorHandler`), as it is written there, and V8 puts such functions among its old objects (`set_pretenure` in its parser-base.h). They refer
 * to their request, so that everything about each part stays until a full collection: 4 to 5 KB, and with 1,024 parts V8 doubles the space for
 * its young objects. Taken for a stream only once the request is made, it leaves nothing.
 */
export class FlowingBody extends EventEmitter {
  readonly #pieces: WatchedBody
  #flows = false
  /** A piece is being waited for. */
  #waits = false
  /** In undici's eyes: nothing more comes. */
  destroyed = false

  constructor(pieces: WatchedBody) {
    super()
    this.#pieces = pieces
  }

  /** What undici knows a stream by; never called. */
  pipe: (() => never) | undefined

  /** The request is made, and about to be written. */
  becomeStream(): void {
    this.pipe = neverPiped
  }

  /** What it is before. */
  [Symbol.asyncIterator](): WatchedBody {
    return this.#pieces
  }

  pause(): this {
    this.#flows = false
    return this
  }

  /** undici asks for this at the beginning, and whenever the network has taken everything. */
  resume(): this {
    this.#flows = true
    this.#flow()
    return this
  }

  /** Nothing more is wanted: the request has failed, or is to fail with `error`, such as for a piece too many. */
  destroy(error?: Error): this {
    if (this.destroyed) return this
    this.destroyed = true
    // Its failure is that of the source, which whoever waits for the source hears of.
    this.#pieces.return().catch(() => {})
    // Later, as a stream does, when nobody may listen any more.
    if (error) queueMicrotask(() => this.listenerCount('error') > 0 && this.emit('error', error))
    return this
  }

  #flow(): void {
    while (this.#flows && !this.#waits && !this.destroyed) {
      const piece = this.#pieces.nextNow()
      if (piece === undefined) this.#wait()
      else this.#hand(piece)
    }
  }

  #wait(): void {
    this.#waits = true
    this.#pieces.next().then(this.#came, this.#failed)
  }

  /** Made once, not for each piece. */
  readonly #came = (piece: IteratorResult<Uint8Array>): void => {
    this.#waits = false
    if (this.destroyed) return
    this.#hand(piece)
    this.#flow()
  }

  readonly #failed = (reason: unknown): void => {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('error', reason)
  }

  #hand(piece: IteratorResult<Uint8Array>): void {
    if (!piece.done) {
      this.emit('data', piece.value)
      return
    }
    this.destroyed = true
    this.emit('end')
  }
}

function neverPiped(): never {
  throw new Error('a body is sent by undici alone')
}
