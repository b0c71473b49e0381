import { describe, expect, it } from 'vitest'
import { historyLines, recommendedDoc } from '../../src/cli/attempt-history.js'
import type { FailedAttempt } from '../../src/primitives/errors.js'

const attempt = (more: Partial<FailedAttempt> = {}): FailedAttempt => ({
  startedAt: '2025-01-02T03:04:05.678Z',
  durationMs: 120,
  code: 'ERR_OSS_TRANSPORT',
  cause: 'ECONNRESET',
  verdict: 'network',
  waitMs: 400,
  ...more,
})
const last = attempt({ verdict: 'fail' })

describe('historyLines', () => {
  it('of a single attempt there are none: the error says it all', () => {
    expect(historyLines([])).toEqual([])
    expect(historyLines([last])).toEqual([])
  })

  it('say when, how long, why, and what came then', () => {
    const { waitMs: _, ...final } = last
    const service = { code: 'ServiceUnavailable', status: 503, requestId: 'R' }
    const { cause: __, ...throttled } = attempt({ ...service, verdict: 'throttle', waitMs: 6_240 })
    const { waitMs: ___, ...token } = attempt({ code: 'SecurityTokenExpired', status: 403 })
    expect(
      historyLines([
        attempt(),
        throttled,
        { ...token, verdict: 'refresh' },
        { ...token, code: 'RequestTimeTooSkewed', verdict: 'skew' },
        final,
      ]),
    ).toEqual([
      'attempt 1 at 03:04:05Z, 120 ms: ECONNRESET; then waited 400 ms',
      'attempt 2 at 03:04:05Z, 120 ms: 503 ServiceUnavailable (request id R); then waited 6.2 s',
      'attempt 3 at 03:04:05Z, 120 ms: 403 SecurityTokenExpired; then got other credentials',
      'attempt 4 at 03:04:05Z, 120 ms: 403 RequestTimeTooSkewed; then corrected the clock',
      'attempt 5 at 03:04:05Z, 120 ms: ECONNRESET',
    ])
  })

  it.each([
    [2, 2],
    [8, 8],
    [9, 8],
    [50, 8],
  ])('of %i attempts there are %i', (attempts, lines) => {
    expect(historyLines(Array(attempts).fill(attempt()))).toHaveLength(lines)
  })

  it('leave out the middle, and say what was in it', () => {
    const alike = historyLines(Array(12).fill(attempt()))
    expect(alike[3]).toMatch(/^attempt 4 /)
    expect(alike[4]).toBe('... 5 more like it')
    expect(alike[5]).toMatch(/^attempt 10 /)
    const mixed = [500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510].map((status) =>
      attempt({ code: `HttpStatus${status}`, status }),
    )
    expect(historyLines(mixed)[4]).toBe('... 4 more: status 504, status 505, status 506, ...')
  })

  it('number nothing where the first attempts have been dropped', () => {
    expect(historyLines(Array(50).fill(attempt()))[0]).toMatch(/^attempt at 03:04:05Z/)
    expect(historyLines(Array(49).fill(attempt()))[0]).toMatch(/^attempt 1 at/)
  })
})

describe('recommendedDoc', () => {
  it.each([
    'https://api.aliyun.com/troubleshoot?q=0042-00000002',
    'https://api.alibabacloud.com/troubleshoot?q=0042-00000002',
    'https://help.aliyun.com/a/b',
    ' https://www.alibabacloud.com/help\n',
  ])('is shown: %j', (url) => {
    expect(recommendedDoc(url)).toBe(url.trim())
  })

  it.each([
    undefined,
    '',
    'api.aliyun.com',
    'http://api.aliyun.com/troubleshoot',
    'https://evil.example/api.aliyun.com',
    'https://api.aliyun.com.evil.example/',
    'https://notaliyun.com/',
    'https://api.aliyun.com@evil.example/',
    'https://user@api.aliyun.com/',
    'https://api.aliyun.com:8443/',
    'javascript:alert(1)',
    `https://api.aliyun.com/${'x'.repeat(300)}`,
  ])('is not shown: %j', (url) => {
    expect(recommendedDoc(url)).toBeUndefined()
  })

  it('cannot break a line', () => {
    expect(recommendedDoc('https://api.aliyun.com/a\nb\u202ec d')).toBe(
      'https://api.aliyun.com/ab%E2%80%AEc%20d',
    )
  })
})
