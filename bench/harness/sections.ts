// Owns what is measured: the comparisons with the peers, and those of this project with itself.

import { join } from 'node:path'
import { type BenchOptions, formatSize, type Shape } from './options.js'
import { type Comparison, compare, ratio } from './pairs.js'
import type { Via } from './sink-process.js'
import { makeRandomFile, type TestFile } from './test-file.js'
import { assertVerifiesCertificate, type Bench, minS3PartSize, type Upload } from './upload.js'

const kib = 1024
const mib = 1024 * kib

export type Say = (line: string) => void

const ours = (via: Via, shape: Shape): Upload => ({
  client: 'ossup',
  ...{ via, checkpoint: true },
  ...shape,
})

const describe = ({ via, partSize, concurrency, checkpoint }: Upload): string =>
  `${via}, ${formatSize(partSize)} x ${concurrency}${checkpoint ? '' : ', no checkpoint'}`

async function compared(
  bench: Bench,
  a: Upload,
  b: Upload,
  file: TestFile,
  pairs: number,
  say: Say,
): Promise<Comparison> {
  const comparison = await compare(bench, a, b, file, pairs)
  const against = a.client === b.client ? describe(b) : b.client
  const [cpu, wall] = (['cpuSeconds', 'wallSeconds'] as const).map((name) =>
    ratio(comparison, name).toFixed(2),
  )
  say(`${formatSize(file.size)}, ${describe(a)}: ${cpu} x CPU, ${wall} x wall of ${against}`)
  return comparison
}

/** Before anything is measured over https: no client gets away with a connection that it did not verify. */
export async function checkVerification(bench: Bench, { peers }: BenchOptions): Promise<void> {
  const file = await makeRandomFile(join(bench.workspace.folder, 'small.bin'), 2 * minS3PartSize)
  for (const client of ['ossup', ...peers] as const) {
    await assertVerifiesCertificate(bench, client, file)
  }
}

export async function comparePeers(
  bench: Bench,
  { vias, shapes, peers, pairs }: BenchOptions,
  file: TestFile,
  say: Say,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = []
  const count = pairs ?? (file.size <= 1024 * mib ? 5 : 3)
  for (const via of vias) {
    for (const shape of shapes) {
      for (const peer of peers) {
        if (peer === 'lib-storage' && shape.partSize < minS3PartSize) continue
        // What small parts cost is the same for each of them: one file shows it.
        if (shape.partSize < minS3PartSize && file.size > 1024 * mib) continue
        const own = ours(via, shape)
        const theirs = { ...own, client: peer }
        comparisons.push(await compared(bench, own, theirs, file, count, say))
      }
    }
  }
  return comparisons
}

/**
 * With and without a record of each part; small parts, so that the record weighs as much as it can. It is still less than what two
 * processes differ by, so it takes many pairs.
 */
export async function compareCheckpoint(
  bench: Bench,
  { quick, pairs }: BenchOptions,
  say: Say,
): Promise<Comparison> {
  const partSize = 100 * kib
  const count = quick ? 2500 : 10_000
  const path = join(bench.workspace.folder, 'many-parts.bin')
  const file = await makeRandomFile(path, count * partSize)
  const own = ours('http', { partSize, concurrency: 4 })
  return compared(bench, own, { ...own, checkpoint: false }, file, pairs ?? 30, say)
}

export async function compareConcurrency(
  bench: Bench,
  { vias, pairs }: BenchOptions,
  file: TestFile,
  say: Say,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = []
  for (const via of vias) {
    const eight = ours(via, { partSize: 8 * mib, concurrency: 8 })
    const four = { ...eight, concurrency: 4 }
    comparisons.push(await compared(bench, eight, four, file, pairs ?? 5, say))
  }
  return comparisons
}

/** The command beside the library, in the shapes that the peers are measured in. */
export async function compareCommand(
  bench: Bench,
  { vias, shapes, pairs }: BenchOptions,
  file: TestFile,
  say: Say,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = []
  for (const via of vias) {
    for (const shape of shapes) {
      const library = ours(via, shape)
      const command: Upload = { ...library, client: 'command' }
      comparisons.push(await compared(bench, command, library, file, pairs ?? 5, say))
    }
  }
  return comparisons
}
