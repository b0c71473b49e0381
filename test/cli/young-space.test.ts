import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Heap, holdYoungSpace } from '../../src/cli/young-space.js'

const mib = 1024 * 1024

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function heapOf(size: { mib: number }, name = 'new_space'): Heap & { flags: string[] } {
  const flags: string[] = []
  return {
    flags,
    spaces: () => [
      { space_name: 'old_space', space_size: 100 * mib },
      { space_name: name, space_size: size.mib * mib },
    ],
    setFlag: (flag) => void flags.push(flag),
  }
}

it('lets it grow to 8 MiB, holds it there, and lets it grow again afterwards', () => {
  const size = { mib: 1 }
  const heap = heapOf(size)
  const end = holdYoungSpace(heap)
  for (size.mib of [1, 2, 4]) vi.advanceTimersByTime(1000)
  expect(heap.flags).toEqual([])
  size.mib = 8
  vi.advanceTimersByTime(1000)
  expect(heap.flags).toEqual(['--semi-space-growth-factor=1'])
  expect(vi.getTimerCount()).toBe(0)
  end()
  end()
  expect(heap.flags).toEqual(['--semi-space-growth-factor=1', '--semi-space-growth-factor=2'])
})

it('asks nothing of V8 when it ends before', () => {
  const heap = heapOf({ mib: 4 })
  const end = holdYoungSpace(heap)
  vi.advanceTimersByTime(1000)
  end()
  vi.advanceTimersByTime(1000)
  expect(heap.flags).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

it('gives up where there is no such space, or none that can be told', () => {
  const other = heapOf({ mib: 64 }, 'nursery')
  holdYoungSpace(other)
  vi.advanceTimersByTime(1000)
  expect(other.flags).toEqual([])
  holdYoungSpace({
    ...other,
    spaces: () => {
      throw new Error('not implemented')
    },
  })
  vi.advanceTimersByTime(1000)
  expect(other.flags).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})
