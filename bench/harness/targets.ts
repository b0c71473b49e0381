// Owns the targets, and says of each whether what was measured meets it.

import type { MemoryReport, MemoryRow } from './memory.js'
import { type Comparison, ratio } from './pairs.js'
import type { Results } from './results.js'
import type { Via } from './sink-process.js'
import type { Measurement } from './upload.js'

const mib = 1024 * 1024
const gib = 1024 * mib

export interface Verdict {
  readonly target: string
  /** What was measured; undefined where this run did not measure it. */
  readonly measured: string | undefined
  readonly met: boolean
}

/** What is meant to be less than a peer; of bare sockets with chunks at pages no target speaks. */
interface PeerTarget {
  readonly peer: string
  readonly via: string
  readonly size: number
  readonly atMost: number
}

const peerTargets: readonly PeerTarget[] = [
  { peer: 'raw', via: 'http', size: 4 * gib, atMost: 1.35 },
  { peer: 'raw', via: 'https', size: 4 * gib, atMost: 1.2 },
  { peer: 'ali-oss', via: 'http', size: gib, atMost: 0.65 },
  { peer: 'ali-oss', via: 'https', size: gib, atMost: 0.65 },
  { peer: 'ali-oss', via: 'http', size: 4 * gib, atMost: 0.5 },
  { peer: 'ali-oss', via: 'https', size: 4 * gib, atMost: 0.6 },
  { peer: 'lib-storage', via: 'http', size: gib, atMost: 0.35 },
  { peer: 'lib-storage', via: 'https', size: gib, atMost: 0.35 },
  { peer: 'lib-storage', via: 'http', size: 4 * gib, atMost: 0.35 },
  { peer: 'lib-storage', via: 'https', size: 4 * gib, atMost: 0.35 },
]

const shapes = [
  { partSize: 8 * mib, concurrency: 4 },
  { partSize: 16 * mib, concurrency: 8 },
] as const

function atMost(target: string, limit: number, measured: number | undefined): Verdict {
  return {
    target: `${target}: at most ${limit}`,
    measured: measured?.toFixed(measured < 10 ? 3 : 1),
    met: measured !== undefined && measured <= limit,
  }
}

function peerVerdicts(peers: readonly Comparison[]): readonly Verdict[] {
  return peerTargets.flatMap(({ peer, via, size, atMost: limit }) =>
    shapes.map(({ partSize, concurrency }) => {
      const found = peers.find(
        ({ a, b, size: measuredSize }) =>
          b.client === peer &&
          measuredSize === size &&
          a.via === via &&
          a.partSize === partSize &&
          a.concurrency === concurrency,
      )
      const place = `${size / gib} GiB, ${via}, ${partSize / mib} MiB x ${concurrency}`
      const measured = found && ratio(found, 'cpuSeconds')
      return atMost(`CPU, ours : ${peer}, ${place}`, limit, measured)
    }),
  )
}

function memoryRows(memory: MemoryReport | undefined): readonly MemoryRow[] {
  return memory === undefined
    ? []
    : [...memory.files, memory.https, ...memory.parts, ...memory.commandParts]
}

/** How far apart the peaks are, as a ratio of the largest to the smallest. */
function spread(rows: readonly { readonly measurement: Measurement }[]): number {
  const peaks = rows.map(({ measurement }) => measurement.peakMib)
  return Math.max(...peaks) / Math.min(...peaks)
}

/** Ours at 16 MiB x 8, each run that was measured. */
function peaksOf({ peers, memory }: Results, via: Via): readonly number[] {
  const compared = peers
    .filter(({ a }) => a.via === via && a.partSize === 16 * mib && a.concurrency === 8)
    .flatMap(({ pairs }) => pairs.map(({ a }) => a))
  const alone = memoryRows(memory)
    .filter((row) => row.via === via && row.partSize === 16 * mib)
    .map(({ measurement }) => measurement)
  return [...compared, ...alone].map(({ peakMib }) => peakMib)
}

function connectionVerdict({ peers, memory }: Results): Verdict {
  const runs = [
    ...peers.flatMap(({ a, pairs }) =>
      pairs.map((pair) => ({ expected: a.concurrency, opened: pair.a.connections })),
    ),
    ...memoryRows(memory).map(({ concurrency, measurement }) => ({
      expected: concurrency,
      opened: measurement.connections,
    })),
  ]
  const off = runs.filter(({ expected, opened }) => expected !== opened)
  return {
    target: 'connections opened = parts in flight, in every run of ours',
    measured: runs.length === 0 ? undefined : `${runs.length - off.length} of ${runs.length}`,
    met: runs.length > 0 && off.length === 0,
  }
}

export function judge(results: Results): readonly Verdict[] {
  const { peers, checkpoint, memory, startup, crc64Factor } = results
  return [
    ...peerVerdicts(peers),
    {
      target: 'CRC-64, times the speed of slicing-by-8 in WebAssembly: at least 3',
      measured: crc64Factor?.toString(),
      met: crc64Factor !== undefined && crc64Factor >= 3,
    },
    ...(['http', 'https'] as const).map((via) => {
      const peaks = peaksOf(results, via)
      const peak = peaks.length > 0 ? Math.max(...peaks) : undefined
      return atMost(`peak MiB at 16 MiB x 8, ${via}`, 115, peak)
    }),
    atMost('peak, larger : smaller file', 1.1, memory && spread(memory.files)),
    atMost('peak, larger : smaller parts', 1.1, memory && spread(memory.parts)),
    atMost('the same, `ossup upload`', 1.1, memory && spread(memory.commandParts)),
    connectionVerdict(results),
    ...(['cpuSeconds', 'wallSeconds'] as const).map((quantity) => {
      const name = quantity === 'cpuSeconds' ? 'CPU' : 'wall'
      const measured = checkpoint && ratio(checkpoint, quantity)
      return atMost(`${name}, checkpoint : \`checkpoint: false\``, 1.05, measured)
    }),
    ...['ossup --version', 'ossup --help'].flatMap((name): readonly Verdict[] => {
      const row = startup?.find((candidate) => candidate.name === name)
      return [
        atMost(`wall, ${name} : Node alone`, 1.4, row?.timesWall),
        {
          target: `${name} loads neither undici nor fast-xml-parser`,
          measured: row && (row.loaded.join(', ') || 'neither'),
          met: row?.loaded.length === 0,
        },
      ]
    }),
  ]
}

export function renderVerdicts(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ target, measured, met }) => {
    const word = measured === undefined ? 'not measured' : met ? 'met' : 'NOT MET'
    return `${word.padEnd(12)}  ${target}${measured === undefined ? '' : ` (${measured})`}`
  })
  return `${lines.join('\n')}\nnot measured  CPU, ours : official Go SDK v2: not a part of this suite\n`
}
