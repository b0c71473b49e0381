// Sends the missing parts and verifies the kept ones, side by side, each recorded when it is done.

import { uploadPart } from '../oss/multipart.js'
import { OssError } from '../primitives/errors.js'
import type { JournalPart } from './journal.js'
import { runPool } from './part-pool.js'
import { PartBuffers, PartReader } from './part-reader.js'
import { type PartPlan, partRange } from './plan.js'
import type { Progress } from './progress.js'
import type { PartToVerify, Reconciliation } from './reconcile.js'
import type { UploadRun } from './run.js'
import { verifyPart } from './verify-part.js'

/** What became of the parts, by number. */
export interface PartTally {
  readonly resumed: { parts: number; bytes: number }
  readonly sent: { parts: number; bytes: number }
}

/** @returns nothing; every part of the plan is in the checkpoint when this resolves. */
export async function sendParts(
  run: UploadRun,
  plan: PartPlan,
  uploadId: string,
  todo: Pick<Reconciliation, 'send' | 'verify'>,
  progress: Progress,
  tally: PartTally,
): Promise<void> {
  const take = takeTurns(todo)
  const count = todo.send.length + todo.verify.length
  const { concurrency, signal } = run.settings
  // One set per worker, made when its first part comes: memory follows the work, not the settings.
  const pool: PartBuffers[] = []
  progress.phase(todo.send.length > 0 ? 'sending' : 'verifying')
  const turns = Array.from({ length: count }, () => take)
  await runPool(turns, Math.min(concurrency, count), signal, async (next, slot, stop) => {
    const task = next(slot)
    const buffers = pool[slot] ?? new PartBuffers()
    pool[slot] = buffers
    const range = partRange(plan, typeof task === 'number' ? task : task.number)
    if (typeof task !== 'number') {
      const { crc64, matches } = await verifyPart(run.source, range, task.expect, buffers, stop)
      if (matches) {
        const part = { number: range.number, size: range.size, crc64, etag: task.etag }
        await (task.recorded
          ? run.checkpoint.recordVerified(part)
          : run.checkpoint.recordPart(part))
        tally.resumed.parts += 1
        tally.resumed.bytes += range.size
        progress.resumed(range.size)
        return
      }
      run.emit({ type: 'part-differs', partNumber: range.number })
      progress.phase('sending')
    }
    const sent = (bytes: number): void => progress.sent(bytes)
    const reader = new PartReader(run.source, range, buffers, sent)
    const part = await sendPart(run, uploadId, reader, range, stop)
    await run.checkpoint.recordPart(part)
    tally.sent.parts += 1
    tally.sent.bytes += range.size
    progress.acknowledged(range.size)
  })
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

/** I2: the part counts only when OSS's CRC-64, where it gives one, is that of the bytes read from the source. */
async function sendPart(
  run: UploadRun,
  uploadId: string,
  reader: PartReader,
  range: { readonly number: number; readonly size: number },
  signal: AbortSignal,
): Promise<JournalPart> {
  const { bucket, key } = run.settings
  const { number, size } = range
  let answer: Awaited<ReturnType<typeof uploadPart>>
  try {
    answer = await uploadPart(run.client, {
      bucket,
      key,
      uploadId,
      partNumber: number,
      body: reader,
      signal,
    })
  } finally {
    // The answer may come before the body was asked for its end, and a failure while a read is under way.
    await reader.settled()
  }
  const { crc64 } = reader
  if (crc64 === undefined) {
    throw new OssError(`part ${number} was acknowledged before it was sent whole`, {
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'UploadPart',
    })
  }
  if (answer.crc64 !== undefined && answer.crc64 !== crc64) {
    throw new OssError(
      `part ${number} was damaged on its way: its CRC-64 is ${crc64}, and OSS stored ${answer.crc64}`,
      { code: 'ERR_OSS_CHECKSUM_MISMATCH', operation: 'UploadPart', hint: 'run again' },
    )
  }
  return { number, size, crc64, etag: answer.etag }
}
