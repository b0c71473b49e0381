// Writes what was simulated as the two tables of docs/many-machines.md.

import { planParts } from '../../src/upload/plan.js'
import type { Scenario } from './scenario.js'
import { type Outcome, patience } from './upload.js'

const kib = 1024
const mib = 1024 * kib
const gib = 1024 * mib
const tib = 1024 * gib

export function formatBytes(bytes: number): string {
  if (bytes === 0) return '0'
  const [unit, name] =
    bytes >= tib
      ? [tib, 'TiB']
      : bytes >= gib
        ? [gib, 'GiB']
        : bytes >= mib
          ? [mib, 'MiB']
          : [kib, 'KiB']
  const value = bytes / unit
  return `${value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1)} ${name}`
}

export function formatTime(seconds: number): string {
  if (seconds === Number.POSITIVE_INFINITY) return `not in ${patience / 86_400} days`
  if (seconds >= 2 * 86_400) return `${(seconds / 86_400).toFixed(1)} days`
  if (seconds >= 2 * 3600) return `${(seconds / 3600).toFixed(1)} h`
  if (seconds >= 120) return `${(seconds / 60).toFixed(1)} min`
  return `${seconds.toFixed(0)} s`
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US')

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(heading), row(heading.map(() => '---')).replaceAll(' ', ''), ...rows.map(row)].join(
    '\n',
  )
}

/** Beside those that were asked for, to compare with. */
const usualSizes = [100 * gib, tib, 10 * tib]

/** What the size of a file decides before anything is sent. */
export function planTable(sizes: readonly number[], workers: readonly number[]): string {
  const all = [...new Set([...usualSizes, ...sizes])].sort((a, b) => a - b)
  const rows = all.map((size) => {
    const { count, partSize } = planParts(size)
    const shares = workers.map((machines) => whole(Math.ceil(count / machines)))
    return [formatBytes(size), `${whole(partSize / mib)} MiB`, whole(count), ...shares]
  })
  const shares = workers.map((machines) => `parts for each of ${machines}`)
  return table(['file', 'part size', 'parts', ...shares], rows)
}

type Run = readonly [Scenario, Outcome]

/** One table for each file and each limit of the region. */
export function outcomeTables(runs: readonly Run[]): string {
  const groups = new Map<string, Run[]>()
  for (const run of runs) {
    const [{ size, regionRate }] = run
    const takes = Number.isFinite(regionRate) ? `${(regionRate * 8) / 1e9} Gbit/s` : 'everything'
    const title = `**${formatBytes(size)}, the region takes ${takes}**`
    groups.set(title, [...(groups.get(title) ?? []), run])
  }
  return [...groups].map(([title, group]) => `${title}\n\n${outcomeTable(group)}`).join('\n\n')
}

const heading = [
  ...['workers', 'in flight', 'deaths an hour', 'time', 'rate', 'requests', 'most in 1 s'],
  ...['deaths', 'lost connections', 'sent again', 'read again', 'journals', 'largest'],
]

function outcomeTable(runs: readonly Run[]): string {
  const rows = runs.map(([scenario, outcome]) => {
    const { size, workers, killRate } = scenario
    const { seconds } = outcome
    const ends = Number.isFinite(seconds)
    return [
      String(workers),
      `${workers} x ${outcome.concurrency}`,
      killRate === 0 ? '0' : String(Number((killRate * 3600).toPrecision(6))),
      formatTime(seconds),
      ends ? `${((size * 8) / 1e9 / seconds).toFixed(1)} Gbit/s` : '-',
      whole(outcome.requests),
      whole(outcome.mostRequests),
      whole(outcome.deaths),
      whole(outcome.losses),
      formatBytes(outcome.wastedBytes),
      formatBytes(outcome.readAgainBytes),
      formatBytes(outcome.journalBytes),
      formatBytes(outcome.largestJournal),
    ]
  })
  return table(heading, rows)
}
