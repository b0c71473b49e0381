// Owns whether the next chunk of a file is read at once, or by another thread.
//
// The page cache hands out 512 KiB in 0.1 ms. Another thread takes as long, and on top of it the handing over and back, and leaves the bytes in the
// caches of another processor than the one that goes on with them (docs/performance.md). But what a disk or a network has to be waited for must
// not hold up the connections.

/** Milliseconds. Chunks that take longer on the average do not come from the page cache, but from a disk of less than 500 MB/s. */
const slowMs = 1
/** The average is that of so many reads: one alone may have taken long because another process had its turn. */
const averaged = 16
/** For so long after slow reads other threads wait for the disk; then it is tried again. */
const patienceMs = 1_000
/** Everything else has its turn after so long, even where the network takes all at once, or nothing is sent at all. */
const turnMs = 25

export class ReadPace {
  #meanMs = 0
  #patientUntil = 0
  #turnBegan: number | undefined

  /** Whether the next read may be made at once. */
  isQuick(): boolean {
    const now = performance.now()
    if (now < this.#patientUntil) return false
    if (this.#turnBegan === undefined) {
      this.#turnBegan = now
      setImmediate(() => {
        this.#turnBegan = undefined
      })
    }
    return now - this.#turnBegan < turnMs
  }

  /** A read at once has taken `ms`. */
  took(ms: number): void {
    this.#meanMs += (ms - this.#meanMs) / averaged
    if (this.#meanMs < slowMs) return
    this.#meanMs = 0
    this.#patientUntil = performance.now() + patienceMs
  }
}
