// Owns how much of what happens to single requests is said: everything with --verbose, else what explains that nothing moves.

import type { UploadEvent } from '../upload/events.js'
import type { Words } from './event-words.js'
import {
  attemptWords,
  causeOf,
  refreshWords,
  retryWords,
  skewWords,
  stallWords,
  throttleWords,
  type WatchedEvent,
} from './request-words.js'

type Attempt = Extract<UploadEvent, { readonly type: 'attempt' }>
type Retry = Extract<UploadEvent, { readonly type: 'retry' }>
type Throttle = Extract<UploadEvent, { readonly type: 'throttle' }>

/** What concerns all parts in flight comes from each of them: it is said once in this time. */
const quietMs = 30_000
const longestQuietMs = 10 * 60_000
/** Fewer failures of one request are everyday life of a network. */
const worthSaying = 4
/** So is a shorter wait. */
const longWaitMs = 10_000

export class RequestLog {
  readonly #verbose: boolean
  readonly #now: () => number
  readonly #saidAt = new Map<string, number>()
  readonly #retrying = new Set<string>()
  #cause: string | undefined
  /** A failed attempt, until it is known whether there is another one. */
  #failed: Attempt | undefined
  #lowest = Number.POSITIVE_INFINITY
  #retryQuietMs = quietMs

  /** @param now milliseconds of a clock that never goes back */
  constructor(verbose: boolean, now: () => number) {
    this.#verbose = verbose
    this.#now = now
  }

  /** Requests that have failed, and are waiting to be tried again or being tried. */
  get retrying(): number {
    return this.#retrying.size
  }

  /** Why the last of them failed. */
  get cause(): string | undefined {
    return this.#cause
  }

  /** What to say about an event, if anything. */
  words(event: WatchedEvent): readonly Words[] {
    this.#count(event)
    if (!this.#verbose) return this.#calmWords(event)
    const failed = this.#failed
    if (event.type === 'retry' && failed !== undefined && nameOf(failed) === nameOf(event)) {
      this.#failed = undefined
      return [attemptWords(failed, event)]
    }
    const before = this.flush()
    if (event.type !== 'attempt' || event.code === undefined) return [...before, inFull(event)]
    this.#failed = event
    return before
  }

  /** What was held back, and has to be said now because something else is. */
  flush(): readonly Words[] {
    const failed = this.#failed
    this.#failed = undefined
    return failed === undefined ? [] : [attemptWords(failed)]
  }

  #count(event: WatchedEvent): void {
    if (event.type === 'retry') this.#retrying.add(nameOf(event))
    if (event.type === 'attempt') this.#retrying.delete(nameOf(event))
    if (event.type === 'attempt' && event.code !== undefined) this.#cause = causeOf(event)
  }

  #calmWords(event: WatchedEvent): readonly Words[] {
    switch (event.type) {
      case 'attempt':
        return []
      case 'retry':
        return this.#isPile(event) ? [retryWords(event)] : []
      case 'throttle':
        return this.#isNews(event) ? [throttleWords(event)] : []
      case 'refresh':
        return event.result === 'failed' && this.#isDue('refresh') ? [refreshWords(event)] : []
      case 'skew':
        return [skewWords(event)]
      case 'stall':
        return this.#isDue('stall') ? [stallWords(event, false)] : []
    }
  }

  /** Less and less often: what has been wrong for an hour is no news. */
  #isPile({ attempt, waitMs }: Retry): boolean {
    if (attempt < worthSaying && waitMs < longWaitMs) return false
    if (!this.#isDue('retry', this.#retryQuietMs)) return false
    this.#retryQuietMs = Math.min(2 * this.#retryQuietMs, longestQuietMs)
    return true
  }

  /** Each step down is said; that it goes up and down afterwards is not. */
  #isNews({ concurrency }: Throttle): boolean {
    const lower = concurrency < this.#lowest
    if (!this.#isDue('throttle', lower ? 0 : longestQuietMs)) return false
    this.#lowest = concurrency
    return true
  }

  #isDue(what: string, ms = quietMs): boolean {
    const now = this.#now()
    if (now - (this.#saidAt.get(what) ?? Number.NEGATIVE_INFINITY) < ms) return false
    this.#saidAt.set(what, now)
    return true
  }
}

function nameOf({ operation, partNumber = 0 }: Attempt | Retry): string {
  return `${operation} ${partNumber}`
}

function inFull(event: WatchedEvent): Words {
  switch (event.type) {
    case 'attempt':
      return attemptWords(event)
    case 'retry':
      return retryWords(event)
    case 'throttle':
      return throttleWords(event)
    case 'refresh':
      return refreshWords(event)
    case 'skew':
      return skewWords(event)
    case 'stall':
      return stallWords(event, true)
  }
}
