// What can be given to be uploaded: tells the kinds apart, and refuses by name what is none of them.

import { Readable } from 'node:stream'
import { types } from 'node:util'
import type { FileSystem } from './file-system.js'
import { type BlobLike, isBlob, openBlob, openBytes } from './memory-source.js'
import { openSource, type Source } from './source.js'
import { type ByteStream, isIterable, isNodeStream, isWebStream } from './stream-source.js'

/**
 * Bytes and Blobs are read at any place, like a file. A Node `Readable`, a web `ReadableStream` and any other iterable of
 * `Uint8Array` is read once, from its beginning, and it has ended or was destroyed when the upload is over.
 */
export type UploadSource = Uint8Array | BlobLike | ByteStream

export type ResolvedSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly blob: BlobLike }
  | { readonly kind: 'stream'; readonly stream: ByteStream }

/** Nothing of the source is read. @throws {TypeError} naming `source`. */
export function resolveSource(source: unknown): ResolvedSource {
  if (typeof source !== 'object' || source === null) {
    const given = source === null ? 'null' : `a ${typeof source}`
    const advice =
      typeof source === 'string'
        ? 'give the name of a file as path, and text as Buffer.from(text)'
        : 'give bytes, a Blob or a stream'
    throw new TypeError(`source must not be ${given}: ${advice}`)
  }
  if (types.isUint8Array(source)) return { kind: 'bytes', bytes: source }
  if (ArrayBuffer.isView(source) || types.isAnyArrayBuffer(source)) {
    throw new TypeError('source must have its bytes in a Uint8Array: wrap it in one')
  }
  if (isBlob(source)) return { kind: 'blob', blob: source }
  assertUnread(source)
  // What gives something else than bytes is found out when it is read.
  if (isWebStream(source)) return { kind: 'stream', stream: source }
  if (isIterable(source)) return { kind: 'stream', stream: source as AsyncIterable<Uint8Array> }
  throw new TypeError('source must be bytes, a Blob, or a stream or iterable of Uint8Array')
}

/** A stream without anything left would silently be stored as an empty object. */
function assertUnread(source: object): void {
  if (isWebStream(source)) {
    if (source.locked) throw new TypeError('source must not be locked by another reader')
    // False for streams that are not Node's own.
    if (Readable.isDisturbed(source as object as Readable)) {
      throw new TypeError('source must be a stream of which nothing was read')
    }
  } else if (isNodeStream(source)) {
    // One that has failed is left to tell so itself when it is read.
    if (source.readableEnded || (source.destroyed && !source.errored)) {
      throw new TypeError('source must be a stream that has not ended or been destroyed')
    }
    if (typeof source.readableEncoding === 'string') {
      throw new TypeError('source must give bytes: leave setEncoding out')
    }
  }
}

/** Opens what can be read at any place. @throws {OssError} `ERR_OSS_SOURCE` when a file cannot be opened. */
export function openResolved(
  source: Exclude<ResolvedSource, { kind: 'stream' }>,
  fs: FileSystem,
): Promise<Source> {
  switch (source.kind) {
    case 'file':
      return openSource(source.path, fs)
    case 'bytes':
      return openBytes(source.bytes)
    case 'blob':
      return Promise.resolve(openBlob(source.blob))
  }
}

/** The Content-Type that the source itself tells, and the name that may tell it. */
export function contentHints(source: ResolvedSource): {
  readonly type?: string
  readonly name?: string | undefined
} {
  if (source.kind === 'file') return { name: source.path }
  if (source.kind !== 'blob') return {}
  const { type, name } = source.blob
  return { ...(type !== '' && { type }), name }
}
