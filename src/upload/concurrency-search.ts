// Pure: finds how many connections a link can use, from how fast bytes leave and parts are acknowledged.

/**
 * What one more connection gains is gained in proportion, up to the point where the link is full; beyond it nothing is gained and
 * little is lost. So too few are dear and too many are cheap, and the search goes up in doubles.
 *
 * At first, before any part is acknowledged, it goes by what the network takes: while that is so quick that a part takes a moment,
 * and this process has time left, there is no reason to wait. On a slow link it waits for acknowledged parts, which cannot be
 * mistaken for what only fills the buffers on the way.
 */
export class ConcurrencySearch {
  readonly #first: number
  readonly #most: number
  #current: number
  #young = true
  #startedAt: number | undefined
  /** Since there are so many connections. */
  #sentBytes = 0
  #grewAt: number | undefined
  #window: Window | undefined
  /** Bytes per millisecond, with the connections before the present ones. */
  #before: { readonly connections: number; readonly rate: number } | undefined
  /** Windows to stay as it is, once more connections have not helped. */
  #rests = 0

  constructor(start: number, most: number) {
    this.#first = Math.min(start, most)
    this.#current = this.#first
    this.#most = most
  }

  get current(): number {
    return this.#current
  }

  /** The network took bytes. @param now milliseconds */
  sent(bytes: number, now: number): void {
    this.#sentBytes += bytes
    this.#startedAt ??= now
    this.#grewAt ??= now
  }

  /** As long as it is of use to look at what the network takes: until there are as many connections as may be, or a part has come through. */
  get looks(): boolean {
    return this.#young && this.#current < this.#most
  }

  /**
   * Looks at what the network takes. To be called from time to time, and not when bytes were taken: buffers on the way are filled in no
   * time, by a process that does nothing else, and then for a long while no byte is taken from anybody.
   *
   * @param busy the share of its time that this process was at work since it was asked last
   */
  look(now: number, busy: () => number): number {
    const share = busy()
    const grewAt = this.#grewAt
    if (!this.looks || grewAt === undefined || share > idleShare) return this.#current
    // Each of them has had something to do since there are so many.
    if (this.#sentBytes < this.#current * sampleBytes) return this.#current
    const perConnection = this.#sentBytes / Math.max(1, now - grewAt) / this.#current
    if (perConnection < quickBytesPerMs) return this.#current
    this.#grow()
    this.#grewAt = now
    this.#sentBytes = 0
    return this.#current
  }

  /** A part of so many bytes was acknowledged. @param busy as for {@link ConcurrencySearch.look} */
  acknowledged(bytes: number, now: number, busy: () => number): number {
    this.#window ??= this.#young
      ? this.#open(this.#startedAt ?? now, this.#first)
      : this.#open(now, this.#current)
    const window = this.#window
    window.bytes += bytes
    window.parts += 1
    // One part for each connection that there was at its beginning, so that the slowest has had its turn.
    if (window.parts < window.enough || now <= window.since) return this.#current
    this.#young = false
    this.#judge(window.bytes / (now - window.since), busy(), now - window.since)
    this.#window = this.#open(now, this.#current)
    return this.#current
  }

  /** Trouble: half as many, and what was measured before is worth nothing. */
  lowered(current: number): void {
    this.#current = current
    this.#young = false
    this.#window = undefined
    this.#before = undefined
    this.#rests = restWindows
  }

  #judge(rate: number, share: number, tookMs: number): void {
    const before = this.#before
    if (before !== undefined && rate < before.rate * leastGain) {
      // No better than fewer were.
      this.#current = before.connections
      this.#before = undefined
      this.#rests = restWindows
      return
    }
    this.#before = undefined
    if (this.#rests > 0) {
      this.#rests -= 1
      return
    }
    if (this.#current === this.#most || share > idleShare) return
    this.#before = { connections: this.#current, rate }
    // Where an answer takes a moment, a step that turns out too long costs no more than that.
    this.#grow(tookMs < shortMs ? 4 : 2)
  }

  #open(since: number, enough: number): Window {
    return { since, enough, bytes: 0, parts: 0 }
  }

  #grow(factor = 2): void {
    this.#current = Math.min(this.#most, this.#current * factor)
  }
}

interface Window {
  readonly since: number
  readonly enough: number
  bytes: number
  parts: number
}

/** What the network takes of each connection before it says something of the link. */
const sampleBytes = 512 * 1024
/** A process that works more than this is the bottleneck itself: more connections would only cost memory. */
const idleShare = 0.6
/** A connection that takes 1 MiB in a second. On a link that is full it takes the less, the more there are. */
const quickBytesPerMs = 1024
/** A part that is acknowledged within this time makes a short step. */
const shortMs = 3_000
/** More connections are worth their memory for a tenth more. */
const leastGain = 1.1
/** Windows until more connections are tried again: a link may get better. */
const restWindows = 8
