// What a simulated upload is told: the size, the machines, their links, and how often they fail.

import { parseArgs } from 'node:util'
import { maxPartCount, maxPartSize } from '../../src/upload/plan.js'
import { maxShardCount } from '../../src/upload/shard.js'

const gbit = 1e9 / 8
const units: Readonly<Record<string, number>> = {
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

/** Rates are bytes per second, times are seconds. */
export interface Scenario {
  readonly size: number
  readonly workers: number
  /** Undefined: what the library plans. */
  readonly partSize: number | undefined
  /** What OSS takes from the whole account in the region. */
  readonly regionRate: number
  /** The network of one machine. */
  readonly linkRate: number
  /** What one process encrypts. */
  readonly processRate: number
  /** What one connection carries. */
  readonly connectionRate: number
  readonly roundTrip: number
  /** Reading finished parts again, beside the sending; infinite where nothing is read again (`verify: 'stat'`). */
  readonly readRate: number
  /** Deaths of a worker, for each second that it runs. */
  readonly killRate: number
  /** Losses of a connection, for each second that a part is on it. */
  readonly lossRate: number
  /** From the death of a worker until its successor sends. */
  readonly restartTime: number
  readonly seed: number
}

export interface SimulateOptions {
  readonly sizes: readonly number[]
  readonly scenarios: readonly Scenario[]
}

export const usage = `Usage: npx tsx bench/simulate.ts [options]

Plans uploads over many machines and prints how long they take and what failures cost. Nothing is sent.

  --size <list>        sizes such as 500GiB, 20TiB, or max: 10,000 parts of 5 GiB (default max)
  --workers <list>     machines (default 1,4,16,256)
  --region <list>      Gbit/s that OSS takes from the account in the region, or none for no limit (default 20,none)
  --part-size <size>   default: what the library plans
  --link <n>           Gbit/s of one machine (default 10)
  --process <n>        Gbit/s that one process encrypts (default 6)
  --connection <n>     Gbit/s of one connection (default 0.8)
  --rtt <n>            milliseconds of a round trip (default 5)
  --read <n>           Gbit/s that a worker reads again of finished parts, or none as with --verify stat (default 8)
  --kills <list>       deaths of a worker in an hour (default 0,0.05,0.5)
  --losses <n>         losses of each connection for each death of its worker (default 1)
  --restart <n>        seconds until the successor of a dead worker sends (default 60)
  --seed <n>           another course of failures (default 1)
`

/** @returns undefined for --help @throws {Error} naming what is wrong */
export function readOptions(argv: readonly string[]): SimulateOptions | undefined {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      size: { ...text, default: 'max' },
      workers: { ...text, default: '1,4,16,256' },
      region: { ...text, default: '20,none' },
      'part-size': text,
      link: { ...text, default: '10' },
      process: { ...text, default: '6' },
      connection: { ...text, default: '0.8' },
      rtt: { ...text, default: '5' },
      read: { ...text, default: '8' },
      kills: { ...text, default: '0,0.05,0.5' },
      losses: { ...text, default: '1' },
      restart: { ...text, default: '60' },
      seed: { ...text, default: '1' },
    },
  })
  if (values.help) return undefined
  const { 'part-size': partSize } = values
  const fixed = {
    partSize: partSize === undefined ? undefined : bytes('part-size', partSize),
    linkRate: gbit * positive('link', values.link),
    processRate: gbit * positive('process', values.process),
    connectionRate: gbit * positive('connection', values.connection),
    roundTrip: number('rtt', values.rtt) / 1000,
    readRate: limit('read', values.read),
    restartTime: number('restart', values.restart),
    seed: number('seed', values.seed),
  }
  const losses = number('losses', values.losses)
  const sizes = values.size.split(',').map((value) => bytes('size', value))
  const regions = values.region.split(',').map((value) => limit('region', value))
  const machines = values.workers.split(',').map((value) => count('workers', value))
  const deaths = values.kills.split(',').map((value) => number('kills', value))
  const scenarios: Scenario[] = []
  for (const size of sizes) {
    for (const regionRate of regions) {
      for (const workers of machines) {
        for (const kills of deaths) {
          const rates = { killRate: kills / 3600, lossRate: (losses * kills) / 3600 }
          scenarios.push({ ...fixed, ...rates, size, regionRate, workers })
        }
      }
    }
  }
  return { sizes, scenarios }
}

function limit(name: string, value: string): number {
  return value === 'none' ? Number.POSITIVE_INFINITY : gbit * positive(name, value)
}

function bytes(name: string, value: string): number {
  if (value === 'max') return maxPartCount * maxPartSize
  const [, amount, unit = ''] = /^([\d.]+)(MiB|GiB|TiB)$/.exec(value) ?? []
  if (amount === undefined) throw new Error(`--${name} cannot be ${value}`)
  return Math.round(positive(name, amount) * (units[unit] ?? 1))
}

function number(name: string, value: string): number {
  const parsed = value.trim() === '' ? Number.NaN : Number(value)
  if (!(parsed >= 0 && Number.isFinite(parsed))) throw new Error(`--${name} cannot be ${value}`)
  return parsed
}

function positive(name: string, value: string): number {
  const parsed = number(name, value)
  if (parsed === 0) throw new Error(`--${name} cannot be 0`)
  return parsed
}

function count(name: string, value: string): number {
  const parsed = positive(name, value)
  if (!Number.isInteger(parsed) || parsed > maxShardCount)
    throw new Error(`--${name} cannot be ${value}`)
  return parsed
}
