// Owns the look of progress: one line of text for a state and a width, and the rate over a moving window. Pure.

import type { UploadProgress } from '../upload/events.js'

export interface ProgressState extends UploadProgress {
  /** Undefined until there is something to measure. */
  readonly bytesPerSecond?: number | undefined
  /** Requests that have failed and are tried again. @default 0 */
  readonly retrying?: number | undefined
  /** Why the last of them failed. */
  readonly cause?: string | undefined
  /** Some bytes were sent twice: what is on its way can no longer be told from what was lost. @default false */
  readonly repeated?: boolean | undefined
  /** Of several files together, in place of parts. */
  readonly files?: FileCounts | undefined
}

export interface FileCounts {
  readonly done: number
  readonly failed: number
  readonly total: number
}

const windowMs = 10_000
/** A shorter time says more about buffers than about the network. */
const minWindowMs = 500

/** Bytes per second over the last ten seconds. */
export class RateWindow {
  #samples: { readonly ms: number; readonly bytes: number }[] = []

  /** @param bytes counted since any fixed moment */
  add(ms: number, bytes: number): void {
    const last = this.#samples.at(-1)
    // Another thing is being counted now.
    if (last !== undefined && bytes < last.bytes) this.#samples = []
    // Samples closer than this change nothing but the memory they take.
    if (this.#samples.length > 1 && last !== undefined && ms - last.ms < 50) this.#samples.pop()
    this.#samples.push({ ms, bytes })
    // The newest sample that is older than the window stays: it is where the window begins.
    while ((this.#samples[1]?.ms ?? ms) <= ms - windowMs) this.#samples.shift()
  }

  get bytesPerSecond(): number | undefined {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.ms - first.ms < minWindowMs)
      return undefined
    return ((last.bytes - first.bytes) * 1000) / (last.ms - first.ms)
  }
}

/** Whole percent of what OSS has confirmed; 100 only when the object is complete and verified. Of a stream nobody knows. */
export function percentOf(progress: UploadProgress): number | undefined {
  const { phase, transferredBytes, totalBytes } = progress
  if (phase === 'completed') return 100
  if (totalBytes === undefined) return undefined
  if (totalBytes === 0) return 0
  return Math.min(99, Math.floor((transferredBytes * 100) / totalBytes))
}

/** Handed to the network and not acknowledged yet, as far as it can be told. */
function unconfirmedBytes(state: ProgressState): number {
  const { sentBytes, transferredBytes, resumedBytes, repeated = false } = state
  return repeated ? 0 : Math.max(0, sentBytes - (transferredBytes - resumedBytes))
}

/** Seconds, as far as they can be told. */
export function secondsLeft(state: ProgressState): number | undefined {
  const { phase, bytesPerSecond, totalBytes, transferredBytes } = state
  if (phase !== 'sending' || totalBytes === undefined) return undefined
  if (bytesPerSecond === undefined || bytesPerSecond < 1) return undefined
  return Math.max(0, totalBytes - transferredBytes - unconfirmedBytes(state)) / bytesPerSecond
}

const unitNames = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

function unitOf(bytes: number): number {
  let unit = 0
  while (unit < unitNames.length - 1 && bytes >= 1024 ** (unit + 1)) unit += 1
  return unit
}

function inUnit(bytes: number, unit: number): string {
  return unit === 0 ? String(Math.round(bytes)) : (bytes / 1024 ** unit).toFixed(1)
}

/** E.g. `35.2 MiB`. */
export function formatBytes(bytes: number): string {
  const unit = unitOf(bytes)
  return `${inUnit(bytes, unit)} ${unitNames[unit]}`
}

/** E.g. `1 part`, `2 parts`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** E.g. `0:07`, `12:34`, `1:02:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  const tail = String(whole % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`
}

interface Layout {
  /** Characters between its brackets; none without it. */
  readonly bar?: number
  readonly without?: readonly Fact[]
}

type Fact = 'sent' | 'rate' | 'outlook' | 'units'

/** The first that fits is used: what is dropped first is wanted least. */
const layouts: readonly Layout[] = [
  { bar: 30 },
  { bar: 20 },
  { bar: 10 },
  { bar: 20, without: ['sent'] },
  { bar: 10, without: ['sent'] },
]
const narrowLayouts: readonly Layout[] = [
  ...layouts,
  { bar: 10, without: ['sent', 'units'] },
  { without: ['sent', 'units'] },
]
/** How many files are done says more than a bar. */
const narrowLayoutsOfFiles: readonly Layout[] = [...layouts, { without: ['sent'] }]

/** What changes in length is given this much room, so that the layout does not change with it. */
const room = {
  rate: '1023.9 KiB/s'.length,
  outlook: 'ETA 12:34:56'.length,
  sent: 0,
  units: 0,
} as const satisfies Readonly<Record<Fact, number>>

/**
 * The redrawn line, at most `columns` - 1 characters wide: in the last column some terminals would begin a new line.
 * A narrow terminal loses what was sent first, then the parts, then the bar, then whole facts.
 */
export function progressLine(state: ProgressState, columns: number): string {
  const width = Math.max(0, columns - 1)
  const percent = percentOf(state)
  // While it is being measured an empty column keeps those behind it where they are.
  const isMoving = state.phase === 'sending' || state.phase === 'verifying'
  const column = (text: string, length: number) => (isMoving ? text.padEnd(length) : text)
  const facts: readonly (readonly [Fact, string])[] = [
    ['rate', column(rateText(state).padStart('99.9 MiB/s'.length).trimEnd(), '99.9 MiB/s'.length)],
    ['outlook', column(outlook(state), room.outlook)],
    ['units', units(state)],
  ]
  const head = state.phase.padEnd('completing'.length)
  const pieces = ({ bar = 0, without = [] }: Layout): string[] => [
    head,
    ...(percent === undefined ? [] : [...drawBar(state, bar), `${String(percent).padStart(3)} %`]),
    `${amount(state)}${without.includes('sent') ? '' : sent(state)}`,
    ...facts.filter(([name]) => !without.includes(name)).map(([, text]) => text),
  ]
  const needed = (layout: Layout): number =>
    facts
      .filter(([name]) => !(layout.without ?? []).includes(name))
      .reduce((sum, [name, text]) => sum + Math.max(0, room[name] - text.length), 0) +
    pieces(layout).join('  ').length
  const fitting = (state.files === undefined ? narrowLayouts : narrowLayoutsOfFiles).find(
    (layout) => needed(layout) <= width,
  )
  if (fitting === undefined) return narrowLine(state, width)
  const line = pieces(fitting)
    .filter((piece) => piece !== '')
    .join('  ')
    .trimEnd()
  return withCause(line, state, width)
}

/** Whole facts, as many as fit; what it waits for stays longer than how fast it was. */
function narrowLine(state: ProgressState, width: number): string {
  const percent = percentOf(state)
  const [bytes, time] = [[amount(state).trim(), 0] as const, [outlook(state), 0] as const]
  const facts: readonly (readonly [text: string, atLeast: number])[] = [
    [percent === undefined ? '' : `${percent} %`, 0],
    ...(state.files === undefined
      ? [bytes, time]
      : [[units(state).trim(), 0] as const, time, bytes]),
    [rateText(state), room.rate],
  ]
  let line: string = state.phase
  for (const [text, atLeast] of facts) {
    const isRoom = line.length + 1 + Math.max(text.length, atLeast) <= width
    if (isRoom && text !== '') line += ` ${text}`
  }
  return line.slice(0, width)
}

/** Where there is room left. */
function withCause(line: string, state: ProgressState, width: number): string {
  const { retrying = 0, cause = '' } = state
  const short = `retrying ${retrying}`
  const long = `${short} (${cause})`
  const isRoom = line.length + long.length - short.length <= width
  return retrying > 0 && cause !== '' && isRoom ? line.replace(short, () => long) : line
}

/** A whole line for a log. */
export function plainProgress(state: ProgressState): string {
  const { phase } = state
  const percent = percentOf(state)
  const done = amount(state).trim().replace(' / ', ' of ')
  return [
    ...(percent === undefined ? [`${phase}: ${done}`] : [`${phase}: ${percent} %`, done]),
    rateText(state),
    withCause(outlook(state), state, Number.POSITIVE_INFINITY),
    units(state).trim().replace('/', ' of '),
  ]
    .filter((fact) => fact !== '')
    .join(', ')
}

/** Empty until there is something to measure. */
function rateText({ bytesPerSecond }: ProgressState): string {
  return bytesPerSecond === undefined ? '' : `${formatBytes(bytesPerSecond)}/s`
}

/** The time that is left, or that nobody can tell it because something is wrong. */
function outlook(state: ProgressState): string {
  const { retrying = 0, phase, bytesPerSecond } = state
  if (phase === 'completed') return ''
  if (retrying > 0) return `retrying ${retrying}`
  // Nothing has moved for as long as the rate looks back: an answer is awaited, or the network.
  if (phase === 'sending' && bytesPerSecond !== undefined && bytesPerSecond < 1) return 'waiting'
  const left = secondsLeft(state)
  if (left === undefined) return ''
  // Everything is on its way.
  if (left === 0) return 'waiting'
  // Days need no minutes, and no more room than hours.
  const days = Math.ceil(left / 86_400)
  if (days > 4) return days > 999 ? 'ETA > 999 d' : `ETA ${days} d`
  return `ETA ${formatDuration(left)}`
}

function units({ partsDone, parts, files }: ProgressState): string {
  if (files !== undefined) {
    const done = String(files.done).padStart(String(files.total).length)
    const failed = files.failed === 0 ? '' : `, ${files.failed} failed`
    return `${done}/${files.total} files${failed}`
  }
  if (parts === undefined) return count(partsDone, 'part')
  return `${String(partsDone).padStart(String(parts).length)}/${parts} parts`
}

/** In the unit of the total; in this run, and with what was sent twice. */
function sent({ sentBytes, totalBytes }: ProgressState): string {
  if (totalBytes === undefined) return ''
  const unit = unitOf(totalBytes)
  return ` (sent ${inUnit(sentBytes, unit).padStart(inUnit(totalBytes, unit).length)})`
}

/** Both in the unit of the total; of one width throughout an upload. Without a total, what is done. */
function amount({ transferredBytes, totalBytes }: UploadProgress): string {
  if (totalBytes === undefined) return formatBytes(transferredBytes)
  const unit = unitOf(totalBytes)
  const total = inUnit(totalBytes, unit)
  // Rounded down like the percentage: the total is shown when it is reached.
  const step = unit === 0 ? 1 : 1024 ** unit / 10
  const done =
    transferredBytes === totalBytes ? totalBytes : Math.floor(transferredBytes / step) * step
  return `${inUnit(done, unit).padStart(total.length)} / ${total} ${unitNames[unit]}`
}

/** `#` is confirmed, `=` is on its way. */
function drawBar(state: ProgressState, width: number): string[] {
  const { totalBytes = 0, transferredBytes } = state
  if (width === 0) return []
  const filled = Math.floor(((percentOf(state) ?? 0) * width) / 100)
  const sentTo = (transferredBytes + unconfirmedBytes(state)) / Math.max(1, totalBytes)
  const reached = Math.max(filled, Math.min(width, Math.floor(sentTo * width)))
  const rest = width - reached
  return [`[${'#'.repeat(filled)}${'='.repeat(reached - filled)}${'-'.repeat(rest)}]`]
}
