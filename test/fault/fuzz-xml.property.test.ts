// Owns what must hold when any bytes at all are given to the XML decoders: a value in its range, or the one named error.

import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { OssError } from '../../src/primitives/errors.js'
import { parseXml } from '../../src/xml/document.js'
import { decodeErrorBody } from '../../src/xml/error-xml.js'
import {
  type CompletedUpload,
  encodeCompleteMultipartUpload,
  type InitiatedUpload,
  type ListMultipartUploadsPage,
  type ListPartsPage,
} from '../../src/xml/multipart-xml.js'
import {
  assertAlways,
  expectNothingPolluted,
  expectPlain,
  fuzzLength,
  fuzzTimeout,
  type Grammar,
  mutated,
  outcome,
  splitTags,
} from '../support/mutations.js'
import { decoders, xmlFixtures } from '../xml/fixtures.js'

const usual = fuzzLength(1_000)
const { numRuns } = usual

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const roots = [...Object.values(decoders).map(({ root }) => root), 'Error']
const documents = [...Object.keys(decoders), 'error'].flatMap(xmlFixtures).map(({ bytes }) => bytes)

/** Stands in some of the input, and must never be quoted by an error. */
const canary = 'c4nary'

const names = ['Part', 'PartNumber', 'Size', 'ETag', 'HashCrc64ecma', 'LastModified', 'Upload']
const otherNames = ['Key', 'UploadId', 'Initiated', 'IsTruncated', 'EncodingType', 'Code', canary]
/** The parser takes none of these for a name. */
const protoNames = ['__proto__', 'constructor', 'prototype']
const methodNames = ['toString', 'valueOf', 'hasOwnProperty', '__defineGetter__', 'length']
const hostileTexts = [
  ...['', ' ', '0', '00', '10000', '10001', '-1', '+1', '1e3', '1.0', '0x10', '٣', 'NaN'],
  ...['9007199254740991', '9007199254740992', '18446744073709551615', '18446744073709551616'],
  ...['9'.repeat(400), 'true', 'false', 'TRUE', 'url', '%', '%00', '%ED%A0%80', '+', canary],
  ...['""""', '"', '&#1;', '&#xFFFE;', '&#xD800;', '&#x110000;', '&#0;', '&amp;amp;', '&e;', '&'],
  ...['2026-01-02T03:04:05.000Z', '2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z'],
]
const markup = [
  ...['<!--', '-->', '<![CDATA[', ']]>', '<![CDATA[<a>]]>', '<?xml version="1.0"?>', '<?', '?>'],
  ...[`<!DOCTYPE r [<!ENTITY e "${canary}">]>`, '<!ENTITY a "&b;&b;">', '<', '>', '/>', '"', "'"],
  ...[' a="b"', ` __proto__="${canary}"`, ' xmlns:x="y"', 'x:', '\r\n', '\0', '\uFEFF', '\u2028'],
]
const tokens: Grammar['tokens'] = [
  ...[...roots, ...names, ...otherNames, ...protoNames, ...methodNames].flatMap((name) => [
    ...[`<${name}>`, `</${name}>`, `<${name}/>`, `<${name}>1</${name}>`],
  ]),
  ...[...hostileTexts, ...markup],
  ...[Buffer.from([0xff, 0xfe]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xc0, 0x80])],
]

const soup = fc
  .array(fc.constantFrom(...tokens), { maxLength: 40 })
  .map((pieces) => Buffer.concat(pieces.map((piece) => Buffer.from(piece as string))))

const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(fc.uint8Array({ maxLength: 300 }), soup, {
  weight: 4,
  arbitrary: mutated(documents, { split: splitTags, tokens }),
})

function expectMalformed(error: unknown): void {
  expect(error).toBeInstanceOf(OssError)
  expect(error).toMatchObject({ name: 'OssError', code: 'ERR_OSS_MALFORMED_RESPONSE' })
  expect(String(error)).toMatch(/^OssError: malformed answer: expected [\x20-\x7e]{1,200}$/)
  // Nor in the cause or any other member: an answer may come from a stranger.
  expect(JSON.stringify(error) + String(error)).not.toContain(canary)
  expect(error).not.toHaveProperty('cause')
}

const count = (value: number, max = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value <= max
const inTime = (date: Date): boolean => /^\d{4}-.*Z$/.test(date.toISOString())

function expectIdentified({ key, uploadId }: Pick<InitiatedUpload, 'key' | 'uploadId'>): void {
  expect([key, uploadId]).not.toContain('')
  expect(key.isWellFormed() && uploadId.isWellFormed()).toBe(true)
}

/** What every accepted value must be fit for, by decoder. */
const fit: Readonly<Record<string, (value: unknown) => void>> = {
  'initiate-multipart-upload': (value) => {
    expect(Object.keys(value as object).sort()).toEqual(['bucket', 'key', 'uploadId'])
    expectIdentified(value as InitiatedUpload)
  },
  'list-parts': (value) => {
    const page = value as ListPartsPage
    expectIdentified(page)
    expect(typeof page.isTruncated).toBe('boolean')
    expect(count(page.nextPartNumberMarker ?? 0, 10_000) && count(page.maxParts ?? 0)).toBe(true)
    for (const { size, crc64 = 0n, lastModified } of page.parts) {
      expect(count(size) && crc64 >= 0n && crc64 < 2n ** 64n).toBe(true)
      expect(lastModified === undefined || inTime(lastModified)).toBe(true)
    }
    // Refuses numbers out of order or range, and ETags that could not be sent back.
    if (page.parts.length > 0) encodeCompleteMultipartUpload(page.parts)
  },
  'complete-multipart-upload': (value) => {
    const { bucket, key, etag, location } = value as CompletedUpload
    expect([bucket, key, etag, location]).not.toContain('')
  },
  'list-multipart-uploads': (value) => {
    const { isTruncated, uploads } = value as ListMultipartUploadsPage
    expect(typeof isTruncated).toBe('boolean')
    for (const upload of uploads) {
      expectIdentified(upload)
      expect(inTime(upload.initiated)).toBe(true)
    }
  },
}

async function decodeAll(bytes: Uint8Array, wanted: readonly string[] = roots): Promise<number> {
  let accepted = 0
  for (const [name, { decode }] of Object.entries(decoders)) {
    const result = await outcome(async () => decode(await parseXml(bytes, wanted)))
    if ('error' in result) expectMalformed(result.error)
    else {
      accepted += 1
      expect(isUtf8(bytes)).toBe(true)
      expectPlain(result.value)
      fit[name]?.(result.value)
    }
  }
  return accepted
}

afterEach(expectNothingPolluted)

describe('any bytes', () => {
  it(
    `are a value in its range or ERR_OSS_MALFORMED_RESPONSE, to every decoder, ${numRuns} times`,
    async () => {
      let accepted = 0
      await assertAlways(anyBytes, usual, async (bytes) => {
        accepted += await decodeAll(bytes)
      })
      // Mutations that were always refused would have tried nothing but the refusal.
      if (numRuns >= 1_000) expect(accepted).toBeGreaterThan(numRuns / 20)
    },
    fuzzTimeout,
  )

  it(
    `are an error document with a code or none, ${numRuns} times`,
    async () => {
      await assertAlways(anyBytes, usual, async (bytes) => {
        const result = await outcome(() => decodeErrorBody(bytes))
        if (!('value' in result)) throw result.error
        if (result.value === undefined) return
        const { fields, ...texts } = result.value
        expectPlain(result.value)
        expect(Object.getPrototypeOf(fields)).toBe(null)
        expect(texts.code).toMatch(/^\S(?:.*\S)?$/s)
        for (const text of [...Object.values(texts), ...Object.values(fields)]) {
          expect(typeof text === 'string' && text.isWellFormed()).toBe(true)
        }
        for (const name of ['Code', 'Message', 'RequestId', 'HostId', 'EC']) {
          expect(Object.hasOwn(fields, name)).toBe(false)
        }
      })
    },
    fuzzTimeout,
  )
})

describe('a list of parts', () => {
  interface Text {
    readonly text: string
    readonly good: boolean
  }
  const texts = (good: readonly string[], bad: readonly string[]): fc.Arbitrary<Text> =>
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...good).map((text) => ({ text, good: true })) },
      { weight: 1, arbitrary: fc.constantFrom(...bad).map((text) => ({ text, good: false })) },
    )
  const notCounts = ['-1', '+1', ' 1', '1.0', '1e3', '0x1', '٣', '<a/>', '9007199254740992']
  const part = fc.record({
    Size: texts(['0', '1', '007', '9007199254740991'], ['', '1</Size><Size>1', ...notCounts]),
    ETag: texts(['"A"', 'a', '"', '&#x1F600;'], ['', '""', '""""', '&#1;', '"&#xFFFF;"']),
    HashCrc64ecma: texts(
      ['', '0', '18446744073709551615'],
      ['18446744073709551616', '-1', '1'.repeat(21)],
    ),
    LastModified: texts(
      ['', '2026-01-02T03:04:05Z', '2024-02-29T00:00:00.123456789Z'],
      ['2026-02-30T00:00:00Z', '2026-01-02', '2026-13-01T00:00:00Z', '10000-01-01T00:00:00Z'],
    ),
  })
  const page = fc.record({
    Key: texts(['k', '%25', '%C3%A9', '+'], ['', '%', '%ED%A0%80', '<a/>', '&#xD800;', '&#xDFFF;']),
    UploadId: texts(['1', '0007'], ['']),
    IsTruncated: texts(['true', 'false'], ['', 'TRUE', '1', ' true']),
    NextPartNumberMarker: texts(['', '0', '10000'], ['10001', ...notCounts]),
    MaxParts: texts(['', '1000'], notCounts),
  })
  const steps = fc.array(
    fc.record({ part, gap: fc.constantFrom(1, 1, 1, 1, 2, 5000, 10_000, 0, -1) }),
    {
      maxLength: 4,
    },
  )
  const elementsOf = (fields: Readonly<Record<string, Text>>): string =>
    Object.entries(fields)
      .map(([name, { text }]) => `<${name}>${text}</${name}>`)
      .join('')

  it(
    `is accepted exactly when each of its values is in range, ${numRuns} times`,
    async () => {
      await assertAlways(fc.tuple(page, steps), usual, async ([fields, parts]) => {
        let good = [fields, ...parts.map((step) => step.part)]
          .flatMap((one): Text[] => Object.values(one))
          .every((text) => text.good)
        let number = 0
        let body = `<EncodingType>url</EncodingType><Bucket>b</Bucket>${elementsOf(fields)}`
        for (const step of parts) {
          number += step.gap
          good &&= step.gap > 0 && number <= 10_000
          body += `<Part><PartNumber>${number}</PartNumber>${elementsOf(step.part)}</Part>`
        }
        const bytes = encode(`<ListPartsResult>${body}</ListPartsResult>`)
        const read = decoders['list-parts']?.decode
        const result = await outcome(async () => read?.(await parseXml(bytes, 'ListPartsResult')))
        expect('value' in result).toBe(good)
        if ('error' in result) expectMalformed(result.error)
      })
    },
    fuzzTimeout,
  )
})

describe('a document built to hurt', () => {
  const good = '<Bucket>b</Bucket><Key>k</Key><UploadId>1</UploadId>'
  const root = 'InitiateMultipartUploadResult'
  const around = (inside: string, attributes = ''): Uint8Array =>
    encode(`<${root}${attributes}>${inside}${good}</${root}>`)
  const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth)
  const million = 1_000_000
  const bomb = Array.from({ length: 30 }, (_, n) => `<!ENTITY e${n + 1} "&e${n};&e${n};">`).join('')
  const utf16 = Buffer.from(`\uFEFF<${root}>${good}</${root}>`, 'utf16le')

  it.each<[string, boolean, Uint8Array]>([
    ['a byte order mark', true, Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), around('')])],
    ['16 elements deep', true, around(nested(15))],
    ['an attribute of 1 MB', true, around('', ` a="${'b'.repeat(million)}"`)],
    [
      'names of methods',
      true,
      around(methodNames.map((n) => `<${n}><Key>x</Key></${n}>`).join('')),
    ],
    ...protoNames.map((n): [string, boolean, Uint8Array] => [n, false, around(`<${n}>x</${n}>`)]),
    ['100,000 elements', true, around('<a/>'.repeat(1e5))],
    ['20,000 names', true, around(Array.from({ length: 2e4 }, (_, n) => `<a${n}/>`).join(''))],
    ['100,000 comments', true, around('<!---->'.repeat(1e5))],
    ['1 MB of blanks', true, around(' '.repeat(million))],
    ['broken UTF-8', false, Buffer.from(`<${root}><a>\xff</a>${good}</${root}>`, 'latin1')],
    ['UTF-16 with a byte order mark', false, utf16],
    ['UTF-16 the other way round', false, Buffer.from(utf16).swap16()],
    ['17 elements deep', false, around(nested(16))],
    ['100,000 elements deep', false, around(nested(1e5))],
    ['100,000 open elements', false, encode(`<${root}>${'<a>'.repeat(1e5)}`)],
    ['100,000 broken attributes', false, around('', " a='".repeat(100_000))],
    ['1 MB of <', false, around('<'.repeat(million))],
    ['a CDATA section without end', false, around(`<![CDATA[${']'.repeat(million)}`)],
    ['a comment without end', false, around('<!--'.repeat(million / 4))],
    ['an entity bomb', false, Buffer.concat([encode(`<!DOCTYPE r [${bomb}]>`), around('&e30;')])],
    ['an external entity', false, around('<!DOCTYPE r SYSTEM "file:///etc/passwd">')],
    ['more than 4 MiB', false, around(' '.repeat(4 * 1024 * 1024))],
  ])('%s', async (_, isAccepted, bytes) => {
    expect(await decodeAll(bytes, [root])).toBe(isAccepted ? 1 : 0)
    expect(await outcome(() => decodeErrorBody(bytes))).toEqual({ value: undefined })
  })
})
