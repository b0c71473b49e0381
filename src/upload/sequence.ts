// Sends parts in order to an upload that takes each of them once, and finds out what OSS has when it refuses one.

import type { OssError } from '../primitives/errors.js'
import { digestPart } from './digest-part.js'
import { PartBuffers } from './part-reader.js'
import { type PartPlan, type PartRange, partRange } from './plan.js'
import type { Progress } from './progress.js'
import { type Reconciliation, reconcileParts, type ServerPart } from './reconcile.js'
import { listedParts } from './resume.js'
import { isServiceError, type SourceRun, type UploadRun } from './run.js'
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
  for (let gaps = 0; ; ) {
    try {
      return await sendParts(run, plan, uploadId, todo, progress, tally)
    } catch (error) {
      if (!isOutOfSequence(error)) throw error
      const number = tally.begun
      const listed = await listedParts(run, uploadId)
      if (isServiceError(error, 'PartAlreadyExist')) {
        // Each time one part more is done: this ends by itself.
        await takeOver(run, run.source, partRange(plan, number), listed, progress, tally, error)
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
