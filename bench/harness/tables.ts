// Writes what was measured as Markdown.

import type { MemoryReport } from './memory.js'
import { formatSize, type Shape } from './options.js'
import { type Comparison, medianOf, type Quantity, ratio } from './pairs.js'
import type { Results } from './results.js'
import type { StartupRow } from './startup.js'
import type { Measurement, Upload } from './upload.js'

const gib = 1024 ** 3

const names = {
  ossup: '**ossup**, CRC-64 and checkpoint on',
  command: '**ossup**, the command',
  raw: 'bare sockets, no CRC',
  'raw-aligned': 'bare sockets, chunks at pages, no CRC',
  'ali-oss': 'ali-oss, no CRC',
  'lib-storage': '@aws-sdk/lib-storage',
} as const

export const honesty = `Every client sends the same file, which is in the page cache, to the same sink, a process of its own on the same machine, with the same
part size and as many parts in flight; the sink's size and CRC-64 of every object are compared with the file's. Ours computes the CRC-64 of
every part and of the object, compares both with the sink's, and keeps its checkpoint on disk, also where the peer does nothing of that kind:
ali-oss and the bare sockets (pooled chunks of 512 KiB, no signature, no HTTP library: the lower bound) compute no checksum. The second of
the two has its chunks at the beginning of a page of memory, as ours are (see performance.md). lib-storage computes a CRC-32 of each part,
as it does by default; 5 MiB is its smallest part. Over https every client verifies the sink's certificate.

CPU is user and system time of the whole client process, start-up included; memory is its peak. A ratio is the median over pairs that take
turns, ours divided by the peer's: below 1 ours takes less. Ratios of one run mean something; absolute figures move with the machine.`

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

const shapeOf = ({ partSize, concurrency }: Shape): string =>
  `${formatSize(partSize)} x ${concurrency}`

const whole = (value: number): string => value.toFixed(0)
const fine = (value: number): string => value.toFixed(2)

function figures(measurements: readonly Measurement[], size: number): readonly string[] {
  const of = (quantity: Quantity): number => medianOf(measurements, quantity)
  return [
    fine(of('cpuSeconds') / (size / gib)),
    whole(of('peakMib')),
    fine(of('wallSeconds')),
    whole(of('connections')),
  ]
}

const figureHeads = ['CPU s/GiB', 'peak MiB', 'wall s', 'connections'] as const

function peerTable(size: number, comparisons: readonly Comparison[]): string {
  const groups = new Map<string, Comparison[]>()
  for (const comparison of comparisons) {
    const place = `${comparison.a.via} ${shapeOf(comparison.a)}`
    groups.set(place, [...(groups.get(place) ?? []), comparison])
  }
  const rows = [...groups.values()].flatMap((group) => {
    const [first] = group as [Comparison]
    const ours = group.flatMap(({ pairs }) => pairs.map(({ a }) => a))
    const place = [first.a.via, shapeOf(first.a)]
    return [
      [...place, names.ossup, ...figures(ours, size), '', ''],
      ...group.map((comparison) => [
        ...place,
        names[comparison.b.client],
        ...figures(
          comparison.pairs.map(({ b }) => b),
          size,
        ),
        `**${fine(ratio(comparison, 'cpuSeconds'))}**`,
        fine(ratio(comparison, 'wallSeconds')),
      ]),
    ]
  })
  const head = ['via', 'parts', 'client', ...figureHeads, 'CPU, ours : its', 'wall, ours : its']
  const pairs = comparisons[0]?.pairs.length
  return `## ${formatSize(size)}, ${pairs} pairs\n\n${table(head, rows)}`
}

function selfTable(comparison: Comparison, title: string, label: (upload: Upload) => string) {
  const { a, b, size, pairs } = comparison
  const rows = (['a', 'b'] as const).map((side) => [
    label(side === 'a' ? a : b),
    ...figures(
      pairs.map((pair) => pair[side]),
      size,
    ),
  ])
  const ratios = (['cpuSeconds', 'wallSeconds'] as const).map((name) =>
    ratio(comparison, name).toFixed(3),
  )
  const place = `${formatSize(size)}, ${a.via}, ${pairs.length} pairs`
  return `## ${title}: ${place}

${table(['', ...figureHeads], rows)}

The first takes ${ratios[0]} times the CPU and ${ratios[1]} times the wall time of the second.`
}

function commandTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map((comparison) => {
    const { a, size, pairs } = comparison
    const both = (['a', 'b'] as const).flatMap((side) =>
      figures(
        pairs.map((pair) => pair[side]),
        size,
      ).slice(0, 2),
    )
    const ratios = (['cpuSeconds', 'peakMib'] as const).map((name) => fine(ratio(comparison, name)))
    return [a.via, shapeOf(a), ...both, ...ratios]
  })
  const [first] = comparisons as readonly [Comparison]
  const head = ['via', 'parts', 'command: CPU s/GiB', 'peak MiB', 'library: CPU s/GiB', 'peak MiB']
  const place = `${formatSize(first.size)}, ${first.pairs.length} pairs`
  return `## The command and the library: ${place}

${table([...head, 'CPU, command : library', 'memory, command : library'], rows)}`
}

export function memoryTable({ files, https, parts, commandParts }: MemoryReport): string {
  const all = [...files, https, ...parts, ...commandParts]
  const rows = all.map(({ client, via, size, measurement, ...shape }) => [
    client === 'command' ? '`ossup upload`' : 'library',
    via,
    formatSize(size),
    shapeOf(shape),
    measurement.peakMib.toFixed(1),
    whole(measurement.connections),
  ])
  return `## Memory, sparse files\n\n${table(['', 'via', 'file', 'parts', 'peak MiB', 'connections'], rows)}`
}

export function startupTable(rows: readonly StartupRow[]): string {
  const head = ['', 'wall ms', 'CPU ms', 'peak MiB', 'wall, times Node', 'CPU, times Node', 'loads']
  const cells = rows.map((row) => [
    row.name,
    whole(row.milliseconds),
    whole(row.cpuMilliseconds),
    whole(row.peakMib),
    fine(row.timesWall),
    fine(row.timesCpu),
    row.loaded.join(', ') || 'neither undici nor fast-xml-parser',
  ])
  return `## Start-up\n\n${table(head, cells)}`
}

export function renderResults(results: Results): string {
  const { machine, peers, concurrency, command, checkpoint, memory, startup, crc64Factor } = results
  const versions = Object.entries(machine.packages).map((entry) => entry.join(' '))
  const sizes = [...new Set(peers.map(({ size }) => size))]
  const sections = [
    '# Measured: ossup beside others',
    'Written by `npm run bench`; do not edit.',
    honesty,
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB; ${machine.system}; Node ${machine.node}, OpenSSL ${machine.openssl}.
Compared: ${versions.join(', ')}.`,
    ...sizes.map((size) =>
      peerTable(
        size,
        peers.filter((comparison) => comparison.size === size),
      ),
    ),
    ...concurrency.map((comparison) =>
      selfTable(comparison, 'Eight in flight and four', (upload) => shapeOf(upload)),
    ),
  ]
  if (command.length > 0) sections.push(commandTable(command))
  if (checkpoint !== undefined) {
    const title = `Checkpoint, ${checkpoint.size / checkpoint.a.partSize} parts of ${formatSize(checkpoint.a.partSize)}`
    const label = (upload: Upload) => (upload.checkpoint ? 'checkpoint' : '`checkpoint: false`')
    sections.push(selfTable(checkpoint, title, label))
  }
  if (memory !== undefined) sections.push(memoryTable(memory))
  if (startup !== undefined) sections.push(startupTable(startup))
  if (crc64Factor !== undefined) {
    sections.push(
      `## CRC-64\n\n${crc64Factor} times as fast as slicing-by-8 in WebAssembly, on a chunk in cache (\`bench/crc64.ts\`).`,
    )
  }
  return `${sections.join('\n\n')}\n`
}
