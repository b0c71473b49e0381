// Sends parts in order to an upload that takes each of them once, and finds out what OSS has when it refuses one.

import { judge, Retries } from '../oss/retry.js'
import type { OssError } from '../primitives/errors.js'
import { AttemptHistory } from './attempt-history.js'
import { digestPart } from './digest-part.js'
import { PartBuffers } from './part-reader.js'
import { type PartPlan, type PartRange, partRange } from './plan.js'
import type { Progress } from './progress.js'
import { type Reconciliation, reconcileParts, type ServerPart } from './reconcile.js'
import { listedParts } from './resume.js'
import { isServiceError, isUnsettled, type SourceRun, type UploadRun } from './run.js'
import { keepPart, type PartTally, sendParts } from './send-parts.js'
import type { Source } from './source.js'

/** A gap can open once or twice, as when a lifecycle rule runs; what goes on losing parts is not to be argued with. */
const maxGaps = 3

/** What OSS answers to a part of a sequential upload that comes twice, or too early. */
export function isOutOfSequence(error: unknown): boolean {
  return isServiceError(error, 'PartAlreadyExist', 'PartNotSequential')
}

/**
 * As `sendParts`, with one part at a time: what is to be verified comes before what is to be sent, because nothing that was
 * sent can be replaced.
 *
 * @throws {OssServiceError} `PartAlreadyExist` or `PartNotSequential` when the upload cannot be continued: the caller starts over.
 */
export async function sendSequentially(
  run: SourceRun,
  plan: PartPlan,
  uploadId: string,
  first: Pick<Reconciliation, 'send' | 'verify'>,
  progress: Progress,
  tally: PartTally,
): Promise<void> {
  let todo = first
  let tries = new Tries(run)
  for (let gaps = 0, failed = 0; ; ) {
    try {
      return await sendParts(run, plan, uploadId, todo, progress, tally)
    } catch (error) {
      const number = tally.begun
      // Each part has its own attempts.
      if (number !== failed) tries = new Tries(run)
      failed = number
      const unsettled = await tries.isLost(error)
      if (!unsettled && !isOutOfSequence(error)) throw error
      const listed = await listedParts(run, uploadId)
      if (unsettled && !listed?.has(number)) {
        // It is not there; or it is not known to be, and then OSS says so when it comes again.
        todo = reconcileParts(plan, run.checkpoint.parts, listed, tally.done)
        continue
      }
      if (unsettled || isServiceError(error, 'PartAlreadyExist')) {
        // Each time one part more is done: this ends by itself.
        const range = partRange(plan, number)
        const refusal = error as OssError
        await takeOver(run, run.source, range, listed, progress, tally, refusal)
        todo = reconcileParts(plan, run.checkpoint.parts, listed, tally.done)
        continue
      }
      for (const lost of [...tally.done]) if (listed?.has(lost) === false) tally.done.delete(lost)
      const { lost, ...rest } = reconcileParts(plan, run.checkpoint.parts, listed, tally.done)
      gaps += 1
      // Something before it has to be missing, and to be known.
      const [next = number] = rest.send
      if (listed === undefined || next >= number || gaps > maxGaps) throw error
      for (const partNumber of lost) run.emit({ type: 'part-lost', partNumber })
      todo = rest
    }
  }
}

/**
 * Sends one part of a sequential upload that is read only once; where the answer is lost, OSS is asked before it comes again.
 *
 * @throws {OssServiceError} `PartAlreadyExist` when OSS has the part with other bytes.
 */
export async function sendOnce(
  run: UploadRun,
  uploadId: string,
  source: Source,
  range: PartRange,
  send: () => Promise<void>,
  progress: Progress,
  tally: PartTally,
): Promise<void> {
  const tries = new Tries(run)
  for (;;) {
    try {
      return await send()
    } catch (error) {
      const exists = isServiceError(error, 'PartAlreadyExist')
      if (!(await tries.isLost(error)) && !exists) throw error
      const listed = await listedParts(run, uploadId)
      if (!exists && !listed?.has(range.number)) continue
      return await takeOver(run, source, range, listed, progress, tally, error as OssError)
    }
  }
}

/** The tries at one part. */
class Tries {
  readonly #run: UploadRun
  readonly #retries: Retries
  readonly #history = new AttemptHistory()

  constructor(run: UploadRun) {
    this.#run = run
    this.#retries = new Retries(run.retry)
  }

  /** It is not known what became of the part, and there are attempts left: waits until the next one is due. */
  async isLost(error: unknown): Promise<boolean> {
    const { settings, client, environment } = this.#run
    const { signal } = settings
    this.#history.join(error)
    if (signal?.aborted || client.isClosed || !isUnsettled(error)) return false
    const verdict = judge(error, 'always', true)
    // What is throttled is not carried out: the request itself was repeated, for as long as that is to be.
    if (verdict.kind !== 'retry' || verdict.reason === 'throttle') return false
    const now = performance.now()
    const waitMs = this.#retries.after(verdict, now, now, Math.random())
    if (waitMs === undefined) return false
    this.#history.goOn(error, verdict.reason, waitMs)
    await environment.sleep(waitMs, signal)
    return true
  }
}

/** The part is there, because the answer to an earlier try was lost: it is done if it has the local bytes. */
export async function takeOver(
  run: UploadRun,
  source: Source,
  range: PartRange,
  listed: ReadonlyMap<number, ServerPart> | undefined,
  progress: Progress,
  tally: PartTally,
  refusal: OssError,
): Promise<void> {
  const { number, size } = range
  const { signal } = run.settings
  const { crc64, md5 } = await digestPart(source, range, new PartBuffers(), signal, { md5: true })
  const md5Etag = md5?.toString('hex').toUpperCase() ?? ''
  // Where listing is denied the ETag can only be guessed; Complete names it, and OSS refuses a wrong one (InvalidPart).
  const server = listed === undefined ? { size, etag: md5Etag } : listed.get(number)
  const same =
    server?.size === size &&
    (server.crc64 === undefined ? server.etag.toUpperCase() === md5Etag : server.crc64 === crc64)
  if (server === undefined || !same) throw refusal
  run.emit({ type: 'part-found', partNumber: number })
  const part = { number, size, crc64, etag: server.etag }
  await keepPart(run, part, false, progress, tally)
}
