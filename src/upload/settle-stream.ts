// Settles whether an earlier run has published the object (I5) when the source is a stream: it is read, compared, and used up.

import { OssError } from '../primitives/errors.js'
import { ambiguous, reconciled } from './complete.js'
import type { Verdict } from './inspect-object.js'
import type { JournalCompleting } from './journal.js'
import type { Progress } from './progress.js'
import type { UploadFileResult } from './result.js'
import type { UploadRun } from './run.js'
import type { PartTally } from './send-parts.js'
import { finish, giveUp } from './stages.js'
import type { PartCutter, PartMemory, StreamPart } from './stream-parts.js'

/** A Complete was sent, the upload id is gone, and the object is or may be what was completed. */
export interface Unsettled {
  readonly uploadId: string
  readonly completing: JournalCompleting
  readonly verdict: Exclude<Verdict, { result: 'not-stored' }>
  /** `NoSuchUpload`. */
  readonly cause: unknown
}

/** A part together with the memory that it is in. */
export interface HeldPart {
  readonly part: StreamPart | undefined
  readonly memory: PartMemory
}

/**
 * Reads on for as long as the stream is what was completed.
 *
 * @returns the result of the upload, or the first part when that one differs: nothing is lost then, and a new upload can begin.
 * @throws {OssError} `ERR_OSS_SOURCE_CONSUMED` when the stream differs later: the next run begins a new upload.
 * @throws {OssError} `ERR_OSS_AMBIGUOUS` when it is the same and nobody may look at the object.
 */
export async function settleStream(
  run: UploadRun,
  cutter: PartCutter,
  { part: first, memory }: HeldPart,
  { uploadId, completing, verdict, cause }: Unsettled,
  progress: Progress,
  tally: PartTally,
): Promise<{ readonly result: UploadFileResult } | { readonly part: StreamPart | undefined }> {
  const { checkpoint, settings } = run
  progress.phase('verifying')
  let part = first
  while (part !== undefined) {
    const { number, bytes, crc64 } = part
    const recorded = checkpoint.parts.get(number)
    if (recorded?.size !== bytes.byteLength || recorded.crc64 !== crc64) break
    tally.resumed.parts += 1
    tally.resumed.bytes += recorded.size
    progress.resumed(recorded.size)
    part = await cutter.next(memory, settings.signal)
  }
  const { whole, partSize, count } = cutter
  if (part === undefined && whole.size === completing.size && whole.crc64 === completing.crc64) {
    if (verdict.result === 'unknown') throw ambiguous(run, whole, verdict, cause)
    const completion = { ...reconciled(verdict.object), ...whole }
    progress.total(whole.size, count)
    const plan = { size: whole.size, partSize, count }
    return { result: await finish(run, plan, uploadId, completion, tally, progress) }
  }
  if (part !== undefined) run.emit({ type: 'part-differs', partNumber: part.number })
  await giveUp(run, 'NoSuchUpload')
  if (tally.resumed.parts > 0) throw consumed('its upload has ended with other content', cause)
  return { part }
}

/** Bytes that were read and let go would have to be sent. */
export function consumed(why: string, cause: unknown): OssError {
  return new OssError(`the stream cannot be sent again from its beginning: ${why}`, {
    code: 'ERR_OSS_SOURCE_CONSUMED',
    hint: 'nothing was published; run again with the same stream from its beginning, which begins a new upload',
    cause,
  })
}
