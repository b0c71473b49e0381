// Reads a part's local bytes and says whether they are what was sent under its number (I3).

import { digestPart } from './digest-part.js'
import type { PartBuffers } from './part-reader.js'
import type { PartRange } from './plan.js'
import type { Expectation } from './reconcile.js'
import type { Source } from './source.js'

/**
 * @returns the CRC-64 of the local bytes, and whether they match.
 * @throws {OssError} `ERR_OSS_SOURCE_CHANGED` when the source is shorter than it was.
 */
export async function verifyPart(
  source: Source,
  range: PartRange,
  expect: Expectation,
  buffers: PartBuffers,
  signal: AbortSignal | undefined,
): Promise<{ readonly crc64: string; readonly matches: boolean }> {
  // MD5 only where OSS gives nothing else.
  const needsMd5 = { md5: 'md5' in expect }
  const { crc64, md5 } = await digestPart(source, range, buffers, signal, needsMd5)
  const matches =
    'md5' in expect ? md5?.toString('hex').toUpperCase() === expect.md5 : crc64 === expect.crc64
  return { crc64, matches }
}
