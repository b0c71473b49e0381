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
import type { RecordBatch } from './record-batches.js'
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

/** What a worker has from one part to the next. */
export interface Worker {
  readonly buffers: PartBuffers
  /** The records of its parts may wait for others, until a byte of its next part is due. */
  readonly gathers?: boolean
  /** The one of its last part is among them. */
  records?: RecordBatch
}

/** Of larger parts a record costs nothing that could be seen, and sending one again costs more. */
const gatheredBytes = 512 * 1024
/** No record waits for longer: its worker may have no next part, or one that is held up. */
const gatherMs = 50

function newWorker(partSize: number, concurrency: number): Worker {
  const gathers = partSize <= gatheredBytes && concurrency > 1
  return { buffers: new PartBuffers(readWhen(partSize, concurrency)), gathers }
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
  // Each made when its first part comes: memory follows the work, not the settings.
  const workers: Worker[] = []
  progress.phase(todo.send.length > 0 ? 'sending' : 'verifying')
  const turns = Array.from({ length: count }, () => take)
  const sending = runPool(turns, run.limit, signal, async (next, slot, stop) => {
    const task = next(slot)
    const worker = workers[slot] ?? newWorker(plan.partSize, run.limit.current)
    workers[slot] = worker
    const range = partRange(plan, typeof task === 'number' ? task : task.number)
    tally.begun = range.number
    if (typeof task !== 'number') {
      const { crc64, matches } = await verifyPart(
        run.source,
        range,
        task.expect,
        worker.buffers,
        stop,
      )
      if (matches) {
        const part = { number: range.number, size: range.size, crc64, etag: task.etag }
        return await keepPart(run, part, task.recorded, progress, tally)
      }
      run.emit({ type: 'part-differs', partNumber: range.number })
      progress.phase('sending')
    }
    // Not awaited, as it is the last thing to do: each part under way would keep this frame too.
    return sendFrom(run, uploadId, { source: run.source, range, worker }, progress, tally, stop)
  })
  const stopWriting = run.environment.every(gatherMs, () => void run.checkpoint.writeGathered())
  try {
    await sending
  } catch (error) {
    // What OSS has acknowledged is written down also then, and the first failure is the one that counts.
    await writeRecords(workers).catch(() => {})
    throw error
  } finally {
    stopWriting()
  }
  await writeRecords(workers)
}

async function writeRecords(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map(({ records }) => records?.write()))
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

/** Sends one part of a source, and writes it down or, where its worker gathers, leaves that to `worker.records`. */
export async function sendFrom(
  run: UploadRun,
  uploadId: string,
  from: { readonly source: Source; readonly range: PartRange; readonly worker: Worker },
  progress: Progress,
  tally: PartTally,
  stop: AbortSignal,
): Promise<void> {
  const { source, range, worker } = from
  const { buffers, records } = worker
  const { number, size } = range
  const { settings } = run
  const { bucket, key, trafficLimit, sequential, object } = settings
  const sent = (bytes: number): void => {
    progress.sent(bytes)
    run.limit.sent(bytes)
  }
  const contentMd5 = await contentMd5Of(source, range, buffers, stop, settings.contentMd5)
  const body = new PartReader(source, range, buffers, sent, records)
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
  const part = { number, size, crc64: body.crc64 ?? '', etag }
  // I6: what is gathered is written before a byte of the worker's next part goes out, so a crash undoes no more than one part each.
  if (worker.gathers) worker.records = run.checkpoint.gatherPart(part)
  else await run.checkpoint.recordPart(part)
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
