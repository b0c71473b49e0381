import { describe, expect, it } from 'vitest'
import {
  assertPartSize,
  maxPartCount,
  maxPartSize,
  minPartSize,
  partRange,
  planParts,
} from '../../src/upload/plan.js'

const kib = 1024
const mib = 1024 * kib
const gib = 1024 * mib
const largestObject = 10_000 * 5 * gib

describe('the default part size', () => {
  it.each([
    { size: 0, partSize: 8 * mib, count: 0 },
    { size: 1, partSize: 8 * mib, count: 1 },
    { size: 100 * kib - 1, partSize: 8 * mib, count: 1 },
    { size: 100 * kib, partSize: 8 * mib, count: 1 },
    { size: 100 * kib + 1, partSize: 8 * mib, count: 1 },
    { size: 8 * mib - 1, partSize: 8 * mib, count: 1 },
    { size: 8 * mib, partSize: 8 * mib, count: 1 },
    { size: 8 * mib + 1, partSize: 8 * mib, count: 2 },
    { size: 10_000 * 8 * mib - 1, partSize: 8 * mib, count: 10_000 },
    { size: 10_000 * 8 * mib, partSize: 8 * mib, count: 10_000 },
    { size: 10_000 * 8 * mib + 1, partSize: 9 * mib, count: 8_889 },
    { size: 10_000 * 9 * mib, partSize: 9 * mib, count: 10_000 },
    { size: 10_000 * 9 * mib + 1, partSize: 10 * mib, count: 9_001 },
    { size: largestObject - 1, partSize: 5 * gib, count: 10_000 },
    { size: largestObject, partSize: 5 * gib, count: 10_000 },
  ])('splits $size bytes into $count parts of $partSize', ({ size, partSize, count }) => {
    expect(planParts(size)).toEqual({ size, partSize, count })
  })

  it.each([largestObject + 1, 2 * largestObject])(
    'refuses a source of %d bytes, saying what is possible',
    (size) => {
      expect(() => planParts(size)).toThrow(RangeError)
      expect(() => planParts(size)).toThrow(
        `the source has ${size} bytes; an object has at most ${largestObject}`,
      )
      expect(() => planParts(size, maxPartSize)).toThrow('10,000 parts of 5 GiB')
    },
  )
})

describe('a part size of the caller', () => {
  it.each([minPartSize, minPartSize + 1, maxPartSize - 1, maxPartSize])('may be %d', (partSize) => {
    expect(() => assertPartSize(partSize)).not.toThrow()
    expect(planParts(1, partSize)).toEqual({ size: 1, partSize, count: 1 })
  })

  it.each([
    minPartSize - 1,
    maxPartSize + 1,
    0,
    -minPartSize,
    minPartSize + 0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '1048576',
    1_048_576n,
    null,
    Symbol('size'),
  ])('may not be %s', (partSize) => {
    expect(() => assertPartSize(partSize as number)).toThrow(RangeError)
    const limits =
      'partSize must be a whole number of bytes, 102400 (100 KiB) to 5368709120 (5 GiB), not '
    expect(() => planParts(1, partSize as number)).toThrow(limits + String(partSize))
  })

  it.each([
    { size: 0, count: 0, partSize: minPartSize },
    { size: minPartSize - 1, count: 1, partSize: minPartSize },
    { size: minPartSize, count: 1, partSize: minPartSize },
    { size: minPartSize + 1, count: 2, partSize: minPartSize },
    { size: 10_000 * minPartSize - 1, count: 10_000, partSize: minPartSize },
    { size: 10_000 * minPartSize, count: 10_000, partSize: minPartSize },
    { size: largestObject, count: 10_000, partSize: maxPartSize },
  ])('of $partSize makes $count parts of $size bytes', ({ size, count, partSize }) => {
    expect(planParts(size, partSize)).toEqual({ size, partSize, count })
  })

  it('is refused when it needs one part more than 10,000, naming one that will do', () => {
    const size = maxPartCount * minPartSize + 1
    expect(() => planParts(size, minPartSize)).toThrow(
      'partSize 102400 would need 10001 parts for 1024000001 bytes; use at least 102401 (10,000 parts)',
    )
    expect(planParts(size, minPartSize + 1).count).toBeLessThanOrEqual(maxPartCount)
  })
})

describe('the range of a part', () => {
  const plan = planParts(2 * minPartSize + 1, minPartSize)

  it.each([
    { number: 1, offset: 0, size: minPartSize },
    { number: 2, offset: minPartSize, size: minPartSize },
    { number: 3, offset: 2 * minPartSize, size: 1 },
  ])('of number $number starts at $offset and has $size bytes', (range) => {
    expect(partRange(plan, range.number)).toEqual(range)
  })

  it('is exact at the end of the largest object', () => {
    const offset = 9_999 * 5 * gib
    const last = { number: 10_000, offset, size: 5 * gib }
    expect(partRange(planParts(largestObject), 10_000)).toEqual(last)
    const shorter = { ...last, size: 5 * gib - 1 }
    expect(partRange(planParts(largestObject - 1), 10_000)).toEqual(shorter)
  })
})
