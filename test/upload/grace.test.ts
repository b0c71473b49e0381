// A cancelled request is given some seconds to answer, and no longer.

import { describe, expect, it } from 'vitest'
import { withGrace } from '../../src/upload/grace.js'

const forever = (_ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))

describe('withGrace', () => {
  it('lets the request answer after the cancellation', async () => {
    const controller = new AbortController()
    const answer = withGrace({ sleep: forever }, controller.signal, async (signal) => {
      controller.abort()
      await new Promise((resolve) => setImmediate(resolve))
      expect(signal.aborted).toBe(false)
      return 'id'
    })
    expect(await answer).toBe('id')
  })

  it('aborts it with the reason of the caller when the grace is over', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const slept: number[] = []
    const sleep = async (ms: number): Promise<void> => void slept.push(ms)
    const answer = withGrace(
      { sleep },
      controller.signal,
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          controller.abort(reason)
        }),
    )
    await expect(answer).rejects.toBe(reason)
    expect(slept).toEqual([5_000])
  })

  it('ends its wait when the request has ended', async () => {
    const controller = new AbortController()
    let waiting = 0
    const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
      waiting += 1
      try {
        await forever(ms, signal)
      } finally {
        waiting -= 1
      }
    }
    await withGrace({ sleep }, controller.signal, async () => controller.abort())
    await new Promise((resolve) => setImmediate(resolve))
    expect(waiting).toBe(0)
  })

  it('works without a signal', async () => {
    expect(await withGrace({ sleep: forever }, undefined, async () => 1)).toBe(1)
  })
})
