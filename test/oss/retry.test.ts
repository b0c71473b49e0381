// Which failures are tried again, how often and after how long: as tables over codes, statuses and ways to repeat.

import { describe, expect, it } from 'vitest'
import {
  defaultRetryPolicy,
  judge,
  parseRetryAfter,
  pauseBefore,
  type Repetition,
  Retries,
  type RetryReason,
  type Verdict,
} from '../../src/oss/retry.js'
import { OssError, OssServiceError } from '../../src/primitives/errors.js'

const repetitions: readonly Repetition[] = ['always', 'unless-sent', 'never']

const answer = (status: number, code: string, more: { ec?: string; retryAfter?: number } = {}) =>
  new OssServiceError('x', { code, status, ...more })
const failure = (code: string, cause?: string) =>
  new OssError('x', {
    code,
    ...(cause !== undefined && { cause: Object.assign(new Error('y'), { code: cause }) }),
  })

/** A verdict in short: `network`, `unreachable<=3`, `throttle after 5`, `fail`. */
const short = (verdict: Verdict): string =>
  verdict.kind === 'retry'
    ? [
        `${verdict.reason}${verdict.atMost === undefined ? '' : `<=${verdict.atMost}`}`,
        ...(verdict.after === undefined ? [] : [`after ${verdict.after}`]),
      ].join(' ')
    : verdict.kind

const judged = (error: unknown, reached = true): string =>
  repetitions.map((repetition) => short(judge(error, repetition, reached))).join(' | ')

describe('judge: what OSS answers', () => {
  it.each([
    // status, code; always | unless-sent | never
    [503, 'ServiceUnavailable', 'throttle | throttle | fail'],
    [503, 'UploadTrafficRateLimitExceeded', 'throttle | throttle | fail'],
    [503, 'DownloadTrafficRateLimitExceeded', 'throttle | throttle | fail'],
    [503, 'TotalTrafficRateLimitExceeded', 'throttle | throttle | fail'],
    [503, 'TotalQpsLimitExceeded', 'throttle | throttle | fail'],
    [503, 'MetaOperationQpsLimitExceeded', 'throttle | throttle | fail'],
    [503, 'QpsLimitExceeded', 'throttle | throttle | fail'],
    [503, 'RequestLimitExceeded', 'throttle | throttle | fail'],
    [400, 'QpsLimitExceeded', 'throttle | throttle | fail'],
    [503, 'HttpStatus503', 'throttle | throttle | fail'],
    [429, 'HttpStatus429', 'throttle | throttle | fail'],
    [429, 'Whatever', 'throttle | throttle | fail'],
    [503, 'Other', 'server | fail | fail'],
    [500, 'InternalError', 'server | fail | fail'],
    [200, 'InternalError', 'server | fail | fail'],
    [502, 'HttpStatus502', 'server | fail | fail'],
    [504, 'HttpStatus504', 'server | fail | fail'],
    [599, 'HttpStatus599', 'server | fail | fail'],
    [408, 'HttpStatus408', 'server | fail | fail'],
    [400, 'RequestTimeout', 'server | fail | fail'],
    [401, 'HttpStatus401', 'server<=3 | fail | fail'],
    [400, 'InvalidDigest', 'damaged<=2 | fail | fail'],
    [403, 'SecurityTokenExpired', 'refresh | refresh | refresh'],
    [403, 'InvalidSecurityToken', 'refresh | refresh | refresh'],
    [403, 'AccessKeyIdAndSecurityTokenNotMatch', 'refresh | refresh | refresh'],
    [403, 'InvalidAccessKeyId', 'refresh | refresh | refresh'],
    [403, 'RequestTimeTooSkewed', 'skew | skew | skew'],
    [403, 'AccessDenied', 'fail | fail | fail'],
    [403, 'SignatureDoesNotMatch', 'fail | fail | fail'],
    [403, 'HttpStatus403', 'fail | fail | fail'],
    [404, 'NoSuchUpload', 'fail | fail | fail'],
    [404, 'NoSuchBucket', 'fail | fail | fail'],
    [409, 'FileAlreadyExists', 'fail | fail | fail'],
    [409, 'PartAlreadyExist', 'fail | fail | fail'],
    [400, 'InvalidPart', 'fail | fail | fail'],
    [400, 'EntityTooLarge', 'fail | fail | fail'],
    [203, 'CallbackFailed', 'fail | fail | fail'],
    [301, 'HttpStatus301', 'fail | fail | fail'],
    [302, 'HttpStatus302', 'fail | fail | fail'],
    [407, 'HttpStatus407', 'fail | fail | fail'],
    [499, 'HttpStatus499', 'fail | fail | fail'],
  ])('%i %s: %s', (status, code, verdicts) => {
    expect(judged(answer(status, code))).toBe(verdicts)
    expect(judged(answer(status, code), false)).toBe(verdicts)
  })

  it.each([
    ['0002-00000007', 'refresh'],
    ['0002-00000504', 'skew'],
    ['0002-00000999', 'fail'],
  ])('an answer without a document is judged by its EC %s: %s', (ec, kind) => {
    expect(judge(answer(403, 'HttpStatus403', { ec }), 'never', true).kind).toBe(kind)
  })

  it('Retry-After goes along where waiting helps', () => {
    const error = (status: number, code: string) => answer(status, code, { retryAfter: 7 })
    expect(judged(error(503, 'HttpStatus503'))).toBe('throttle after 7 | throttle after 7 | fail')
    expect(judged(error(500, 'InternalError'))).toBe('server after 7 | fail | fail')
    expect(judged(error(400, 'InvalidDigest'))).toBe('damaged<=2 | fail | fail')
  })
})

describe('judge: what never was an answer', () => {
  it.each([
    ['ERR_OSS_TRANSPORT', undefined, 'network | fail | fail'],
    ['ERR_OSS_TRANSPORT', 'ECONNRESET', 'network | fail | fail'],
    ['ERR_OSS_TRANSPORT', 'EPIPE', 'network | fail | fail'],
    ['ERR_OSS_TRANSPORT', 'UND_ERR_SOCKET', 'network | fail | fail'],
    ['ERR_OSS_TIMEOUT', undefined, 'network | fail | fail'],
    ['ERR_OSS_MALFORMED_RESPONSE', undefined, 'network | fail | fail'],
    ['ERR_OSS_TRANSPORT', 'ECONNREFUSED', 'unreachable | unreachable | fail'],
    ['ERR_OSS_TRANSPORT', 'ENOTFOUND', 'unreachable | unreachable | fail'],
    ['ERR_OSS_TRANSPORT', 'EAI_AGAIN', 'unreachable | unreachable | fail'],
    ['ERR_OSS_TRANSPORT', 'EHOSTUNREACH', 'unreachable | unreachable | fail'],
    ['ERR_OSS_TRANSPORT', 'ENETUNREACH', 'unreachable | unreachable | fail'],
    ['ERR_OSS_TRANSPORT', 'ENETDOWN', 'unreachable | unreachable | fail'],
    ['ERR_OSS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'unreachable | unreachable | fail'],
    ['ERR_OSS_TRANSPORT', 'CERT_HAS_EXPIRED', 'fail | fail | fail'],
    ['ERR_OSS_TRANSPORT', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'fail | fail | fail'],
    ['ERR_OSS_CHECKSUM_MISMATCH', undefined, 'damaged<=3 | fail | fail'],
    ['ERR_OSS_CREDENTIALS', undefined, 'fail | fail | fail'],
    ['ERR_OSS_SOURCE', 'EIO', 'fail | fail | fail'],
    ['ERR_OSS_SOURCE_CHANGED', undefined, 'fail | fail | fail'],
    ['ERR_OSS_CHECKPOINT_IO', 'ENOSPC', 'fail | fail | fail'],
    ['ERR_OSS_AMBIGUOUS', undefined, 'fail | fail | fail'],
  ])('%s of %s: %s', (code, cause, verdicts) => {
    expect(judged(failure(code, cause))).toBe(verdicts)
  })

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT'])(
    '%s, before OSS has ever answered, is likely to stay: three attempts',
    (cause) => {
      const error = failure('ERR_OSS_TRANSPORT', cause)
      expect(judged(error, false)).toBe('unreachable<=3 | unreachable<=3 | fail')
    },
  )

  it.each([new Error('x'), new TypeError('x'), 'x', undefined, { code: 'ERR_OSS_TRANSPORT' }])(
    'not our error: %s',
    (error) => expect(judged(error)).toBe('fail | fail | fail'),
  )
})

const retry = (reason: RetryReason, more: { after?: number; atMost?: number } = {}) =>
  ({ kind: 'retry', reason, ...more }) as const

describe('pauseBefore', () => {
  const policy = { baseDelay: 200, maxDelay: 20_000 }

  it.each([
    [1, 200],
    [2, 400],
    [3, 800],
    [7, 12_800],
    [8, 20_000],
    [100, 20_000],
    [2000, 20_000],
  ])('after failure %i is a random share of %i ms', (failures, limit) => {
    expect(pauseBefore(policy, retry('network'), failures, 0)).toBe(0)
    expect(pauseBefore(policy, retry('network'), failures, 0.5)).toBe(limit / 2)
    expect(pauseBefore(policy, retry('network'), failures, 1 - 2 ** -40)).toBe(limit)
  })

  it('is longer when OSS throttles, up to the same limit', () => {
    expect(pauseBefore(policy, retry('throttle'), 1, 0.5)).toBe(500)
    expect(pauseBefore(policy, retry('throttle'), 20, 0.5)).toBe(10_000)
  })

  it('is never shorter than what OSS asks for, also above maxDelay', () => {
    expect(pauseBefore(policy, retry('throttle', { after: 60_000 }), 1, 0.9)).toBe(60_000)
    expect(pauseBefore(policy, retry('server', { after: 1 }), 1, 0.5)).toBe(100)
  })

  it('is none with a baseDelay or a maxDelay of 0', () => {
    expect(pauseBefore({ baseDelay: 0, maxDelay: 20_000 }, retry('network'), 9, 0.9)).toBe(0)
    expect(pauseBefore({ baseDelay: 200, maxDelay: 0 }, retry('network'), 9, 0.9)).toBe(0)
  })
})

describe('parseRetryAfter', () => {
  const now = new Date('2026-01-02T03:04:05Z')

  it.each([
    ['0', 0],
    ['1', 1000],
    [' 30 ', 30_000],
    ['300', 300_000],
    ['301', 300_000],
    ['999999999', 300_000],
    ['Fri, 02 Jan 2026 03:04:15 GMT', 10_000],
    ['Fri, 02 Jan 2026 03:04:05 GMT', 0],
    ['Thu, 01 Jan 2026 03:04:05 GMT', 0],
    ['Sat, 03 Jan 2026 03:04:05 GMT', 300_000],
  ])('%j is %i ms', (text, ms) => expect(parseRetryAfter(text, now)).toBe(ms))

  it.each([
    undefined,
    '',
    ' ',
    '-1',
    '1.5',
    '1e3',
    'soon',
    '1234567890',
    'Fri, nonsense',
    '2026-01-02',
  ])('%j is none', (text) => expect(parseRetryAfter(text, now)).toBeUndefined())
})

describe('Retries', () => {
  const policy = { ...defaultRetryPolicy, attempts: 3, throttleTime: 1000, baseDelay: 100 }
  const after = (retries: Retries, verdict: Verdict & { kind: 'retry' }, now = 0) =>
    retries.after(verdict, now, now, 0.5)

  it('has one less than attempts, with growing pauses', () => {
    const retries = new Retries(policy)
    expect([1, 2, 3].map(() => after(retries, retry('network')))).toEqual([50, 100, undefined])
    expect(after(new Retries({ ...policy, attempts: 1 }), retry('network'))).toBeUndefined()
  })

  it('stops earlier where waiting does not help', () => {
    const retries = new Retries(policy)
    expect(after(retries, retry('damaged', { atMost: 2 }))).toBe(50)
    expect(after(retries, retry('damaged', { atMost: 2 }))).toBeUndefined()
    expect(after(new Retries(policy), retry('damaged', { atMost: 1 }))).toBeUndefined()
  })

  it('does not count throttling, which ends when nothing else has happened for throttleTime', () => {
    const retries = new Retries(policy)
    for (const now of [0, 500, 999]) {
      expect(retries.after(retry('throttle'), now, now, 0), String(now)).toBe(0)
    }
    expect(retries.after(retry('throttle'), 1000, 1000, 0)).toBeUndefined()
  })

  it('counts the time of throttling from the beginning of its first attempt', () => {
    const retries = new Retries(policy)
    expect(retries.after(retry('throttle'), 0, 999, 0)).toBe(0)
    expect(retries.after(retry('throttle'), 999, 1000, 0)).toBeUndefined()
    expect(new Retries(policy).after(retry('throttle'), 0, 1000, 0)).toBeUndefined()
  })

  it('begins the time of throttling anew after another failure, and keeps what that counted', () => {
    const retries = new Retries(policy)
    expect(after(retries, retry('throttle'), 0)).toBe(250)
    expect(after(retries, retry('network'), 900)).toBe(50)
    expect(after(retries, retry('throttle'), 1500)).toBe(250)
    expect(after(retries, retry('network'), 1600)).toBe(100)
    expect(after(retries, retry('network'), 1700)).toBeUndefined()
  })

  it('is off with attempts 1, for throttling too', () => {
    expect(after(new Retries({ ...policy, attempts: 1 }), retry('throttle'))).toBeUndefined()
    expect(after(new Retries({ ...policy, throttleTime: 0 }), retry('throttle'))).toBeUndefined()
  })
})
