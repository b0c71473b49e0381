// Owns what must hold when a checkpoint is any bytes at all: nothing is thrown, and nothing is believed that cannot be used.

import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { crc64 } from '../../src/primitives/crc64.js'
import { encodeUriComponent } from '../../src/primitives/uri-encode.js'
import { Checkpoint } from '../../src/upload/checkpoint.js'
import type { CheckpointSession } from '../../src/upload/checkpoint-store.js'
import { type JournalContent, parseJournal } from '../../src/upload/journal.js'
import { assertPartSize } from '../../src/upload/plan.js'
import { encodeCompleteMultipartUpload } from '../../src/xml/multipart-xml.js'
import {
  assertAlways,
  expectNothingPolluted,
  expectPlain,
  fuzzLength,
  fuzzTimeout,
  mutated,
  outcome,
  splitLines,
} from '../support/mutations.js'

const usual = fuzzLength(2_000)
const { numRuns } = usual

/** A line whose checksum is right, whatever it says. */
function signed(value: object | string): string {
  const body = typeof value === 'string' ? value : JSON.stringify(value).slice(0, -1)
  return `${body},"sum":"${crc64(Buffer.from(body)).toString(16).padStart(16, '0')}"}\n`
}

const source = { dev: '1', ino: '2', size: '331776', mtimeNs: '3', ctimeNs: '4' }
const target = { bucket: 'examplebucket', key: 'dir/k', service: 'region cn-hangzhou' }
const good = {
  header: {
    type: 'ossup-checkpoint',
    version: 1,
    ...target,
    uploadId: '0004B9894A22E5B1888A1E29F8236E2D',
    partSize: 102_400,
    settings: { 'content-type': '1f2e3d4c5b6a7988' },
    source,
    createdAt: '2025-01-02T03:04:05.678Z',
  },
  part: { type: 'part', number: 3, size: 102_400, crc64: '18446744073709551615', etag: 'D41D' },
  source: { type: 'source', ...source, mtimeNs: '5' },
  bytes: { type: 'source', kind: 'bytes', size: '512010' },
  stream: { type: 'source', kind: 'stream' },
  completing: { type: 'completing', size: 331_776, crc64: '0' },
  superseded: { type: 'superseded', ...target, uploadId: 'OLD', reason: 'NoSuchUpload' },
} as const
type Kind = keyof typeof good
const kinds = Object.keys(good) as Kind[]
const entryKinds = kinds.filter((kind): kind is Exclude<Kind, 'header'> => kind !== 'header')

const notTexts = ['', 0, 1, null, true, [], ['a'], {}, '\ud800', 'a\udc00']
const notCounts = [0, -1, -0.5, 1.5, 1e21, 2 ** 53, '1', '', null, true, [1], {}]
const notCrcs = [
  ...notTexts,
  '-1',
  '01',
  ' 1',
  '0x1',
  '1e3',
  '18446744073709551616',
  '9'.repeat(99),
]
const text = (...names: string[]): [string, readonly unknown[]][] =>
  names.map((name) => [name, notTexts])

/** By kind of line and member: what it must not say. Each is enough for the whole line to be left out. */
const bad: Readonly<Record<Kind, readonly (readonly [string, readonly unknown[]])[]>> = {
  header: [
    ...text('bucket', 'key', 'service', 'uploadId', 'createdAt'),
    ['partSize', [...notCounts, 1, 102_399, 5 * 1024 ** 3 + 1]],
    ['settings', [null, 'a', 1, ['a'], [], { a: 1 }, { a: null }]],
    ['source', [null, 'a', [], {}, { ...source, size: 1 }, { kind: 'bytes', size: '-1' }]],
    ['type', ['', 'part', null, 1]],
    ['version', [0, -1, 0.5, '1', '2', null, [2], true]],
  ],
  part: [
    ['number', [...notCounts, 10_001]],
    ['size', [...notCounts, 5 * 1024 ** 3 + 1]],
    ['crc64', notCrcs],
    ['etag', [...notTexts, '""', '\u0001', '\ufffe', 'a\0']],
    ['type', ['', 'Part', '__proto__', 'constructor', null, 1]],
  ],
  source: [...text('dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'), ['kind', ['', 'file', null, 1]]],
  bytes: [
    ['size', [...notTexts, '-1', '1.5', '0x1', '9'.repeat(17)]],
    ['kind', ['blob', null]],
  ],
  stream: [['kind', ['streams', 1, null, ['stream']]]],
  completing: [
    ['size', notCounts],
    ['crc64', notCrcs],
  ],
  superseded: text('uploadId', 'bucket', 'key', 'service', 'reason'),
}

/** A line with one member wrong: replaced, or missing. `kind` is always there, for a source without one is a file. */
const badLine = (kind: Kind): fc.Arbitrary<string> =>
  fc.constantFrom(...bad[kind]).chain(([name, values]) => {
    const wrong = values.map((value) => signed({ ...good[kind], [name]: value }))
    const missing = name === 'kind' ? [] : [signed({ ...good[kind], [name]: undefined })]
    return fc.constantFrom(...wrong, ...missing)
  })

/** A good line with one bit of it wrong, which its checksum must tell. */
const damagedLine = (kind: Kind): fc.Arbitrary<string> => {
  const line = Buffer.from(signed(good[kind]))
  const flip = fc.record({ at: fc.nat(line.length - 2), bit: fc.nat(7) }).map(({ at, bit }) => {
    const flipped = Buffer.from(line)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
    return flipped.toString('latin1')
  })
  return flip.filter((text) => text.indexOf('\n') === text.length - 1)
}

const hostile = [
  ...['', '{}', '[]', 'null', '{"__proto__":{"type":"part"}', `{"type":"part",${'['.repeat(500)}`],
  ...['{"type":"ossup-checkpoint","version":1e400', '{"type":"ossup-checkpoint","version":2'],
  `${JSON.stringify(good.part).slice(0, -1)},"__proto__":{"number":7},"constructor":{}`,
].map(signed)
const goodLines = entryKinds.map((kind) => signed(good[kind]))
const journals = [
  [signed(good.header)],
  [signed(good.header), ...goodLines],
  [signed({ ...good.header, settings: JSON.parse('{"__proto__":"a"}') }), ...goodLines.reverse()],
  [signed(good.header), ...hostile, signed(good.part)],
  [signed({ ...good.header, version: 2 }), ...goodLines],
].map((lines) => Buffer.from(lines.join('')))

const wrongLines = kinds.flatMap((kind) =>
  bad[kind].flatMap(([name, values]) =>
    values.map((value) => signed({ ...good[kind], [name]: value })),
  ),
)
const tokens = [...hostile, ...wrongLines, ...goodLines, '\n', '\r\n', ',"sum":"', '"}\n', '\0\0']

/** Most damage is to the first line, as the longest, and without it nothing is believed: here it is often whole. */
const tails = journals.map((journal) => journal.subarray(journal.indexOf('\n') + 1))
const grammar = { split: splitLines, tokens }
const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  { weight: 2, arbitrary: mutated(journals, grammar) },
  {
    weight: 4,
    arbitrary: mutated(tails, grammar).map((tail) =>
      Buffer.concat([Buffer.from(signed(good.header)), tail]),
    ),
  },
)

/** Fit for everything that an upload does with it: sent as parameters, planned, completed, combined. */
function expectUsable(content: JournalContent): void {
  const { header, parts, current, completing, superseded } = content
  assertPartSize(header.partSize)
  for (const { uploadId, bucket, key, service } of [header, ...superseded]) {
    expect([uploadId, bucket, key, service]).not.toContain('')
    expect(encodeUriComponent(`${uploadId}${bucket}${key}${service}`)).toMatch(/^[\x21-\x7e]+$/)
  }
  for (const [number, part] of parts) {
    expect(part.number).toBe(number)
    encodeCompleteMultipartUpload([{ partNumber: number, etag: part.etag }])
    expect(Number.isInteger(part.size) && part.size > 0 && part.size <= 5 * 1024 ** 3).toBe(true)
  }
  for (const { crc64 } of [...parts.values(), ...(completing === undefined ? [] : [completing])]) {
    expect(String(BigInt.asUintN(64, BigInt(crc64)))).toBe(crc64)
  }
  expect([...current].every((number) => parts.has(number))).toBe(true)
  expectPlain(content)
}

const said = ({ upload, parts, current, source, completing, superseded }: Checkpoint): unknown => ({
  ...{ upload, parts, current, source, completing, superseded },
})
const mismatch = { name: 'OssError', code: 'ERR_OSS_CHECKPOINT_MISMATCH' }

afterEach(expectNothingPolluted)

describe(`a journal, ${numRuns} times`, { timeout: fuzzTimeout }, () => {
  it('of any bytes comes to a state, and to nothing unusable', async () => {
    const seen = new Map<string, number>()
    await assertAlways(anyBytes, usual, (bytes) => {
      const before = Buffer.from(bytes)
      const parsed = parseJournal(bytes)
      expect(before.equals(bytes)).toBe(true)
      seen.set(parsed.state, (seen.get(parsed.state) ?? 0) + 1)
      if (parsed.state === 'newer') expect(parsed.version).toBeGreaterThan(1)
      if ('content' in parsed) expectUsable(parsed.content)
    })
    // Else the bytes would have been too good, or too bad, to try anything.
    if (numRuns >= 1_000) {
      expect([...seen.keys()].sort()).toEqual(['damaged', 'intact', 'newer', 'torn', 'unreadable'])
    }
  })

  it('believes no line that is damaged, or wrong with a right checksum', async () => {
    const line = fc.constantFrom(...entryKinds).chain((kind) =>
      fc.oneof(
        fc.oneof(badLine(kind), damagedLine(kind)).map((text) => ({ text, kind, isGood: false })),
        fc.constant({ text: signed(good[kind]), kind, isGood: true }),
      ),
    )
    await assertAlways(fc.array(line, { maxLength: 8 }), usual, (lines) => {
      const journal = signed(good.header) + lines.map(({ text }) => text).join('')
      const parsed = parseJournal(Buffer.from(journal))
      const believed = lines.filter(({ isGood }) => isGood).map(({ kind }) => kind)
      const wrong = lines.length - believed.length
      const isLast = lines.at(-1)?.isGood === false
      const state = wrong === 0 ? 'intact' : wrong === 1 && isLast ? 'torn' : 'damaged'
      expect(parsed.state).toBe(state)
      if (!('content' in parsed)) return
      const { content } = parsed
      const has = (kind: (typeof entryKinds)[number]): boolean => believed.includes(kind)
      expect([...content.parts.keys()]).toEqual(has('part') ? [good.part.number] : [])
      expect(content.completing !== undefined).toBe(has('completing'))
      expect(content.superseded).toHaveLength(believed.filter((k) => k === 'superseded').length)
      const isSource = (kind: Kind): boolean => ['source', 'bytes', 'stream'].includes(kind)
      const last = believed.findLast(isSource)
      const isCurrent = believed.lastIndexOf('part') > believed.findLastIndex(isSource)
      expect([...content.current]).toEqual(isCurrent ? [good.part.number] : [])
      const expected = last === undefined ? source : good[last]
      expect({ type: 'source', ...content.source }).toEqual({ type: 'source', ...expected })
    })
  })

  it('of any bytes is opened or refused by name, and its bytes are kept', async () => {
    await assertAlways(anyBytes, usual, async (bytes) => {
      const kept: { bytes: Uint8Array | undefined; aside?: Uint8Array } = { bytes }
      const session: CheckpointSession = {
        load: async () => kept.bytes,
        replace: async (text) => {
          kept.bytes = Buffer.from(text)
        },
        append: async () => {},
        quarantine: async (copy) => {
          kept.aside = copy ?? bytes
          if (copy === undefined) kept.bytes = undefined
          return 'aside'
        },
        remove: async () => {},
        release: async () => {},
      }
      const { state } = parseJournal(bytes)
      const result = await outcome(() => Checkpoint.open(session, 'x.ucp'))
      if ('error' in result) {
        expect(state).toBe('newer')
        expect(result.error).toMatchObject(mismatch)
        expect(kept.bytes).toBe(bytes)
        return
      }
      const isSetAside = state === 'damaged' || state === 'unreadable'
      expect(kept.aside !== undefined).toBe(isSetAside)
      if (kept.aside !== undefined) expect(Buffer.compare(kept.aside, bytes)).toBe(0)
      if (state === 'intact') expect(kept.bytes).toBe(bytes)
      // What was written anew says the same, and is whole.
      if (kept.bytes === undefined) return
      expect(parseJournal(kept.bytes).state).toBe('intact')
      const again = await Checkpoint.open(session, 'x.ucp')
      expect(said(again)).toEqual(said(result.value))
    })
  })
})

it.each(kinds)('every wrong line of the kind %s is left out', (kind) => {
  for (const [name, values] of bad[kind]) {
    for (const value of values) {
      const line = signed({ ...good[kind], [name]: value })
      const journal = kind === 'header' ? line + goodLines.join('') : signed(good.header) + line
      const state = kind === 'header' ? 'unreadable' : 'torn'
      expect(parseJournal(Buffer.from(journal)).state, line).toBe(state)
    }
  }
})

describe('a journal built to hurt', () => {
  const header = signed(good.header)
  it.each([
    ['1,000,000 empty lines', header + '\n'.repeat(1e6), 'damaged'],
    ['a line of 1 MB', header + 'a'.repeat(1e6), 'torn'],
    ['100,000 arrays in one another', header + signed(`{"type":"part",${'['.repeat(1e5)}`), 'torn'],
    [
      '100,000 objects in one another',
      signed(`${'{"a":'.repeat(1e5)}1${'}'.repeat(99_999)}`),
      'unreadable',
    ],
    ['1 MB of zeros', '\0'.repeat(1e6), 'unreadable'],
    ['20,000 records of a part', header + signed(good.part).repeat(20_000), 'intact'],
  ])('%s', async (_, text, state) => {
    const result = await outcome(() => parseJournal(Buffer.from(text)).state)
    expect(result).toEqual({ value: state })
  })
})
