// When a chunk is read at once, and when that would hold up the others.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ReadPace } from '../../src/upload/read-pace.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** @returns how many of these reads it takes until the pace is no longer quick */
function readsUntilSlow(pace: ReadPace, ms: number): number {
  for (let count = 1; count <= 100; count++) {
    pace.took(ms)
    if (!pace.isQuick()) return count
  }
  return Number.POSITIVE_INFINITY
}

describe('the pace of reads', () => {
  it('is quick at first, and stays so as long as memory answers', () => {
    expect(new ReadPace().isQuick()).toBe(true)
    expect(readsUntilSlow(new ReadPace(), 0.3)).toBe(Number.POSITIVE_INFINITY)
  })

  it.each([
    { ms: 1.1, count: 38 },
    { ms: 2, count: 11 },
    { ms: 5, count: 4 },
    { ms: 20, count: 1 },
  ])('is slow after $count reads of $ms ms', ({ ms, count }) => {
    expect(readsUntilSlow(new ReadPace(), ms)).toBe(count)
  })

  it('forgives a read that took long because another process had its turn', async () => {
    const pace = new ReadPace()
    for (let round = 0; round < 20; round++) {
      pace.took(8)
      expect(pace.isQuick()).toBe(true)
      for (let count = 0; count < 30; count++) pace.took(0.1)
    }
  })

  it('is tried again after a second', async () => {
    const pace = new ReadPace()
    pace.took(20)
    vi.advanceTimersByTime(999)
    expect(pace.isQuick()).toBe(false)
    vi.advanceTimersByTime(1)
    expect(pace.isQuick()).toBe(true)
    expect(readsUntilSlow(pace, 20)).toBe(1)
  })

  it('leaves everything else its turn after 25 ms', async () => {
    const pace = new ReadPace()
    expect(pace.isQuick()).toBe(true)
    vi.advanceTimersByTime(24)
    expect(pace.isQuick()).toBe(true)
    vi.advanceTimersByTime(1)
    expect(pace.isQuick()).toBe(false)
    await nextTurn()
    expect(pace.isQuick()).toBe(true)
  })
})
