import { describe, expect, it } from 'vitest'
import { crc64 } from '../../src/primitives/crc64.js'
import {
  encodeEntry,
  encodeHeader,
  type JournalContent,
  type JournalEntry,
  type JournalHeader,
  type ParsedJournal,
  parseJournal,
} from '../../src/upload/journal.js'

const source = {
  dev: '64769',
  ino: '18446744073709551615',
  size: '331776',
  mtimeNs: '1735786800123456789',
  ctimeNs: '1735786800123456790',
}
const laterSource = { ...source, mtimeNs: '1735786900000000000', ctimeNs: '1735786900000000001' }
const header: JournalHeader = {
  bucket: 'examplebucket',
  key: 'dir/ré "2" \\ 文件.bin',
  service: 'region cn-hangzhou',
  uploadId: '0004B9894A22E5B1888A1E29F8236E2D',
  partSize: 102_400,
  settings: { 'content-type': '1f2e3d4c5b6a7988' },
  source,
  createdAt: '2025-01-02T03:04:05.678Z',
}
const part = (number: number, crc = '12345678901234567890'): JournalEntry => ({
  type: 'part',
  number,
  size: 102_400,
  crc64: crc,
  etag: 'D41D8CD98F00B204E9800998ECF8427E',
})
const superseded: JournalEntry = {
  type: 'superseded',
  uploadId: 'OLD',
  bucket: 'examplebucket',
  key: 'dir/old.bin',
  service: 'region cn-hangzhou',
  reason: 'NoSuchUpload',
}
const completing: JournalEntry = { type: 'completing', size: 331_776, crc64: '42' }
const entries: JournalEntry[] = [
  superseded,
  part(2),
  part(1),
  { type: 'source', ...laterSource },
  part(4, '7'),
  completing,
]

/** Signs a line as the library would, whatever is in it. */
function signed(value: object): string {
  const body = JSON.stringify(value).slice(0, -1)
  return `${body},"sum":"${crc64(Buffer.from(body)).toString(16).padStart(16, '0')}"}\n`
}

const lines = [encodeHeader(header), ...entries.map(encodeEntry)]
const journal = Buffer.from(lines.join(''))

/** What the first `count` lines say, told independently of the parser. */
function told(count: number): JournalContent {
  const parts = new Map()
  const current = new Set<number>()
  const content = {
    header,
    source: header.source,
    parts,
    current,
    superseded: [] as object[],
    completingIsCurrent: false,
  }
  for (const entry of entries.slice(0, count - 1)) {
    const { type, ...rest } = entry
    if (entry.type === 'part') {
      parts.set(entry.number, rest)
      current.add(entry.number)
    } else if (entry.type === 'source') {
      content.source = rest as typeof source
      current.clear()
      content.completingIsCurrent = false
    } else if (type === 'superseded') content.superseded.push(rest)
    else Object.assign(content, { completing: rest, completingIsCurrent: true })
  }
  return content as unknown as JournalContent
}

const parse = (text: string | Uint8Array): ParsedJournal =>
  parseJournal(typeof text === 'string' ? Buffer.from(text) : text)

describe('what is written', () => {
  it('is one JSON object a line, each ending in the checksum of what is before it', () => {
    for (const line of lines) {
      expect(line.endsWith('}\n')).toBe(true)
      expect(line.indexOf('\n')).toBe(line.length - 1)
      const { sum, ...rest } = JSON.parse(line)
      expect(signed(rest)).toBe(line)
      expect(sum).toMatch(/^[0-9a-f]{16}$/)
    }
  })

  it('names format and version first', () => {
    expect(lines[0]).toMatch(/^\{"type":"ossup-checkpoint","version":1,/)
  })

  it('is read back entry by entry', () => {
    expect(parse(journal)).toEqual({ state: 'intact', content: told(lines.length) })
  })

  it.each(entries)('is read back: an entry of the type $type', (entry) => {
    const parsed = parse(encodeHeader(header) + encodeEntry(entry))
    expect(parsed.state).toBe('intact')
    const { content } = parsed as { content: JournalContent }
    const { type, ...rest } = entry
    const found = {
      part: [...content.parts.values()][0],
      source: content.source,
      completing: content.completing,
      superseded: content.superseded[0],
    }
    expect(found[type]).toEqual(rest)
  })

  it.each([
    ['line and paragraph separators, which JSON leaves as they are', 'a\u2028b\u2029c'],
    ['line breaks', 'a\nb\r\nc'],
    ['what looks like the end of a line', 'x","sum":"0123456789abcdef"}'],
    ['a character that bad UTF-8 is replaced with', 'a\ufffdb'],
    ['a byte order mark', '\ufeffa'],
    ['characters beyond the basic plane', '😀'],
    ['a NUL', 'a\0b'],
  ])('is read back when the key has %s', (_, key) => {
    const parsed = parse(encodeHeader({ ...header, key }) + encodeEntry(part(1)))
    expect(parsed).toMatchObject({ state: 'intact', content: { header: { key } } })
  })

  it('keeps the last record of a part that was sent twice', () => {
    const parsed = parse(
      encodeHeader(header) + encodeEntry(part(1, '1')) + encodeEntry(part(1, '2')),
    )
    expect((parsed as { content: JournalContent }).content.parts.get(1)?.crc64).toBe('2')
  })

  it('counts as current only the parts after the last source', () => {
    const { content } = parse(journal) as { content: JournalContent }
    expect([...content.current]).toEqual([4])
    expect([...content.parts.keys()].sort()).toEqual([1, 2, 4])
    expect(content.source).toEqual(laterSource)
  })

  it.each([
    { kind: 'stream' },
    { kind: 'bytes', size: '0' },
    { kind: 'bytes', size: '512010' },
  ] as const)('says of a source without a file no more than is known: %o', (source) => {
    const parsed = parse(
      encodeHeader({ ...header, source }) + encodeEntry({ type: 'source', ...source }),
    )
    expect(parsed).toMatchObject({ state: 'intact', content: { source, header: { source } } })
  })

  it.each([
    { kind: 'other' },
    { kind: 'bytes' },
    { kind: 'bytes', size: 5 },
    { kind: 'bytes', size: '-1' },
    { kind: 1, ...source },
    { kind: 'file', ...source },
  ])('takes no source of a kind that it does not know: %o', (unknown) => {
    expect(parse(encodeHeader({ ...header, source: unknown as never })).state).toBe('unreadable')
  })

  it('needs no more than 1.6 MB for 10,000 parts', () => {
    const largest: JournalEntry = {
      type: 'part',
      number: 10_000,
      size: 5 * 1024 ** 3,
      crc64: '18446744073709551615',
      etag: 'D41D8CD98F00B204E9800998ECF8427E',
    }
    expect(encodeEntry(largest).length * 10_000).toBeLessThan(1_600_000)
  })

  it('has no field that a secret could be in (I10)', () => {
    const names = new Set(lines.flatMap((line) => Object.keys(JSON.parse(line))))
    expect([...names].sort().join(' ')).toBe(
      'bucket crc64 createdAt ctimeNs dev etag ino key mtimeNs number partSize reason service settings size source sum type uploadId version',
    )
  })
})

describe('a journal that was cut off', () => {
  it('keeps exactly the complete lines before the cut, at every byte', () => {
    const ends: number[] = []
    for (let at = journal.indexOf(10); at >= 0; at = journal.indexOf(10, at + 1)) ends.push(at + 1)
    expect(ends).toHaveLength(lines.length)
    for (let cut = 0; cut <= journal.length; cut++) {
      const complete = ends.filter((end) => end <= cut).length
      const atEnd = ends.includes(cut)
      const expected =
        complete === 0
          ? { state: 'unreadable' }
          : { state: atEnd ? 'intact' : 'torn', content: told(complete) }
      expect(parse(journal.subarray(0, cut)), `cut at byte ${cut}`).toEqual(expected)
    }
  })

  it('is torn, not damaged, when the last line has its end but not its middle', () => {
    const middle = journal.length - 30
    const holed = Buffer.from(journal)
    holed.fill(0, middle, middle + 8)
    expect(parse(holed)).toEqual({ state: 'torn', content: told(lines.length - 1) })
  })

  it('is torn when zeros stand where the last lines were to come', () => {
    const zeros = Buffer.concat([journal, Buffer.alloc(4096)])
    expect(parse(zeros)).toEqual({ state: 'torn', content: told(lines.length) })
  })

  it('is damaged when a line is bad and another one was cut off after it', () => {
    const bad = `${lines[0]}${lines[1]?.replace('OLD', 'NEW')}${lines[2]?.slice(0, -5)}`
    expect(parse(bad)).toEqual({ state: 'damaged', content: told(1) })
  })
})

describe('a journal that was damaged', () => {
  /** Without the damaged line, or without both lines when the break between them is what was damaged. */
  function assertNothingFalse(parsed: ParsedJournal, where: string): void {
    if (parsed.state === 'unreadable') return
    if (parsed.state === 'newer') throw new Error(`${where}: a version was made up`)
    expect(parsed.state, where).not.toBe('intact')
    const { content } = parsed
    const truth = told(lines.length)
    expect(content.header, where).toEqual(header)
    for (const [number, found] of content.parts)
      expect(found, where).toEqual(truth.parts.get(number))
    for (const entry of content.superseded) expect(entry, where).toEqual(truth.superseded[0])
    if (content.completing !== undefined)
      expect(content.completing, where).toEqual(truth.completing)
    expect([source, laterSource], where).toContainEqual(content.source)
  }

  it('never yields a changed value, whichever single bit flips', () => {
    for (let at = 0; at < journal.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(journal)
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        assertNothingFalse(parse(damaged), `bit ${bit} of byte ${at}`)
      }
    }
  })

  it.each([0x00, 0x0a, 0x20, 0x22, 0x30, 0x39, 0x7d, 0xbf, 0xff])(
    'never yields a changed value, whichever single byte becomes %d',
    (value) => {
      for (let at = 0; at < journal.length; at++) {
        if (journal[at] === value) continue
        const damaged = Buffer.from(journal)
        damaged[at] = value
        assertNothingFalse(parse(damaged), `byte ${at}`)
      }
    },
  )

  it('does not take bad UTF-8 for the character that stands for it', () => {
    const text = encodeHeader({ ...header, key: 'a\ufffdb' }) + encodeEntry(part(1))
    const bytes = Buffer.from(text)
    const at = bytes.indexOf(Buffer.from('\ufffd'))
    // Another ill-formed sequence that a decoder replaces with one U+FFFD.
    bytes[at] = 0xf0
    expect(bytes.toString()).toBe(text)
    expect(parse(bytes).state).toBe('unreadable')
  })

  it('keeps what is around a bad line in the middle', () => {
    const without = [...lines]
    without[2] = 'garbage\n'
    const parsed = parse(without.join(''))
    expect(parsed.state).toBe('damaged')
    const { content } = parsed as { content: JournalContent }
    expect([...content.parts.keys()].sort()).toEqual([1, 4])
    expect(content.completing).toEqual({ size: 331_776, crc64: '42' })
  })

  it.each([
    ['a type of entry that this version does not know', { type: 'note', text: 'hello' }],
    ['an entry without a type', { number: 1 }],
    ['a part without an ETag', { type: 'part', number: 1, size: 1, crc64: '1' }],
    ['a part with an empty ETag', { type: 'part', number: 1, size: 1, crc64: '1', etag: '' }],
    ['a part with the number 0', { type: 'part', number: 0, size: 1, crc64: '1', etag: 'e' }],
    ['a part with half a number', { type: 'part', number: 1.5, size: 1, crc64: '1', etag: 'e' }],
    ['a part whose number is text', { type: 'part', number: '1', size: 1, crc64: '1', etag: 'e' }],
    ['a part without bytes', { type: 'part', number: 1, size: 0, crc64: '1', etag: 'e' }],
    ['a part whose CRC-64 is a number', { type: 'part', number: 1, size: 1, crc64: 1, etag: 'e' }],
    ['a source without an inode', { type: 'source', ...source, ino: undefined }],
    ['a completion without a size', { type: 'completing', crc64: '1' }],
    ['a superseded upload without its key', { ...superseded, key: undefined }],
    ['a second header', { type: 'ossup-checkpoint', version: 1, ...header }],
  ])('does not use %s, whatever its checksum', (_, entry) => {
    const parsed = parse(encodeHeader(header) + signed(entry) + encodeEntry(completing))
    expect(parsed.state).toBe('damaged')
    const { content } = parsed as { content: JournalContent }
    expect(content.parts.size).toBe(0)
    expect(content.superseded).toEqual([])
    expect(content.source).toEqual(source)
  })
})

describe('a file that is no journal of this version', () => {
  const first = { type: 'ossup-checkpoint', version: 1, ...header }

  it.each([
    ['nothing', ''],
    ['a line break', '\n'],
    ['zeros', Buffer.alloc(100)],
    ['random bytes', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    [
      'a checkpoint of the Java SDK',
      Buffer.from('aced00057372003f636f6d2e616c6979756e2e6f73730a00', 'hex'),
    ],
    ['JSON without checksums', `${JSON.stringify(first)}\n`],
    [
      'JSON with a checksum of something else',
      `${JSON.stringify({ ...first, sum: '0123456789abcdef' })}\n`,
    ],
    ['JSON that is no object', '[1,2,3]\n'],
    ['a checksum alone', ',"sum":"0000000000000000"}\n'],
    ['the journal of something else', signed({ type: 'other-checkpoint', version: 1 })],
    ['a journal without its first line', lines.slice(1).join('')],
    ['a header without a version', signed({ ...first, version: undefined })],
    ['version 0', signed({ ...first, version: 0 })],
    ['a version in quotes', signed({ ...first, version: '1' })],
    ['a header without a key', signed({ ...first, key: undefined })],
    ['a header with an empty upload id', signed({ ...first, uploadId: '' })],
    ['a header with a fractional part size', signed({ ...first, partSize: 1.5 })],
    ['a header with a negative part size', signed({ ...first, partSize: -1 })],
    ['a header without settings', signed({ ...first, settings: null })],
    ['a header whose settings are no text', signed({ ...first, settings: { a: 1 } })],
    ['a header without a source', signed({ ...first, source: 'file' })],
  ])('is unreadable: %s', (_, content) => {
    expect(parse(content)).toEqual({ state: 'unreadable' })
  })

  it.each([2, 3, 1000])('is newer when its header says version %d', (version) => {
    const future = signed({ type: 'ossup-checkpoint', version, whatever: true })
    expect(parse(`${future}anything at all`)).toEqual({ state: 'newer', version })
  })

  it('is not newer when the checksum of its header is wrong', () => {
    const future = signed({ type: 'ossup-checkpoint', version: 2 }).replace(':2,', ':3,')
    expect(parse(future)).toEqual({ state: 'unreadable' })
  })

  it('may be one line of 20 MB', () => {
    expect(parse(Buffer.alloc(20_000_000, '{'))).toEqual({ state: 'unreadable' })
    expect(parse(`${'{"a":'.repeat(2_000_000)}\n`)).toEqual({ state: 'unreadable' })
  })

  it('may be a view of a larger buffer', () => {
    const padded = Buffer.concat([Buffer.from('before'), journal, Buffer.from('after')])
    const view = new Uint8Array(padded.buffer, padded.byteOffset + 6, journal.length)
    expect(parse(view)).toEqual({ state: 'intact', content: told(lines.length) })
  })
})
