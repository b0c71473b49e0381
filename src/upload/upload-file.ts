// uploadFile: the numbered life of one upload, from opening the source to removing the checkpoint.

import type { OperationClient } from '../oss/client.js'
import { findAdoptableUpload } from './adopt.js'
import { completeUpload } from './complete.js'
import { withDeadline } from './deadline.js'
import { systemEnvironment, type UploadEnvironment } from './environment.js'
import { describeFailure } from './failure.js'
import { resolveOptions, type UploadFileOptions } from './options.js'
import { type PartPlan, planParts } from './plan.js'
import { neverBack, Progress } from './progress.js'
import { putSmallFile } from './put-small-file.js'
import type { UploadFileResult } from './result.js'
import { resumeUpload } from './resume.js'
import { isServiceError, type SourceRun, type UploadContext, uploadContext } from './run.js'
import { newTally, sendParts } from './send-parts.js'
import { isOutOfSequence, sendSequentially } from './sequence.js'
import { removeShardJournals, takeOverShards } from './shard-journals.js'
import type { Source } from './source.js'
import { openResolved } from './source-option.js'
import {
  beginUpload,
  finish,
  giveUp,
  headerOf,
  removeCheckpoint,
  storeOf,
  takeUp,
  withCheckpoint,
} from './stages.js'
import { uploadShard } from './upload-shard.js'
import { uploadStream } from './upload-stream.js'

/**
 * Uploads a file, bytes or a stream so that a failure of the network, the process or the machine costs at most the parts in flight.
 *
 * Call it again with the same options to continue, with a stream from its beginning. On success the checkpoint is gone; on failure it stays, the first error
 * is thrown, and `error.upload` says what is kept. Nothing of the upload runs once the promise has settled.
 *
 * @throws {TypeError|RangeError} before any I/O for an option that is unknown, missing or out of range.
 * @throws {OssServiceError} what OSS answered.
 * @throws {OssError} with one of the codes of `OssErrorCode`.
 * @throws `signal.reason` when the signal aborted.
 */
export function uploadFile(
  client: OperationClient,
  options: UploadFileOptions,
): Promise<UploadFileResult> {
  return uploadFileIn(systemEnvironment, client, options)
}

/** As {@link uploadFile}, with the machine as an argument. */
export async function uploadFileIn(
  environment: UploadEnvironment,
  client: OperationClient,
  options: UploadFileOptions,
): Promise<UploadFileResult> {
  // 1. Nothing is touched before every option has been checked.
  const resolved = resolveOptions(options)
  const settings = { ...resolved, onProgress: neverBack(resolved.onProgress) }
  return await withDeadline(environment, settings, (limited) =>
    uploadResolved(uploadContext(environment, client, limited)),
  )
}

async function uploadResolved(context: UploadContext): Promise<UploadFileResult> {
  const { settings, environment } = context
  // What can be read only once has a life of its own.
  if (settings.source.kind === 'stream') {
    return await uploadStream(context, settings.source.stream)
  }
  settings.signal?.throwIfAborted()
  // 2. One open file for the whole run: what is read is what was looked at.
  const source = await openResolved(settings.source, environment.fs)
  try {
    return await uploadSource(context, source)
  } finally {
    // Whatever the outcome is, a file that was only read cannot change it by failing to close.
    await source.close().catch(() => {})
  }
}

async function uploadSource(context: UploadContext, source: Source): Promise<UploadFileResult> {
  const { settings, environment } = context
  const plan = planParts(source.size, settings.partSize)
  const { shard, checkpoint } = settings
  if (shard !== undefined && checkpoint !== undefined && (plan.count > 0 || shard.index > 0)) {
    return await uploadShard(context, source, shard, checkpoint.path, multipartUpload)
  }
  const store = storeOf(settings, environment)
  // 3. What fits one part needs no checkpoint, unless an earlier run has left one.
  if (plan.count <= 1 && !(await store?.exists())) {
    return await putSmallFile(context, source).catch((error: unknown) => {
      throw describeFailure(error, settings, undefined, '', [])
    })
  }
  return await withCheckpoint(context, store, (run) => live({ ...run, source }))
}

async function live(run: SourceRun): Promise<UploadFileResult> {
  const { settings, environment } = run
  // 4. What an earlier run has left is continued, refused or given up; of several workers what all of them have left.
  const shared = await takeOverShards(run)
  await takeUp(run)
  const result = await liveOn(run)
  if (shared && settings.checkpoint !== undefined) {
    await removeShardJournals(settings.checkpoint.path, environment)
  }
  return result
}

async function liveOn(run: SourceRun): Promise<UploadFileResult> {
  const { checkpoint, source } = run
  if (source.size === 0) {
    await giveUp(run, 'the source is empty')
    const result = await putSmallFile(run, source)
    await removeCheckpoint(run)
    return { ...result, abandonedUploadIds: [...run.abandoned] }
  }
  try {
    return await multipartUpload(run)
  } catch (error) {
    // 5. The upload is gone and the object is not ours, or it takes no other bytes in place of what it has: start over, once,
    // by itself.
    const gone = isServiceError(error, 'NoSuchUpload')
    if (!(gone || isOutOfSequence(error)) || checkpoint.upload === undefined) throw error
    await giveUp(run, gone ? 'NoSuchUpload' : 'a part of a sequential upload cannot be replaced')
    return await multipartUpload(run)
  }
}

async function multipartUpload(run: SourceRun): Promise<UploadFileResult> {
  const { checkpoint, settings, source } = run
  const tally = newTally()
  const send = settings.sequential ? sendSequentially : sendParts
  // 6. Continue an upload, or begin one (I1).
  const upload = await beginOrResume(run)
  const { uploadId, plan } = upload
  const progress = new Progress(settings.onProgress, source.size, plan.count)
  if (upload.state === 'completed') {
    tally.resumed.parts = plan.count
    tally.resumed.bytes = plan.size
    progress.resumed(plan.size)
    return await finish(run, plan, uploadId, upload.completion, tally, progress)
  }
  for (const number of upload.todo.keep) {
    const size = checkpoint.parts.get(number)?.size ?? 0
    tally.done.add(number)
    tally.resumed.parts += 1
    tally.resumed.bytes += size
    progress.resumed(size)
  }
  // 7. Send what is missing and verify what is not.
  await send(run, plan, uploadId, upload.todo, progress, tally)
  // 8. I7: the last look before anything is published.
  await source.assertUnchanged(true)
  progress.phase('completing')
  // 9. Complete, exactly once.
  const completion = await completeUpload(run, plan, uploadId, async (partNumber) => {
    await send(run, plan, uploadId, { send: [partNumber], verify: [] }, progress, tally)
    await source.assertUnchanged(true)
  })
  return await finish(run, plan, uploadId, completion, tally, progress)
}

type Upload = Awaited<ReturnType<typeof resumeUpload>>

async function beginOrResume(run: SourceRun): Promise<Upload> {
  const { checkpoint, settings, source } = run
  if (checkpoint.upload !== undefined) {
    try {
      return await resumeUpload(run, checkpoint.upload)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      await giveUp(run, 'the source has outgrown the recorded part size')
    }
  }
  const adopted = settings.adopt ? await findAdoptableUpload(run) : undefined
  if (adopted !== undefined) {
    const { uploadId, plan, parts } = adopted
    await checkpoint.begin(headerOf(run, uploadId, plan.partSize, source.identity))
    for (const part of parts) await checkpoint.recordPart(part)
    const keep = parts.map(({ number }) => number)
    const send = missing(plan, new Set(keep))
    return { state: 'open', uploadId, plan, todo: { keep, verify: [], send, lost: [] } }
  }
  const plan = planParts(source.size, settings.partSize)
  const uploadId = await beginUpload(run, plan.partSize, source.identity)
  const send = missing(plan, new Set())
  return { state: 'open', uploadId, plan, todo: { keep: [], verify: [], send, lost: [] } }
}

function missing(plan: PartPlan, done: ReadonlySet<number>): number[] {
  return Array.from({ length: plan.count }, (_, index) => index + 1).filter((n) => !done.has(n))
}
