// Pure: which failures are worth another attempt, how many, and after how long. The only place that decides it.

import { isNodeError, OssError, OssServiceError } from '../primitives/errors.js'
import { isTlsFailure } from '../transport/tls-failure.js'

export interface RetryOptions {
  /**
   * Attempts at one request, 1..100, the first included; each part has its own. 1 turns retrying off. Throttling, corrections of
   * the clock and new credentials do not count.
   * @default 10
   */
  readonly attempts?: number | undefined
  /** Milliseconds, 0..60,000: the first pause is random, up to this; the limit doubles from one pause to the next. @default 200 */
  readonly baseDelay?: number | undefined
  /** Milliseconds, 0..600,000: no random pause is longer. A pause that OSS asks for (`Retry-After`) may be. @default 20,000 */
  readonly maxDelay?: number | undefined
  /**
   * Retries, 1..100,000, by which an upload may be ahead of its successes: each retry takes one, each request that succeeds gives
   * one back. When it is used up the next failure ends the upload.
   * @default 200
   */
  readonly budget?: number | undefined
  /** Milliseconds, 0..86,400,000, for which a request goes on while OSS does nothing but throttle it. @default 600,000 */
  readonly throttleTime?: number | undefined
}

export type RetryPolicy = { readonly [K in keyof RetryOptions]-?: number }

/** With these a request outlives some 40 s of trouble on average, and 10 minutes of throttling. */
export const defaultRetryPolicy: RetryPolicy = {
  attempts: 10,
  baseDelay: 200,
  maxDelay: 20_000,
  budget: 200,
  throttleTime: 600_000,
}

const ranges: { readonly [K in keyof RetryPolicy]: readonly [least: number, most: number] } = {
  attempts: [1, 100],
  baseDelay: [0, 60_000],
  maxDelay: [0, 600_000],
  budget: [1, 100_000],
  throttleTime: [0, 86_400_000],
}

/** @throws {TypeError|RangeError} naming the member and what is accepted. */
export function assertRetryOptions(value: unknown): asserts value is RetryOptions {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('retry must be an object such as { attempts: 5 }')
  }
  for (const [name, number] of Object.entries(value)) {
    if (!Object.hasOwn(ranges, name)) throw new TypeError(`unknown option "retry.${name}"`)
    if (number === undefined) continue
    const [least, most] = ranges[name as keyof RetryPolicy]
    if (!Number.isInteger(number) || number < least || number > most) {
      throw new RangeError(
        `retry.${name} must be a whole number, ${least} to ${most}, not ${String(number)}`,
      )
    }
  }
}

/** `base` with those members of `options` that are given. */
export function retryPolicy(base: RetryPolicy, options: RetryOptions | undefined): RetryPolicy {
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined)
  return { ...base, ...Object.fromEntries(given) }
}

/**
 * How a request may be repeated.
 *
 * `always`: doing it twice is doing it once (UploadPart, PutObject, ListParts, HEAD, Abort), or next to it (Initiate).
 * `unless-sent`: only if it cannot have been carried out (everything in sequential mode).
 * `never`: the caller settles a lost answer itself (Complete).
 */
export type Repetition = 'always' | 'unless-sent' | 'never'

export type RetryReason =
  /** OSS asks for less. */
  | 'throttle'
  /** OSS failed. */
  | 'server'
  /** No answer came, or none that can be understood. */
  | 'network'
  /** There was no connection. */
  | 'unreachable'
  /** Other bytes arrived than were sent. */
  | 'damaged'

export type Verdict =
  /** Another attempt cannot do better, or could do harm. */
  | { readonly kind: 'fail' }
  /** New credentials may do better. */
  | { readonly kind: 'refresh' }
  /** The clock that signed is wrong. */
  | { readonly kind: 'skew' }
  | {
      readonly kind: 'retry'
      readonly reason: RetryReason
      /** Milliseconds that OSS asked for. */
      readonly after?: number
      /** Attempts at most, where the cause does not go away by waiting. */
      readonly atMost?: number
    }

/** https://www.alibabacloud.com/help/en/oss/user-guide/0007-common and the 503 pages beside it */
const throttleCodes: ReadonlySet<string> = new Set([
  'ServiceUnavailable',
  'UploadTrafficRateLimitExceeded',
  'DownloadTrafficRateLimitExceeded',
  'TotalTrafficRateLimitExceeded',
  'TotalQpsLimitExceeded',
  'MetaOperationQpsLimitExceeded',
  'QpsLimitExceeded',
  'RequestLimitExceeded',
])

/** https://www.alibabacloud.com/help/en/oss/user-guide/0002-authentication */
const tokenCodes: ReadonlySet<string> = new Set([
  'SecurityTokenExpired',
  'InvalidSecurityToken',
  'AccessKeyIdAndSecurityTokenNotMatch',
  'InvalidAccessKeyId',
])

/** The same by EC, for the answer to a HEAD whose document was lost. */
const codesByEc: ReadonlyMap<string, string> = new Map([
  ['0002-00000007', 'SecurityTokenExpired'],
  ['0002-00000504', 'RequestTimeTooSkewed'],
])

/** Codes that Node and undici give when there was no connection: nothing of the request was sent. */
const unreachableCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
])

/**
 * @param reached OSS has answered this client before: then no connection is trouble on the way, and not a wrong name
 */
export function judge(error: unknown, repetition: Repetition, reached: boolean): Verdict {
  if (!(error instanceof OssError)) return { kind: 'fail' }
  if (error instanceof OssServiceError) return judgeAnswer(error, repetition)
  const cause = isNodeError(error.cause) ? (error.cause.code ?? '') : ''
  switch (error.code) {
    case 'ERR_OSS_TRANSPORT':
    case 'ERR_OSS_TIMEOUT':
      if (isTlsFailure(cause)) return { kind: 'fail' }
      if (unreachableCodes.has(cause)) {
        if (repetition === 'never') return { kind: 'fail' }
        return { kind: 'retry', reason: 'unreachable', ...(!reached && { atMost: 3 }) }
      }
      break
    // The page of a proxy, or half an answer: the next one may be OSS's own.
    case 'ERR_OSS_MALFORMED_RESPONSE':
      break
    case 'ERR_OSS_CHECKSUM_MISMATCH':
      return repetition === 'always'
        ? { kind: 'retry', reason: 'damaged', atMost: 3 }
        : { kind: 'fail' }
    default:
      return { kind: 'fail' }
  }
  return repetition === 'always' ? { kind: 'retry', reason: 'network' } : { kind: 'fail' }
}

function judgeAnswer(error: OssServiceError, repetition: Repetition): Verdict {
  const { status, ec, retryAfter } = error
  const code = codesByEc.get(ec) ?? error.code
  const after = retryAfter === undefined ? {} : { after: retryAfter }
  // These four refuse: nothing was carried out, so that even Complete may come again.
  if (tokenCodes.has(code)) return { kind: 'refresh' }
  if (code === 'RequestTimeTooSkewed') return { kind: 'skew' }
  if (status === 429 || throttleCodes.has(code) || (status === 503 && code === 'HttpStatus503')) {
    return repetition === 'never'
      ? { kind: 'fail' }
      : { kind: 'retry', reason: 'throttle', ...after }
  }
  if (repetition !== 'always') return { kind: 'fail' }
  // The bytes that arrived do not have their Content-MD5: once more, from the source.
  if (code === 'InvalidDigest') return { kind: 'retry', reason: 'damaged', atMost: 2 }
  // OSS refuses with 403. A gateway that wants a login may have been passed by then, or never will be.
  if (code === 'HttpStatus401') return { kind: 'retry', reason: 'server', atMost: 3 }
  if (isServerTrouble(error)) {
    return { kind: 'retry', reason: 'server', ...after }
  }
  return { kind: 'fail' }
}

/**
 * OSS, or a gateway before it, has failed, and has not refused. It gives RequestTimeout, when the body did not arrive in time, as
 * 400; and an InternalError that comes too late for the status is the document of a 200.
 */
export function isServerTrouble({ status, code }: OssServiceError): boolean {
  return status >= 500 || status === 408 || code === 'RequestTimeout' || code === 'InternalError'
}

/** Coming back soon is what throttling asks us not to do. */
const throttleFactor = 5

/**
 * Full jitter: a random share of a limit that doubles, so that many parts that failed together do not come back together.
 *
 * @param failures 1 after the first failed attempt
 * @param random 0 <= random < 1
 * @returns milliseconds
 */
export function pauseBefore(
  policy: Pick<RetryPolicy, 'baseDelay' | 'maxDelay'>,
  verdict: Verdict & { readonly kind: 'retry' },
  failures: number,
  random: number,
): number {
  const base = policy.baseDelay * (verdict.reason === 'throttle' ? throttleFactor : 1)
  // Doubled 30 times it is above every limit; without an end it would be infinite, and nothing times infinity is no number.
  const limit = Math.min(policy.maxDelay, base * 2 ** Math.min(failures - 1, 30))
  return Math.max(verdict.after ?? 0, Math.round(random * limit))
}

/** A proxy's wrong clock must not stop an upload for a day. */
const maxRetryAfterMs = 5 * 60_000

/**
 * Milliseconds that a `Retry-After` header asks for, in seconds or as a date (RFC 9110, section 10.2.3), at most 5 minutes.
 *
 * @returns undefined when there is none, or it is neither.
 */
export function parseRetryAfter(text: string | undefined, now: Date): number | undefined {
  const trimmed = text?.trim() ?? ''
  const isSeconds = /^\d{1,9}$/.test(trimmed)
  if (!isSeconds && !/^[A-Z][a-z]{2}, /.test(trimmed)) return undefined
  const ms = isSeconds ? Number(trimmed) * 1000 : Date.parse(trimmed) - now.getTime()
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), maxRetryAfterMs)
}

/** Counts the failures of one request, and knows when there have been enough. */
export class Retries {
  readonly #policy: RetryPolicy
  #failures = 0
  #throttles = 0
  #throttledSince: number | undefined

  constructor(policy: RetryPolicy) {
    this.#policy = policy
  }

  /**
   * @param startedAt when the attempt that failed began, on the clock of `now`, in milliseconds
   * @returns milliseconds to wait before the next attempt; undefined when there should be none.
   */
  after(
    verdict: Verdict & { readonly kind: 'retry' },
    startedAt: number,
    now: number,
    random: number,
  ): number | undefined {
    const { attempts, throttleTime } = this.#policy
    if (verdict.reason === 'throttle') {
      this.#throttles += 1
      this.#throttledSince ??= startedAt
      // Whoever wants no retries does not want these either.
      const goesOn = attempts > 1 && now - this.#throttledSince < throttleTime
      return goesOn ? pauseBefore(this.#policy, verdict, this.#throttles, random) : undefined
    }
    this.#failures += 1
    this.#throttles = 0
    this.#throttledSince = undefined
    const most = Math.min(attempts, verdict.atMost ?? Number.POSITIVE_INFINITY)
    if (this.#failures >= most) return undefined
    return pauseBefore(this.#policy, verdict, this.#failures, random)
  }
}

/** What an upload may spend on retries: taken by each of them, given back by what succeeds. */
export class RetryBudget {
  readonly #most: number
  #left: number

  constructor(most: number) {
    this.#most = most
    this.#left = most
  }

  /** @returns false when there is nothing left. */
  take(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }

  give(): void {
    this.#left = Math.min(this.#most, this.#left + 1)
  }
}
