// Sends the missing parts and verifies the kept ones, side by side, each recorded when it is done.

import { type UploadPartResult, uploadPart } from '../oss/multipart.js'
import { contentMd5Of } from './digest-part.js'
import type { JournalPart } from './journal.js'
import { runPool } from './part-pool.js'
import { PartBuffers, PartReader, readWhen } from './part-reader.js'
import { PartNumbers } from './part-records.js'
import { type PartPlan, type PartRange, partRange } from './plan.js'
import type { Progress } from './progress.js'
import type { PartToVerify, Reconciliation } from './reconcile.js'
import type { SourceRun, UploadRun } from './run.js'
import type { Source } from './source.js'
import { verifyPart } from './verify-part.js'

/** What became of the parts, by number. */
export interface PartTally {
  readonly resumed: { parts: number; bytes: number }
  readonly sent: { parts: number; bytes: number }
  /** Sent or verified by this run. */
  readonly done: PartNumbers
  /** The part that was begun last; with one at a time, the one that failed. */
  begun: number
}

export function newTally(): PartTally {
  const none = () => ({ parts: 0, bytes: 0 })
  return { resumed: none(), sent: none(), done: new PartNumbers(), begun: 0 }
}

/** @returns nothing; every part of the plan is in the checkpoint when this resolves. */
export async function sendParts(
  run: SourceRun,
  plan: PartPlan,
  uploadId: string,
  todo: Pick<Reconciliation, 'send' | 'verify'>,
  progress: Progress,
  tally: PartTally,
): Promise<void> {
  const take = takeTurns(todo)
  const count = todo.send.length + todo.verify.length
  const { signal } = run.settings
  // One set per worker, made when its first part comes: memory follows the work, not the settings.
  const pool: PartBuffers[] = []
  progress.phase(todo.send.length > 0 ? 'sending' : 'verifying')
  const turns = Array.from({ length: count }, () => take)
  await runPool(turns, run.limit, signal, async (next, slot, stop) => {
    const task = next(slot)
    const buffers = pool[slot] ?? new PartBuffers(readWhen(plan.partSize, run.limit.current))
    pool[slot] = buffers
    const range = partRange(plan, typeof task === 'number' ? task : task.number)
    tally.begun = range.number
    if (typeof task !== 'number') {
      const { crc64, matches } = await verifyPart(run.source, range, task.expect, buffers, stop)
      if (matches) {
        const part = { number: range.number, size: range.size, crc64, etag: task.etag }
        return await keepPart(run, part, task.recorded, progress, tally)
      }
      run.emit({ type: 'part-differs', partNumber: range.number })
      progress.phase('sending')
    }
    // Not awaited, as it is the last thing to do: each part under way would keep this frame too.
    return sendFrom(run, uploadId, { source: run.source, range, buffers }, progress, tally, stop)
  })
}

/** A part that an earlier run sent has the local bytes. @param recorded the journal knew it; else it was only listed. */
export async function keepPart(
  { checkpoint }: UploadRun,
  part: JournalPart,
  recorded: boolean,
  progress: Progress,
  tally: PartTally,
): Promise<void> {
  await (recorded ? checkpoint.recordVerified(part) : checkpoint.recordPart(part))
  tally.done.add(part.number)
  tally.resumed.parts += 1
  tally.resumed.bytes += part.size
  progress.resumed(part.size)
}

/** Sends one part of a source and writes it down. */
export async function sendFrom(
  run: UploadRun,
  uploadId: string,
  from: { readonly source: Source; readonly range: PartRange; readonly buffers: PartBuffers },
  progress: Progress,
  tally: PartTally,
  stop: AbortSignal,
): Promise<void> {
  const { source, range, buffers } = from
  const { number, size } = range
  const { settings } = run
  const { bucket, key, trafficLimit, sequential, object } = settings
  const sent = (bytes: number): void => {
    progress.sent(bytes)
    run.limit.sent(bytes)
  }
  const contentMd5 = await contentMd5Of(source, range, buffers, stop, settings.contentMd5)
  const body = new PartReader(source, range, buffers, sent)
  let answer: UploadPartResult
  try {
    // I2: `uploadPart` compares OSS's CRC-64, where it gives one, with that of the bytes read from the source.
    answer = await uploadPart(run.client, {
      bucket,
      key,
      uploadId,
      partNumber: number,
      sequential,
      body,
      contentMd5,
      trafficLimit,
      requestPayer: object.requestPayer,
      signal: stop,
    })
  } finally {
    // The answer may come before the body was asked for its end, and a failure while a read is under way.
    await body.settled()
  }
  const { etag, requestId } = answer
  if (settings.manifest && requestId !== undefined) run.requestIds.set(number, requestId)
  run.limit.acknowledged(size)
  await run.checkpoint.recordPart({ number, size, crc64: body.crc64 ?? '', etag })
  tally.done.add(number)
  tally.sent.parts += 1
  tally.sent.bytes += size
  progress.acknowledged(size)
}

/**
 * The first worker verifies while there is something to verify, and the others send: the disk and the network are busy at
 * once, and progress soon shows what is there already. Whoever has run out of the one does the other.
 */
function takeTurns({
  send,
  verify,
}: Pick<Reconciliation, 'send' | 'verify'>): (slot: number) => number | PartToVerify {
  const sending = send.values()
  const verifying = verify.values()
  return (slot) => {
    const [first, second] = slot === 0 ? [verifying, sending] : [sending, verifying]
    const next = first.next()
    return next.done ? (second.next().value as number | PartToVerify) : next.value
  }
}
