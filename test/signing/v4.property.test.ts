import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  additionalHeaderNames,
  canonicalHeaders,
  canonicalQuery,
  canonicalUri,
  presignUrl,
  signRequest,
} from '../../src/signing/index.js'

const numRuns = process.env['SLOW'] === '1' ? 1000 : 100
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => value.isWellFormed())
const name = text.filter((value) => value !== '')
const headerName = fc.stringMatching(/^[a-zA-Z-]{1,12}$/)
const headerValue = fc.string({ maxLength: 20 })
const context = {
  region: 'cn-hangzhou',
  credentials: { accessKeyId: 'EXAMPLEKEYID', accessKeySecret: 'examplesecret' },
  time: new Date('2025-01-02T03:04:05Z'),
}

const shuffledEntries = <T>(names: fc.Arbitrary<string>, values: fc.Arbitrary<T>) =>
  fc
    .uniqueArray(fc.tuple(names, values), { selector: ([key]) => key.toLowerCase(), maxLength: 8 })
    .chain((entries) =>
      fc.tuple(
        fc.constant(entries),
        fc.shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length }),
      ),
    )

describe('canonical query', () => {
  it('does not depend on the order of the parameters', () => {
    fc.assert(
      fc.property(shuffledEntries(name, text), ([entries, shuffled]) => {
        expect(canonicalQuery(Object.fromEntries(shuffled))).toBe(
          canonicalQuery(Object.fromEntries(entries)),
        )
      }),
      { numRuns },
    )
  })

  it('can be read back, is sorted, and has no name twice', () => {
    fc.assert(
      fc.property(fc.dictionary(name, text), (query) => {
        const canonical = canonicalQuery(query)
        const pairs = canonical === '' ? [] : canonical.split('&').map((pair) => pair.split('='))
        const names = pairs.map(([key = '']) => key)
        expect(names).toEqual([...new Set(names)].sort())
        const decoded = pairs.map(([key = '', value = '']) => [
          decodeURIComponent(key),
          decodeURIComponent(value),
        ])
        expect(new Map(decoded as [string, string][])).toEqual(new Map(Object.entries(query)))
      }),
      { numRuns },
    )
  })
})

describe('canonical URI', () => {
  it('can be read back, and has a slash exactly where the key has one', () => {
    fc.assert(
      fc.property(text, (key) => {
        const uri = canonicalUri('examplebucket', key)
        expect(decodeURIComponent(uri)).toBe(`/examplebucket/${key}`)
        expect(uri.split('/')).toHaveLength(key.split('/').length + 2)
      }),
      { numRuns },
    )
  })
})

describe('canonical headers', () => {
  it('depend neither on order nor on case, and list exactly the signed names', () => {
    fc.assert(
      fc.property(shuffledEntries(headerName, headerValue), ([entries, shuffled]) => {
        const headers = Object.fromEntries(entries)
        const additional = entries.slice(0, 3).map(([given]) => given)
        const canonical = canonicalHeaders(headers, additional)
        const upper = shuffled.map(([given, value]) => [given.toUpperCase(), value])
        expect(canonicalHeaders(Object.fromEntries(upper), additional)).toBe(canonical)
        const always = /^(content-type|content-md5|x-oss-.*)$/
        const names = canonical.split('\n').map((line) => line.split(':')[0] ?? '')
        expect(names.filter((line) => line !== '' && !always.test(line)).join(';')).toBe(
          additionalHeaderNames(headers, additional),
        )
      }),
      { numRuns },
    )
  })
})

describe('both forms', () => {
  it('sign the path that the URL has, for any key', () => {
    fc.assert(
      fc.property(name, fc.boolean(), (key, pathStyle) => {
        const origin = 'https://example.com'
        const request = { method: 'PUT', origin, pathStyle, bucket: 'examplebucket', key }
        const { url, canonicalRequest } = presignUrl(request, { ...context, expiresSeconds: 60 })
        const path = url.slice(origin.length, url.indexOf('?'))
        expect(canonicalRequest.split('\n')[1]).toBe(pathStyle ? path : `/examplebucket${path}`)
      }),
      { numRuns },
    )
  })

  it('let no header value add a line to the canonical request', () => {
    fc.assert(
      fc.property(text, (value) => {
        const request = { method: 'PUT', bucket: 'b', key: 'k', headers: { 'x-oss-meta-a': value } }
        if (/[\r\n\0]/.test(value)) {
          expect(() => signRequest(request, context)).toThrow(TypeError)
        } else {
          expect(signRequest(request, context).canonicalRequest.split('\n')).toHaveLength(9)
        }
      }),
      { numRuns },
    )
  })
})
