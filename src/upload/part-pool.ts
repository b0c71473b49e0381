// Bounded concurrency: the first error wins, the rest is told to stop and waited for; nothing runs afterwards.

import { setMaxListeners } from 'node:events'

/** How many pieces of work may run; the number may change while they do. */
export interface PoolWidth {
  readonly current: number
  /** @returns what ends it. */
  onRaise(listener: () => void): () => void
}

/**
 * Runs `work` for every item, at most `width` at a time.
 *
 * After the first failure no further item is begun, the signal given to running work is aborted, and the failure is thrown
 * once all running work has ended. The caller's `signal` counts as a failure with its reason.
 *
 * @param slot 0..width-1: two pieces of work with the same slot never overlap. The lowest that are free are taken.
 */
export async function runPool<T>(
  items: Iterable<T>,
  width: PoolWidth | number,
  signal: AbortSignal | undefined,
  work: (item: T, slot: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  // Every running work listens; Node takes more than ten listeners for a leak and warns.
  setMaxListeners(0, stop.signal)
  const failures: unknown[] = []
  const fail = (error: unknown): void => {
    failures.push(error)
    stop.abort(error)
  }
  const onAbort = (): void => fail(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const queue = items[Symbol.iterator]()
  const pool = typeof width === 'number' ? { current: width, onRaise: () => () => {} } : width
  const running = new Set<number>()
  let exhausted = false
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const worker = async (slot: number): Promise<void> => {
    running.add(slot)
    // Whoever is beyond a limit that was lowered ends with what it has; the first slot never is.
    while (failures.length === 0 && !exhausted && slot < pool.current) {
      try {
        const next = queue.next()
        if (next.done) exhausted = true
        else await work(next.value, slot, stop.signal)
      } catch (error) {
        fail(error)
      }
    }
    running.delete(slot)
    if (running.size === 0) finish()
  }
  const fill = (): void => {
    for (let slot = 0; slot < pool.current && !exhausted && failures.length === 0; slot++) {
      if (!running.has(slot)) void worker(slot)
    }
  }
  const unsubscribe = pool.onRaise(fill)
  try {
    fill()
    if (running.size > 0) await finished
  } finally {
    unsubscribe()
    signal?.removeEventListener('abort', onAbort)
  }
  if (failures.length > 0) throw failures[0]
}
