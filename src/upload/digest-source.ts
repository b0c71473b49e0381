// Reads a whole source for the CRC-64 of each range of it, and of all of it.

import { combineCrc64, formatCrc64, parseCrc64 } from '../primitives/crc64.js'
import { digestPart } from './digest-part.js'
import { PartBuffers } from './part-reader.js'
import type { Source } from './source.js'

export interface SourceDigest {
  /** Of the whole source, decimal. */
  readonly crc64: string
  /** Of each range, decimal, in order. */
  readonly ranges: readonly string[]
}

/**
 * @param sizes bytes of each range, which together are the source; one range for all of it when none is given
 * @throws {OssError} `ERR_OSS_SOURCE_CHANGED` when the source is not what was opened.
 * @throws `signal.reason` when the signal aborted.
 */
export async function digestSource(
  source: Source,
  sizes: readonly number[],
  signal: AbortSignal | undefined,
): Promise<SourceDigest> {
  const buffers = new PartBuffers()
  const ranges: string[] = []
  let offset = 0
  let crc = 0n
  for (const [index, size] of (sizes.length === 0 ? [source.size] : sizes).entries()) {
    const range = { number: index + 1, offset, size }
    // There is nothing to read of nothing.
    const crc64 =
      size === 0 ? '0' : (await digestPart(source, range, buffers, signal, { md5: false })).crc64
    ranges.push(crc64)
    crc = combineCrc64(crc, parseCrc64(crc64) ?? 0n, size)
    offset += size
  }
  await source.assertUnchanged(true)
  return { crc64: formatCrc64(crc), ranges }
}
