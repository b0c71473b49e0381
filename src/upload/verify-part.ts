// Reads a part's local bytes and says whether they are what was sent under its number (I3).

import { createHash } from 'node:crypto'
import { type PartBuffers, PartReader } from './part-reader.js'
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
  const reader = new PartReader(source, range, buffers)
  // MD5 only where OSS gives nothing else: it is slower than the network.
  const md5 = 'md5' in expect ? createHash('md5') : undefined
  try {
    for await (const chunk of reader.open()) {
      signal?.throwIfAborted()
      md5?.update(chunk)
    }
  } finally {
    await reader.settled()
  }
  const crc64 = reader.crc64 ?? ''
  const matches =
    'md5' in expect ? md5?.digest('hex').toUpperCase() === expect.md5 : crc64 === expect.crc64
  return { crc64, matches }
}
