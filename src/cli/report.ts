// Owns what an upload tells the person or program that started it.
//
// The rules of the user interface:
//   - stdout carries the result and nothing else; with --json it carries JSON lines, each with a `type`.
//   - stderr carries words: `ossup: error|warning|note: ...`, lower case, no full stop, one line each.
//   - a failure is exactly one error line that says what happened and what to do; a note says what is kept.
//   - with --json a failure is one JSON line, the last one on stderr, instead of the words.
//   - progress goes to stderr and only when a person may be looking; --quiet leaves nothing but errors.
//   - without --verbose single requests are silent, and a person still learns why nothing moves: throttling, a wrong clock, a stall.
//   - no line carries a stack trace, a secret or the query of a request, and nothing from outside can break a line.

import type { UploadEvent, UploadProgress } from '../upload/events.js'
import type { UploadFileResult } from '../upload/result.js'
import { historyLines } from './attempt-history.js'
import {
  callbackWords,
  partsDiffer,
  partsLost,
  shardWords,
  stillOpen,
  type Words,
  wordsFor,
} from './event-words.js'
import { type Failure, failureJson, failureText, resumeHint } from './failure.js'
import { type Io, oneLine, wordLine } from './io.js'
import { createDisplay, type ProgressDisplay } from './progress-display.js'
import { count, formatBytes } from './progress-line.js'
import { RequestLog } from './request-log.js'
import { isWatched } from './request-words.js'

export interface Destination {
  readonly bucket: string
  readonly key: string
}

export interface Report {
  progress(progress: UploadProgress): void
  event(event: UploadEvent): void
  result(destination: Destination, result: UploadFileResult): void
  /** @param abandoned upload ids that stay open on OSS, besides those that events have named */
  failure(failure: Failure, abandoned: readonly string[]): void
}

export interface ReportOptions {
  readonly json: boolean
  readonly quiet: boolean
  /** A line for each request. @default false */
  readonly verbose?: boolean | undefined
}

/** One of several files: what is told names it, and they share a display. */
export interface OneOfSeveral {
  readonly file: string
  readonly display: ProgressDisplay
}

export function createReport(io: Io, options: ReportOptions, one?: OneOfSeveral): Report {
  return options.json ? new JsonReport(io, options, one?.file) : new WordReport(io, options, one)
}

const jsonProgressMs = 500

class JsonReport implements Report {
  readonly #io: Io
  readonly #quiet: boolean
  readonly #verbose: boolean
  /** Empty unless it is one of several. */
  readonly #file: { readonly file?: string }
  #writtenAt = Number.NEGATIVE_INFINITY
  #phase = ''

  constructor(io: Io, { quiet, verbose = false }: ReportOptions, file?: string) {
    this.#io = io
    this.#quiet = quiet
    this.#verbose = verbose
    this.#file = file === undefined ? {} : { file }
  }

  progress(progress: UploadProgress): void {
    const now = this.#io.now()
    const isDue = now - this.#writtenAt >= jsonProgressMs || progress.phase !== this.#phase
    if (this.#quiet || !isDue) return
    this.#writtenAt = now
    this.#phase = progress.phase
    this.#write({ type: 'progress', ...this.#file, ...progress })
  }

  event({ type: event, ...details }: UploadEvent): void {
    if (this.#quiet || (event === 'attempt' && !this.#verbose)) return
    this.#write({ type: 'event', event, ...this.#file, ...details })
  }

  result({ bucket, key }: Destination, result: UploadFileResult): void {
    const { etag, crc64, size, uploadId = null, outcome, resumed, sent, parts, versionId } = result
    this.#write({
      type: 'result',
      ...(this.#file.file !== undefined && { path: this.#file.file }),
      ...{ etag, crc64, size, uploadId, outcome, resumed, sent, parts, bucket, key },
      ...(versionId !== undefined && { versionId }),
      ...(result.callback !== undefined && { callback: result.callback }),
      ...(result.shard !== undefined && { shard: result.shard }),
      abandonedUploadIds: result.abandonedUploadIds,
    })
  }

  failure(failure: Failure, abandonedUploadIds: readonly string[]): void {
    this.#io.stderr.write(failureJson({ ...this.#file, ...failure, abandonedUploadIds }))
  }

  #write(value: object): void {
    this.#io.stdout.write(`${JSON.stringify(value)}\n`)
  }
}

/** Parts that differ come one by one; this long they are gathered into one line. */
const gatherMs = 2_000

class WordReport implements Report {
  readonly #io: Io
  readonly #quiet: boolean
  readonly #display: ProgressDisplay
  readonly #requests: RequestLog
  readonly #file: string | undefined
  readonly #open = new Set<string>()
  #gathered: { readonly type: string; readonly since: number; readonly parts: number[] } | undefined
  #last: UploadProgress | undefined
  /** Parts of an earlier run, less those that differ. */
  #found = 0

  constructor(io: Io, { quiet, verbose = false }: ReportOptions, one?: OneOfSeveral) {
    this.#io = io
    this.#quiet = quiet
    this.#display = one?.display ?? createDisplay(io, !quiet)
    this.#file = one?.file
    this.#requests = new RequestLog(verbose, io.now)
  }

  progress(progress: UploadProgress): void {
    this.#last = progress
    const gathered = this.#gathered
    if (gathered !== undefined && this.#io.now() - gathered.since >= gatherMs) this.#sayGathered()
    this.#display.update(progress)
  }

  event(event: UploadEvent): void {
    if (isWatched(event)) {
      for (const words of this.#requests.words(event)) this.#say(words)
      this.#display.retrying(this.#requests.retrying, this.#requests.cause)
      return
    }
    if (event.type === 'part-differs') this.#found -= 1
    if (event.type === 'part-differs' || event.type === 'part-lost') {
      if (this.#gathered?.type !== event.type) this.#sayGathered()
      this.#gathered ??= { type: event.type, since: this.#io.now(), parts: [] }
      this.#gathered.parts.push(event.partNumber)
      return
    }
    this.#sayHeld()
    if (event.type === 'resume') this.#found = event.parts
    if (event.type === 'superseded' && event.open) this.#open.add(event.uploadId)
    const words = wordsFor(event)
    if (words !== undefined) this.#say(words)
  }

  result({ bucket, key }: Destination, result: UploadFileResult): void {
    const { size, crc64, etag, resumed, sent, abandonedUploadIds } = result
    this.#sayHeld()
    this.#display.end()
    if (resumed.parts > 0) {
      const kept = `${count(resumed.parts, 'part')} (${formatBytes(resumed.bytes)})`
      const added = `${count(sent.parts, 'part')} (${formatBytes(sent.bytes)})`
      this.#say({ kind: 'note', text: `${kept} of an earlier run kept, ${added} sent` })
    }
    const words = callbackWords(result)
    if (words !== undefined) this.#say(words)
    this.#sayOpen(abandonedUploadIds)
    const name = oneLine(`oss://${bucket}/${key}`)
    const stored = `${size} bytes  crc64 ${crc64}  etag ${oneLine(etag)}`
    const line = `${name}  ${shardWords(result) ?? stored}\n`
    this.#display.say(line, this.#io.stdout)
  }

  failure(failure: Failure, abandoned: readonly string[]): void {
    this.#sayHeld()
    this.#display.end()
    // That all of several were cancelled is said once, of all.
    const isSaidOfAll = this.#file !== undefined && failure.exitCode > 128
    if (!isSaidOfAll) this.#tell('error', failureText(failure))
    const { attempts = [], recommendDoc, ec, code } = failure
    for (const text of historyLines(attempts)) this.#say({ kind: 'note', text })
    if (recommendDoc !== undefined) {
      const what = ec === undefined ? code : `EC ${ec}`
      this.#say({ kind: 'note', text: `more about ${what}: ${recommendDoc}` })
    }
    if (failure.resumable) this.#say({ kind: 'note', text: this.#kept(failure) })
    this.#sayOpen(abandoned)
  }

  #kept({ code, checkpointPath = '', hint }: Failure): string {
    if (code === 'ERR_OSS_CHECKPOINT_LOCKED') {
      return `the checkpoint ${checkpointPath} is left to the process that uses it`
    }
    const { partsDone = 0, parts } = this.#last ?? { parts: 0 }
    const safe = Math.max(partsDone, this.#found)
    const all = parts === undefined ? count(safe, 'part') : `${safe} of ${count(parts, 'part')}`
    const what =
      safe > 0 && parts !== 0
        ? `${all} ${safe === 1 ? 'is' : 'are'} safe`
        : `the upload and its checkpoint ${checkpointPath} are kept`
    return hint === resumeHint ? what : `${what}; ${resumeHint}`
  }

  #sayOpen(more: readonly string[]): void {
    // Said under --quiet too: what nobody aborts is billed.
    for (const uploadId of new Set([...this.#open, ...more])) {
      const { kind, text } = stillOpen(uploadId)
      this.#tell(kind, text)
    }
  }

  /** Before anything else is said. */
  #sayHeld(): void {
    this.#sayGathered()
    for (const words of this.#requests.flush()) this.#say(words)
  }

  #sayGathered(): void {
    const gathered = this.#gathered
    this.#gathered = undefined
    if (gathered === undefined) return
    const { type, parts } = gathered
    this.#say(type === 'part-differs' ? partsDiffer(parts) : partsLost(parts))
  }

  #say({ kind, text }: Words): void {
    if (!this.#quiet) this.#tell(kind, text)
  }

  #tell(kind: 'error' | 'warning' | 'note', text: string): void {
    const file = this.#file
    const isNamed = file === undefined || ` ${text}`.includes(` ${file}: `)
    this.#display.say(wordLine(kind, isNamed ? text : `${file}: ${text}`))
  }
}
