// The search for a number of connections, against a model of links: a rate for each connection, one for all, a round trip, a processor.

import { describe, expect, it } from 'vitest'
import { ConcurrencySearch } from '../../src/upload/concurrency-search.js'

const mib = 1024 * 1024

interface Link {
  /** Bytes per millisecond. */
  readonly perConnection: number
  readonly uplink: number
  readonly roundTrip: number
  /** What the processor can send. */
  readonly processor: number
}

const mbit = (rate: number): number => (rate * 1e6) / 8 / 1000
const unlimited = Number.POSITIVE_INFINITY
const processor = 900 * 1024

/** Sends `bytes` in parts over a link, millisecond by millisecond; `widthAt` is told what happens and gives the width. */
function simulate(
  link: Link,
  bytes: number,
  partSize: number,
  search: Pick<ConcurrencySearch, 'current' | 'sent' | 'look' | 'acknowledged'>,
): { ms: number; widths: number[] } {
  let left = Math.ceil(bytes / partSize)
  let time = 0
  let share = 0
  const busy = (): number => share
  const widths = [search.current]
  const lanes: { wait: number; rest: number }[] = []
  while (left > 0 || lanes.length > 0) {
    const { current } = search
    if (widths.at(-1) !== current) widths.push(current)
    while (lanes.length < current && left > 0) {
      left -= 1
      lanes.push({ wait: link.roundTrip, rest: partSize })
    }
    time += 1
    const sending = lanes.filter(({ wait, rest }) => wait <= 0 && rest > 0)
    const rate = Math.min(
      link.perConnection,
      Math.min(link.uplink, link.processor) / Math.max(1, sending.length),
    )
    share = (rate * sending.length) / link.processor
    for (const lane of lanes) {
      if (lane.wait > 0) lane.wait -= 1
      else if (lane.rest > 0) {
        const moved = Math.min(rate, lane.rest)
        lane.rest -= moved
        search.sent(moved, time)
      }
    }
    if (time % 25 === 0) search.look(time, busy)
    for (const lane of lanes.filter(({ wait, rest }) => wait <= 0 && rest <= 0)) {
      lanes.splice(lanes.indexOf(lane), 1)
      search.acknowledged(partSize, time, busy)
    }
  }
  return { ms: time, widths }
}

const fixed = (current: number) => ({
  current,
  sent: () => {},
  look: () => current,
  acknowledged: () => current,
})

function best(link: Link, bytes: number, partSize: number): number {
  return Math.min(...[1, 2, 4, 8, 16, 32].map((c) => simulate(link, bytes, partSize, fixed(c)).ms))
}

describe('on a distant link with a rate for each connection', () => {
  it.each([
    ['100 Mbit/s each, 50 ms', mbit(100), unlimited, 50, 8],
    ['400 Mbit/s each, 50 ms', mbit(400), unlimited, 50, 8],
    ['100 Mbit/s each of 600 in all, 50 ms', mbit(100), mbit(600), 50, 8],
    ['100 Mbit/s each, 50 ms, parts of 1 MiB', mbit(100), unlimited, 50, 1],
    ['800 Mbit/s each of 2000 in all, 5 ms', mbit(800), mbit(2000), 5, 8],
    ['20 Mbit/s each of 100 in all, 200 ms', mbit(20), mbit(100), 200, 8],
  ])('is within 5 %% of the best fixed number: %s', (_, perConnection, uplink, roundTrip, size) => {
    const link = { perConnection, uplink, roundTrip, processor }
    const bytes = 16 * 1024 * mib
    const found = simulate(link, bytes, size * mib, new ConcurrencySearch(4, 32))
    const ratio = found.ms / best(link, bytes, size * mib)
    expect(ratio, `${found.widths}`).toBeLessThan(1 / 0.95)
  })
})

describe('on a local link, where the processor is the limit', () => {
  it('stays with few connections, and is as fast as any number', () => {
    const link = { perConnection: unlimited, uplink: unlimited, roundTrip: 0, processor }
    const bytes = 8 * 1024 * mib
    const found = simulate(link, bytes, 8 * mib, new ConcurrencySearch(4, 32))
    expect(found.widths).toEqual([4])
    expect(found.ms / best(link, bytes, 8 * mib)).toBeLessThan(1.05)
  })
})

describe('on a slow link', () => {
  it('tries more connections once a part has come through each, and goes back when they gain nothing', () => {
    const link = { perConnection: unlimited, uplink: mbit(10), roundTrip: 40, processor }
    const { widths } = simulate(link, 1024 * mib, 8 * mib, new ConcurrencySearch(4, 32))
    expect(widths.slice(0, 3)).toEqual([4, 8, 4])
    expect(Math.max(...widths)).toBe(8)
  })
})

describe('limits', () => {
  it('never goes above the most, also when that is less than the first guess', () => {
    const link = { perConnection: mbit(100), uplink: unlimited, roundTrip: 50, processor }
    for (const most of [1, 3, 12]) {
      const { widths } = simulate(link, 1024 * mib, 8 * mib, new ConcurrencySearch(4, most))
      expect(Math.max(...widths)).toBe(most)
    }
  })

  it('forgets what it measured when it is lowered, and rests before it tries again', () => {
    const search = new ConcurrencySearch(8, 32)
    let now = 0
    const idle = (): number => 0.1
    const window = (): void => {
      for (let part = search.current; part > 0; part--) search.acknowledged(mib, ++now, idle)
    }
    search.lowered(2)
    expect(search.current).toBe(2)
    for (let rest = 0; rest < 8; rest++) window()
    expect(search.current).toBe(2)
    window()
    expect(search.current).toBe(8)
  })

  it('needs no more looks once it has found a number or got a part through', () => {
    const idle = (): number => 0.1
    const search = new ConcurrencySearch(4, 8)
    expect(search.looks).toBe(true)
    expect(search.look(1, idle)).toBe(4)
    search.sent(4 * mib, 10)
    expect(search.look(11, () => 0.9)).toBe(4)
    expect(search.look(12, idle)).toBe(8)
    expect(search.looks).toBe(false)
    const slow = new ConcurrencySearch(1, 32)
    slow.sent(mib, 0)
    slow.acknowledged(mib, 9000, idle)
    expect(slow.looks).toBe(false)
  })
})

describe('buffers on the way', () => {
  /** Each takes so much at once, and then nothing before the link has taken it. */
  const fill = (search: ConcurrencySearch, bytesEach: number): void => {
    for (let connection = 0; connection < search.current; connection++) search.sent(bytesEach, 10)
  }

  it('that are filled by a busy process are looked at when it has become idle', () => {
    const search = new ConcurrencySearch(4, 32)
    fill(search, 3 * mib)
    expect(search.look(25, () => 0.9)).toBe(4)
    // Nothing was taken since.
    expect(search.look(50, () => 0.1)).toBe(8)
  })

  it('as large as those of a real link say nothing', () => {
    const search = new ConcurrencySearch(4, 32)
    fill(search, 256 * 1024)
    expect(search.look(25, () => 0.1)).toBe(4)
    expect(search.look(50, () => 0.1)).toBe(4)
  })
})
