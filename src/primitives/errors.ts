// Owns every error type of the library: one base class with stable codes, one subclass for what OSS answers.

import type { SignatureExplanation } from './signature-explanation.js'

/**
 * What went wrong, for programs. Stable: names are added, never changed or reused.
 *
 * Errors that OSS itself answers are {@link OssServiceError} and carry OSS's own code instead (`NoSuchBucket`, `AccessDenied`, ...).
 */
export type OssErrorCode =
  /** No complete response: DNS, connection refused or reset, TLS. */
  | 'ERR_OSS_TRANSPORT'
  /** A time limit passed; the message names which one. */
  | 'ERR_OSS_TIMEOUT'
  /** A success status whose headers or body do not have the promised shape. */
  | 'ERR_OSS_MALFORMED_RESPONSE'
  /** The CRC-64 (or ETag) of what OSS stored differs from the local bytes. */
  | 'ERR_OSS_CHECKSUM_MISMATCH'
  /** No usable credentials. */
  | 'ERR_OSS_CREDENTIALS'
  /** The source could not be opened or read. */
  | 'ERR_OSS_SOURCE'
  /** The source changed while it was being uploaded. */
  | 'ERR_OSS_SOURCE_CHANGED'
  /** A stream has to be sent again from its start, and cannot be read twice. */
  | 'ERR_OSS_SOURCE_CONSUMED'
  /** A stream is longer than 10,000 parts of the part size. */
  | 'ERR_OSS_SOURCE_TOO_LARGE'
  /** The checkpoint belongs to another destination, part size or set of headers. */
  | 'ERR_OSS_CHECKPOINT_MISMATCH'
  /** Another process holds the checkpoint. */
  | 'ERR_OSS_CHECKPOINT_LOCKED'
  /** The checkpoint could not be read or written. */
  | 'ERR_OSS_CHECKPOINT_IO'
  /** Whether the object is stored cannot be found out; the message says what is known. */
  | 'ERR_OSS_AMBIGUOUS'

/** Where an upload stood when it failed: what is kept, and what running again will do. */
export interface UploadFailure {
  readonly bucket: string
  readonly key: string
  /** Absent when no multipart upload had been initiated. */
  readonly uploadId?: string
  /** Absent when the upload ran without a checkpoint. */
  readonly checkpointPath?: string
  /** True when the same call, made again, continues instead of starting over. */
  readonly resumable: boolean
  /** Upload ids that are still open on OSS and that this library will not touch again: their parts cost money until aborted. */
  readonly abandonedUploadIds: readonly string[]
}

/** One attempt at a request that failed: what a support ticket needs to know of it. */
export interface FailedAttempt {
  /** ISO 8601, by the clock of this machine. */
  readonly startedAt: string
  readonly durationMs: number
  /** OSS's code, or one of {@link OssErrorCode}. */
  readonly code: string
  /** What Node or undici said of the connection, e.g. `ECONNRESET`. */
  readonly cause?: string
  readonly status?: number
  readonly requestId?: string
  readonly ec?: string
  /** What was done about it: `fail`, or the reason for going on. */
  readonly verdict:
    | 'fail'
    | 'refresh'
    | 'skew'
    | 'throttle'
    | 'server'
    | 'network'
    | 'unreachable'
    | 'damaged'
  /** Milliseconds that were waited before the next attempt. */
  readonly waitMs?: number
}

export interface OssErrorOptions {
  readonly code: string
  readonly operation?: string | undefined
  readonly hint?: string | undefined
  readonly cause?: unknown
}

/**
 * Every failure that is not misuse (`TypeError`, `RangeError`) and not cancellation (`signal.reason`).
 *
 * Match on {@link OssError.code}, not with `instanceof`: two copies of the library in one process have two classes.
 */
export class OssError extends Error {
  override readonly name: string = 'OssError'
  readonly code: string
  // `declare`: a plain field would be there with the value undefined, and in everything that prints the error.
  /** The OSS operation that failed, e.g. `UploadPart`. */
  declare readonly operation?: string
  /** One sentence that says what to do next. */
  declare readonly hint?: string
  /** Every attempt at the request that failed, the last 50 of them, in order; absent when the error is of no request. */
  declare attempts?: readonly FailedAttempt[]
  /** Set by `uploadFile`: what happened to the data. */
  declare upload?: UploadFailure

  constructor(message: string, options: OssErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    if (options.operation !== undefined) this.operation = options.operation
    if (options.hint !== undefined) this.hint = options.hint
  }
}

export interface ServerTime {
  readonly time: Date
  /** An element of the error document, or the header, which a proxy may have written. */
  readonly source: 'ServerTime' | 'Date'
}

export interface OssServiceErrorOptions {
  /** OSS's code, e.g. `NoSuchBucket`; `HttpStatus<n>` when the answer carried none. */
  readonly code: string
  readonly status: number
  readonly operation?: string | undefined
  readonly hint?: string | undefined
  readonly requestId?: string | undefined
  readonly hostId?: string | undefined
  readonly ec?: string | undefined
  readonly fields?: Readonly<Record<string, string>>
  readonly retryAfter?: number | undefined
  readonly serverTime?: ServerTime | undefined
  readonly explanation?: SignatureExplanation | undefined
}

/**
 * OSS answered with an error.
 *
 * Fields: https://www.alibabacloud.com/help/en/oss/developer-reference/error-responses
 */
export class OssServiceError extends OssError {
  override readonly name = 'OssServiceError'
  /** HTTP status: 203, 300..599, or another success whose body was an error document. */
  readonly status: number
  readonly requestId: string
  readonly hostId: string
  /** OSS's documented error number, e.g. `0017-00000244`; empty when absent. */
  readonly ec: string
  /** Every other element of the error document by its name, e.g. `ServerTime`, `RecommendDoc`. Secrets are redacted. */
  readonly fields: Readonly<Record<string, string>>
  /** Milliseconds after which OSS wants to be asked again (`Retry-After`), at most 5 minutes. */
  declare readonly retryAfter?: number
  /** OSS's clock when it answered. Not enumerable: it is not what went wrong. */
  declare readonly serverTime?: ServerTime
  /**
   * With `SignatureDoesNotMatch`: how the request was signed, and where OSS saw something else. It shows the request's query
   * and signed headers, but no secret. Not enumerable, so that logs and JSON of errors stay short: `formatExplanation` prints it.
   */
  declare readonly explanation?: SignatureExplanation

  constructor(message: string, options: OssServiceErrorOptions) {
    super(message, options)
    this.status = options.status
    this.requestId = options.requestId ?? ''
    this.hostId = options.hostId ?? ''
    this.ec = options.ec ?? ''
    this.fields = options.fields ?? {}
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter
    if (options.serverTime !== undefined) {
      Object.defineProperty(this, 'serverTime', { value: options.serverTime })
    }
    if (options.explanation !== undefined) {
      Object.defineProperty(this, 'explanation', { value: options.explanation })
    }
  }
}

/** True for errors of Node's own calls, which carry a code such as `ENOENT`. */
export function isNodeError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string'
}
