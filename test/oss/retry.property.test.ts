// What holds of every verdict, pause and Retry-After, whatever the failure is.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  defaultRetryPolicy,
  judge,
  parseRetryAfter,
  pauseBefore,
  Retries,
  type RetryReason,
} from '../../src/oss/retry.js'
import { OssError, OssServiceError } from '../../src/primitives/errors.js'

const numRuns = process.env['SLOW'] === '1' ? 3000 : 300

const anyCode = fc.oneof(
  fc.constantFrom('InternalError', 'QpsLimitExceeded', 'InvalidDigest', 'SecurityTokenExpired'),
  fc.constantFrom('ERR_OSS_TRANSPORT', 'ERR_OSS_TIMEOUT', 'ERR_OSS_CHECKSUM_MISMATCH', '__proto__'),
  fc.string(),
)
const retryAfter = fc.option(fc.nat(300_000), { nil: undefined })
const anyError = fc.oneof(
  fc
    .record({
      code: anyCode,
      status: fc.integer({ min: 203, max: 599 }),
      ec: fc.string(),
      retryAfter,
    })
    .map((options) => new OssServiceError('x', options)),
  fc
    .tuple(anyCode, fc.constantFrom('ECONNRESET', 'ECONNREFUSED', 'ENOTFOUND', 'CERT_X', ''))
    .map(
      ([code, cause]) =>
        new OssError('x', { code, cause: Object.assign(new Error('y'), { code: cause }) }),
    ),
  fc.anything(),
)
const anyReason = fc.constantFrom<RetryReason>('throttle', 'server', 'network', 'damaged')
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const delays = fc.record({
  baseDelay: fc.nat(60_000),
  maxDelay: fc.nat(600_000),
})

it('whatever may have been carried out is not repeated where that may do harm', () => {
  const property = fc.property(anyError, fc.boolean(), (error, reached) => {
    const verdict = judge(error, 'never', reached)
    // Refused for its credentials or its time: nothing was done.
    expect(['fail', 'refresh', 'skew']).toContain(verdict.kind)
    const careful = judge(error, 'unless-sent', reached)
    if (careful.kind === 'retry') expect(['throttle', 'unreachable']).toContain(careful.reason)
  })
  fc.assert(property, { numRuns })
})

it('what is tried again when that may do harm is tried again when it may not', () => {
  const property = fc.property(anyError, fc.boolean(), (error, reached) => {
    const [never, unlessSent, always] = (['never', 'unless-sent', 'always'] as const).map(
      (repetition) => judge(error, repetition, reached),
    )
    if (never?.kind !== 'fail') expect(unlessSent).toEqual(never)
    if (unlessSent?.kind !== 'fail') expect(always).toEqual(unlessSent)
  })
  fc.assert(property, { numRuns })
})

it('a pause is within its limits, a whole number, and at least what OSS asks for', () => {
  const property = fc.property(
    delays,
    anyReason,
    retryAfter,
    fc.integer({ min: 1, max: 10_000 }),
    share,
    (policy, reason, after, failures, random) => {
      const verdict = { kind: 'retry', reason, ...(after !== undefined && { after }) } as const
      const ms = pauseBefore(policy, verdict, failures, random)
      expect(Number.isInteger(ms)).toBe(true)
      expect(ms).toBeGreaterThanOrEqual(after ?? 0)
      expect(ms).toBeLessThanOrEqual(Math.max(after ?? 0, policy.maxDelay))
    },
  )
  fc.assert(property, { numRuns })
})

it('a request that always fails ends after `attempts`, however often it is throttled in between', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 100 }),
    fc.array(fc.nat(3), { minLength: 400, maxLength: 400 }),
    share,
    (attempts, throttles, random) => {
      const retries = new Retries({ ...defaultRetryPolicy, attempts })
      let failures = 0
      for (const count of throttles) {
        const again = { kind: 'retry', reason: 'throttle' } as const
        for (let n = 0; n < count && attempts > 1; n++) {
          expect(retries.after(again, 0, 1, random)).toBeDefined()
        }
        failures += 1
        if (retries.after({ kind: 'retry', reason: 'network' }, 0, 1, random) === undefined) break
      }
      expect(failures).toBe(attempts)
    },
  )
  fc.assert(property, { numRuns: Math.ceil(numRuns / 5) })
})

it('Retry-After is none, or 0 to 5 minutes, whatever is in it', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.nat().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  )
  const property = fc.property(texts, (text) => {
    const ms = parseRetryAfter(text, new Date('2026-01-02T03:04:05Z')) ?? 0
    expect(ms).toBeGreaterThanOrEqual(0)
    expect(ms).toBeLessThanOrEqual(300_000)
  })
  fc.assert(property, { numRuns })
})
