import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeUriComponent, encodeUriPath } from '../../src/primitives/uri-encode.js'

const numRuns = process.env['SLOW'] === '1' ? 1000 : 100
const text = fc.string({ unit: 'binary' })
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~'

/** The definition, said another way: byte by byte from the UTF-8 buffer, against a list of characters. */
function encodedByDefinition(value: string, kept: string): string {
  return [...Buffer.from(value, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      const hex = (byte >> 4).toString(16) + (byte & 15).toString(16)
      return byte < 128 && kept.includes(character) ? character : `%${hex.toUpperCase()}`
    })
    .join('')
}

describe('encodeUriComponent', () => {
  it('equals the definition for every byte that UTF-8 text can have', () => {
    const seen = new Set<number>()
    for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += codePoint < 0x1000 ? 1 : 0xff) {
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue
      const character = String.fromCodePoint(codePoint)
      for (const byte of Buffer.from(character)) seen.add(byte)
      const encoded = encodeUriComponent(character)
      const expected = encodedByDefinition(character, letters)
      if (encoded !== expected) expect(encoded).toBe(expected)
    }
    // C0, C1 and F5 to FF are in no UTF-8 text.
    expect(seen.size).toBe(256 - 13)
  })

  it('equals the definition for any text', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(encodeUriComponent(value)).toBe(encodedByDefinition(value, letters))
        expect(encodeUriPath(value)).toBe(encodedByDefinition(value, `${letters}/`))
      }),
      { numRuns },
    )
  })

  it('is undone by decodeURIComponent', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(decodeURIComponent(encodeUriComponent(value))).toBe(value)
        expect(decodeURIComponent(encodeUriPath(value))).toBe(value)
      }),
      { numRuns },
    )
  })

  it('writes nothing but unreserved characters and upper-case escapes', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(encodeUriComponent(value)).toMatch(/^(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})*$/)
      }),
      { numRuns },
    )
  })
})
