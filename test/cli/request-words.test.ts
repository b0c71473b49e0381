import { describe, expect, it } from 'vitest'
import {
  attemptWords,
  causeOf,
  formatSpan,
  isWatched,
  refreshWords,
  retryWords,
  skewWords,
  stallWords,
  throttleWords,
} from '../../src/cli/request-words.js'

type Attempt = Parameters<typeof attemptWords>[0]
type Retry = Parameters<typeof retryWords>[0]

const part3 = { operation: 'UploadPart', partNumber: 3 } as const
const answered: Attempt = { type: 'attempt', ...part3, attempt: 1, durationMs: 412, status: 200 }
const reset: Attempt = {
  ...{ type: 'attempt', ...part3, attempt: 2, durationMs: 120 },
  ...{ code: 'ERR_OSS_TRANSPORT', cause: 'ECONNRESET' },
}
const again: Retry = {
  ...{ type: 'retry', ...part3, attempt: 2, reason: 'network', waitMs: 380 },
  ...{ code: 'ERR_OSS_TRANSPORT', cause: 'ECONNRESET' },
}

describe('attempts', () => {
  it('that are answered say how soon, and by which name OSS knows them', () => {
    expect(attemptWords({ ...answered, requestId: 'R' })).toEqual({
      kind: 'note',
      text: 'part 3: UploadPart answered 200 in 412 ms (request id R)',
    })
    expect(attemptWords({ ...answered, attempt: 2 }).text).toBe(
      'part 3: UploadPart answered 200 in 412 ms, attempt 2',
    )
    const { partNumber: _, ...whole } = answered
    expect(attemptWords({ ...whole, operation: 'PutObject' }).text).toMatch(/^PutObject answered/)
  })

  it('that fail say why, and on the same line when the next one is', () => {
    const failed = 'part 3: UploadPart attempt 2 failed after 120 ms: ECONNRESET'
    expect(attemptWords(reset).text).toBe(failed)
    expect(attemptWords(reset, again).text).toBe(`${failed}; again in 380 ms`)
    const refused = {
      ...answered,
      status: 503,
      code: 'ServiceUnavailable',
      ec: '1',
      requestId: 'R',
    }
    expect(attemptWords(refused).text).toContain(
      'failed after 412 ms: 503 ServiceUnavailable (request id R, EC 1)',
    )
  })

  it('that are made again can be told without the first', () => {
    expect(retryWords(again).text).toBe('part 3: attempt 2 failed: ECONNRESET; again in 380 ms')
    const { partNumber: _, cause: __, ...whole } = again
    expect(retryWords({ ...whole, operation: 'PutObject' }).text).toBe(
      'PutObject: attempt 2 failed: no complete answer; again in 380 ms',
    )
  })
})

describe('waiting', () => {
  it('is explained by throttling', () => {
    const text = 'OSS asks for less (ServiceUnavailable): 4 parts at a time'
    const event = { type: 'throttle', concurrency: 4, code: 'ServiceUnavailable' } as const
    expect(throttleWords(event)).toEqual({ kind: 'note', text })
    expect(throttleWords({ ...event, concurrency: 1 }).text).toContain('1 part at a time')
  })

  it('is explained by a stall', () => {
    const event = { type: 'stall', ...part3, phase: 'sending', idleMs: 30_004 } as const
    expect(stallWords(event, false).text).toBe('no byte moved for 30 s; waiting')
    expect(stallWords(event, true).text).toBe('part 3: no byte moved for 30 s; waiting')
    const complete = { ...event, operation: 'CompleteMultipartUpload', phase: 'answer' } as const
    const { partNumber: _, ...whole } = complete
    expect(stallWords(whole, true).text).toBe(
      'CompleteMultipartUpload: no answer for 30 s; waiting',
    )
  })
})

describe('a wrong clock', () => {
  it.each([
    [7_500_000, 'ServerTime', '2 h 5 min behind: requests are signed with OSS’s time'],
    [-259_200_000, 'ServerTime', '3 d ahead: requests are signed with OSS’s time'],
    [
      3_600_000,
      'Date',
      '1 h behind: requests are signed with the time that the answer was dated with',
    ],
  ] as const)('is a warning: %i ms by %s', (offsetMs, source, text) => {
    expect(skewWords({ type: 'skew', offsetMs, source })).toEqual({
      kind: 'warning',
      text: `this machine's clock is ${text.replace('’', "'")}`,
    })
  })
})

describe('refused credentials', () => {
  it.each([
    ['refreshed', 'note', 'others are used from now on'],
    ['unchanged', 'note', 'there are no others'],
    ['failed', 'warning', 'and getting others failed'],
  ] as const)('%s: a %s', (result, kind, text) => {
    expect(refreshWords({ type: 'refresh', code: 'SecurityTokenExpired', result })).toEqual({
      kind,
      text: expect.stringContaining(text),
    })
  })
})

describe('causeOf', () => {
  it.each([
    [{ code: 'InternalError', status: 500 }, '500 InternalError'],
    [{ code: 'HttpStatus502', status: 502 }, 'status 502'],
    [{ code: 'ERR_OSS_TRANSPORT', cause: 'ECONNRESET' }, 'ECONNRESET'],
    [{ code: 'ERR_OSS_TRANSPORT', cause: 'UND_ERR_SOCKET' }, 'the connection was closed'],
    [{ code: 'ERR_OSS_TIMEOUT' }, 'a time limit passed'],
    [{ code: 'ERR_OSS_MALFORMED_RESPONSE' }, "the answer is not OSS's"],
    [{ code: 'Unheard' }, 'Unheard'],
    [{}, ''],
  ])('of %j is %j', (attempt, text) => {
    expect(causeOf(attempt)).toBe(text)
  })
})

describe('formatSpan', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1 s'],
    [6_240, '6.2 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min'],
    [125_000, '2 min 5 s'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 min'],
    [86_400_000 + 5_000, '1 d'],
    [3 * 86_400_000 + 3_600_000, '3 d 1 h'],
  ])('%d is %s', (ms, text) => {
    expect(formatSpan(ms)).toBe(text)
  })
})

describe('isWatched', () => {
  it('tells events of requests from those of the upload', () => {
    expect(isWatched(answered)).toBe(true)
    expect(isWatched({ type: 'throttle', concurrency: 1, code: 'c' })).toBe(true)
    expect(isWatched({ type: 'repair', partNumber: 1 })).toBe(false)
  })
})
