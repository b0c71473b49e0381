// How large the journals get, in the library's own encoding, with names and numbers as long as real ones.

import { encodeEntry, encodeHeader, type JournalHeader } from '../../src/upload/journal.js'

const source = {
  dev: '2097264',
  ino: '1152921504606846976',
  size: '53687091200000',
  mtimeNs: '1767323045000000000',
  ctimeNs: '1767323045000000000',
}

const header: JournalHeader = {
  bucket: 'examplebucket',
  key: 'backup/volume.img',
  service: 'cn-hangzhou',
  uploadId: '0004B9894A22E5B1888A1E29F8236E2D',
  partSize: 5_368_709_120,
  settings: { 'content-type': '0123456789abcdef' },
  source,
  createdAt: '2026-01-02T03:04:05.000Z',
}

const crc64 = '18446744073709551615'
const etag = '0123456789ABCDEF0123456789ABCDEF'
const size = 5_368_709_120

export const headerBytes: number = encodeHeader(header).length
/** The line that a run begins with when it finds the file under another device number, as on another machine. */
export const sourceBytes: number = encodeEntry({ type: 'source', ...source }).length
const completingBytes = encodeEntry({
  type: 'completing',
  size: Number(source.size),
  crc64,
}).length

/** The checkpoint that all share, when the last worker has taken all records over into it. */
export function sharedBytes(parts: number): number {
  let bytes = headerBytes + completingBytes
  for (let number = 1; number <= parts; number++) bytes += partBytes(number)
  return bytes
}

export function partBytes(number: number): number {
  return encodeEntry({ type: 'part', number, size, crc64, etag }).length
}
