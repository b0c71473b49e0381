// One simulated worker: its share of the parts, what is in flight, and what its deaths cost.

import { type PartPlan, type PartRange, partRange } from '../../src/upload/plan.js'
import type { Share } from '../../src/upload/shard.js'
import { headerBytes, partBytes, sourceBytes } from './journals.js'
import type { Random } from './random.js'
import type { Scenario } from './scenario.js'

interface Flight {
  readonly part: PartRange
  /** Where the worker's bytes per connection stood when this part began. */
  readonly begun: number
  /** When its connection is lost. */
  readonly lostAt: number
}

export interface Tally {
  partRequests: number
  sentBytes: number
  wastedBytes: number
  readAgainBytes: number
  deaths: number
  losses: number
}

/** Nothing happens later than this: an end to rounding, not to a wait. */
const instant = 1e-6

export class Worker {
  readonly #plan: PartPlan
  readonly #scenario: Scenario
  readonly #random: Random
  readonly #connections: number
  readonly #tally: Tally
  readonly #waiting: number[]
  /** Acknowledged so far; their bytes, and those of their records. */
  readonly #done = { parts: 0, bytes: 0, records: 0 }
  #flights: Flight[] = []
  /** Bytes that each connection has carried since the beginning: all of a worker are equally fast. */
  #carried = 0
  #rate = 0
  #toRead = 0
  #diesAt: number
  #sleepsUntil = 0
  journalBytes: number = headerBytes

  constructor(
    plan: PartPlan,
    { first, last }: Share,
    connections: number,
    scenario: Scenario,
    random: Random,
    tally: Tally,
  ) {
    this.#plan = plan
    this.#waiting = Array.from({ length: last - first + 1 }, (_, offset) => first + offset)
    this.#connections = connections
    this.#scenario = scenario
    this.#random = random
    this.#tally = tally
    this.#diesAt = random.until(scenario.killRate)
  }

  get isDone(): boolean {
    return this.#waiting.length === 0 && this.#flights.length === 0 && this.#toRead === 0
  }

  get doneParts(): number {
    return this.#done.parts
  }

  /** Parts in flight from `now` on. */
  begin(now: number): number {
    if (now < this.#sleepsUntil) return 0
    while (this.#flights.length < this.#connections) {
      const number = this.#waiting.shift()
      if (number === undefined) break
      this.#tally.partRequests += 1
      this.#flights.push({
        part: partRange(this.#plan, number),
        begun: this.#carried,
        lostAt: now + this.#random.until(this.#scenario.lossRate),
      })
    }
    return this.#flights.length
  }

  /** @param rate bytes per second of the whole worker from here on */
  send(rate: number): void {
    this.#rate = this.#flights.length === 0 ? 0 : rate / this.#flights.length
  }

  /** When something happens next. */
  nextAt(now: number): number {
    if (this.isDone) return Number.POSITIVE_INFINITY
    if (now < this.#sleepsUntil) return this.#sleepsUntil
    let next = this.#diesAt
    if (this.#toRead > 0) next = Math.min(next, now + this.#toRead / this.#scenario.readRate)
    for (const { part, begun, lostAt } of this.#flights) {
      const left = part.size - (this.#carried - begun)
      next = Math.min(next, lostAt, now + left / this.#rate)
    }
    return next
  }

  /** What has happened between two moments, up to and with the second. @returns true when OSS is asked which parts it has */
  advance(from: number, to: number): boolean {
    if (this.isDone) return false
    // A successor asks before it sends.
    if (from < this.#sleepsUntil) return to >= this.#sleepsUntil
    const elapsed = to - from
    this.#carried += this.#rate * elapsed
    const read = Math.min(this.#toRead, this.#scenario.readRate * elapsed)
    this.#tally.readAgainBytes += read
    this.#toRead -= read
    if (this.#toRead < 1) this.#toRead = 0
    this.#settle(to)
    // Whoever has done its share looks whether it was the last.
    if (this.isDone) return true
    if (to >= this.#diesAt) this.#die(to)
    return false
  }

  #settle(now: number): void {
    const flying: Flight[] = []
    for (const flight of this.#flights) {
      const { part, begun, lostAt } = flight
      const carried = this.#carried - begun
      if (part.size - carried <= Math.max(1, this.#rate * instant)) {
        this.#tally.sentBytes += part.size
        const record = partBytes(part.number)
        this.#done.parts += 1
        this.#done.bytes += part.size
        this.#done.records += record
        this.journalBytes += record
      } else if (now >= lostAt) {
        this.#tally.losses += 1
        this.#tally.wastedBytes += carried
        this.#waiting.unshift(part.number)
      } else {
        flying.push(flight)
      }
    }
    this.#flights = flying
  }

  #die(now: number): void {
    this.#tally.deaths += 1
    for (const { part, begun } of this.#flights) {
      this.#tally.wastedBytes += this.#carried - begun
      this.#waiting.push(part.number)
    }
    this.#waiting.sort((a, b) => a - b)
    this.#flights = []
    if (Number.isFinite(this.#scenario.readRate)) {
      this.#toRead = this.#done.bytes
    }
    // The successor may be on another machine, and then writes down each part that it has compared.
    this.journalBytes += sourceBytes + this.#done.records
    this.#sleepsUntil = now + this.#scenario.restartTime
    this.#diesAt = this.#sleepsUntil + this.#random.until(this.#scenario.killRate)
  }
}
