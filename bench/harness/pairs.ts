// Compares two uploads in turns, so that a slow phase of the machine meets both; what counts is the median of the ratios.

import type { TestFile } from './test-file.js'
import { type Bench, type Measurement, runUpload, type Upload } from './upload.js'

const quantities = ['cpuSeconds', 'peakMib', 'wallSeconds', 'connections'] as const
export type Quantity = (typeof quantities)[number]

/** A against B, pair by pair. */
export interface Comparison {
  readonly a: Upload
  readonly b: Upload
  /** Bytes of the file. */
  readonly size: number
  readonly pairs: readonly { readonly a: Measurement; readonly b: Measurement }[]
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export async function compare(
  bench: Bench,
  a: Upload,
  b: Upload,
  file: TestFile,
  count: number,
): Promise<Comparison> {
  const pairs: { a: Measurement; b: Measurement }[] = []
  for (let i = 0; i < count; i++) {
    pairs.push({ a: await runUpload(bench, a, file), b: await runUpload(bench, b, file) })
  }
  return { a, b, size: file.size, pairs }
}

/** Median over the pairs of what A used, divided by what B used right after it. */
export function ratio({ pairs }: Comparison, quantity: Quantity): number {
  return median(pairs.map(({ a, b }) => a[quantity] / b[quantity]))
}

export function medianOf(measurements: readonly Measurement[], quantity: Quantity): number {
  return median(measurements.map((measurement) => measurement[quantity]))
}
