// Reads a part's local bytes for their checksums: its CRC-64, and its MD5 where that is asked for.

import { createHash } from 'node:crypto'
import { type PartBuffers, PartReader } from './part-reader.js'
import type { PartRange } from './plan.js'
import type { Source } from './source.js'

export interface PartDigest {
  /** Decimal. */
  readonly crc64: string
  /** Undefined unless asked for: it is slower than the network. */
  readonly md5: Buffer | undefined
}

/**
 * One pass over the part through `buffers`, which are free again when this settles.
 *
 * @throws {OssError} `ERR_OSS_SOURCE_CHANGED` when the source is not what was opened.
 * @throws `signal.reason` when the signal aborted.
 */
export async function digestPart(
  source: Source,
  range: PartRange,
  buffers: PartBuffers,
  signal: AbortSignal | undefined,
  options: { readonly md5: boolean },
): Promise<PartDigest> {
  const reader = new PartReader(source, range, buffers)
  const md5 = options.md5 ? createHash('md5') : undefined
  try {
    for await (const chunk of reader.open()) {
      signal?.throwIfAborted()
      md5?.update(chunk)
    }
  } finally {
    await reader.settled()
  }
  return { crc64: reader.crc64 ?? '', md5: md5?.digest() }
}

/**
 * The Content-MD5 of a part that is about to be sent, undefined where none is wanted. OSS refuses bytes that do not have it
 * (`InvalidDigest`), so bytes that change between this reading and the sending one are not stored.
 */
export async function contentMd5Of(
  source: Source,
  range: PartRange,
  buffers: PartBuffers,
  signal: AbortSignal | undefined,
  wanted: boolean,
): Promise<string | undefined> {
  if (!wanted) return undefined
  const { md5 } = await digestPart(source, range, buffers, signal, { md5: true })
  return md5?.toString('base64')
}
