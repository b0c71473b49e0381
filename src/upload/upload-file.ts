// uploadFile: the numbered life of one upload, from opening the source to removing the checkpoint.

import type { OssClient } from '../oss/client.js'
import { initiateMultipartUpload } from '../oss/multipart.js'
import { abandonUpload, supersededUpload } from './abandon.js'
import { findAdoptableUpload } from './adopt.js'
import { assertBelongs, settingsDigest } from './belongs.js'
import { Checkpoint } from './checkpoint.js'
import { fileCheckpointStore } from './checkpoint-store.js'
import { type Completion, completeUpload, type Expected } from './complete.js'
import { systemEnvironment, type UploadEnvironment } from './environment.js'
import { tell } from './events.js'
import { describeFailure, leaveAfterFailure } from './failure.js'
import { withGrace } from './grace.js'
import { resolveOptions, type UploadFileOptions, type UploadSettings } from './options.js'
import { type PartPlan, planParts } from './plan.js'
import { neverBack, Progress } from './progress.js'
import { putSmallFile } from './put-small-file.js'
import type { UploadFileResult } from './result.js'
import { resumeUpload } from './resume.js'
import { isServiceError, serviceOf, type UploadRun } from './run.js'
import { type PartTally, sendParts } from './send-parts.js'
import { openSource, type Source } from './source.js'

/**
 * Uploads a file so that a failure of the network, the process or the machine costs at most the parts in flight.
 *
 * Call it again with the same options to continue. On success the checkpoint is gone; on failure it stays, the first error
 * is thrown, and `error.upload` says what is kept. Nothing of the upload runs once the promise has settled.
 *
 * @throws {TypeError|RangeError} before any I/O for an option that is unknown, missing or out of range.
 * @throws {OssServiceError} what OSS answered.
 * @throws {OssError} with one of the codes of `OssErrorCode`.
 * @throws `signal.reason` when the signal aborted.
 */
export function uploadFile(
  client: OssClient,
  options: UploadFileOptions,
): Promise<UploadFileResult> {
  return uploadFileIn(systemEnvironment, client, options)
}

/** As {@link uploadFile}, with the machine as an argument. */
export async function uploadFileIn(
  environment: UploadEnvironment,
  client: OssClient,
  options: UploadFileOptions,
): Promise<UploadFileResult> {
  // 1. Nothing is touched before every option has been checked.
  const resolved = resolveOptions(options)
  const settings = { ...resolved, onProgress: neverBack(resolved.onProgress) }
  settings.signal?.throwIfAborted()
  // 2. One open file for the whole run: what is read is what was looked at.
  const source = await openSource(settings.path, environment.fs)
  try {
    return await uploadSource(environment, client, settings, source)
  } finally {
    // Whatever the outcome is, a file that was only read cannot change it by failing to close.
    await source.close().catch(() => {})
  }
}

async function uploadSource(
  environment: UploadEnvironment,
  client: OssClient,
  settings: UploadSettings,
  source: Source,
): Promise<UploadFileResult> {
  const plan = planParts(source.size, settings.partSize)
  const { checkpoint: wanted } = settings
  const store =
    wanted && (wanted.store ?? fileCheckpointStore(wanted.path, environment.fs, environment))
  const location = store?.location ?? ''
  // 3. What fits one part needs no checkpoint, unless an earlier run has left one.
  if (plan.count <= 1 && !(await store?.exists())) {
    return await putSmallFile(client, settings, source).catch((error: unknown) => {
      throw describeFailure(error, settings, undefined, '', [])
    })
  }
  const session = await store?.acquire(settings.signal).catch((error: unknown) => {
    throw describeFailure(error, settings, undefined, location, [])
  })
  const abandoned = new Set<string>()
  let checkpoint: Checkpoint | undefined
  try {
    checkpoint = await Checkpoint.open(session, location)
    const emit: UploadRun['emit'] = (event) => tell(settings.onEvent, event)
    const run = { client, settings, environment, source, checkpoint, emit, abandoned }
    try {
      return await live(run, location)
    } catch (error) {
      await leaveAfterFailure(run, error)
      throw error
    }
  } catch (error) {
    throw describeFailure(error, settings, checkpoint, location, [...abandoned])
  } finally {
    // Everything that had to be durable is; a lock that stays behind is taken over.
    await session?.release().catch(() => {})
  }
}

async function live(run: UploadRun, location: string): Promise<UploadFileResult> {
  const { checkpoint, settings, source } = run
  if (checkpoint.quarantined !== undefined) {
    const uploadId = checkpoint.upload?.uploadId
    const path = checkpoint.quarantined
    run.emit({ type: 'checkpoint-quarantined', path, ...(uploadId && { uploadId }) })
  }
  // 4. A checkpoint of another upload is refused, or given up when the caller says so; never dropped.
  if (checkpoint.upload !== undefined && !settings.restart) {
    assertBelongs(checkpoint.upload, settings, serviceOf(run.client.endpoint), location)
  }
  for (const superseded of checkpoint.superseded) await abandonUpload(run, superseded)
  if (checkpoint.upload !== undefined && settings.restart) await giveUp(run, 'restart')
  if (checkpoint.upload !== undefined && source.size === 0) await giveUp(run, 'the source is empty')
  if (source.size === 0) {
    const result = await putSmallFile(run.client, settings, source)
    await removeCheckpoint(run)
    return { ...result, abandonedUploadIds: [...run.abandoned] }
  }
  try {
    return await multipartUpload(run)
  } catch (error) {
    // 5. The upload is gone and the object is not ours: start over, once, by itself.
    if (!isServiceError(error, 'NoSuchUpload') || checkpoint.upload === undefined) throw error
    await giveUp(run, 'NoSuchUpload')
    return await multipartUpload(run)
  }
}

/** I9: recorded before it is aborted. */
async function giveUp(run: UploadRun, reason: string): Promise<void> {
  const header = run.checkpoint.upload
  if (header === undefined) return
  const superseded = supersededUpload(header, reason)
  await run.checkpoint.supersede(superseded)
  await abandonUpload(run, superseded)
}

async function multipartUpload(run: UploadRun): Promise<UploadFileResult> {
  const { checkpoint, settings, source } = run
  const tally: PartTally = { resumed: { parts: 0, bytes: 0 }, sent: { parts: 0, bytes: 0 } }
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
    tally.resumed.parts += 1
    tally.resumed.bytes += size
    progress.resumed(size)
  }
  // 7. Send what is missing and verify what is not.
  await sendParts(run, plan, uploadId, upload.todo, progress, tally)
  // 8. I7: the last look before anything is published.
  await source.assertUnchanged()
  progress.phase('completing')
  // 9. Complete, exactly once.
  const completion = await completeUpload(run, plan, uploadId, (partNumber) =>
    sendParts(run, plan, uploadId, { send: [partNumber], verify: [] }, progress, tally),
  )
  return await finish(run, plan, uploadId, completion, tally, progress)
}

type Upload = Awaited<ReturnType<typeof resumeUpload>>

async function beginOrResume(run: UploadRun): Promise<Upload> {
  const { checkpoint, settings, source, client, environment } = run
  if (checkpoint.upload !== undefined) {
    try {
      return await resumeUpload(run, checkpoint.upload)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      await giveUp(run, 'the source has outgrown the recorded part size')
    }
  }
  const { bucket, key } = settings
  const header = {
    bucket,
    key,
    service: serviceOf(client.endpoint),
    settings: settingsDigest(settings),
    source: source.identity,
    createdAt: environment.now().toISOString(),
  }
  const adopted = settings.adopt ? await findAdoptableUpload(run) : undefined
  if (adopted !== undefined) {
    const { uploadId, plan, parts } = adopted
    await checkpoint.begin({ ...header, uploadId, partSize: plan.partSize })
    for (const part of parts) await checkpoint.recordPart(part)
    const keep = parts.map(({ number }) => number)
    const send = missing(plan, new Set(keep))
    return { state: 'open', uploadId, plan, todo: { keep, verify: [], send, lost: [] } }
  }
  const plan = planParts(source.size, settings.partSize)
  settings.signal?.throwIfAborted()
  const { uploadId } = await withGrace(environment, settings.signal, (signal) =>
    initiateMultipartUpload(client, { bucket, key, contentType: settings.contentType, signal }),
  )
  try {
    await checkpoint.begin({ ...header, uploadId, partSize: plan.partSize })
  } catch (error) {
    const { service } = header
    const reason = 'the checkpoint could not be written'
    await abandonUpload(run, { uploadId, bucket, key, service, reason })
    throw error
  }
  settings.signal?.throwIfAborted()
  const send = missing(plan, new Set())
  return { state: 'open', uploadId, plan, todo: { keep: [], verify: [], send, lost: [] } }
}

function missing(plan: PartPlan, done: ReadonlySet<number>): number[] {
  return Array.from({ length: plan.count }, (_, index) => index + 1).filter((n) => !done.has(n))
}

/** The object is stored: nothing that fails from here on makes it a failure, and the next run would find it complete. */
async function removeCheckpoint({ checkpoint, emit }: UploadRun): Promise<void> {
  try {
    await checkpoint.remove()
  } catch {
    emit({ type: 'checkpoint-left' })
  }
}

async function finish(
  run: UploadRun,
  plan: PartPlan,
  uploadId: string,
  completion: Completion & Expected,
  tally: PartTally,
  progress: Progress,
): Promise<UploadFileResult> {
  await removeCheckpoint(run)
  progress.phase('completed')
  return {
    ...completion,
    parts: plan.count,
    uploadId,
    resumed: tally.resumed,
    sent: tally.sent,
    abandonedUploadIds: [...run.abandoned],
  }
}
