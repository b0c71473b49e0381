// What is taken for OSS's time, and what is not.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { serverTimeOf } from '../../src/oss/clock.js'

const iso = '2026-01-02T03:04:05.000Z'
const http = 'Fri, 02 Jan 2026 03:04:05 GMT'
const time = new Date(iso)

describe('serverTimeOf', () => {
  it.each([iso, '2026-01-02T03:04:05Z', ` ${iso}\n`])('reads ServerTime %j', (text) => {
    expect(serverTimeOf(text, undefined)).toEqual({ time, source: 'ServerTime' })
  })

  it('reads the Date header, and prefers ServerTime, which no proxy writes', () => {
    expect(serverTimeOf(undefined, http)).toEqual({ time, source: 'Date' })
    expect(serverTimeOf(iso, 'Sat, 03 Jan 2026 03:04:05 GMT')).toEqual({
      ...{ time, source: 'ServerTime' },
    })
    expect(serverTimeOf('nonsense', http)).toEqual({ time, source: 'Date' })
    expect(serverTimeOf('1970-01-01T00:00:00.000Z', http)).toEqual({ time, source: 'Date' })
  })

  it.each([
    '',
    '2026-01-02',
    '2026-01-02T03:04:05',
    '2026-01-02T03:04:05+08:00',
    '2026-13-02T03:04:05Z',
    '1767323045',
    http,
  ])('does not take %j for a ServerTime', (text) => {
    expect(serverTimeOf(text, undefined)).toBeUndefined()
  })

  it.each([
    '',
    iso,
    'Friday, 02-Jan-26 03:04:05 GMT',
    'Fri, 2 Jan 2026 03:04:05 GMT',
    'Fri, 02 Jan 2026 03:04:05 +0800',
    'Fri, 02 Xyz 2026 03:04:05 GMT',
  ])('does not take %j for a Date', (text) => {
    expect(serverTimeOf(undefined, text)).toBeUndefined()
  })

  it.each([
    ['2023-12-31T23:59:59Z', false],
    ['2024-01-01T00:00:00Z', true],
    ['2099-12-31T23:59:59Z', true],
    ['2100-01-01T00:00:00Z', false],
  ])('believes %s: %s', (text, believed) => {
    expect(serverTimeOf(text, undefined) !== undefined).toBe(believed)
    const header = new Date(text).toUTCString()
    expect(serverTimeOf(undefined, header) !== undefined).toBe(believed)
  })

  it('gives a time within the bounds, or none, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), fc.date({ noInvalidDate: true }), (text, date) => {
        for (const found of [
          serverTimeOf(text, text),
          serverTimeOf(undefined, date.toUTCString()),
        ]) {
          const year = found?.time.getUTCFullYear() ?? 2024
          expect(year).toBeGreaterThanOrEqual(2024)
          expect(year).toBeLessThan(2100)
        }
      }),
    )
  })
})
