// Owns what must hold for every input: a value or the one error, and what was encoded is decoded again.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OssError } from '../../src/primitives/errors.js'
import { parseXml } from '../../src/xml/document.js'
import { decodeErrorBody } from '../../src/xml/error-xml.js'
import { encodeCompleteMultipartUpload } from '../../src/xml/multipart-xml.js'
import { decoders, xmlFixtures } from './fixtures.js'

const numRuns = process.env['SLOW'] ? 20_000 : 2_000

const encode = (text: string) => new TextEncoder().encode(text)

const roots = [...Object.values(decoders).map(({ root }) => root), 'Error']

const documents = [...Object.keys(decoders), 'error'].flatMap(xmlFixtures).map(({ bytes }) => bytes)

/** Markup in no sensible order, with the names that a decoder looks for and those that objects have already. */
const soup = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...roots.flatMap((root) => [`<${root}>`, `</${root}>`]),
        ...['Part', 'Upload', 'Key', 'ETag', '__proto__', 'toString', 'a'].flatMap((name) => [
          `<${name}>`,
          `</${name}>`,
          `<${name}/>`,
        ]),
        ...['<!--', '-->', '<![CDATA[', ']]>', '<?xml ', '?>', '<!DOCTYPE ', '<!ENTITY ', '>', '<'],
        ...['&amp;', '&#10;', '&#x110000;', '&e;', '&', ';', '"', "'", '=', ' ', '\0', '\uFEFF'],
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => encode(pieces.join('')))

/** A valid document with one stretch replaced, which keeps it near enough to validity to get far. */
const mutated = fc
  .record({
    bytes: fc.constantFrom(...documents),
    start: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(20),
    replacement: fc.oneof(fc.uint8Array({ maxLength: 5 }), soup),
  })
  .map(({ bytes, start, length, replacement }) => {
    const from = Math.floor(start * bytes.length)
    return Buffer.concat([bytes.subarray(0, from), replacement, bytes.subarray(from + length)])
  })

const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), soup, mutated)

describe('any bytes', () => {
  it('are decoded, or refused with ERR_OSS_MALFORMED_RESPONSE', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, async (bytes) => {
        for (const decode of Object.values(decoders).map((decoder) => decoder.decode)) {
          try {
            decode(await parseXml(bytes, roots))
          } catch (error) {
            expect(error).toBeInstanceOf(OssError)
            expect(error).toMatchObject({ code: 'ERR_OSS_MALFORMED_RESPONSE' })
          }
        }
      }),
      { numRuns },
    )
  })

  it('are an error document or none', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, async (bytes) => {
        const document = await decodeErrorBody(bytes)
        if (document !== undefined) expect(document.code).toMatch(/\S/)
      }),
      { numRuns },
    )
  })
})

it('every truncation of a document is refused', async () => {
  for (const { root } of Object.values(decoders)) {
    const document = documents
      .map((bytes) => Buffer.from(bytes).toString())
      .find((text) => text.includes(`</${root}>`))
    const bytes = encode((document ?? '').trimEnd())
    for (let length = 0; length < bytes.length; length++) {
      await expect(parseXml(bytes.subarray(0, length), root)).rejects.toMatchObject({
        code: 'ERR_OSS_MALFORMED_RESPONSE',
      })
    }
  }
})

describe('round trip', () => {
  const xmlText = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter(
      (text) => !/^".*"$/s.test(text) && !/[^\t\n\r\x20-\uFFFD\u{10000}-\u{10FFFF}]/u.test(text),
    )

  it('what encodeCompleteMultipartUpload writes, the reader reads', async () => {
    const parts = fc
      .uniqueArray(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 20 })
      .map((numbers) => numbers.sort((a, b) => a - b))
      .chain((numbers) =>
        fc.tuple(
          ...numbers.map((partNumber) =>
            fc.record({ partNumber: fc.constant(partNumber), etag: xmlText }),
          ),
        ),
      )
    await fc.assert(
      fc.asyncProperty(parts, async (expected) => {
        const root = await parseXml(
          encodeCompleteMultipartUpload(expected),
          'CompleteMultipartUpload',
        )
        const decoded = root.elements('Part').map((part) => ({
          partNumber: part.integer('PartNumber'),
          etag: part.text('ETag').slice(1, -1),
        }))
        expect(decoded).toEqual(expected)
      }),
      { numRuns: numRuns / 10 },
    )
  })

  it('a key is the same, escaped as text, as numbers, in CDATA or percent-encoded', async () => {
    const escapeText = (key: string) =>
      key.replace(/[&<>\r]/g, (character) => `&#${character.codePointAt(0)};`)
    const asNumbers = (key: string) =>
      [...key].map((character) => `&#x${character.codePointAt(0)?.toString(16)};`).join('')
    const asCdata = (key: string) =>
      key
        .split(']]>')
        .map((piece) => `<![CDATA[${piece}]]>`)
        .join(']]&gt;')

    await fc.assert(
      fc.asyncProperty(xmlText, async (key) => {
        const read = async (content: string, encodingType: string) => {
          const xml = `<R><EncodingType>${encodingType}</EncodingType><Bucket>b</Bucket><Key>${content}</Key><UploadId>1</UploadId></R>`
          return decoders['initiate-multipart-upload']?.decode(await parseXml(encode(xml), 'R'))
        }
        const expected = { bucket: 'b', key, uploadId: '1' }
        expect(await read(escapeText(key), '')).toEqual(expected)
        expect(await read(asNumbers(key), '')).toEqual(expected)
        expect(await read(encodeURIComponent(key), 'url')).toEqual(expected)
        // CDATA knows no references: line ends are normalised, and the reader sees no declaration inside.
        if (!/\r|<[!?]/.test(key)) expect(await read(asCdata(key), '')).toEqual(expected)
      }),
      { numRuns: numRuns / 10 },
    )
  })
})
