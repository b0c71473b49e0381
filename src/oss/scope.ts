// Owns what requests that belong together share, such as those of one upload, and the events that tell of each attempt.

import type { FailedAttempt } from '../primitives/errors.js'
import type { Stall } from '../transport/transport.js'
import type { RetryBudget, RetryOptions, RetryReason } from './retry.js'

interface RequestDetails {
  /** OSS's name of the operation. */
  readonly operation: string
  /** Of an UploadPart. */
  readonly partNumber?: number
}

export type RequestEvent =
  /** A request was answered, or failed; `code` is there when it failed. */
  | (RequestDetails & {
      readonly type: 'attempt'
      /** 1 for the first. */
      readonly attempt: number
      readonly durationMs: number
      readonly status?: number
      readonly code?: string
      readonly cause?: string
      readonly requestId?: string
      readonly ec?: string
    })
  /** It will be tried again after `waitMs`. */
  | (RequestDetails & {
      readonly type: 'retry'
      /** Of the attempt that failed. */
      readonly attempt: number
      readonly reason: RetryReason
      readonly code: string
      readonly cause?: string
      readonly waitMs: number
    })
  /** OSS refused the credentials, and was it possible to get others? */
  | {
      readonly type: 'refresh'
      readonly code: string
      readonly result: 'refreshed' | 'unchanged' | 'failed'
    }
  /** The clock is off by this much: ahead of OSS's when negative. Requests are signed with the corrected time from now on. */
  | { readonly type: 'skew'; readonly offsetMs: number; readonly source: 'ServerTime' | 'Date' }
  /** Half of a time limit has passed without a byte. */
  | (RequestDetails & { readonly type: 'stall' } & Stall)

export interface RequestScope {
  /** Members that are not given are the client's. */
  readonly retry?: RetryOptions | undefined
  readonly budget?: RetryBudget | undefined
  /** Waits for leave to make an attempt at a part; the function that it gives ends that. */
  readonly admit?: ((signal: AbortSignal | undefined) => Promise<() => void>) | undefined
  /** OSS has asked for less, in an attempt that began at `startedAt` of `performance.now()`. */
  readonly throttled?: ((startedAt: number, attempt: FailedAttempt) => void) | undefined
  /** A connection was lost, or went silent, in an attempt at a part that began then. */
  readonly lost?: ((startedAt: number) => void) | undefined
  readonly onEvent?: ((event: RequestEvent) => void) | undefined
}
