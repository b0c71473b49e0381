import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  maxPartCount,
  maxPartSize,
  minPartSize,
  partRange,
  planParts,
} from '../../src/upload/plan.js'

const numRuns = process.env['SLOW'] === '1' ? 3000 : 300

/** Sizes of every order of magnitude up to 48.8 TB, and those around multiples of a MiB. */
const anySize = fc.oneof(
  fc.bigInt({ min: 0n, max: BigInt(maxPartSize * maxPartCount) }).map(Number),
  fc
    .tuple(fc.nat(53), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([bits, fraction]) =>
      Math.min(Math.floor(2 ** bits * fraction), maxPartSize * maxPartCount),
    ),
  fc
    .tuple(fc.nat(50_000_000), fc.integer({ min: -1, max: 1 }))
    .map(([mib, off]) => Math.max(0, mib * 1_048_576 + off)),
)

const anyPartSize = fc.oneof(
  fc.constant(undefined),
  fc.integer({ min: minPartSize, max: minPartSize + 10_000 }),
  fc.bigInt({ min: BigInt(minPartSize), max: BigInt(maxPartSize) }).map(Number),
)

it('covers [0, size) exactly, in order, within the limits of OSS, or refuses what cannot be', () => {
  fc.assert(
    fc.property(anySize, anyPartSize, (size, wanted) => {
      if (wanted !== undefined && BigInt(size) > BigInt(wanted) * BigInt(maxPartCount)) {
        expect(() => planParts(size, wanted)).toThrow(RangeError)
        return
      }
      const plan = planParts(size, wanted)
      expect(plan.count).toBeLessThanOrEqual(maxPartCount)
      expect(plan.partSize).toBeGreaterThanOrEqual(minPartSize)
      expect(plan.partSize).toBeLessThanOrEqual(maxPartSize)
      if (wanted !== undefined) expect(plan.partSize).toBe(wanted)
      let end = 0
      let wrong = 0
      for (let number = 1; number <= plan.count; number++) {
        const range = partRange(plan, number)
        const whole = number === plan.count ? range.size > 0 : range.size === plan.partSize
        if (!whole || range.size > plan.partSize || range.offset !== end || range.number !== number)
          wrong += 1
        end += range.size
      }
      expect(wrong).toBe(0)
      expect(end).toBe(size)
    }),
    { numRuns },
  )
})

it('plans alike for a resume that gives the part size of the first plan', () => {
  fc.assert(
    fc.property(anySize, (size) => {
      const plan = planParts(size)
      expect(planParts(size, plan.partSize)).toEqual(plan)
    }),
    { numRuns },
  )
})
