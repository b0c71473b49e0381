// Bytes and Blobs as sources: read at any place and again, and known by nothing but their content.

import { setImmediate } from 'node:timers/promises'
import { Crc64 } from '../primitives/crc64.js'
import { OssError } from '../primitives/errors.js'
import type { Source, SourceIdentity } from './source.js'

/** As much of a `Blob` or `File` as is used; any library's type of it fits. */
export interface BlobLike {
  readonly size: number
  /** Content-Type; empty when it is not known. */
  readonly type: string
  /** Of a `File`. */
  readonly name?: string | undefined
  slice(start?: number, end?: number): { arrayBuffer(): Promise<ArrayBuffer> }
}

export function isBlob(value: object): value is BlobLike {
  const { size, slice } = value as Partial<BlobLike>
  return typeof size === 'number' && typeof slice === 'function' && 'arrayBuffer' in value
}

/** Bytes between two turns of the event loop: some milliseconds of CRC-64. */
const stepBytes = 8 * 1024 * 1024

/**
 * The caller's memory, which is neither copied nor known to stay as it is: a CRC-64 of all of it, taken before anything is
 * read and again when everything was, tells (I7).
 */
export async function openBytes(bytes: Uint8Array): Promise<Source> {
  const before = await digestAll(bytes)
  return {
    ...ownBytes(bytes),
    async assertUnchanged(whole = false) {
      if (whole && (await digestAll(bytes)) !== before) throw changed('buffer')
    },
  }
}

/** Memory that nobody else writes to. */
export function ownBytes(bytes: Uint8Array): Source {
  return {
    path: undefined,
    size: bytes.byteLength,
    identity: identityOf(bytes.byteLength),
    async read(buffer, position) {
      const end = position + buffer.byteLength
      // A buffer that was transferred to another thread has no bytes left.
      if (end > bytes.byteLength) throw changed('buffer')
      buffer.set(bytes.subarray(position, end))
    },
    assertUnchanged: async () => {},
    close: async () => {},
  }
}

/** A Blob cannot change; one that stands for a file fails to be read when the file has. */
export function openBlob(blob: BlobLike): Source {
  return {
    path: undefined,
    size: blob.size,
    identity: identityOf(blob.size),
    async read(buffer, position) {
      let piece: Uint8Array
      try {
        const slice = blob.slice(position, position + buffer.byteLength)
        piece = new Uint8Array(await slice.arrayBuffer())
      } catch (error) {
        throw unreadable(error)
      }
      if (piece.byteLength !== buffer.byteLength) throw changed('Blob')
      buffer.set(piece)
    },
    assertUnchanged: async () => {},
    close: async () => {},
  }
}

function identityOf(size: number): SourceIdentity {
  return { kind: 'bytes', size: String(size) }
}

async function digestAll(bytes: Uint8Array): Promise<bigint> {
  const crc = new Crc64()
  for (let offset = 0; offset < bytes.byteLength; offset += stepBytes) {
    if (offset > 0) await setImmediate()
    crc.update(bytes.subarray(offset, offset + stepBytes))
  }
  return crc.digest()
}

function changed(what: 'buffer' | 'Blob'): OssError {
  return new OssError(`the source, a ${what}, changed during the upload`, {
    code: 'ERR_OSS_SOURCE_CHANGED',
    hint: 'nothing was published; run again, and leave the bytes alone until the upload has ended',
  })
}

function unreadable(cause: unknown): OssError {
  const reason = cause instanceof Error ? cause.message : 'unknown error'
  return new OssError(`cannot read the Blob: ${reason}`, {
    code: 'ERR_OSS_SOURCE',
    hint: 'a Blob of a file cannot be read any more once the file has changed',
    cause,
  })
}
