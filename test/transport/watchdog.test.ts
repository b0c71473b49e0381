// The time limits of one request, on a clock that the test moves.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { OssError } from '../../src/primitives/errors.js'
import type { Stall } from '../../src/transport/transport.js'
import { Watchdog } from '../../src/transport/watchdog.js'

const timeouts = { idleTimeout: 1000, answerTimeout: 4000 }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function watch(limits = timeouts) {
  const stalls: Stall[] = []
  const passed: OssError[] = []
  const watchdog = new Watchdog(
    limits,
    (stall) => stalls.push(stall),
    (reason) => passed.push(reason),
  )
  return { watchdog, stalls, passed }
}
const wait = (ms: number) => vi.advanceTimersByTime(ms)

describe('a limit', () => {
  it('to the time without a byte sent is idleTimeout', () => {
    const { watchdog, passed } = watch()
    watchdog.sending()
    wait(999)
    expect(passed).toEqual([])
    wait(1)
    expect(passed).toMatchObject([
      {
        code: 'ERR_OSS_TIMEOUT',
        message: 'the network took no byte for 1 s (idleTimeout)',
        hint: expect.any(String),
      },
    ])
    wait(100_000)
    expect(passed).toHaveLength(1)
  })

  it('to the time without an answer is answerTimeout, also before anything is sent', () => {
    const { passed } = watch()
    wait(3999)
    expect(passed).toEqual([])
    wait(1)
    expect(passed).toMatchObject([
      { message: 'no byte of the answer came for 4 s (answerTimeout)', code: 'ERR_OSS_TIMEOUT' },
    ])
  })

  it.each([
    [0, 4000],
    [32_000, 5000],
    [4 * 1024 * 1024, 4000 + 131_072],
    [5 * 1024 ** 3, 4000 + 131_072],
  ])('after a body of %i bytes is %i ms: its end may still be in the machine', (bytes, limit) => {
    const { watchdog, passed } = watch()
    watchdog.sent(bytes)
    wait(limit - 1)
    expect(passed).toEqual([])
    wait(1)
    expect(passed).toHaveLength(1)
  })

  it('begins anew with each byte, however long all of them take', () => {
    const { watchdog, passed, stalls } = watch()
    for (let piece = 0; piece < 1000; piece++) {
      watchdog.sending()
      wait(499)
    }
    watchdog.sent(0)
    for (let piece = 0; piece < 1000; piece++) {
      wait(1999)
      watchdog.answered()
    }
    expect([passed, stalls]).toEqual([[], []])
    wait(4000)
    expect(passed).toHaveLength(1)
  })

  it('is none while the source is being read, and is there again for the next piece', () => {
    const { watchdog, passed, stalls } = watch()
    watchdog.sending()
    wait(400)
    watchdog.reading()
    wait(3_600_000)
    expect([passed, stalls]).toEqual([[], []])
    watchdog.sending()
    wait(1000)
    expect(passed).toHaveLength(1)
  })

  it('that is shorter than the one before is noticed in time', () => {
    const { watchdog, passed } = watch({ idleTimeout: 100, answerTimeout: 100_000 })
    watchdog.sending()
    wait(1000)
    expect(passed).toHaveLength(1)
  })

  it('that is infinite sets no timer', () => {
    const limit = Number.POSITIVE_INFINITY
    const { watchdog } = watch({ idleTimeout: limit, answerTimeout: limit })
    watchdog.sending()
    watchdog.sent(1)
    watchdog.answered()
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([1, 30 * 86_400_000])('may be %i ms', (limit) => {
    const { passed } = watch({ idleTimeout: limit, answerTimeout: limit })
    wait(limit - 1)
    expect(passed).toEqual([])
    wait(1)
    expect(passed).toHaveLength(1)
  })
})

describe('the end', () => {
  it('is for good: what a body tells of itself later sets no timer', () => {
    const { watchdog, stalls, passed } = watch()
    watchdog.sending()
    watchdog.end()
    watchdog.sending()
    watchdog.sent(1)
    watchdog.answered()
    expect(vi.getTimerCount()).toBe(0)
    wait(10_000)
    expect([stalls, passed]).toEqual([[], []])
  })
})

describe('a stall', () => {
  it('is told once for each stretch, at half of the limit', () => {
    const { watchdog, stalls } = watch()
    watchdog.sending()
    wait(499)
    expect(stalls).toEqual([])
    wait(400)
    expect(stalls).toEqual([{ phase: 'sending', idleMs: 500 }])
    watchdog.sending()
    wait(499)
    expect(stalls).toHaveLength(1)
    wait(400)
    expect(stalls).toHaveLength(2)
    watchdog.sent(0)
    wait(3000)
    expect(stalls).toHaveLength(3)
    expect(stalls[2]).toMatchObject({ phase: 'answer' })
  })
})

describe('the end', () => {
  it('leaves no timer, and nothing happens any more', () => {
    const { watchdog, passed, stalls } = watch()
    watchdog.sending()
    watchdog.end()
    expect(vi.getTimerCount()).toBe(0)
    wait(100_000)
    expect([passed, stalls]).toEqual([[], []])
  })
})
