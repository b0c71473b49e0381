// Runs one scenario from the first request to the object: from event to event, each worker at the speed that it then has.

import { type PartPlan, planParts } from '../../src/upload/plan.js'
import { shareOf } from '../../src/upload/shard.js'
import { sharedBytes } from './journals.js'
import { foundConcurrency, shareRegion, workerRate } from './link.js'
import { seededRandom } from './random.js'
import type { Scenario } from './scenario.js'
import { type Tally, Worker } from './worker.js'

export interface Outcome extends Tally {
  readonly plan: PartPlan
  /** Parts in flight of each worker. */
  readonly concurrency: number
  /** Infinite for an upload that has not ended within {@link patience}. */
  readonly seconds: number
  /** Of every kind. */
  readonly requests: number
  /** Begun in the busiest second. */
  readonly mostRequests: number
  /** Of all workers, and of the checkpoint that they share. */
  readonly journalBytes: number
  readonly largestJournal: number
}

/** Seconds after which nobody waits any more: deaths come faster than what follows from them is done. */
export const patience: number = 30 * 86_400

/** OSS lists so many parts in one answer. */
const pageSize = 1000

export function simulate(scenario: Scenario): Outcome {
  const { size, workers: machines, regionRate } = scenario
  const plan = planParts(size, scenario.partSize)
  const random = seededRandom(scenario.seed)
  const concurrency = foundConcurrency(scenario, plan.partSize, regionRate / machines)
  const tally: Tally = {
    ...{ partRequests: 0, sentBytes: 0, wastedBytes: 0 },
    ...{ readAgainBytes: 0, deaths: 0, losses: 0 },
  }
  const workers = Array.from({ length: machines }, (_, index) => {
    const share = shareOf({ index, count: machines }, plan.count)
    return new Worker(plan, share, concurrency, scenario, random, tally)
  })
  const seconds = new Map<number, number>()
  // Each asks before it sends.
  let lists = machines
  let now = 0
  for (;;) {
    const before = tally.partRequests
    const flights = workers.map((worker) => worker.begin(now))
    const second = Math.floor(now)
    seconds.set(second, (seconds.get(second) ?? 0) + tally.partRequests - before)
    const wanted = flights.map((count) => workerRate(scenario, plan.partSize, count))
    const granted = shareRegion(wanted, regionRate)
    for (const [index, worker] of workers.entries()) worker.send(granted[index] ?? 0)
    const next = Math.min(...workers.map((worker) => worker.nextAt(now)))
    if (next === Number.POSITIVE_INFINITY) break
    if (next > patience) {
      now = Number.POSITIVE_INFINITY
      break
    }
    for (const worker of workers) {
      if (!worker.advance(now, next)) continue
      const listed = workers.reduce((sum, { doneParts }) => sum + doneParts, 0)
      lists += Math.max(1, Math.ceil(listed / pageSize))
    }
    now = next
  }
  const journals = workers.map(({ journalBytes }) => journalBytes)
  // Initiate and Complete are once each, whoever makes them.
  const requests = tally.partRequests + lists + 2
  return {
    ...tally,
    ...{ plan, concurrency, seconds: now, requests },
    mostRequests: Math.max(...seconds.values()),
    journalBytes: journals.reduce((sum, bytes) => sum + bytes, sharedBytes(plan.count)),
    largestJournal: Math.max(...journals),
  }
}
