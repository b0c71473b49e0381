// Owns what an upload of several files tells: of each what one upload tells, one line of progress for all, and the sum.

import type { UploadFileResult } from '../upload/result.js'
import { answerJson } from './answer.js'
import { exitCodes } from './exit-codes.js'
import { type Failure, failureJson, failureText, resumeHint } from './failure.js'
import { type Interruption, type Io, wordLine } from './io.js'
import { createDisplay, type ProgressDisplay } from './progress-display.js'
import { createReport, type Report, type ReportOptions } from './report.js'
import { SeveralProgress } from './several-progress.js'

/** Of several failures the worst one is told: that which running again, as it is, helps least. */
const worstFirst = [exitCodes.usage, exitCodes.failed, exitCodes.refused, exitCodes.resumable]

/** More names than this are not read. */
const maxNames = 3

export class SeveralReport {
  readonly #io: Io
  readonly #options: ReportOptions
  readonly #paths: readonly string[]
  readonly #display: ProgressDisplay
  readonly #progress: SeveralProgress
  readonly #retrying: number[] = []
  readonly #stored = new Set<number>()
  readonly #failures = new Map<number, Failure>()
  #bytes = 0

  /** @param sizes bytes of each file, as far as they are known */
  constructor(
    io: Io,
    options: ReportOptions,
    files: readonly { readonly path: string; readonly size: number }[],
  ) {
    this.#io = io
    this.#options = options
    this.#paths = files.map(({ path }) => path)
    this.#display = createDisplay(io, !options.quiet && !options.json)
    this.#progress = new SeveralProgress(files.map(({ size }) => size))
  }

  /** What one of the files tells. */
  ofFile(index: number): Report {
    const { file, display } = { file: this.#paths[index] ?? '', display: this.#lane(index) }
    const report = createReport(this.#io, this.#options, { file, display })
    return {
      progress: (progress) => report.progress(progress),
      event: (event) => report.event(event),
      result: (destination, result) => {
        report.result(destination, result)
        this.#end(index, result)
      },
      failure: (failure, abandoned) => {
        report.failure(failure, abandoned)
        this.#failures.set(index, failure)
        this.#end(index)
      },
    }
  }

  /** That nothing could be begun. */
  failure(failure: Failure): void {
    this.#display.end()
    if (this.#options.json) this.#io.stderr.write(failureJson(failure))
    else this.#io.stderr.write(wordLine('error', failureText(failure)))
  }

  leftOut(paths: readonly string[]): void {
    for (const path of paths) {
      this.#note(`${path} is a checkpoint of another of these files: it is not uploaded`)
    }
  }

  /**
   * The sum of all, as the last line.
   *
   * @param interruption why files were left alone
   * @returns the exit code
   */
  summary(interruption: Interruption | undefined): number {
    this.#display.end()
    const again = this.#paths.filter((_, index) => !this.#stored.has(index))
    const failed = [...this.#failures.values()].filter(({ exitCode }) => exitCode <= 128).length
    // Left alone, or cut off by the signal.
    const unfinished = this.#paths.filter(
      (_, index) => !this.#stored.has(index) && (this.#failures.get(index)?.exitCode ?? 130) > 128,
    ).length
    const exitCode =
      unfinished > 0 && interruption !== undefined ? interruption.exitCode : this.#worst()
    const counts = { uploaded: this.#stored.size, failed, unfinished }
    if (this.#options.json) {
      answerJson(this.#io, 'summary', { ...counts, bytes: this.#bytes, again, exitCode })
      return exitCode
    }
    if (unfinished > 0 && interruption !== undefined) {
      const text = `cancelled by ${interruption.signal}; ${this.#hint(again)}`
      this.#io.stderr.write(wordLine('error', text))
    }
    const words = [
      `${counts.uploaded} uploaded`,
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(unfinished > 0 ? [`${unfinished} not finished`] : []),
    ].join(', ')
    const hint = again.length > 0 && unfinished === 0 ? `; ${this.#hint(again)}` : ''
    this.#note(`${words}${hint}`)
    return exitCode
  }

  #hint(again: readonly string[]): string {
    const isFinal = [...this.#failures.values()].some(
      ({ exitCode }) => exitCode < exitCodes.resumable,
    )
    if (again.length === this.#paths.length && !isFinal) return resumeHint
    const names = again.length > maxNames ? 'those that are not stored' : again.join(' ')
    return `run the command again with ${names}${isFinal ? '' : ' to resume'}`
  }

  #worst(): number {
    const codes = new Set([...this.#failures.values()].map(({ exitCode }) => exitCode))
    return worstFirst.find((code) => codes.has(code)) ?? exitCodes.done
  }

  #end(index: number, result?: UploadFileResult): void {
    if (result !== undefined) {
      this.#stored.add(index)
      this.#bytes += result.size
    }
    this.#retrying[index] = 0
    this.#progress.ended(index, result !== undefined)
    this.#display.update(this.#progress.progress)
  }

  /** A display for each, whose end is not the end of all. */
  #lane(index: number): ProgressDisplay {
    const display = this.#display
    return {
      update: (progress) => {
        this.#progress.update(index, progress)
        display.update(this.#progress.progress)
      },
      retrying: (count, cause) => {
        this.#retrying[index] = count
        display.retrying(
          this.#retrying.reduce((sum, each) => sum + (each ?? 0), 0),
          cause,
        )
      },
      say: (lines, to) => display.say(lines, to),
      end() {},
    }
  }

  #note(text: string): void {
    if (this.#options.json && !this.#options.quiet) answerJson(this.#io, 'note', { text })
    else if (!this.#options.quiet) this.#display.say(wordLine('note', text))
  }
}
