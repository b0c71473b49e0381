// Owns how many parts may be in flight: less at once when OSS throttles, and more again little by little.

import { ConcurrencySearch } from './concurrency-search.js'

/** Parts that must be acknowledged, for each that may be in flight, before one more may be. */
const acknowledgedPerRaise = 2

/** Where the number is found by itself: with how many connections it begins. */
const firstGuess = 4

/** Milliseconds until the first look at what the network takes, and from a step to the next look. */
const firstLookMs = 25

/** Grants attempts at parts in the order in which they are asked for, at most {@link ConcurrencyLimit.current} at a time. */
export class ConcurrencyLimit {
  readonly #most: number
  readonly #now: () => number
  readonly #search: ConcurrencySearch | undefined
  readonly #busy: () => number
  readonly #listeners = new Set<() => void>()
  #current: number
  #active = 0
  #acknowledged = 0
  #loweredAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  readonly #waiting: (() => void)[] = []

  /**
   * @param most 1..1000
   * @param now milliseconds of a clock that never goes back
   * @param how `fixed` begins with `most`; `search` finds what the link can use, up to `most`
   */
  constructor(
    most: number,
    now: () => number = () => performance.now(),
    how: 'fixed' | 'search' = 'fixed',
  ) {
    this.#most = most
    this.#search = how === 'search' ? new ConcurrencySearch(firstGuess, most) : undefined
    this.#current = this.#search?.current ?? most
    // Only a search asks, and only what is asked for is loaded.
    this.#busy = this.#search === undefined ? () => 0 : busyShare()
    this.#now = now
  }

  get current(): number {
    return this.#current
  }

  /** While somebody listens, it also looks for itself at what the network takes. @returns what ends it. */
  onRaise(listener: () => void): () => void {
    this.#listeners.add(listener)
    this.#lookLater(firstLookMs)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) clearTimeout(this.#timer)
    }
  }

  /**
   * Waits for leave to make one attempt.
   *
   * @returns what ends it: to be called once.
   * @throws `signal.reason` when the signal aborted.
   */
  async enter(signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted()
    if (this.#active >= this.#current || this.#waiting.length > 0) await this.#turn(signal)
    else this.#active += 1
    let over = false
    return () => {
      if (over) return
      over = true
      this.#active -= 1
      this.#admit()
    }
  }

  /**
   * Halves the limit, once for all attempts that were under way together: what they met is one and the same trouble.
   *
   * @param startedAt of the attempt that was throttled, on the clock of this limit
   * @returns true when the limit is lower than before.
   */
  throttled(startedAt: number): boolean {
    this.#acknowledged = 0
    if (startedAt < this.#loweredAt) return false
    this.#loweredAt = this.#now()
    if (this.#current === 1) return false
    this.#current = Math.floor(this.#current / 2)
    this.#search?.lowered(this.#current)
    return true
  }

  /**
   * A connection was lost, or went silent: a part of those that were added is given up, never of those that an upload begins with.
   * A number that somebody has asked for is kept all the same.
   */
  lost(startedAt: number): void {
    if (this.#search === undefined || this.#current <= firstGuess) return
    if (startedAt < this.#loweredAt) return
    this.#loweredAt = this.#now()
    this.#acknowledged = 0
    this.#current = Math.max(firstGuess, Math.floor(this.#current / 2))
    this.#search.lowered(this.#current)
  }

  /** The network took bytes of a part. */
  sent(bytes: number): void {
    this.#search?.sent(bytes, this.#now())
  }

  /** A part was taken by OSS. @param bytes its size */
  acknowledged(bytes = 0): void {
    if (this.#loweredAt === Number.NEGATIVE_INFINITY) {
      if (this.#search === undefined) return
      this.#raise(this.#search.acknowledged(bytes, this.#now(), this.#busy))
      return
    }
    if (this.#current === this.#most) return
    this.#acknowledged += 1
    if (this.#acknowledged < this.#current * acknowledgedPerRaise) return
    this.#acknowledged = 0
    this.#raise(this.#current + 1)
  }

  #lookLater(ms: number): void {
    const search = this.#search
    clearTimeout(this.#timer)
    if (search?.looks !== true) return
    this.#timer = setTimeout(() => {
      // Lowered meanwhile: from then on the acknowledged parts raise the number, and the search knows nothing of that.
      if (!search.looks) return
      const before = this.#current
      this.#raise(search.look(this.#now(), this.#busy))
      // A link that takes its time is looked at less and less often.
      this.#lookLater(this.#current > before ? firstLookMs : Math.min(ms * 1.2, 1000))
    }, ms)
    // The connections keep the process alive.
    this.#timer.unref()
  }

  #raise(limit: number): void {
    const isMore = limit > this.#current
    this.#current = limit
    if (!isMore) return
    this.#admit()
    for (const listener of this.#listeners) listener()
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    let leave = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          // At once: whoever leaves in this very turn must not let in somebody who has gone.
          const index = this.#waiting.indexOf(resolve)
          if (index >= 0) this.#waiting.splice(index, 1)
          reject(signal?.reason)
        }
        this.#waiting.push(resolve)
        signal?.addEventListener('abort', onAbort, { once: true })
        leave = () => signal?.removeEventListener('abort', onAbort)
      })
    } finally {
      leave()
    }
  }

  /** Who is let in counts as active from that moment. */
  #admit(): void {
    while (this.#active < this.#current) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#active += 1
      next()
    }
  }
}

/** The share of its time that the event loop was at work since the last call. */
function busyShare(): () => number {
  // Bun and Deno do not measure it: there only the network is heeded.
  if (typeof performance.eventLoopUtilization !== 'function') return () => 0
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}
