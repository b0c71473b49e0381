import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  encodeEntry,
  encodeHeader,
  encodePart,
  type JournalEntry,
  type JournalHeader,
  parseJournal,
} from '../../src/upload/journal.js'
import { maxPartSize, minPartSize } from '../../src/upload/plan.js'
import { isEncodableEtag } from '../../src/xml/multipart-xml.js'

const numRuns = process.env['SLOW'] === '1' ? 3000 : 300

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 })
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const crc64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)
/** Complete has to be sent with it: what XML can carry, and more than quotes. */
const etag = text.filter(isEncodableEtag)
const source = fc.record({ dev: text, ino: text, size: text, mtimeNs: text, ctimeNs: text })
const header: fc.Arbitrary<JournalHeader> = fc.record({
  bucket: text,
  key: text,
  service: text,
  uploadId: text,
  partSize: fc.integer({ min: minPartSize, max: maxPartSize }),
  settings: fc.dictionary(fc.string({ unit: 'binary' }), fc.string()),
  source,
  createdAt: text,
})
const part = fc.record({
  number: fc.integer({ min: 1, max: 20 }),
  size: fc.integer({ min: 1, max: maxPartSize }),
  crc64,
  etag,
})
/** As OSS gives them: written by hand. */
const plainPart = fc.record({
  number: fc.integer({ min: 1, max: 10_000 }),
  size: fc.integer({ min: 1, max: maxPartSize }),
  crc64,
  etag: fc.stringMatching(/^[0-9A-F]{32}(-[0-9]{1,5})?$/),
})
const entry: fc.Arbitrary<JournalEntry> = fc.oneof(
  part.map((value) => ({ type: 'part' as const, ...value })),
  source.map((value) => ({ type: 'source' as const, ...value })),
  fc.record({ size: count, crc64 }).map((value) => ({ type: 'completing' as const, ...value })),
  fc
    .record({ uploadId: text, bucket: text, key: text, service: text, reason: text })
    .map((value) => ({ type: 'superseded' as const, ...value })),
)
const journal = fc.tuple(header, fc.array(entry, { maxLength: 12 }))

const states = ['intact', 'torn', 'damaged', 'unreadable', 'newer']

it('writes a part as JSON.stringify does', () => {
  fc.assert(
    fc.property(fc.oneof(part, plainPart), (part) => {
      const { sum, ...rest } = JSON.parse(encodePart(part))
      expect(encodePart(part)).toBe(`${JSON.stringify({ ...rest, sum })}\n`)
      expect(rest).toEqual({ type: 'part', ...part })
      expect(Object.keys(rest)).toEqual(['type', 'number', 'size', 'crc64', 'etag'])
      expect(encodeEntry({ type: 'part', ...part })).toBe(encodePart(part))
    }),
    { numRuns },
  )
})

it('reads back whatever was written', () => {
  fc.assert(
    fc.property(journal, ([header, entries]) => {
      const bytes = Buffer.from(encodeHeader(header) + entries.map(encodeEntry).join(''))
      const parsed = parseJournal(bytes)
      if (parsed.state !== 'intact') throw new Error(`not intact but ${parsed.state}`)
      const ofType = <T extends JournalEntry['type']>(type: T) =>
        entries.flatMap((entry) => {
          const { type: found, ...rest } = entry
          return found === type ? [rest] : []
        })
      const { content } = parsed
      expect({ ...content.header.settings }).toEqual({ ...header.settings })
      expect(content.header).toEqual({ ...header, settings: content.header.settings })
      expect(content.superseded).toEqual(ofType('superseded'))
      expect(content.completing).toEqual(ofType('completing').at(-1))
      expect(content.source).toEqual(ofType('source').at(-1) ?? header.source)
      const parts = new Map(
        entries.flatMap((e) => (e.type === 'part' ? [[e.number, e.crc64]] : [])) as [],
      )
      expect(new Map([...content.parts].map(([number, { crc64 }]) => [number, crc64]))).toEqual(
        parts,
      )
    }),
    { numRuns },
  )
})

it('comes to one of its states for any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(states).toContain(parseJournal(bytes).state)
    }),
    { numRuns },
  )
})

it('comes to one of its states for any splice of a journal, and believes no part that was not written', () => {
  fc.assert(
    fc.property(
      journal,
      fc.array(fc.tuple(fc.nat(), fc.nat(40), fc.uint8Array({ maxLength: 10 })), { maxLength: 4 }),
      ([header, entries], splices) => {
        let bytes = Buffer.from(encodeHeader(header) + entries.map(encodeEntry).join(''))
        for (const [at, length, insert] of splices) {
          const start = at % (bytes.length + 1)
          bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + length)])
        }
        const parsed = parseJournal(bytes)
        expect(states).toContain(parsed.state)
        if (!('content' in parsed)) return
        const written = new Set(entries.map((entry) => JSON.stringify(entry)))
        for (const found of parsed.content.parts.values()) {
          expect(written.has(JSON.stringify({ type: 'part', ...found }))).toBe(true)
        }
      },
    ),
    { numRuns },
  )
})
