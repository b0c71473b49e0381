import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeveralProgress } from '../../src/cli/several-progress.js'
import { progressAt } from './fixtures.js'

const mib = 1024 * 1024
const at = (done: number, more: object = {}) => progressAt(done * mib, more)

describe('SeveralProgress', () => {
  it('knows the bytes of all before the first is opened', () => {
    expect(new SeveralProgress([5, 7, 0]).progress).toEqual({
      ...{ phase: 'sending', transferredBytes: 0, totalBytes: 12, sentBytes: 0, resumedBytes: 0 },
      ...{ partsDone: 0, parts: 0, files: { done: 0, failed: 0, total: 3 } },
    })
  })

  it('adds up what each tells', () => {
    const sum = new SeveralProgress([100 * mib, 200 * mib])
    sum.update(0, at(10))
    sum.update(0, at(30, { resumedBytes: mib }))
    sum.update(1, at(50, { totalBytes: 200 * mib }))
    expect(sum.progress).toMatchObject({
      ...{ transferredBytes: 80 * mib, totalBytes: 300 * mib, sentBytes: 80 * mib },
      ...{ resumedBytes: mib, partsDone: 8 },
    })
  })

  it('is complete only when every file is stored', () => {
    const sum = new SeveralProgress([mib, mib])
    for (const index of [0, 1]) {
      sum.update(index, at(1, { totalBytes: mib, phase: 'completed' }))
      expect(sum.progress.phase).not.toBe('completed')
      sum.ended(index, true)
    }
    expect(sum.progress).toMatchObject({ phase: 'completed', files: { done: 2, total: 2 } })
  })

  it('expects nothing more of a file that has failed', () => {
    const sum = new SeveralProgress([100 * mib, 100 * mib])
    sum.update(0, at(30))
    sum.ended(0, false)
    sum.ended(0, true)
    sum.update(0, at(50))
    sum.ended(1, true)
    expect(sum.progress).toMatchObject({
      ...{ phase: 'sending', transferredBytes: 30 * mib, totalBytes: 130 * mib },
      files: { done: 1, failed: 1, total: 2 },
    })
  })

  it('names a phase that all are in', () => {
    const sum = new SeveralProgress([1, 1, 1])
    sum.update(0, at(0, { phase: 'verifying' }))
    expect(sum.progress.phase).toBe('verifying')
    sum.update(1, at(0))
    expect(sum.progress.phase).toBe('sending')
    sum.ended(0, true)
    sum.update(1, at(0, { phase: 'completing' }))
    expect(sum.progress.phase).toBe('completing')
  })

  it('ignores a file that there is not', () => {
    const sum = new SeveralProgress([1])
    sum.update(1, at(5))
    sum.ended(1, true)
    expect(sum.progress).toMatchObject({ transferredBytes: 0, files: { done: 0 } })
  })

  it('is the sum, in any order', () => {
    const step = fc.record({ index: fc.nat(4), bytes: fc.nat(1000) })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const sum = new SeveralProgress([0, 0, 0, 0, 0])
        const last = [0, 0, 0, 0, 0]
        for (const { index, bytes } of steps) {
          sum.update(index, progressAt(bytes))
          last[index] = bytes
        }
        const expected = last.reduce((a, b) => a + b, 0)
        expect(sum.progress.transferredBytes).toBe(expected)
      }),
    )
  })
})
