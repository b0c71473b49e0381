import fc from 'fast-check'
import { expect, it } from 'vitest'
import { partRange, planParts } from '../../src/upload/plan.js'
import { type RecordedPart, reconcileParts, type ServerPart } from '../../src/upload/reconcile.js'

const numRuns = process.env['SLOW'] === '1' ? 10_000 : 1_000

const partSize = 102_400
const tail = 7
const maxCount = 12

/** Few values, so that journal and server agree often. */
const size = fc.constantFrom(partSize, partSize, partSize, tail, partSize - 1, partSize + 1)
const crc64 = fc.constantFrom('1', '2')
const etag = fc.constantFrom('A', 'B', '0123456789abcdef0123456789abcdef')
const number = fc.integer({ min: 0, max: maxCount + 3 })
const recordedPart: fc.Arbitrary<RecordedPart> = fc.record({ size, crc64, etag })
const serverPart: fc.Arbitrary<ServerPart> = fc.record({
  size,
  etag,
  crc64: fc.option(crc64, { nil: undefined }),
})
const mapOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Map<number, T>> =>
  fc.array(fc.tuple(number, value), { maxLength: 16 }).map((pairs) => new Map(pairs))

const situation = fc.record({
  plan: fc
    .tuple(fc.nat(maxCount), fc.boolean())
    .map(([count, whole]) =>
      planParts(Math.max(0, count * partSize - (whole ? 0 : partSize - tail)), partSize),
    ),
  recorded: mapOf(recordedPart),
  listed: fc.option(mapOf(serverPart), { nil: undefined }),
  trusted: fc.array(number).map((numbers) => new Set(numbers)),
})

const ascending = (numbers: readonly number[]): boolean =>
  numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0))

it('gives every part of the plan exactly one fate, in ascending order', () => {
  fc.assert(
    fc.property(situation, ({ plan, recorded, listed, trusted }) => {
      const { keep, verify, send, lost } = reconcileParts(plan, recorded, listed, trusted)
      const verified = verify.map(({ number }) => number)
      const all = [...keep, ...verified, ...send].sort((a, b) => a - b)
      expect(all).toEqual(Array.from({ length: plan.count }, (_, index) => index + 1))
      for (const numbers of [keep, verified, send, lost]) expect(ascending(numbers)).toBe(true)
    }),
    { numRuns },
  )
})

it('keeps only what is trusted, recorded and not contradicted by OSS', () => {
  fc.assert(
    fc.property(situation, ({ plan, recorded, listed, trusted }) => {
      for (const number of reconcileParts(plan, recorded, listed, trusted).keep) {
        const record = recorded.get(number)
        expect(trusted.has(number)).toBe(true)
        expect(record?.size).toBe(partRange(plan, number).size)
        if (listed === undefined) continue
        const server = listed.get(number)
        expect(server).toMatchObject({ size: record?.size, etag: record?.etag })
        expect([undefined, record?.crc64]).toContain(server?.crc64)
      }
    }),
    { numRuns },
  )
})

it('verifies only parts of the planned size, against what OSS will complete them with', () => {
  fc.assert(
    fc.property(situation, ({ plan, recorded, listed, trusted }) => {
      for (const part of reconcileParts(plan, recorded, listed, trusted).verify) {
        const { size } = partRange(plan, part.number)
        const record = recorded.get(part.number)
        const server = listed?.get(part.number)
        expect((part.recorded ? record : server)?.size).toBe(size)
        if (listed !== undefined) expect(server).toMatchObject({ size, etag: part.etag })
        if (listed === undefined) expect(part).toMatchObject({ recorded: true, etag: record?.etag })
        // A server's CRC-64 always has to hold; without one it is the journal's or the MD5.
        const expected = server?.crc64 ?? (part.recorded ? record?.crc64 : undefined)
        expect(part.expect).toEqual(
          expected === undefined ? { md5: server?.etag.toUpperCase() } : { crc64: expected },
        )
      }
    }),
    { numRuns },
  )
})

it('sends nothing again that the journal records when there is no list', () => {
  fc.assert(
    fc.property(situation, ({ plan, recorded, trusted }) => {
      const { send, lost } = reconcileParts(plan, recorded, undefined, trusted)
      for (const number of send)
        expect(recorded.get(number)?.size).not.toBe(partRange(plan, number).size)
      expect(lost).toEqual([])
    }),
    { numRuns },
  )
})

it('sends again what is lost, and calls lost only what was recorded', () => {
  fc.assert(
    fc.property(situation, ({ plan, recorded, listed, trusted }) => {
      const { send, lost } = reconcileParts(plan, recorded, listed, trusted)
      for (const number of lost) {
        expect(send).toContain(number)
        expect(recorded.get(number)?.size).toBe(partRange(plan, number).size)
      }
    }),
    { numRuns },
  )
})

it('ignores parts that the plan does not have', () => {
  fc.assert(
    fc.property(situation, ({ plan, recorded, listed, trusted }) => {
      const within = <T>(parts: Map<number, T>): Map<number, T> =>
        new Map([...parts].filter(([number]) => number >= 1 && number <= plan.count))
      expect(reconcileParts(plan, recorded, listed, trusted)).toEqual(
        reconcileParts(plan, within(recorded), listed && within(listed), trusted),
      )
    }),
    { numRuns },
  )
})
