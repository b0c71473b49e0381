// Owns the look of progress: one line of text for a state and a width, and the rate over a moving window. Pure.

import type { UploadProgress } from '../upload/events.js'

export interface ProgressState extends UploadProgress {
  /** Undefined until there is something to measure. */
  readonly bytesPerSecond?: number | undefined
  /** Requests that have failed and are tried again. @default 0 */
  readonly retrying?: number | undefined
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

/** Seconds, as far as they can be told. */
export function secondsLeft(state: ProgressState): number | undefined {
  const { phase, bytesPerSecond, totalBytes, transferredBytes, sentBytes, resumedBytes } = state
  if (phase !== 'sending' || totalBytes === undefined) return undefined
  if (bytesPerSecond === undefined || bytesPerSecond < 1) return undefined
  const unconfirmed = Math.max(0, sentBytes - (transferredBytes - resumedBytes))
  return Math.max(0, totalBytes - transferredBytes - unconfirmed) / bytesPerSecond
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

const barWidths = [30, 20, 10] as const

/**
 * The redrawn line, at most `columns` - 1 characters wide: in the last column some terminals would begin a new line.
 * A narrow terminal loses the parts first, then the bar, then what is last.
 */
export function progressLine(state: ProgressState, columns: number): string {
  const width = Math.max(0, columns - 1)
  const { phase, bytesPerSecond, partsDone, parts } = state
  const percent = percentOf(state)
  const facts = [
    ...(percent === undefined ? [] : [`${String(percent).padStart(3)} %`]),
    amount(state),
    ...(bytesPerSecond === undefined ? [] : [`${formatBytes(bytesPerSecond)}/s`]),
    ...outlook(state),
  ]
  const withParts = [
    ...facts,
    parts === undefined ? count(partsDone, 'part') : `${partsDone}/${parts} parts`,
  ]
  const head = phase.padEnd('completing'.length)
  const bars =
    percent === undefined
      ? [[head, ...withParts]]
      : [
          ...barWidths.map((bar) => [head, drawBar(percent, bar), ...withParts]),
          [head, drawBar(percent, 10), ...facts],
        ]
  const candidates = [...bars, [head, ...facts]].map((pieces) => pieces.join('  '))
  const fitting = candidates.find((line) => line.length <= width)
  return fitting ?? [phase, ...facts].join(' ').replace(/ +/g, ' ').slice(0, width)
}

/** A whole line for a log. */
export function plainProgress(state: ProgressState): string {
  const { phase, bytesPerSecond, partsDone, parts } = state
  const percent = percentOf(state)
  const done = amount(state).trim().replace(' / ', ' of ')
  return [
    ...(percent === undefined ? [`${phase}: ${done}`] : [`${phase}: ${percent} %`, done]),
    ...(bytesPerSecond === undefined ? [] : [`${formatBytes(bytesPerSecond)}/s`]),
    ...outlook(state),
    parts === undefined ? count(partsDone, 'part') : `${partsDone} of ${parts} parts`,
  ].join(', ')
}

/** The time that is left, or that nobody can tell it because something is wrong. */
function outlook(state: ProgressState): string[] {
  const { retrying = 0, phase } = state
  if (retrying > 0 && phase !== 'completed') return [`retrying ${retrying}`]
  const left = secondsLeft(state)
  return left === undefined ? [] : [`ETA ${formatDuration(left)}`]
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

function drawBar(percent: number, width: number): string {
  const filled = Math.floor((percent * width) / 100)
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]`
}
