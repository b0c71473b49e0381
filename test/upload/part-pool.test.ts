import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { runPool } from '../../src/upload/part-pool.js'

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** Lets everything run that can run without outside help. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Work that ends when the test says so. */
class Jobs {
  readonly begun: number[] = []
  readonly slots = new Map<number, number>()
  readonly running = new Map<number, { resolve: () => void; reject: (error: unknown) => void }>()
  signal: AbortSignal | undefined

  readonly work = (item: number, slot: number, signal: AbortSignal): Promise<void> => {
    this.begun.push(item)
    this.slots.set(item, slot)
    this.signal = signal
    return new Promise<void>((resolve, reject) => {
      this.running.set(item, { resolve, reject })
    }).finally(() => this.running.delete(item))
  }

  end(item: number): void {
    this.running.get(item)?.resolve()
  }

  fail(item: number, error: unknown): void {
    this.running.get(item)?.reject(error)
  }
}

/** The state of a promise, without waiting for it. */
function watch(promise: Promise<void>): { state: string; error?: unknown } {
  const watched: { state: string; error?: unknown } = { state: 'pending' }
  promise.then(
    () => {
      watched.state = 'resolved'
    },
    (error) => {
      watched.state = 'rejected'
      watched.error = error
    },
  )
  return watched
}

describe('concurrency', () => {
  it.each([
    { items: 0, concurrency: 1, atOnce: 0 },
    { items: 0, concurrency: 0, atOnce: 0 },
    { items: 1, concurrency: 1, atOnce: 1 },
    { items: 5, concurrency: 1, atOnce: 1 },
    { items: 5, concurrency: 4, atOnce: 4 },
    { items: 5, concurrency: 5, atOnce: 5 },
    { items: 5, concurrency: 6, atOnce: 5 },
    { items: 3, concurrency: 1000, atOnce: 3 },
  ])(
    'of $items items is at most $concurrency, and reaches $atOnce',
    async ({ items, concurrency, atOnce }) => {
      const done: number[] = []
      let running = 0
      let most = 0
      const busy = new Set<number>()
      await runPool(range(items), concurrency, undefined, async (item, slot) => {
        expect(busy.has(slot)).toBe(false)
        expect(slot).toBeGreaterThanOrEqual(0)
        expect(slot).toBeLessThan(concurrency)
        busy.add(slot)
        running += 1
        most = Math.max(most, running)
        for (let turn = 0; turn <= item % 3; turn++)
          await new Promise((resolve) => setImmediate(resolve))
        done.push(item)
        running -= 1
        busy.delete(slot)
      })
      expect(most).toBe(atOnce)
      expect(done.sort((a, b) => a - b)).toEqual(range(items))
    },
  )

  it('begins items in their order, the next one in the slot that became free', async () => {
    const jobs = new Jobs()
    const pool = runPool(range(4), 2, undefined, jobs.work)
    expect(jobs.begun).toEqual([0, 1])
    jobs.end(1)
    await settle()
    expect(jobs.begun).toEqual([0, 1, 2])
    expect(jobs.slots.get(2)).toBe(jobs.slots.get(1))
    jobs.end(0)
    await settle()
    expect(jobs.slots.get(3)).toBe(jobs.slots.get(0))
    jobs.end(2)
    jobs.end(3)
    await pool
  })

  it('takes from an iterable no more than it works on', async () => {
    let taken = 0
    function* items(): Generator<number> {
      for (;;) yield taken++
    }
    const jobs = new Jobs()
    const pool = watch(runPool(items(), 3, undefined, jobs.work))
    await settle()
    expect(taken).toBe(3)
    jobs.fail(0, new Error('enough'))
    jobs.end(1)
    jobs.end(2)
    await settle()
    expect(taken).toBe(3)
    expect(pool.state).toBe('rejected')
  })
})

describe('a failure', () => {
  it('tells running work to stop, begins nothing more, and is thrown when the work has ended', async () => {
    const jobs = new Jobs()
    const error = new Error('first')
    const pool = watch(runPool(range(10), 3, undefined, jobs.work))
    jobs.fail(1, error)
    await settle()
    expect(jobs.signal?.aborted).toBe(true)
    expect(jobs.signal?.reason).toBe(error)
    expect(pool.state).toBe('pending')
    jobs.end(0)
    await settle()
    expect(pool.state).toBe('pending')
    jobs.end(2)
    await settle()
    expect(pool).toEqual({ state: 'rejected', error })
    expect(jobs.begun).toEqual([0, 1, 2])
  })

  it('wins over those that follow from it', async () => {
    const jobs = new Jobs()
    const error = new Error('first')
    const pool = watch(runPool(range(10), 3, undefined, jobs.work))
    jobs.fail(2, error)
    jobs.fail(0, new Error('second'))
    await settle()
    jobs.fail(1, new Error('third'))
    await settle()
    expect(pool).toEqual({ state: 'rejected', error })
  })

  it.each([undefined, null, false, 0, ''])('may be the value %s', async (reason) => {
    const failing = runPool(range(3), 2, undefined, () => Promise.reject(reason))
    await expect(failing).rejects.toBe(reason)
  })

  it('may be thrown before the work returned its promise', async () => {
    const error = new TypeError('at once')
    const begun: number[] = []
    const failing = runPool(range(3), 1, undefined, (item) => {
      begun.push(item)
      throw error
    })
    await expect(failing).rejects.toBe(error)
    expect(begun).toEqual([0])
  })

  it('of the iterable waits for running work, too', async () => {
    const error = new Error('no more items')
    function* items(): Generator<number> {
      yield 0
      throw error
    }
    const jobs = new Jobs()
    const pool = watch(runPool(items(), 2, undefined, jobs.work))
    await settle()
    expect(pool.state).toBe('pending')
    expect(jobs.signal?.reason).toBe(error)
    jobs.end(0)
    await settle()
    expect(pool).toEqual({ state: 'rejected', error })
  })
})

describe("the caller's signal", () => {
  it('begins nothing when it has already aborted', async () => {
    const jobs = new Jobs()
    const reason = new Error('too late')
    const signal = AbortSignal.abort(reason)
    await expect(runPool(range(3), 2, signal, jobs.work)).rejects.toBe(reason)
    await expect(runPool([], 2, signal, jobs.work)).rejects.toBe(reason)
    expect(jobs.begun).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('stops what runs, and its reason is thrown when that has ended', async () => {
    const jobs = new Jobs()
    const caller = new AbortController()
    const pool = watch(runPool(range(5), 2, caller.signal, jobs.work))
    caller.abort('enough')
    await settle()
    expect(jobs.signal?.reason).toBe('enough')
    expect(pool.state).toBe('pending')
    jobs.fail(0, new Error('because it was aborted'))
    jobs.end(1)
    await settle()
    expect(pool).toEqual({ state: 'rejected', error: 'enough' })
    expect(jobs.begun).toEqual([0, 1])
  })

  it('does not hide an earlier failure', async () => {
    const jobs = new Jobs()
    const caller = new AbortController()
    const error = new Error('first')
    const pool = watch(runPool(range(5), 2, caller.signal, jobs.work))
    jobs.fail(0, error)
    await settle()
    caller.abort('later')
    jobs.end(1)
    await settle()
    expect(pool).toEqual({ state: 'rejected', error })
  })

  it.each(['resolve', 'reject'] as const)(
    'has no listener left after a %s (I11)',
    async (outcome) => {
      const caller = new AbortController()
      const pool = runPool(range(5), 2, caller.signal, async () => {
        expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1)
        if (outcome === 'reject') throw new Error('no')
      })
      await pool.catch(() => {})
      expect(getEventListeners(caller.signal, 'abort')).toEqual([])
    },
  )

  it('lets a thousand pieces of work listen without a warning', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => {
      warnings.push(warning)
    }
    process.on('warning', onWarning)
    try {
      const caller = new AbortController()
      const pool = runPool(range(1000), 1000, caller.signal, async (item, _slot, signal) => {
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true })
          if (item === 999) caller.abort(new Error('enough'))
        })
      })
      await expect(pool).rejects.toThrow('enough')
      await settle()
    } finally {
      process.off('warning', onWarning)
    }
    expect(warnings).toEqual([])
  })
})
