// Numbers that look random and are the same for the same seed, so that a table can be compared with the run that made it.

export interface Random {
  /** Seconds until something happens that happens so often a second; never, at a rate of 0. */
  until(rate: number): number
}

/** mulberry32: a counter whose bits are mixed; good enough for waiting times. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { until: (rate) => (rate === 0 ? Number.POSITIVE_INFINITY : -Math.log(1 - next()) / rate) }
}
