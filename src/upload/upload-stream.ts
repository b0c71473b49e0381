// The life of the upload of a stream: read once, cut into parts, each compared with what an earlier run sent, or sent.

import { createHash } from 'node:crypto'
import type { ListedPart } from '../oss/listings.js'
import { OssError } from '../primitives/errors.js'
import { completeUpload, expectedObject } from './complete.js'
import { inspectObject } from './inspect-object.js'
import { ownBytes } from './memory-source.js'
import { runPool } from './part-pool.js'
import type { PartBuffers } from './part-reader.js'
import { defaultPartSize } from './plan.js'
import { Progress } from './progress.js'
import { putSmallFile } from './put-small-file.js'
import { type Expectation, reconcilePart } from './reconcile.js'
import type { UploadFileResult } from './result.js'
import { listedParts } from './resume.js'
import { isServiceError, type UploadContext, type UploadRun } from './run.js'
import { keepPart, newTally, type PartTally, sendFrom } from './send-parts.js'
import { isOutOfSequence, sendOnce } from './sequence.js'
import { consumed, type HeldPart, settleStream, type Unsettled } from './settle-stream.js'
import {
  beginUpload,
  finish,
  giveUp,
  removeCheckpoint,
  storeOf,
  takeUp,
  withCheckpoint,
} from './stages.js'
import { PartCutter, PartMemory, type StreamPart } from './stream-parts.js'
import { type ByteStream, ChunkReader } from './stream-source.js'

type Listed = ReadonlyMap<number, ListedPart>

interface StreamUpload {
  readonly run: UploadRun
  readonly uploadId: string
  readonly cutter: PartCutter
  /** What OSS had when this run began; undefined when it does not let us list. */
  readonly listed: Listed | undefined
  readonly progress: Progress
  readonly tally: PartTally
}

/** Whatever becomes of the upload, the stream has ended when this settles, by itself or because it was told to (I11). */
export async function uploadStream(
  context: UploadContext,
  stream: ByteStream,
): Promise<UploadFileResult> {
  const { settings, environment } = context
  const chunks = new ChunkReader(stream, environment)
  let failure: unknown
  try {
    settings.signal?.throwIfAborted()
    // The checkpoint comes first: a stream that was read for nothing cannot be read again.
    return await withCheckpoint(context, storeOf(settings, environment), (run) => live(run, chunks))
  } catch (error) {
    failure = error
    throw error
  } finally {
    await chunks.stop(failure)
  }
}

async function live(run: UploadRun, chunks: ChunkReader): Promise<UploadFileResult> {
  const { checkpoint, settings } = run
  const tally = newTally()
  const progress = new Progress(settings.onProgress)
  // 1. What an earlier run has left is continued, refused or given up: all of that before the stream is read.
  await takeUp(run)
  const { listed, unsettled } = await whatOssHas(run)
  const partSize = checkpoint.upload?.partSize ?? settings.partSize ?? defaultPartSize
  const cutter = new PartCutter(chunks, partSize)
  const memory = new PartMemory(partSize)
  let part = await cutter.next(memory, settings.signal)
  // 2. An earlier run may have published the object: it has, if the stream is still the same.
  if (unsettled !== undefined) {
    const settled = await settleStream(run, cutter, { part, memory }, unsettled, progress, tally)
    if ('result' in settled) return settled.result
    part = settled.part
  }
  // 3. Less than a part is one request, unless an upload is open.
  if (part === undefined) await giveUp(run, 'the source is empty')
  if (part === undefined || (checkpoint.upload === undefined && cutter.ended)) {
    const bytes = ownBytes(part?.bytes ?? new Uint8Array())
    const result = await putSmallFile(run, bytes)
    await removeCheckpoint(run)
    return { ...result, abandonedUploadIds: [...run.abandoned] }
  }
  try {
    // 4. Continue the upload, or begin one (I1).
    const uploadId = await continueOrBegin(run, partSize, listed, progress)
    const upload = { run, uploadId, cutter, listed, progress, tally }
    // 5. Read on, and send what is not there; memory is what bounds how far.
    await sendStream(upload, { part, memory })
    progress.phase('completing')
    // 6. Complete, exactly once.
    return await complete(upload)
  } catch (error) {
    throw await withoutBeginning(run, error)
  }
}

/** An upload that is gone, and whose object cannot be ours, is given up here, where nothing was read yet. */
async function whatOssHas(run: UploadRun): Promise<{
  /** Empty without an upload, undefined when OSS does not let us list. */
  readonly listed: Listed | undefined
  readonly unsettled?: Unsettled
}> {
  const { checkpoint } = run
  const { upload, completing } = checkpoint
  const listed: Listed = new Map()
  if (upload === undefined) return { listed }
  const { uploadId } = upload
  try {
    return { listed: await listedParts(run, uploadId) }
  } catch (cause) {
    if (!isServiceError(cause, 'NoSuchUpload')) throw cause
    const verdict = completing && (await inspectObject(run, completing))
    if (completing !== undefined && verdict !== undefined && verdict.result !== 'not-stored') {
      return { listed, unsettled: { uploadId, completing, verdict, cause } }
    }
    await giveUp(run, 'NoSuchUpload')
    return { listed }
  }
}

async function continueOrBegin(
  run: UploadRun,
  partSize: number,
  listed: Listed | undefined,
  progress: Progress,
): Promise<string> {
  const { upload, source, parts } = run.checkpoint
  const identity = { kind: 'stream' } as const
  if (upload === undefined) return await beginUpload(run, partSize, identity)
  const { uploadId } = upload
  // What was verified against a file says nothing of that file any more.
  if (source === undefined || !('kind' in source)) await run.checkpoint.sourceIs(identity)
  const found = listed?.size ?? parts.size
  run.emit({ type: 'resume', uploadId, parts: found })
  if (found > 0) progress.phase('verifying')
  return uploadId
}

/** Each worker has memory for one part and reads the next one into it: the stream is never ahead of what is being sent. */
async function sendStream(upload: StreamUpload, first: HeldPart): Promise<void> {
  const { run, cutter } = upload
  const { signal } = run.settings
  const memories: PartMemory[] = []
  let held: HeldPart | undefined = first
  function* turns(): Generator<undefined> {
    while (held !== undefined || !cutter.ended) yield
  }
  await runPool(turns(), run.limit, signal, async (_, slot, stop) => {
    const { memory, part: cut } = held ?? { memory: memories[slot], part: undefined }
    held = undefined
    const own = memory ?? new PartMemory(cutter.partSize)
    memories[slot] = own
    const part = cut ?? (await cutter.next(own, stop))
    if (part !== undefined) await keepOrSend(upload, part, own.buffers, stop)
  })
}

async function keepOrSend(
  { run, uploadId, listed, progress, tally }: StreamUpload,
  { number, bytes, crc64 }: StreamPart,
  buffers: PartBuffers,
  stop: AbortSignal,
): Promise<void> {
  const { parts } = run.checkpoint
  const size = bytes.byteLength
  const found = reconcilePart(number, size, parts, listed)
  if (typeof found === 'object' && hasContent(bytes, crc64, found.expect)) {
    const part = { number, size, crc64, etag: found.etag }
    return await keepPart(run, part, found.recorded, progress, tally)
  }
  if (found === 'lost') run.emit({ type: 'part-lost', partNumber: number })
  else if (parts.has(number) || listed?.has(number)) {
    run.emit({ type: 'part-differs', partNumber: number })
  }
  progress.phase('sending')
  const source = ownBytes(bytes)
  const range = { number, offset: 0, size }
  const send = (): Promise<void> =>
    sendFrom(run, uploadId, { source, range, worker: { buffers } }, progress, tally, stop)
  if (run.settings.sequential) {
    await sendOnce(run, uploadId, source, range, send, progress, tally)
  } else await send()
}

/** I3: the bytes are at hand. */
function hasContent(bytes: Uint8Array, crc64: string, expect: Expectation): boolean {
  if ('crc64' in expect) return expect.crc64 === crc64
  return createHash('md5').update(bytes).digest('hex').toUpperCase() === expect.md5
}

async function complete(upload: StreamUpload): Promise<UploadFileResult> {
  const { run, uploadId, cutter, progress, tally } = upload
  const { whole, partSize, count } = cutter
  const plan = { size: whole.size, partSize, count }
  // I4: what the records add up to is what came out of the stream, byte for byte.
  if (expectedObject(plan, run.checkpoint.parts).crc64 !== whole.crc64) {
    throw new OssError(
      'the parts do not add up to the stream: memory or the checkpoint is damaged',
      {
        code: 'ERR_OSS_CHECKSUM_MISMATCH',
        hint: 'nothing was published; run again with restart (--restart)',
      },
    )
  }
  const completion = await completeUpload(run, plan, uploadId, (number) =>
    Promise.reject(consumed(`OSS does not accept part ${number}`, undefined)),
  )
  progress.total(whole.size, count)
  return await finish(run, plan, uploadId, completion, tally, progress)
}

/** Where a file would start over by itself, the upload is given up, and the next run begins another one. */
async function withoutBeginning(run: UploadRun, error: unknown): Promise<unknown> {
  if (error instanceof OssError && error.code === 'ERR_OSS_SOURCE_CONSUMED') {
    await giveUp(run, 'OSS does not accept a part')
    return error
  }
  if (run.checkpoint.upload === undefined) return error
  if (isServiceError(error, 'NoSuchUpload')) {
    await giveUp(run, 'NoSuchUpload')
    return consumed('its upload is gone from OSS', error)
  }
  if (!isOutOfSequence(error)) return error
  await giveUp(run, 'a part of a sequential upload cannot be replaced')
  return consumed('a part of a sequential upload cannot be replaced', error)
}
