// Bounded concurrency: the first error wins, the rest is told to stop and waited for; nothing runs afterwards.

import { setMaxListeners } from 'node:events'

/**
 * Runs `work` for every item, at most `concurrency` at a time.
 *
 * After the first failure no further item is begun, the signal given to running work is aborted, and the failure is thrown
 * once all running work has ended. The caller's `signal` counts as a failure with its reason.
 *
 * @param slot 0..concurrency-1: two pieces of work with the same slot never overlap.
 */
export async function runPool<T>(
  items: Iterable<T>,
  concurrency: number,
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
  const worker = async (slot: number): Promise<void> => {
    while (failures.length === 0) {
      try {
        const next = queue.next()
        if (next.done) return
        await work(next.value, slot, stop.signal)
      } catch (error) {
        fail(error)
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, (_, slot) => worker(slot)))
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
  if (failures.length > 0) throw failures[0]
}
