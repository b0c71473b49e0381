// Owns how the pieces of a large body flow into undici's agent: as those of a stream, each handed on in the moment in which it is there.

import { EventEmitter } from 'node:events'
import type { WatchedBody } from './watched-body.js'

/**
 * undici also takes an iterator, and then every piece goes through some promises before it is written. Meanwhile the other connections read
 * their chunks, and this one has left the processor's caches: 10 % of the processor time of an upload over TLS (docs/performance.md).
 *
 * It has what undici asks of a stream (its `util.isStream` and `writeStream`), and no buffer of its own, which a `Readable` has: nothing is
 * fetched before undici asks for it. A small part is better off as an iterator: undici keeps more about a stream.
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

  /** Makes it a stream in undici's eyes; never called. */
  pipe(): never {
    throw new Error('a body is sent by undici alone')
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
