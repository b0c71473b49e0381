// Owns how many parts may be in flight: less at once when OSS throttles, and more again little by little.

/** Parts that must be acknowledged, for each that may be in flight, before one more may be. */
const acknowledgedPerRaise = 2

/** Grants attempts at parts in the order in which they are asked for, at most {@link ConcurrencyLimit.current} at a time. */
export class ConcurrencyLimit {
  readonly #most: number
  readonly #now: () => number
  #current: number
  #active = 0
  #acknowledged = 0
  #loweredAt = Number.NEGATIVE_INFINITY
  readonly #waiting: (() => void)[] = []

  /** @param now milliseconds of a clock that never goes back */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most
    this.#current = most
    this.#now = now
  }

  get current(): number {
    return this.#current
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
    return true
  }

  /** A part was taken by OSS. */
  acknowledged(): void {
    if (this.#current === this.#most) return
    this.#acknowledged += 1
    if (this.#acknowledged < this.#current * acknowledgedPerRaise) return
    this.#acknowledged = 0
    this.#current += 1
    this.#admit()
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    let leave = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal?.reason)
        this.#waiting.push(resolve)
        signal?.addEventListener('abort', onAbort, { once: true })
        leave = () => {
          signal?.removeEventListener('abort', onAbort)
          const index = this.#waiting.indexOf(resolve)
          if (index >= 0) this.#waiting.splice(index, 1)
        }
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
