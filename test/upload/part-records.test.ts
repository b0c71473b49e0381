// What is remembered of parts is what was recorded, in whatever form their ETags come.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JournalPart } from '../../src/upload/journal.js'
import { PartNumbers, PartRecords } from '../../src/upload/part-records.js'

const md5 = 'D41D8CD98F00B204E9800998ECF8427E'
const part = (number: number, more: Partial<JournalPart> = {}): JournalPart => ({
  ...{ number, size: 5 * 1024 ** 3, crc64: '18446744073709551615', etag: md5 },
  ...more,
})

const anyPart: fc.Arbitrary<JournalPart> = fc.record({
  number: fc.integer({ min: 1, max: 10_000 }),
  size: fc.integer({ min: 1, max: 5 * 1024 ** 3 }),
  crc64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  etag: fc.oneof(
    fc.stringMatching(/^[0-9A-F]{32}$/),
    fc.stringMatching(/^[0-9a-fA-F]{30,34}$/),
    fc.string({ minLength: 1 }),
  ),
})

describe('PartRecords', () => {
  it('gives what was set last, like a Map', () => {
    fc.assert(
      fc.property(fc.array(anyPart), (parts) => {
        const records = new PartRecords()
        const model = new Map<number, JournalPart>()
        for (const each of parts) {
          records.set(each)
          model.set(each.number, each)
        }
        expect([...records.values()]).toEqual(
          [...model.values()].sort((a, b) => a.number - b.number),
        )
        expect(records.size).toBe(model.size)
        for (const { number, size, crc64, etag } of model.values()) {
          expect(records.has(number)).toBe(true)
          expect(records.get(number)).toEqual(model.get(number))
          expect(records.sizeOf(number)).toBe(size)
          expect(records.crc64Of(number)).toBe(BigInt(crc64))
          expect(records.etagOf(number)).toBe(etag)
        }
      }),
    )
  })

  it.each([0, 2, 10_000, 10_001, -1, 1.5])('has no part %d that was not set', (number) => {
    const records = new PartRecords()
    records.set(part(1))
    expect(records.has(number)).toBe(false)
    expect(records.get(number)).toBeUndefined()
    expect(records.sizeOf(number)).toBeUndefined()
    expect(records.crc64Of(number)).toBeUndefined()
    expect(records.etagOf(number)).toBeUndefined()
  })

  it('forgets all, also an ETag that is no MD5', () => {
    const records = new PartRecords()
    records.set(part(1, { etag: 'a-1' }))
    records.set(part(10_000))
    records.clear()
    expect([...records.values()]).toEqual([])
    records.set(part(1))
    expect(records.get(1)).toEqual(part(1))
  })

  it.each(['', '-1', '1.5', '18446744073709551616', '01'])('refuses the CRC-64 %j', (crc64) => {
    expect(() => new PartRecords().set(part(7, { crc64 }))).toThrow('part 7 has no CRC-64')
  })
})

describe('PartNumbers', () => {
  it('is a set, in order', () => {
    const change = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 10_000 }))
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const numbers = new PartNumbers()
        const model = new Set<number>()
        for (const [isAdded, number] of changes) {
          if (isAdded) numbers.add(number)
          else numbers.delete(number)
          if (isAdded) model.add(number)
          else model.delete(number)
        }
        expect([...numbers]).toEqual([...model].sort((a, b) => a - b))
        for (const [, number] of changes) expect(numbers.has(number)).toBe(model.has(number))
        numbers.clear()
        expect([...numbers]).toEqual([])
      }),
    )
  })
})
