import { describe, expect, it } from 'vitest'
import { RequestLog } from '../../src/cli/request-log.js'
import type { WatchedEvent } from '../../src/cli/request-words.js'

const minute = 60_000

function scene(verbose: boolean) {
  let ms = 0
  const log = new RequestLog(verbose, () => ms)
  return {
    log,
    wait: (add: number) => {
      ms += add
    },
    said: (event: WatchedEvent) => log.words(event).map(({ text }) => text),
  }
}

const attempt = (partNumber: number, code?: string, number = 1): WatchedEvent => ({
  ...{ type: 'attempt', operation: 'UploadPart', partNumber, attempt: number, durationMs: 10 },
  ...(code === undefined ? { status: 200 } : { code }),
})
const retry = (partNumber: number, number = 1, waitMs = 100): WatchedEvent => ({
  ...{ type: 'retry', operation: 'UploadPart', partNumber, attempt: number, waitMs },
  ...{ reason: 'network', code: 'ERR_OSS_TRANSPORT', cause: 'ECONNRESET' },
})
const throttle = (concurrency: number): WatchedEvent => ({
  ...{ type: 'throttle', concurrency, code: 'ServiceUnavailable' },
})
const stall: WatchedEvent = {
  ...{ type: 'stall', operation: 'UploadPart', partNumber: 1, phase: 'sending', idleMs: 30_000 },
}

describe('what is tried again', () => {
  it('is counted, with why the last of it failed', () => {
    const { log, said } = scene(false)
    expect([log.retrying, log.cause]).toEqual([0, undefined])
    for (const event of [attempt(1, 'InternalError'), retry(1), attempt(2, 'ERR_OSS_TIMEOUT')]) {
      said(event)
    }
    said(retry(2))
    expect([log.retrying, log.cause]).toEqual([2, 'a time limit passed'])
    said(attempt(1))
    expect(log.retrying).toBe(1)
  })
})

describe('without --verbose', () => {
  it('attempts and single retries are silent', () => {
    const { said } = scene(false)
    for (const event of [attempt(1), attempt(2, 'x'), retry(2), attempt(2, 'x', 2), retry(2, 2)]) {
      expect(said(event)).toEqual([])
    }
  })

  it('retries that pile up are said, and less and less often', () => {
    const { said, wait } = scene(false)
    const times: number[] = []
    for (let second = 0; second < 1_800; second++) {
      if (said(retry(1, 4 + second)).length > 0) times.push(second)
      wait(1_000)
    }
    expect(times).toEqual([0, 60, 180, 420, 900, 1500])
  })

  it('so is a long wait, even if it is the first', () => {
    const { said } = scene(false)
    expect(said(retry(1, 1, 9_999))).toEqual([])
    expect(said(retry(1, 1, 10_000))).toEqual([
      'part 1: attempt 1 failed: ECONNRESET; again in 10 s',
    ])
  })

  it('of throttling each step down is said, and not the ups and downs after it', () => {
    const { said, wait } = scene(false)
    for (const step of [4, 2, 1]) expect(said(throttle(step))).toHaveLength(1)
    for (const step of [1, 2, 1]) expect(said(throttle(step))).toEqual([])
    wait(10 * minute)
    expect(said(throttle(2))).toHaveLength(1)
    expect(said(throttle(1))).toHaveLength(1)
  })

  it('what stalls all parts is said once', () => {
    const { said, wait } = scene(false)
    expect(said(stall)).toEqual(['no byte moved for 30 s; waiting'])
    expect(said(stall)).toEqual([])
    wait(30_000)
    expect(said(stall)).toHaveLength(1)
  })

  it('a wrong clock is said, and of credentials only that there are none', () => {
    const { said } = scene(false)
    expect(said({ type: 'skew', offsetMs: 3_600_000, source: 'ServerTime' })).toHaveLength(1)
    const refresh = { type: 'refresh', code: 'SecurityTokenExpired' } as const
    expect(said({ ...refresh, result: 'refreshed' })).toEqual([])
    expect(said({ ...refresh, result: 'unchanged' })).toEqual([])
    expect(said({ ...refresh, result: 'failed' })).toHaveLength(1)
    expect(said({ ...refresh, result: 'failed' })).toEqual([])
  })
})

describe('with --verbose', () => {
  it('each attempt is a line, and a failed one has its retry on it', () => {
    const { said } = scene(true)
    expect(said(attempt(1))).toEqual(['part 1: UploadPart answered 200 in 10 ms'])
    expect(said(attempt(2, 'ERR_OSS_TRANSPORT'))).toEqual([])
    expect(said(retry(2))).toEqual([
      'part 2: UploadPart attempt 1 failed after 10 ms: no complete answer; again in 100 ms',
    ])
  })

  it('a failed attempt without a retry is said before what comes next, or at the end', () => {
    const { said, log } = scene(true)
    said(attempt(2, 'ERR_OSS_TIMEOUT'))
    expect(said(throttle(2))).toEqual([
      'part 2: UploadPart attempt 1 failed after 10 ms: a time limit passed',
      'OSS asks for less (ServiceUnavailable): 2 parts at a time',
    ])
    expect(said(retry(2))).toHaveLength(1)
    said(attempt(3, 'x'))
    expect(log.flush()).toHaveLength(1)
    expect(log.flush()).toEqual([])
  })

  it('everything else is a line too, each time', () => {
    const { said } = scene(true)
    const skew = { type: 'skew', offsetMs: 3_600_000, source: 'Date' } as const
    const refresh = { type: 'refresh', code: 'c', result: 'refreshed' } as const
    for (const event of [stall, stall, throttle(1), throttle(1), skew, refresh]) {
      expect(said(event)).toHaveLength(1)
    }
  })
})

describe('retrying', () => {
  it.each([true, false])('counts the requests that have not got over a failure', (verbose) => {
    const { log, said } = scene(verbose)
    for (const event of [attempt(1, 'x'), retry(1), attempt(2, 'x'), retry(2)]) said(event)
    expect(log.retrying).toBe(2)
    for (const event of [attempt(1, 'x', 2), retry(1, 2)]) said(event)
    expect(log.retrying).toBe(2)
    said(attempt(1))
    expect(log.retrying).toBe(1)
    said(attempt(2, 'x', 2))
    expect(log.retrying).toBe(0)
  })
})
