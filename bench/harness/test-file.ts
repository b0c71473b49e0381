// Makes the files that are uploaded, and knows their CRC-64, so that every upload can be checked.

import { randomFillSync } from 'node:crypto'
import { open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Crc64, combineCrc64 } from '../../src/primitives/crc64.js'

const blockBytes = 16 * 1024 * 1024

export interface TestFile {
  readonly path: string
  readonly size: number
  readonly crc64: bigint
}

/** Random bytes, on disk and in the page cache: no write-back goes on while something is measured. */
export async function makeRandomFile(path: string, size: number): Promise<TestFile> {
  const { bavail, bsize } = await statfs(dirname(path))
  if (bavail * bsize < size + blockBytes) {
    throw new Error(`${dirname(path)} has no room for ${size} bytes: set TMPDIR to a disk that has`)
  }
  const block = randomFillSync(Buffer.alloc(blockBytes))
  const crc = new Crc64()
  const file = await open(path, 'w')
  try {
    for (let written = 0; written < size; written += blockBytes) {
      // One random block, told apart by its number: a mixed-up part does not go unnoticed.
      block.writeDoubleBE(written)
      const bytes = block.subarray(0, Math.min(blockBytes, size - written))
      crc.update(bytes)
      await file.write(bytes)
    }
    await file.datasync()
  } finally {
    await file.close()
  }
  return { path, size, crc64: crc.digest() }
}

/** Zeros that take no room on disk. */
export async function makeSparseFile(path: string, size: number): Promise<TestFile> {
  const file = await open(path, 'w')
  try {
    await file.truncate(size)
  } finally {
    await file.close()
  }
  const zeros = new Crc64()
  zeros.update(Buffer.alloc(blockBytes))
  const ofBlock = zeros.digest()
  let crc64 = 0n
  for (let done = 0; done < size; done += blockBytes) {
    crc64 = combineCrc64(crc64, ofBlock, blockBytes)
  }
  return { path, size, crc64 }
}
