// Pure: how fast workers send, from their connections, their machines, and what the region lets through together.

import type { Scenario } from './scenario.js'

type Link = Pick<Scenario, 'connectionRate' | 'roundTrip' | 'linkRate' | 'processRate'>

/** The concurrency `auto` begins with, and goes to. */
const fewest = 4
const most = 32
/** `auto` stays where twice as many gain less than this. */
const leastGain = 1.1

/** Bytes per second of one connection that sends parts one after another, each answered a round trip after its end. */
function connectionPace({ connectionRate, roundTrip }: Link, partSize: number): number {
  return partSize / (partSize / connectionRate + roundTrip)
}

/**
 * Bytes per second of a worker with so many parts in flight: min(U, c * S / (S / r + RTT)).
 *
 * @param share what the region leaves to this worker
 */
export function workerRate(
  link: Link,
  partSize: number,
  connections: number,
  share = Number.POSITIVE_INFINITY,
): number {
  const own = Math.min(link.linkRate, link.processRate, share)
  return Math.min(own, connections * connectionPace(link, partSize))
}

/** Where the search for concurrency ends: it doubles while that is worth it. */
export function foundConcurrency(link: Link, partSize: number, share: number): number {
  let connections = fewest
  for (let next = connections * 2; next <= most; next *= 2) {
    const gain =
      workerRate(link, partSize, next, share) / workerRate(link, partSize, connections, share)
    if (gain < leastGain) break
    connections = next
  }
  return connections
}

/**
 * Shares what the region lets through: nobody gets more than it can use, and what is left is the others' in equal parts.
 *
 * @param wanted bytes per second of each worker by itself
 */
export function shareRegion(wanted: readonly number[], regionRate: number): number[] {
  if (wanted.reduce((sum, rate) => sum + rate, 0) <= regionRate) return [...wanted]
  let left = regionRate
  let waiting = wanted.filter((rate) => rate > 0).length
  const granted = wanted.map(() => 0)
  const order = wanted.map((rate, index) => ({ rate, index })).sort((a, b) => a.rate - b.rate)
  for (const { rate, index } of order) {
    if (rate === 0) continue
    const grant = Math.min(rate, left / waiting)
    granted[index] = grant
    left -= grant
    waiting -= 1
  }
  return granted
}
