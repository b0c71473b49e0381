// Joins the attempts of requests that follow one another for one purpose, so that the last error tells of all of them.

import type { RetryReason } from '../oss/retry.js'
import { type FailedAttempt, OssError } from '../primitives/errors.js'

/** As many as one request tells of. */
const maxHistory = 50

export class AttemptHistory {
  #before: readonly FailedAttempt[] = []

  /** Puts the attempts of earlier requests before those of a failure: to be called once for each. */
  join(error: unknown): void {
    if (!(error instanceof OssError) || error.attempts === undefined) return
    error.attempts = [...this.#before, ...error.attempts].slice(-maxHistory)
  }

  /** The failure, which was joined, is not the end: another request follows. */
  goOn(error: unknown, verdict: RetryReason, waitMs: number): void {
    const attempts = error instanceof OssError ? (error.attempts ?? []) : []
    this.#before = attempts.map((attempt, index) =>
      index === attempts.length - 1 ? { ...attempt, verdict, waitMs } : attempt,
    )
  }
}
