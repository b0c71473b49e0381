// Owns showing progress on stderr: one redrawn line on a terminal, or a few plain lines in a log.

import type { UploadProgress } from '../upload/events.js'
import type { Io, Output } from './io.js'
import {
  type FileCounts,
  type ProgressState,
  percentOf,
  plainProgress,
  progressLine,
  RateWindow,
} from './progress-line.js'

/** Of one upload, or of several files together. */
export type ShownProgress = UploadProgress & { readonly files?: FileCounts }

export interface ProgressDisplay {
  update(progress: ShownProgress): void
  /**
   * So many requests have failed and are tried again.
   *
   * @param cause why the last of them failed
   */
  retrying(count: number, cause?: string): void
  /** Writes whole lines, to stderr unless it is told where, and puts the redrawn line below them. */
  say(lines: string, to?: Output): void
  /** Leaves the cursor at the start of a line; nothing is drawn afterwards. */
  end(): void
}

const redrawMs = 100
const idleRedrawMs = 1_000
const plainLineMs = 10_000
const maxPlainLineMs = 10 * 60_000
/** Percent between two plain lines: an upload writes at most ten of them. */
const plainStep = 10

/** From the cursor to the end of the line. */
const eraseRest = '\x1b[K'

export function createDisplay(io: Io, shows: boolean): ProgressDisplay {
  if (!shows) {
    const say: ProgressDisplay['say'] = (lines, to = io.stderr) => to.write(lines)
    return { update() {}, retrying() {}, say, end() {} }
  }
  // A terminal that cannot move its cursor is a log.
  return io.stderr.isTTY && io.env['TERM'] !== 'dumb' ? new RedrawnLine(io) : new PlainLines(io)
}

/** What is measured depends on the phase: the network while sending, the disk while verifying. */
class Meter {
  readonly #now: () => number
  readonly #sent = new RateWindow()
  readonly #verified = new RateWindow()
  progress: ShownProgress | undefined
  #retrying = 0
  #cause: string | undefined
  #repeated = false

  constructor(now: () => number) {
    this.#now = now
  }

  sample(): void {
    if (this.progress === undefined) return
    const ms = this.#now()
    this.#sent.add(ms, this.progress.sentBytes)
    this.#verified.add(ms, this.progress.resumedBytes)
  }

  retry(count: number, cause: string | undefined): void {
    this.#retrying = count
    this.#cause = cause ?? this.#cause
    this.#repeated ||= count > 0
  }

  stateOf(progress: ShownProgress): ProgressState {
    const [retrying, cause, repeated] = [this.#retrying, this.#cause, this.#repeated]
    return { ...progress, bytesPerSecond: this.#bytesPerSecond, retrying, cause, repeated }
  }

  get #bytesPerSecond(): number | undefined {
    switch (this.progress?.phase) {
      case 'sending':
        return this.#sent.bytesPerSecond
      case 'verifying':
        return this.#verified.bytesPerSecond
      default:
        return undefined
    }
  }
}

class RedrawnLine implements ProgressDisplay {
  readonly #io: Io
  readonly #meter: Meter
  #drawnAt = Number.NEGATIVE_INFINITY
  #phase = ''
  /** What stands in the last line of the screen; empty when nothing does. */
  #drawn = ''
  /** Without news the rate still falls, so that a stalled network shows. */
  readonly #timer: NodeJS.Timeout

  constructor(io: Io) {
    this.#io = io
    this.#meter = new Meter(io.now)
    this.#timer = setInterval(() => this.#draw(), idleRedrawMs)
    this.#timer.unref()
  }

  update(progress: ShownProgress): void {
    this.#meter.progress = progress
    // Of many small files a phase would begin more often than anybody can read.
    const changed = progress.phase !== this.#phase && progress.files === undefined
    if (changed || this.#io.now() - this.#drawnAt >= redrawMs) this.#draw()
  }

  /** Shown with the next redraw: most retries are over before anybody could read of them. */
  retrying(count: number, cause?: string): void {
    this.#meter.retry(count, cause)
  }

  say(lines: string, to: Output = this.#io.stderr): void {
    // A terminal is the same screen, whichever stream it is reached by.
    const isSameScreen = to === this.#io.stderr || to.isTTY
    if (isSameScreen) this.#erase()
    to.write(lines)
    if (!isSameScreen) return
    this.#draw()
  }

  end(): void {
    clearInterval(this.#timer)
    // What came since the last redraw.
    this.#draw()
    const { phase, files } = this.#meter.progress ?? {}
    // Where some have failed, their sum says more than how far all came.
    if (files !== undefined && phase !== 'completed') this.#erase()
    else if (this.#drawn !== '') this.#io.stderr.write('\n')
    this.#drawn = ''
    this.#meter.progress = undefined
  }

  #erase(): void {
    if (this.#drawn !== '') this.#io.stderr.write(`${this.#toStart()}${eraseRest}`)
    this.#drawn = ''
  }

  #draw(): void {
    const { progress } = this.#meter
    if (progress === undefined) return
    this.#meter.sample()
    this.#phase = progress.phase
    this.#drawnAt = this.#io.now()
    const line = progressLine(this.#meter.stateOf(progress), this.#io.stderr.columns)
    // Erased behind the new text, not before it: an empty line would be seen as flicker.
    this.#io.stderr.write(`${this.#toStart()}${line}${eraseRest}`)
    this.#drawn = line
  }

  /** A terminal that was made narrower has broken the line into several. */
  #toStart(): string {
    const rows = Math.ceil(this.#drawn.length / Math.max(1, this.#io.stderr.columns))
    return rows > 1 ? `\r\x1b[${rows - 1}A\x1b[J` : '\r'
  }
}

class PlainLines implements ProgressDisplay {
  readonly #io: Io
  readonly #meter: Meter
  #saidAt = Number.NEGATIVE_INFINITY
  #saidPercent = 0
  #began: number | undefined
  #waitMs = plainLineMs

  constructor(io: Io) {
    this.#io = io
    this.#meter = new Meter(io.now)
  }

  update(progress: ShownProgress): void {
    this.#meter.progress = progress
    this.#meter.sample()
    // The end is told by the result.
    if (progress.phase === 'completed') return
    const percent = percentOf(progress)
    const ms = this.#io.now()
    // Of what has no end in sight the first line comes after some time, and then fewer and fewer.
    this.#began ??= ms
    if (percent === undefined) this.#saidAt = Math.max(this.#saidAt, this.#began)
    else if (percent < this.#saidPercent + plainStep) return
    if (ms - this.#saidAt < this.#waitMs) return
    if (percent === undefined) this.#waitMs = Math.min(2 * this.#waitMs, maxPlainLineMs)
    this.#saidPercent = percent ?? 0
    this.#saidAt = ms
    this.#io.stderr.write(`ossup: ${plainProgress(this.#meter.stateOf(progress))}\n`)
  }

  retrying(count: number, cause?: string): void {
    this.#meter.retry(count, cause)
  }

  say(lines: string, to: Output = this.#io.stderr): void {
    to.write(lines)
  }

  end(): void {}
}
