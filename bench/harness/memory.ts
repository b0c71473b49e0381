// Measures the peak memory of this project for files and parts of very different sizes.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Via } from './sink-process.js'
import { makeSparseFile } from './test-file.js'
import { type Bench, type Measurement, runUpload } from './upload.js'

const mib = 1024 * 1024
const gib = 1024 * mib

export interface MemoryRow {
  readonly client: 'ossup' | 'command'
  readonly via: Via
  readonly size: number
  readonly partSize: number
  readonly concurrency: number
  readonly measurement: Measurement
}

export interface MemoryReport {
  /** Two files over http, parts of 16 MiB. */
  readonly files: readonly MemoryRow[]
  /** The smaller of them over https. */
  readonly https: MemoryRow
  /** Two sizes of part, one file. */
  readonly parts: readonly MemoryRow[]
  /** The same with the command, which holds the space for young objects. */
  readonly commandParts: readonly MemoryRow[]
}

/** @param large bytes of the larger file; the one cut into 1 MiB and 1 GiB parts has half of it, and 8 parts of 1 GiB in flight */
export async function measureMemory(bench: Bench, large = 16 * gib): Promise<MemoryReport> {
  const path = join(bench.workspace.folder, 'sparse.bin')
  const measure = async (
    size: number,
    partSize: number,
    via: Via = 'http',
    client: MemoryRow['client'] = 'ossup',
  ): Promise<MemoryRow> => {
    const file = await makeSparseFile(path, size)
    const concurrency = 8
    const upload = { client, via, partSize, concurrency, checkpoint: true }
    const measurement = await runUpload(bench, upload, file)
    await rm(path)
    return { client, via, size, partSize, concurrency, measurement }
  }
  return {
    files: [await measure(gib, 16 * mib), await measure(large, 16 * mib)],
    https: await measure(gib, 16 * mib, 'https'),
    parts: [await measure(large / 2, mib), await measure(large / 2, gib)],
    commandParts: [
      await measure(large / 2, mib, 'http', 'command'),
      await measure(large / 2, gib, 'http', 'command'),
    ],
  }
}
