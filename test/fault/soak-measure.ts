// Owns what the soak measures of its process, and the judgement whether any of it grows.

export interface Sample {
  /** Bytes, after garbage collection. */
  readonly heap: number
  readonly rss: number
  /** Handles and requests that keep the process alive. */
  readonly handles: number
  /** Of the fake. */
  readonly sockets: number
}

/** Bytes by which the heap may differ for other reasons than a leak: code that was compiled later, caches of the runtime. */
const heapSlack = 6 * 2 ** 20
/** At rest there is hardly anything: timers of the runtime. */
const handleSlack = 3

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/**
 * Compares the first quarter of the samples with the last, after a tenth was left out in which everything warms up.
 *
 * @returns one line for each measure that has grown.
 */
export function growth(samples: readonly Sample[]): string[] {
  const warm = samples.slice(Math.ceil(samples.length / 10))
  const quarter = Math.floor(warm.length / 4)
  if (quarter < 1) return ['too few samples to tell']
  const ends = (name: keyof Sample): readonly [number, number] => [
    median(warm.slice(0, quarter).map((sample) => sample[name])),
    median(warm.slice(-quarter).map((sample) => sample[name])),
  ]
  const lines: string[] = []
  const [heapBefore, heapAfter] = ends('heap')
  if (heapAfter > heapBefore * 1.1 + heapSlack) {
    lines.push(`the heap has grown from ${mib(heapBefore)} to ${mib(heapAfter)} MiB`)
  }
  for (const name of ['handles', 'sockets'] as const) {
    const [before, after] = ends(name)
    if (after > before + handleSlack) lines.push(`${name} have grown from ${before} to ${after}`)
  }
  return lines
}

export const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

/** @param sockets open on the other side */
export function measure(sockets: number): Sample {
  if (globalThis.gc === undefined) throw new Error('run with node --expose-gc')
  // Twice: what finalizers let go of goes with the second.
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, rss, handles: process.getActiveResourcesInfo().length, sockets }
}
