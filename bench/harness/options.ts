// Reads the command line of `npm run bench`.

import { parseArgs } from 'node:util'
import type { Via } from './sink-process.js'
import { type Peer, peers } from './upload.js'

const kib = 1024
const mib = 1024 * kib
const gib = 1024 * mib

const sections = ['checkpoint', 'concurrency', 'command', 'memory', 'startup', 'crc64'] as const
export type Section = (typeof sections)[number]

/** Part size and parts in flight. */
export interface Shape {
  readonly partSize: number
  readonly concurrency: number
}

export interface BenchOptions {
  readonly quick: boolean
  readonly checks: boolean
  readonly peers: readonly Peer[]
  readonly sections: readonly Section[]
  /** Bytes of the file, smallest first. */
  readonly sizes: readonly number[]
  readonly vias: readonly Via[]
  readonly shapes: readonly Shape[]
  /** Undefined: as many as the size of the file calls for. */
  readonly pairs: number | undefined
  readonly json: string | undefined
  /** Where the tables are written; undefined: nowhere. */
  readonly table: string | undefined
}

export const usage = `Usage: npm run bench -- [options]

  --quick          one file of 256 MiB, 3 pairs, http, 8 MiB x 4; writes no table unless --table says where
  --checks         measure what the targets need as well, and say of each whether it is met; exit code 1 when one is not
  --size <list>    sizes of the file (default 1GiB,4GiB)
  --shapes <list>  part sizes and parts in flight (default 8MiBx4,16MiBx8,1MiBx4)
  --via <list>     http, https (default both)
  --pairs <n>      pairs for each comparison (default 5 up to 1 GiB, 3 above, 30 for the checkpoint)
  --only <list>    of ${[...peers, ...sections].join(', ')}
  --json <file>    where the measurements go (default: a file in the folder for temporary files)
  --table <file>   where the tables go (default docs/performance-table.md, unless --quick or --only is given)
`

const full: readonly Shape[] = [
  { partSize: 8 * mib, concurrency: 4 },
  { partSize: 16 * mib, concurrency: 8 },
  { partSize: mib, concurrency: 4 },
]

/** @returns undefined for --help @throws {Error} naming what is wrong */
export function readOptions(
  argv: readonly string[],
  defaultTable: string,
): BenchOptions | undefined {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...{ quick: flag, checks: flag, help: flag, pairs: text, only: text },
      ...{ size: text, shapes: text, via: text, json: text, table: text },
    },
  })
  if (values.help) return undefined
  const { quick, checks, only } = values
  const list = (value: string | undefined, otherwise: string): readonly string[] =>
    (value ?? otherwise).split(',')
  // The files that memory is measured with take longer than all the rest of --quick.
  const everySection = checks
    ? sections.filter((section) => !quick || section !== 'memory')
    : (['checkpoint', 'concurrency', 'command'] as const)
  const chosen = list(only, [...peers, ...everySection].join(','))
  const known: readonly string[] = [...peers, ...sections]
  for (const name of chosen) if (!known.includes(name)) throw new Error(`--only knows no ${name}`)
  const vias = list(values.via, quick ? 'http' : 'http,https')
  for (const via of vias) {
    if (via !== 'http' && via !== 'https') throw new Error('--via knows http and https')
  }
  const shapes = values.shapes?.split(',').map(readShape)
  return {
    quick,
    checks,
    peers: peers.filter((peer) => chosen.includes(peer)),
    sections: sections.filter((section) => chosen.includes(section)),
    sizes: list(values.size, quick ? '256MiB' : '1GiB,4GiB').map(readSize),
    vias: vias as readonly Via[],
    shapes: shapes ?? (quick ? full.slice(0, 1) : full),
    pairs: readPairs(values.pairs) ?? (quick ? 3 : undefined),
    json: values.json,
    table: values.table ?? (quick || only !== undefined ? undefined : defaultTable),
  }
}

function readPairs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const pairs = Number(text)
  if (!Number.isInteger(pairs) || pairs < 1) throw new Error('--pairs is a whole number from 1')
  return pairs
}

function readSize(text: string): number {
  const [, digits, unit = ''] = /^(\d+)(KiB|MiB|GiB)?$/.exec(text) ?? []
  const size = Number(digits) * ({ '': 1, KiB: kib, MiB: mib, GiB: gib }[unit] ?? Number.NaN)
  if (!(size >= 1)) throw new Error(`${text} is not a size such as 1GiB or 512MiB`)
  return size
}

function readShape(text: string): Shape {
  const [, size = '', count] = /^(\w+)x(\d+)$/.exec(text) ?? []
  if (count === undefined) throw new Error(`${text} is not a shape such as 8MiBx4`)
  return { partSize: readSize(size), concurrency: Number(count) }
}

export function formatSize(bytes: number): string {
  if (bytes % gib === 0) return `${bytes / gib} GiB`
  if (bytes < mib) return `${bytes / kib} KiB`
  return `${(bytes / mib).toFixed(bytes % mib === 0 ? 0 : 1)} MiB`
}
