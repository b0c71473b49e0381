// Owns the end of one request: told once, with its reason, to all that have to stop.

import { EventEmitter } from 'node:events'

/**
 * What an AbortController and its signal are, for a request: undici takes either for a signal. A controller for each request costs
 * 1 KB, and on Node 20 its signal is taken for something that lives long: only a full garbage collection removes it
 * (docs/performance.md, "Memory").
 */
export class Ending extends EventEmitter<{ abort: [] }> {
  #isTold = false
  #reason: unknown

  get aborted(): boolean {
    return this.#isTold
  }

  get reason(): unknown {
    return this.#reason
  }

  /** The first reason counts. */
  abort(reason: unknown): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#reason = reason
    this.emit('abort')
  }
}
