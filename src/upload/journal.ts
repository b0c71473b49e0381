// Pure: the checkpoint's format, version 1. One JSON object a line, each ending in the checksum of what stands before it.

import { parseCrc64 } from '../primitives/crc64.js'
import { crc64Hex } from '../primitives/crc64-hex.js'
import { isEncodableEtag } from '../xml/multipart-xml.js'
import { maxPartCount, maxPartSize, minPartSize } from './plan.js'
import type { SourceIdentity } from './source.js'

/** The first line; written whole, before the first byte of any part is sent. */
export interface JournalHeader {
  readonly bucket: string
  readonly key: string
  /** What the upload id belongs to besides the bucket: the region for Alibaba's own hosts, else the origin. */
  readonly service: string
  readonly uploadId: string
  /** Bytes. */
  readonly partSize: number
  /** What the upload was initiated with: a checksum per header name, so that a difference can be named and no value is kept. */
  readonly settings: Readonly<Record<string, string>>
  readonly source: SourceIdentity
  /** ISO 8601. */
  readonly createdAt: string
}

export interface JournalPart {
  readonly number: number
  /** Bytes. */
  readonly size: number
  /** Decimal, computed from the local bytes. */
  readonly crc64: string
  readonly etag: string
}

/** Complete was about to be sent: from here on the object may exist. */
export interface JournalCompleting {
  readonly size: number
  readonly crc64: string
}

/** An upload id that this checkpoint has given up, and that may still hold parts. */
export interface JournalSuperseded {
  readonly uploadId: string
  readonly bucket: string
  readonly key: string
  readonly service: string
  readonly reason: string
}

export type JournalEntry =
  | ({ readonly type: 'part' } & JournalPart)
  | ({ readonly type: 'source' } & SourceIdentity)
  | ({ readonly type: 'completing' } & JournalCompleting)
  | ({ readonly type: 'superseded' } & JournalSuperseded)

export interface JournalContent {
  readonly header: JournalHeader
  /** The source as it was when the last run began. */
  readonly source: SourceIdentity
  readonly parts: ReadonlyMap<number, JournalPart>
  /** Numbers of parts that were recorded or verified against {@link JournalContent.source}. */
  readonly current: ReadonlySet<number>
  readonly completing?: JournalCompleting
  /** {@link JournalContent.completing} is about {@link JournalContent.source}, not about an earlier state of it. */
  readonly completingIsCurrent: boolean
  readonly superseded: readonly JournalSuperseded[]
}

export type ParsedJournal =
  /** `torn`: the last line was cut off, as by a crash; what is before it stands. */
  | { readonly state: 'intact' | 'torn' | 'damaged'; readonly content: JournalContent }
  /** Not even the first line can be read, or it is not ours. */
  | { readonly state: 'unreadable' }
  /** Written by a later version of this library. */
  | { readonly state: 'newer'; readonly version: number }

const format = 'ossup-checkpoint'
const version = 1
/** `,"sum":"0123456789abcdef"}` */
const sumBytes = 26

/** The members in one order, and no others: two journals of the same content are the same bytes. */
export function encodeHeader(header: JournalHeader): string {
  const { bucket, key, service, uploadId, partSize, settings, source, createdAt } = header
  const target = { bucket, key, service, uploadId, partSize, settings }
  return encodeLine({ type: format, version, ...target, source, createdAt })
}

export function encodeEntry(entry: JournalEntry): string {
  return entry.type === 'part' ? encodePart(entry) : encodeLine(entry)
}

/** The one line that is written thousands of times, with small parts twice in a millisecond: by hand where nothing has to be escaped. */
export function encodePart({ number, size, crc64, etag }: JournalPart): string {
  if (!/^[\w-]*$/.test(etag)) return encodeLine({ type: 'part', number, size, crc64, etag })
  const body = `{"type":"part","number":${number},"size":${size},"crc64":"${crc64}","etag":"${etag}"`
  return seal(body, crc64Hex(body))
}

function encodeLine(value: object): string {
  const body = JSON.stringify(value).slice(0, -1)
  return seal(body, checksum(Buffer.from(body)))
}

function seal(body: string, sum: string): string {
  return `${body},"sum":"${sum}"}\n`
}

function checksum(body: Buffer): string {
  return crc64Hex(body.toString('latin1'))
}

/** Any bytes give a result; nothing that a line claims is used unless its checksum and shape hold. */
export function parseJournal(bytes: Uint8Array): ParsedJournal {
  // Split as bytes: decoding first would make something readable of bytes that were damaged.
  const lines = splitLines(bytes)
  // What follows the last line break is either nothing or a line that was cut off.
  const cut = lines.pop()?.byteLength !== 0
  const [first, ...rest] = lines.map(decodeLine)
  if (first?.['type'] !== format) return { state: 'unreadable' }
  if (typeof first['version'] === 'number' && first['version'] > version) {
    return { state: 'newer', version: first['version'] }
  }
  const header = first['version'] === version ? asHeader(first) : undefined
  if (header === undefined) return { state: 'unreadable' }

  const parts = new Map<number, JournalPart>()
  const current = new Set<number>()
  const superseded: JournalSuperseded[] = []
  let { source } = header
  let completing: JournalCompleting | undefined
  let completingIsCurrent = false
  let bad = 0
  let lastIsBad = false
  for (const line of rest) {
    const entry = asEntry(line)
    lastIsBad = entry === undefined
    switch (entry?.type) {
      case undefined:
        bad += 1
        break
      case 'part':
        parts.set(entry.number, withoutType(entry))
        current.add(entry.number)
        break
      case 'source':
        source = withoutType(entry)
        current.clear()
        completingIsCurrent = false
        break
      case 'completing':
        completing = withoutType(entry)
        completingIsCurrent = true
        break
      case 'superseded':
        superseded.push(withoutType(entry))
        break
    }
  }
  const content = {
    header,
    source,
    parts,
    current,
    superseded,
    completingIsCurrent,
    ...(completing !== undefined && { completing }),
  }
  // After a power failure the last line can have its end on disk and not its middle: that too is a torn line.
  const torn = lastIsBad && !cut ? 1 : 0
  if (bad > torn) return { state: 'damaged', content }
  return { state: cut || torn > 0 ? 'torn' : 'intact', content }
}

/** Of each member of a union by itself. */
type WithoutType<T> = T extends unknown ? Omit<T, 'type'> : never

function withoutType<T extends { readonly type: string }>(entry: T): WithoutType<T> {
  const { type: _, ...rest } = entry
  return rest as WithoutType<T>
}

type Fields = Readonly<Record<string, unknown>>

function splitLines(bytes: Uint8Array): Buffer[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const lines: Buffer[] = []
  let start = 0
  for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10, start)) {
    lines.push(buffer.subarray(start, end))
    start = end + 1
  }
  lines.push(buffer.subarray(start))
  return lines
}

function decodeLine(line: Buffer): Fields | undefined {
  const end = line.byteLength - sumBytes
  if (end < 0) return undefined
  const body = line.subarray(0, end)
  if (line.toString('latin1', end) !== `,"sum":"${checksum(body)}"}`) return undefined
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

function asHeader(fields: Fields): JournalHeader | undefined {
  const { bucket, key, service, uploadId, partSize, settings, createdAt } = fields
  const source = asSource(fields['source'])
  if (
    !areStrings(bucket, key, service, uploadId, createdAt) ||
    !isCount(partSize, minPartSize, maxPartSize) ||
    !isStringRecord(settings) ||
    source === undefined
  ) {
    return undefined
  }
  return { bucket, key, service, uploadId, partSize, settings, source, createdAt } as JournalHeader
}

function asEntry(fields: Fields | undefined): JournalEntry | undefined {
  switch (fields?.['type']) {
    case 'part': {
      const { number, size, crc64, etag } = fields
      const valid =
        isCount(number, 1, maxPartCount) &&
        isCount(size, 1, maxPartSize) &&
        isCrc64(crc64) &&
        areStrings(etag) &&
        isEncodableEtag(String(etag))
      return valid ? ({ type: 'part', number, size, crc64, etag } as JournalEntry) : undefined
    }
    case 'source': {
      const source = asSource(fields)
      return source === undefined ? undefined : { type: 'source', ...source }
    }
    case 'completing': {
      const { size, crc64 } = fields
      const valid = isCount(size) && isCrc64(crc64)
      return valid ? ({ type: 'completing', size, crc64 } as JournalEntry) : undefined
    }
    case 'superseded': {
      const { uploadId, bucket, key, service, reason } = fields
      const valid = areStrings(uploadId, bucket, key, service, reason)
      return valid
        ? ({ type: 'superseded', uploadId, bucket, key, service, reason } as JournalEntry)
        : undefined
    }
    default:
      return undefined
  }
}

function asSource(value: unknown): SourceIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { kind, dev, ino, size, mtimeNs, ctimeNs } = value as Fields
  if (kind === 'stream') return { kind }
  if (kind === 'bytes') {
    return typeof size === 'string' && /^\d{1,16}$/.test(size) ? { kind, size } : undefined
  }
  if (kind !== undefined) return undefined
  return areStrings(dev, ino, size, mtimeNs, ctimeNs)
    ? ({ dev, ino, size, mtimeNs, ctimeNs } as SourceIdentity)
    : undefined
}

/** With a lone surrogate, which has no UTF-8 form, a text can neither be sent nor be written down again. */
function areStrings(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string' && value !== '' && value.isWellFormed())
}

function isCount(value: unknown, min = 1, max = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}

function isCrc64(value: unknown): boolean {
  return typeof value === 'string' && parseCrc64(value) !== undefined
}

function isStringRecord(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((v) => typeof v === 'string')
  )
}
