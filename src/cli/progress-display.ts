// Owns showing progress on stderr: one redrawn line on a terminal, or a few plain lines in a log.

import type { UploadProgress } from '../upload/events.js'
import type { Io } from './io.js'
import { percentOf, plainProgress, progressLine, RateWindow } from './progress-line.js'

export interface ProgressDisplay {
  update(progress: UploadProgress): void
  /** So many requests have failed and are tried again. */
  retrying(count: number): void
  /** Writes whole lines, and puts the redrawn line below them. */
  say(lines: string): void
  /** Leaves the cursor at the start of a line; nothing is drawn afterwards. */
  end(): void
}

const redrawMs = 100
const idleRedrawMs = 1_000
const plainLineMs = 10_000
const maxPlainLineMs = 10 * 60_000
/** Percent between two plain lines: an upload writes at most ten of them. */
const plainStep = 10

const eraseLine = '\r\x1b[K'

export function createDisplay(io: Io, shows: boolean): ProgressDisplay {
  if (!shows)
    return { update() {}, retrying() {}, say: (lines) => io.stderr.write(lines), end() {} }
  // A terminal that cannot move its cursor is a log.
  return io.stderr.isTTY && io.env['TERM'] !== 'dumb' ? new RedrawnLine(io) : new PlainLines(io)
}

/** What is measured depends on the phase: the network while sending, the disk while verifying. */
class Meter {
  readonly #now: () => number
  readonly #sent = new RateWindow()
  readonly #verified = new RateWindow()
  progress: UploadProgress | undefined
  retrying = 0

  constructor(now: () => number) {
    this.#now = now
  }

  sample(): void {
    if (this.progress === undefined) return
    const ms = this.#now()
    this.#sent.add(ms, this.progress.sentBytes)
    this.#verified.add(ms, this.progress.resumedBytes)
  }

  get bytesPerSecond(): number | undefined {
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
  #isDrawn = false
  /** Without news the rate still falls, so that a stalled network shows. */
  readonly #timer: NodeJS.Timeout

  constructor(io: Io) {
    this.#io = io
    this.#meter = new Meter(io.now)
    this.#timer = setInterval(() => this.#draw(), idleRedrawMs)
    this.#timer.unref()
  }

  update(progress: UploadProgress): void {
    this.#meter.progress = progress
    const changed = progress.phase !== this.#phase
    if (changed || this.#io.now() - this.#drawnAt >= redrawMs) this.#draw()
  }

  /** Shown with the next redraw: most retries are over before anybody could read of them. */
  retrying(count: number): void {
    this.#meter.retrying = count
  }

  say(lines: string): void {
    this.#io.stderr.write(this.#isDrawn ? `${eraseLine}${lines}` : lines)
    this.#isDrawn = false
    this.#draw()
  }

  end(): void {
    clearInterval(this.#timer)
    // What came since the last redraw.
    this.#draw()
    if (this.#isDrawn) this.#io.stderr.write('\n')
    this.#isDrawn = false
    this.#meter.progress = undefined
  }

  #draw(): void {
    const { progress } = this.#meter
    if (progress === undefined) return
    this.#meter.sample()
    this.#phase = progress.phase
    this.#drawnAt = this.#io.now()
    const { bytesPerSecond, retrying } = this.#meter
    const line = progressLine({ ...progress, bytesPerSecond, retrying }, this.#io.stderr.columns)
    this.#io.stderr.write(`\r${line}\x1b[K`)
    this.#isDrawn = true
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

  update(progress: UploadProgress): void {
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
    const { bytesPerSecond, retrying } = this.#meter
    this.#io.stderr.write(`ossup: ${plainProgress({ ...progress, bytesPerSecond, retrying })}\n`)
  }

  retrying(count: number): void {
    this.#meter.retrying = count
  }

  say(lines: string): void {
    this.#io.stderr.write(lines)
  }

  end(): void {}
}
