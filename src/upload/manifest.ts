// Pure: the manifest of an upload, proof of what was stored: its form, and the reading of one that must not be trusted.

import { combineCrc64, formatCrc64, parseCrc64 } from '../primitives/crc64.js'
import { maxPartCount, maxPartSize } from './plan.js'
import type { Manifest, ManifestPart, UploadOutcome } from './result.js'

export type { Manifest, ManifestPart } from './result.js'

export type ParsedManifest =
  | { readonly state: 'valid'; readonly manifest: Manifest }
  /** Written by a later version of this library. */
  | { readonly state: 'newer'; readonly version: number }
  | { readonly state: 'invalid'; readonly reason: string }

const format = 'ossup-manifest'
const version = 1

/** The members in one order, and no others; each part on a line of its own. */
export function encodeManifest(manifest: Manifest): string {
  const { bucket, key, size, crc64, etag, versionId, uploadId } = manifest
  const { outcome, startedAt, completedAt } = manifest
  const head = { format, version, bucket, key, size, crc64, etag, versionId, uploadId }
  const text = JSON.stringify({ ...head, outcome, startedAt, completedAt }, undefined, 2)
  const parts = manifest.parts.map(({ number, size: partSize, crc64: crc, etag: tag, requestId }) =>
    JSON.stringify({ number, size: partSize, crc64: crc, etag: tag, requestId }),
  )
  const list = parts.length === 0 ? '[]' : `[\n    ${parts.join(',\n    ')}\n  ]`
  return `${text.slice(0, -2)},\n  "parts": ${list}\n}\n`
}

type Fields = Readonly<Record<string, unknown>>

/** Any text gives a result; what does not hold together, such as parts that are not the whole, is no proof. */
export function parseManifest(text: string): ParsedManifest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return invalid('it is not JSON')
  }
  if (!isRecord(value) || value['format'] !== format) return invalid('it is no manifest of ossup')
  const told = value['version']
  if (typeof told === 'number' && told > version) return { state: 'newer', version: told }
  if (told !== version) return invalid('it has no version')
  const wrong = Object.entries(members).find(([name, isRight]) => !isRight(value[name]))
  if (wrong !== undefined) return invalid(`its ${wrong[0]} is missing or wrong`)
  const { bucket, key, size, crc64, etag, versionId, uploadId } = value
  const { outcome, startedAt, completedAt } = value
  const parts = (value['parts'] as readonly Fields[]).map(asPart)
  const manifest = {
    ...{ bucket, key, size, crc64, etag },
    ...(versionId !== undefined && { versionId }),
    ...(uploadId !== undefined && { uploadId }),
    ...{ parts, startedAt, completedAt, outcome },
  } as unknown as Manifest
  const contradiction = contradictionIn(manifest)
  return contradiction === undefined ? { state: 'valid', manifest } : invalid(contradiction)
}

const outcomes: readonly unknown[] = [
  'completed',
  'completed-reconciled',
  'completed-callback-failed',
] satisfies UploadOutcome[]

const members: Readonly<Record<keyof Manifest, (value: unknown) => boolean>> = {
  bucket: isFilled,
  key: isFilled,
  size: (value) => isCount(value, 0, Number.MAX_SAFE_INTEGER),
  crc64: isCrc64,
  etag: (value) => typeof value === 'string',
  versionId: (value) => value === undefined || isFilled(value),
  uploadId: (value) => value === undefined || isFilled(value),
  parts: (value) =>
    Array.isArray(value) && value.length <= maxPartCount && value.every((part) => isPart(part)),
  startedAt: isTime,
  completedAt: isTime,
  outcome: (value) => outcomes.includes(value),
}

function isPart(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { number, size, crc64, etag, requestId } = value
  return (
    isCount(number, 1, maxPartCount) &&
    isCount(size, 0, maxPartSize) &&
    isCrc64(crc64) &&
    typeof etag === 'string' &&
    (requestId === undefined || isFilled(requestId))
  )
}

function asPart({ number, size, crc64, etag, requestId }: Fields): ManifestPart {
  const part = { number, size, crc64, etag, ...(requestId !== undefined && { requestId }) }
  return part as ManifestPart
}

function contradictionIn({ size, crc64, parts }: Manifest): string | undefined {
  if (parts.length === 0) return undefined
  let bytes = 0
  let crc = 0n
  for (const [index, part] of parts.entries()) {
    if (part.number !== index + 1) return 'its parts are not numbered from 1 on without gaps'
    bytes += part.size
    crc = combineCrc64(crc, parseCrc64(part.crc64) ?? 0n, part.size)
  }
  if (bytes !== size) return `its parts have ${bytes} bytes, and the object ${size}`
  if (formatCrc64(crc) !== crc64) return 'the CRC-64 of its parts is not that of the object'
  return undefined
}

function invalid(reason: string): ParsedManifest {
  return { state: 'invalid', reason }
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isCount(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}

function isCrc64(value: unknown): boolean {
  return typeof value === 'string' && parseCrc64(value) !== undefined
}

function isTime(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  )
}
