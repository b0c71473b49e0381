// Owns the examples of the multipart codecs: each fixture, and the request body of Complete.

import { describe, expect, it } from 'vitest'
import { parseXml } from '../../src/xml/document.js'
import { encodeCompleteMultipartUpload } from '../../src/xml/multipart-xml.js'
import { asJson, decoders, xmlFixtures } from './fixtures.js'

for (const [document, { root, decode }] of Object.entries(decoders)) {
  describe(`decodes ${document}`, () => {
    it.each(xmlFixtures(document))('$name', async ({ bytes, expected }) => {
      const result = await parseXml(bytes, root)
        .then(decode)
        .catch((error) => ({ error: error.code ?? error }))
      expect(asJson(result)).toEqual(expected)
    })
  })
}

describe('encodeCompleteMultipartUpload', () => {
  it('quotes ETags once, whether or not they came with quotes', () => {
    const xml = encodeCompleteMultipartUpload([
      { partNumber: 1, etag: 'AB' },
      { partNumber: 3, etag: '"cd"' },
    ])
    expect(xml.toString()).toBe(
      '<CompleteMultipartUpload>' +
        '<Part><PartNumber>1</PartNumber><ETag>"AB"</ETag></Part>' +
        '<Part><PartNumber>3</PartNumber><ETag>"cd"</ETag></Part>' +
        '</CompleteMultipartUpload>',
    )
  })

  it('escapes what XML would read as markup', () => {
    const xml = encodeCompleteMultipartUpload([{ partNumber: 10_000, etag: '<&>\r' }])
    expect(xml.toString()).toContain('<ETag>"&lt;&amp;&gt;&#13;"</ETag>')
  })

  it.each([
    ['none', []],
    ['zero', [0]],
    ['10,001', [10_001]],
    ['a fraction', [1.5]],
    ['not a number', [Number.NaN]],
    ['one twice', [1, 1]],
    ['descending', [2, 1]],
  ])('refuses part numbers: %s', (_, numbers) => {
    const parts = numbers.map((partNumber) => ({ partNumber, etag: 'AB' }))
    expect(() => encodeCompleteMultipartUpload(parts)).toThrow(RangeError)
  })

  it.each(['', '""', '\0', '\x1F', '\uD800', '\uFFFE', 'a\uDC00'])(
    'refuses the ETag %j',
    (etag) => {
      expect(() => encodeCompleteMultipartUpload([{ partNumber: 7, etag }])).toThrow(
        /^the ETag of part 7 /,
      )
    },
  )
})
