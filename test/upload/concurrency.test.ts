// How many parts may be in flight: halved once for one trouble, raised part by part, granted in order.

import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ConcurrencyLimit } from '../../src/upload/concurrency.js'
import { randomBytes, World } from '../support/world.js'

function limitOf(most: number) {
  const clock = { now: 0 }
  return { limit: new ConcurrencyLimit(most, () => clock.now), clock }
}

/** Tries to enter, and tells whether that was granted. */
function enter(limit: ConcurrencyLimit, signal?: AbortSignal) {
  const entry = { state: 'waiting', leave: () => {}, reason: undefined as unknown }
  limit.enter(signal).then(
    (leave) => Object.assign(entry, { state: 'in', leave }),
    (reason: unknown) => Object.assign(entry, { state: 'refused', reason }),
  )
  return entry
}
const settle = () => new Promise((resolve) => setImmediate(resolve))
const states = (entries: readonly { state: string }[]) => entries.map(({ state }) => state)

describe('leave', () => {
  it('is given to as many as may be in flight, and then in the order of asking', async () => {
    const { limit } = limitOf(2)
    const entries = [1, 2, 3, 4].map(() => enter(limit))
    await settle()
    expect(states(entries)).toEqual(['in', 'in', 'waiting', 'waiting'])
    entries[1]?.leave()
    await settle()
    expect(states(entries)).toEqual(['in', 'in', 'in', 'waiting'])
  })

  it('ends once, however often that is said', async () => {
    const { limit } = limitOf(1)
    const entries = [1, 2, 3].map(() => enter(limit))
    await settle()
    entries[0]?.leave()
    entries[0]?.leave()
    await settle()
    expect(states(entries)).toEqual(['in', 'in', 'waiting'])
  })

  it('is given late to nobody who came later: who waits comes first', async () => {
    const { limit } = limitOf(1)
    const [first, second] = [enter(limit), enter(limit)]
    await settle()
    first.leave()
    const third = enter(limit)
    await settle()
    expect(states([second, third])).toEqual(['in', 'waiting'])
  })

  it('is refused with the reason of the signal, which keeps no listener', async () => {
    const { limit } = limitOf(1)
    const { signal } = new AbortController()
    const first = enter(limit, signal)
    const controller = new AbortController()
    const [second, third] = [enter(limit, controller.signal), enter(limit)]
    await settle()
    controller.abort('enough')
    await settle()
    expect(second).toMatchObject({ state: 'refused', reason: 'enough' })
    first.leave()
    await settle()
    expect(third.state).toBe('in')
    expect(enter(limit, AbortSignal.abort('late')).state).toBe('waiting')
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('is not lost on somebody who has gone in the same turn', async () => {
    const { limit } = limitOf(1)
    const first = enter(limit)
    await settle()
    const controller = new AbortController()
    const gone = enter(limit, controller.signal)
    await settle()
    controller.abort('enough')
    first.leave()
    await settle()
    expect(gone.state).toBe('refused')
    const next = enter(limit)
    await settle()
    expect(next.state).toBe('in')
  })
})

describe('throttling', () => {
  it('halves the limit, once for all that were under way together', () => {
    const { limit, clock } = limitOf(9)
    clock.now = 10
    expect([limit.throttled(1), limit.current]).toEqual([true, 4])
    expect([limit.throttled(2), limit.throttled(9), limit.current]).toEqual([false, false, 4])
    clock.now = 20
    expect([limit.throttled(10), limit.current]).toEqual([true, 2])
    clock.now = 30
    expect([limit.throttled(25), limit.current]).toEqual([true, 1])
    clock.now = 40
    expect([limit.throttled(35), limit.current]).toEqual([false, 1])
  })

  it('lets those finish who are in, and nobody else before', async () => {
    const { limit } = limitOf(4)
    const entries = [1, 2, 3, 4, 5].map(() => enter(limit))
    await settle()
    limit.throttled(0)
    for (const index of [0, 1]) entries[index]?.leave()
    await settle()
    expect(states(entries).at(-1)).toBe('waiting')
    entries[2]?.leave()
    await settle()
    expect(states(entries).at(-1)).toBe('in')
  })

  it('is forgotten little by little: two parts for each that may be in flight', async () => {
    const { limit } = limitOf(4)
    limit.throttled(0)
    const raised: number[] = []
    const stop = limit.onRaise(() => raised.push(limit.current))
    const acknowledge = (times: number) => {
      for (let n = 0; n < times; n++) limit.acknowledged(1)
    }
    acknowledge(3)
    expect(limit.current).toBe(2)
    acknowledge(1)
    expect(limit.current).toBe(3)
    acknowledge(6)
    expect(limit.current).toBe(4)
    acknowledge(100)
    expect([limit.current, raised]).toEqual([4, [3, 4]])
    stop()
  })

  it('begins that count anew', () => {
    const { limit, clock } = limitOf(8)
    limit.throttled(0)
    for (let n = 0; n < 7; n++) limit.acknowledged(1)
    clock.now = 5
    limit.throttled(0)
    expect(limit.current).toBe(2)
    for (let n = 0; n < 3; n++) limit.acknowledged(1)
    expect(limit.current).toBe(2)
    limit.acknowledged(1)
    expect(limit.current).toBe(3)
  })

  it('lets one more in when it is raised', async () => {
    const { limit } = limitOf(2)
    limit.throttled(0)
    const entries = [enter(limit), enter(limit)]
    await settle()
    expect(states(entries)).toEqual(['in', 'waiting'])
    limit.acknowledged(1)
    limit.acknowledged(1)
    await settle()
    expect(states(entries)).toEqual(['in', 'in'])
  })
})

describe('a number that is found', () => {
  const search = (most: number) => {
    const clock = { now: 0 }
    return { limit: new ConcurrencyLimit(most, () => clock.now, 'search'), clock }
  }

  it('begins with 4, or less, and is halved by throttling', () => {
    expect([search(32).limit.current, search(3).limit.current]).toEqual([4, 3])
    const { limit } = search(32)
    expect([limit.throttled(0), limit.current]).toEqual([true, 2])
  })

  it('gives up by lost connections what was added to the first 4, which a given number does not', () => {
    const { limit, clock } = search(32)
    limit.lost(0)
    expect(limit.current).toBe(4)
    limit.throttled(0)
    limit.lost(0)
    expect(limit.current).toBe(2)
    // 4 + 6 + 8 + ... parts: one more each time.
    for (let parts = 4 + 6 + 8 + 10 + 12 + 14 + 16; parts > 0; parts--) limit.acknowledged(1)
    expect(limit.current).toBe(9)
    clock.now = 10
    limit.lost(5)
    expect(limit.current).toBe(4)
    limit.lost(6)
    expect(limit.current).toBe(4)
    const given = limitOf(8).limit
    given.lost(0)
    expect(given.current).toBe(8)
  })
})

describe('looks at what the network takes', () => {
  afterEach(() => vi.useRealTimers())

  /** Whether a timer is set, after so many milliseconds of an idle process whose network takes all at once. */
  const after = (clock: { now: number }, ms: number): number => {
    for (let step = 0; step < ms; step += 5) {
      clock.now += 5
      vi.advanceTimersByTime(5)
    }
    return vi.getTimerCount()
  }

  it('come while somebody listens, and end with the listeners', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const clock = { now: 0 }
    const limit = new ConcurrencyLimit(32, () => clock.now, 'search')
    expect(vi.getTimerCount()).toBe(0)
    const stop = limit.onRaise(() => {})
    expect(vi.getTimerCount()).toBe(1)
    expect(after(clock, 5000)).toBe(1)
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('take nothing back of what was regained after trouble', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const clock = { now: 0 }
    const limit = new ConcurrencyLimit(32, () => clock.now, 'search')
    const stop = limit.onRaise(() => {})
    limit.throttled(0)
    for (let part = 0; part < 4; part++) limit.acknowledged(1)
    expect(limit.current).toBe(3)
    expect(after(clock, 1000)).toBe(0)
    expect(limit.current).toBe(3)
    stop()
  })

  it('are not made for a number that was given', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const stop = limitOf(8).limit.onRaise(() => {})
    expect(vi.getTimerCount()).toBe(0)
    stop()
  })

  it('raise the number, and end where there is nothing more to find', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const clock = { now: 0 }
    const limit = new ConcurrencyLimit(8, () => clock.now, 'search')
    const raised: number[] = []
    const stop = limit.onRaise(() => raised.push(limit.current))
    limit.sent(8 * 1024 * 1024)
    // The event loop of a test that only turns fake timers is at work all the time.
    vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue({
      ...{ idle: 100, active: 0, utilization: 0 },
    })
    expect(after(clock, 50)).toBe(0)
    expect(raised).toEqual([8])
    stop()
    vi.restoreAllMocks()
  })
})

describe('an upload that is throttled', () => {
  let world: World
  afterEach(() => world.close())

  it('goes on with fewer parts in flight, says so, and ends with the same bytes', async () => {
    const partSize = 102_400
    const bytes = randomBytes(30 * partSize)
    world = await World.create(bytes, { latencyMs: 2 })
    let left = 12
    world.oss.setFault((request) =>
      request.operation === 'UploadPart' && left-- > 0
        ? { type: 'status', status: 503, code: 'ServiceUnavailable' }
        : undefined,
    )
    const retry = { attempts: 2, baseDelay: 0 }
    const process = world.process(undefined, { client: { retry } })
    const result = await process.upload({ concurrency: 8 })
    expect(result).toMatchObject({ outcome: 'completed', parts: 30 })
    expect(world.stored()?.equals(bytes)).toBe(true)
    const throttles = process.events.filter(({ type }) => type === 'throttle')
    expect(throttles[0]).toEqual({
      ...{ type: 'throttle', concurrency: 4, code: 'ServiceUnavailable', status: 503 },
    })
    expect(throttles.length).toBeLessThan(12)
    expect(world.oss.connections).toBeLessThanOrEqual(8)
  })
})
