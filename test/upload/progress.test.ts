import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { UploadProgress } from '../../src/upload/events.js'
import { Progress } from '../../src/upload/progress.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.advanceTimersByTime(1_000)
})
afterEach(() => {
  vi.useRealTimers()
})

function begin(
  totalBytes: number,
  parts: number,
): { progress: Progress; reports: UploadProgress[] } {
  const reports: UploadProgress[] = []
  return { progress: new Progress((report) => reports.push(report), totalBytes, parts), reports }
}

describe('transferredBytes', () => {
  it('counts what OSS acknowledged, in this run and before', () => {
    const { progress, reports } = begin(300, 3)
    progress.resumed(100)
    progress.sent(60)
    progress.acknowledged(100)
    expect(reports.map(({ transferredBytes }) => transferredBytes)).toEqual([100, 200])
    expect(reports.at(-1)).toEqual({
      phase: 'sending',
      transferredBytes: 200,
      totalBytes: 300,
      sentBytes: 60,
      resumedBytes: 100,
      partsDone: 2,
      parts: 3,
    })
  })

  it.each([1, 2, 100])('of %d reaches the total only when the object is complete', (total) => {
    const { progress, reports } = begin(total, 1)
    progress.acknowledged(total)
    progress.phase('completing')
    expect(reports.map(({ transferredBytes }) => transferredBytes)).toEqual([total - 1, total - 1])
    progress.phase('completed')
    expect(reports.at(-1)).toMatchObject({
      phase: 'completed',
      transferredBytes: total,
      partsDone: 1,
    })
  })

  it('of an empty file is 0 from beginning to end', () => {
    const { progress, reports } = begin(0, 0)
    progress.phase('completing')
    progress.phase('completed')
    expect(reports.map(({ transferredBytes }) => transferredBytes)).toEqual([0, 0])
  })

  it('of a stream has no total until the object is complete', () => {
    const reports: UploadProgress[] = []
    const progress = new Progress((report) => reports.push(report))
    progress.acknowledged(100)
    progress.resumed(50)
    expect(reports.at(-1)).toMatchObject({ transferredBytes: 150, partsDone: 2 })
    expect(reports.at(-1)).toMatchObject({ totalBytes: undefined, parts: undefined })
    progress.phase('completing')
    progress.total(150, 2)
    progress.phase('completed')
    expect(reports.at(-1)).toMatchObject({
      ...{ phase: 'completed', transferredBytes: 150, totalBytes: 150 },
      ...{ partsDone: 2, parts: 2 },
    })
  })

  it('never goes back, though a part is sent, verified or repaired again', () => {
    const { progress, reports } = begin(200, 2)
    progress.phase('verifying')
    progress.resumed(100)
    progress.sent(500)
    progress.acknowledged(100)
    progress.phase('completing')
    progress.phase('sending')
    progress.acknowledged(100)
    progress.phase('completed')
    const steps = reports.map(({ transferredBytes }) => transferredBytes)
    expect(steps).toEqual([...steps].sort((a, b) => a - b))
    expect(Math.max(...steps)).toBe(200)
  })
})

describe('partsDone', () => {
  it('never exceeds the parts there are, though one is acknowledged twice', () => {
    const { progress, reports } = begin(200, 2)
    for (let count = 0; count < 3; count++) progress.acknowledged(100)
    expect(reports.map(({ partsDone }) => partsDone)).toEqual([1, 2, 2])
  })

  it('is all of them when an earlier run had completed the object', () => {
    const { progress, reports } = begin(300, 3)
    progress.resumed(300)
    progress.phase('completed')
    expect(reports.at(-1)).toMatchObject({ partsDone: 3, resumedBytes: 300, transferredBytes: 300 })
  })
})

describe('reports', () => {
  it('of bytes come no more than ten times a second', () => {
    const { progress, reports } = begin(1_000_000, 1)
    // Two seconds, a chunk every millisecond.
    for (let ms = 0; ms < 2_000; ms++) {
      progress.sent(10)
      vi.advanceTimersByTime(1)
    }
    expect(reports).toHaveLength(20)
    expect(progress.sentBytes).toBe(20_000)
  })

  it.each([
    { waited: 99, count: 1 },
    { waited: 100, count: 2 },
    { waited: 101, count: 2 },
  ])('of bytes after $waited ms: $count', ({ waited, count }) => {
    const { progress, reports } = begin(100, 1)
    progress.sent(1)
    vi.advanceTimersByTime(waited)
    progress.sent(1)
    expect(reports).toHaveLength(count)
  })

  it('of parts and phases are never held back', () => {
    const { progress, reports } = begin(500, 5)
    for (let part = 0; part < 5; part++) progress.acknowledged(100)
    progress.phase('completing')
    expect(reports).toHaveLength(6)
  })

  it('of a phase that has not changed are not made', () => {
    const { progress, reports } = begin(500, 5)
    progress.phase('sending')
    expect(reports).toEqual([])
    progress.phase('verifying')
    progress.phase('verifying')
    expect(reports.map(({ phase }) => phase)).toEqual(['verifying'])
  })
})

describe('a listener', () => {
  it('that throws is told again, and breaks nothing', () => {
    let calls = 0
    const listener = (): void => {
      calls += 1
      throw new Error('from the listener')
    }
    const progress = new Progress(listener, 200, 2)
    progress.acknowledged(100)
    progress.acknowledged(100)
    progress.phase('completed')
    expect(calls).toBe(3)
  })

  it('is not needed to count bytes', () => {
    const progress = new Progress(undefined, 200, 2)
    progress.sent(70)
    progress.acknowledged(100)
    progress.phase('completed')
    expect(progress.sentBytes).toBe(70)
  })
})
