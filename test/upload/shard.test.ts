import fc from 'fast-check'
import { describe, expect, it, test as property } from 'vitest'
import {
  assertShard,
  isInShare,
  shardJournalNames,
  shardJournalPath,
  shareOf,
} from '../../src/upload/shard.js'

describe('a shard', () => {
  it.each([
    [{ index: 0, count: 1 }],
    [{ index: 0, count: 2 }],
    [{ index: 1, count: 2 }],
    [{ index: 999, count: 1000 }],
  ])('is %o', (shard) => {
    expect(() => assertShard(shard)).not.toThrow()
  })

  it.each([
    [undefined, TypeError, 'shard must be { index, count }'],
    [null, TypeError, 'shard must be { index, count }'],
    ['3/16', TypeError, 'shard must be { index, count }'],
    [[3, 16], TypeError, 'shard must be { index, count }'],
    [{ index: 0, count: 2, total: 2 }, TypeError, 'unknown option "shard.total"'],
    [{ index: 0 }, RangeError, 'shard.count must be a whole number, 1 to 1000, not undefined'],
    [{ index: 0, count: 0 }, RangeError, 'shard.count must be a whole number, 1 to 1000, not 0'],
    [{ index: 0, count: 1001 }, RangeError, 'shard.count must be a whole number, 1 to 1000'],
    [{ index: 0, count: 1.5 }, RangeError, 'shard.count must be a whole number, 1 to 1000'],
    [{ index: '0', count: 2 }, RangeError, 'shard.index must be a whole number, 0 to 1'],
    [{ index: -1, count: 2 }, RangeError, 'shard.index must be a whole number, 0 to 1'],
    [{ index: 2, count: 2 }, RangeError, '0 to 1 with a count of 2, not 2'],
  ])('is not %o', (value, type, message) => {
    expect(() => assertShard(value)).toThrow(type)
    expect(() => assertShard(value)).toThrow(message)
  })
})

describe('shares', () => {
  property('are contiguous, cover all parts once, and differ by one part at most', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 0, max: 10_000 }),
        (count, parts) => {
          let next = 1
          const sizes: number[] = []
          for (let index = 0; index < count; index++) {
            const { first, last } = shareOf({ index, count }, parts)
            expect(first).toBe(next)
            next = last + 1
            sizes.push(next - first)
          }
          expect(next).toBe(parts + 1)
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  it('have no parts where there are more workers than parts', () => {
    const shares = [0, 1, 2, 3].map((index) => shareOf({ index, count: 4 }, 2))
    expect(shares.map(({ first, last }) => last - first + 1)).toEqual([0, 1, 0, 1])
    expect(shares.map((share) => [1, 2].filter((part) => isInShare(share, part)))).toEqual([
      [],
      [1],
      [],
      [2],
    ])
  })
})

describe('journals of workers', () => {
  it('are beside the shared checkpoint, named after the worker', () => {
    expect(shardJournalPath('/state/a.ucp', { index: 3, count: 16 })).toBe(
      '/state/a.ucp.shard-3-of-16',
    )
  })

  it('are found by name, also where only a lock or a beginning is there', () => {
    const names = [
      ...['a.ucp', 'a.ucp.lock', 'a.ucp.shard-1-of-2', 'a.ucp.shard-1-of-2.lock'],
      ...['a.ucp.shard-0-of-2.lock', 'a.ucp.shard-2-of-3.tmp', 'b.ucp.shard-0-of-2'],
      ...['a.ucp.shard-x-of-2', 'a.ucp.shard-0-of-2.corrupt-1', 'xa.ucp.shard-0-of-2'],
    ]
    expect(shardJournalNames('/state/a.ucp', names)).toEqual([
      'a.ucp.shard-0-of-2',
      'a.ucp.shard-1-of-2',
      'a.ucp.shard-2-of-3',
    ])
  })
})
