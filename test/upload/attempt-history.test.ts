import { describe, expect, it } from 'vitest'
import { type FailedAttempt, OssError } from '../../src/primitives/errors.js'
import { AttemptHistory } from '../../src/upload/attempt-history.js'

const attempt = (durationMs: number): FailedAttempt => ({
  ...{ startedAt: '2026-01-02T03:04:05.000Z', durationMs },
  ...{ code: 'ERR_OSS_TRANSPORT', verdict: 'fail' },
})

function failure(...attempts: FailedAttempt[]): OssError {
  const error = new OssError('no', { code: 'ERR_OSS_TRANSPORT' })
  if (attempts.length > 0) error.attempts = attempts
  return error
}

describe('AttemptHistory', () => {
  it('lets the last error tell of the requests before it, and what was done about them', () => {
    const history = new AttemptHistory()
    const first = failure(attempt(1), attempt(2))
    history.join(first)
    history.goOn(first, 'network', 7)
    const second = failure(attempt(3))
    history.join(second)
    history.goOn(second, 'server', 8)
    const last = failure(attempt(4))
    history.join(last)
    expect(
      last.attempts?.map(({ durationMs, verdict, waitMs }) => [durationMs, verdict, waitMs]),
    ).toEqual([
      [1, 'fail', undefined],
      [2, 'network', 7],
      [3, 'server', 8],
      [4, 'fail', undefined],
    ])
  })

  it('keeps the last 50', () => {
    const history = new AttemptHistory()
    for (let n = 1; n <= 60; n++) {
      const error = failure(attempt(n))
      history.join(error)
      history.goOn(error, 'server', 0)
      if (n < 60) continue
      expect(error.attempts).toHaveLength(50)
      expect(error.attempts?.[0]?.durationMs).toBe(11)
    }
  })

  it('leaves alone what is no request’s error', () => {
    const history = new AttemptHistory()
    const plain = failure()
    history.join(plain)
    history.goOn(plain, 'server', 0)
    history.join(new TypeError('misuse'))
    expect(plain).not.toHaveProperty('attempts')
  })
})
