// Owns the time limits of one request: how long it may go without progress, what it waits for, and the error that says so.

import { OssError } from '../primitives/errors.js'
import type { Stall, Timeouts } from './transport.js'

/**
 * What was handed to the network may sit in the machine's send buffer for some time after; 4 MiB is what Linux gives a
 * connection at most (net.ipv4.tcp_wmem), and 32 KiB/s a link that is still of use.
 */
const sendBufferBytes = 4 * 1024 * 1024
const slowestBytesPerMs = 32

/** Node's timers overflow above 24 days. */
const longestTimerMs = 24 * 3600_000

/** Watches one request. {@link Watchdog.end} must be called when it has settled. */
export class Watchdog {
  readonly #timeouts: Timeouts
  readonly #onStall: ((stall: Stall) => void) | undefined
  readonly #abort: (reason: OssError) => void
  #timer: NodeJS.Timeout | undefined
  #phase: Stall['phase'] = 'answer'
  #limit: number
  #movedAt = performance.now()
  #ringsAt = 0
  #told = false
  #isOver = false

  /** @param abort ends the request with the error of the limit that has passed */
  constructor(
    timeouts: Timeouts,
    onStall: ((stall: Stall) => void) | undefined,
    abort: (reason: OssError) => void,
  ) {
    this.#timeouts = timeouts
    this.#onStall = onStall
    this.#abort = abort
    this.#limit = timeouts.answerTimeout
    if (this.#limit < Number.POSITIVE_INFINITY) this.#arm(this.#limit / 2)
  }

  /** The network has asked for bytes, so it has taken those before. */
  sending(): void {
    this.#phase = 'sending'
    this.#limit = this.#timeouts.idleTimeout
    this.#moved()
  }

  /** Bytes are fetched from their source, which is no matter of the network. */
  reading(): void {
    this.#limit = Number.POSITIVE_INFINITY
    this.#moved()
  }

  /** Everything was handed over: the answer is due, once `bodyBytes` have left the machine. */
  sent(bodyBytes: number): void {
    this.#phase = 'answer'
    this.#limit =
      this.#timeouts.answerTimeout + Math.min(bodyBytes, sendBufferBytes) / slowestBytesPerMs
    this.#moved()
  }

  /** Some of the answer is there. */
  answered(): void {
    this.#phase = 'answer'
    this.#limit = this.#timeouts.answerTimeout
    this.#moved()
  }

  /** For good: a body that undici lets go of late may still tell of itself. */
  end(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #moved(): void {
    if (this.#isOver) return
    this.#movedAt = performance.now()
    this.#told = false
    if (this.#limit === Number.POSITIVE_INFINITY) return
    // The timer is left alone unless it rings too late, as after a longer limit: setting one for every chunk would cost more than
    // looking at the clock when it rings.
    const half = this.#limit / 2
    if (this.#timer === undefined || this.#ringsAt > this.#movedAt + half + 1) this.#arm(half)
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer)
    const delay = Math.min(Math.max(1, Math.ceil(ms)), longestTimerMs)
    this.#ringsAt = performance.now() + delay
    this.#timer = setTimeout(() => this.#look(), delay)
    // The socket keeps the process alive; a limit alone must not.
    this.#timer.unref()
  }

  #look(): void {
    this.#timer = undefined
    const limit = this.#limit
    if (limit === Number.POSITIVE_INFINITY) return
    const idleMs = performance.now() - this.#movedAt
    if (idleMs >= limit) {
      this.#abort(this.#passed(limit))
      return
    }
    const half = limit / 2
    if (idleMs >= half && !this.#told) {
      this.#told = true
      this.#onStall?.({ phase: this.#phase, idleMs: Math.round(idleMs) })
    }
    this.#arm((this.#told ? limit : half) - idleMs)
  }

  #passed(limit: number): OssError {
    const seconds = Math.round(limit / 100) / 10
    const what =
      this.#phase === 'sending'
        ? `the network took no byte for ${seconds} s (idleTimeout)`
        : `no byte of the answer came for ${seconds} s (answerTimeout)`
    return new OssError(what, {
      code: 'ERR_OSS_TIMEOUT',
      hint: 'check the network, or run again later',
    })
  }
}
