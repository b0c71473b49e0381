// The stages of an upload that are the same for every source: its checkpoint, what it finds there, its beginning and its end.

import { initiateMultipartUpload } from '../oss/multipart.js'
import { abandonUpload, reportStrays, supersededUpload } from './abandon.js'
import { assertBelongs, settingsDigest } from './belongs.js'
import { Checkpoint } from './checkpoint.js'
import { type CheckpointStore, fileCheckpointStore } from './checkpoint-store.js'
import type { UploadEnvironment } from './environment.js'
import { describeFailure, leaveAfterFailure } from './failure.js'
import { withGrace } from './grace.js'
import type { Expected } from './inspect-object.js'
import type { JournalHeader } from './journal.js'
import type { UploadSettings } from './options.js'
import type { PartPlan } from './plan.js'
import type { Progress } from './progress.js'
import type { Completion, ManifestPart, UploadFileResult } from './result.js'
import { serviceOf, type UploadContext, type UploadRun } from './run.js'
import type { PartTally } from './send-parts.js'
import type { SourceIdentity } from './source.js'

/** Undefined without a checkpoint. */
export function storeOf(
  { checkpoint }: UploadSettings,
  environment: UploadEnvironment,
): CheckpointStore | undefined {
  return (
    checkpoint &&
    (checkpoint.store ?? fileCheckpointStore(checkpoint.path, environment.fs, environment))
  )
}

/**
 * Lives an upload while its checkpoint is held. After a failure everything is left as it should be, and the first error is
 * thrown, which says what is kept.
 */
export async function withCheckpoint<T>(
  context: UploadContext,
  store: CheckpointStore | undefined,
  live: (run: UploadRun) => Promise<T>,
): Promise<T> {
  const { settings } = context
  const location = store?.location ?? ''
  const session = await store?.acquire(settings.signal).catch((error: unknown) => {
    throw describeFailure(error, settings, undefined, location, [])
  })
  const abandoned = new Set<string>()
  let checkpoint: Checkpoint | undefined
  try {
    checkpoint = await Checkpoint.open(session, location)
    const run = { ...context, checkpoint, location, abandoned }
    try {
      return await live(run)
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

/** A checkpoint of another upload is refused, or given up when the caller says so; never dropped. */
export async function takeUp(run: UploadRun): Promise<void> {
  const { checkpoint, settings, location } = run
  if (checkpoint.quarantined !== undefined) {
    const uploadId = checkpoint.upload?.uploadId
    const path = checkpoint.quarantined
    run.emit({ type: 'checkpoint-quarantined', path, ...(uploadId && { uploadId }) })
  }
  if (checkpoint.upload !== undefined && !settings.restart) {
    assertBelongs(checkpoint.upload, settings, serviceOf(run.client.endpoint), location)
  }
  for (const superseded of checkpoint.superseded) await abandonUpload(run, superseded)
  if (settings.restart) await giveUp(run, 'restart')
}

/** I9: recorded before it is aborted. Does nothing where there is no upload. */
export async function giveUp(run: UploadRun, reason: string): Promise<void> {
  const header = run.checkpoint.upload
  if (header === undefined) return
  const superseded = supersededUpload(header, reason)
  await run.checkpoint.supersede(superseded)
  await abandonUpload(run, superseded)
}

export function headerOf(
  { client, settings, environment }: UploadRun,
  uploadId: string,
  partSize: number,
  source: SourceIdentity,
): JournalHeader {
  const { bucket, key } = settings
  const service = serviceOf(client.endpoint)
  const createdAt = environment.now().toISOString()
  const digest = settingsDigest(settings)
  return { bucket, key, service, uploadId, partSize, settings: digest, source, createdAt }
}

/** I1: when this resolves, the upload id that it returns is durable. */
export async function beginUpload(
  run: UploadRun,
  partSize: number,
  source: SourceIdentity,
): Promise<string> {
  const { client, settings, environment, checkpoint } = run
  const { bucket, key, sequential } = settings
  settings.signal?.throwIfAborted()
  const { acl: _, ...object } = settings.object
  const startedAt = performance.now()
  const initiate = { bucket, key, ...object, sequential }
  const { uploadId } = await withGrace(environment, settings.signal, (signal) =>
    initiateMultipartUpload(client, { ...initiate, signal }),
  )
  const header = headerOf(run, uploadId, partSize, source)
  try {
    await checkpoint.begin(header)
  } catch (error) {
    await abandonUpload(run, supersededUpload(header, 'the checkpoint could not be written'))
    throw error
  }
  if (run.lost.initiate) await reportStrays(run, uploadId, performance.now() - startedAt)
  settings.signal?.throwIfAborted()
  return uploadId
}

/** The object is stored: nothing that fails from here on makes it a failure, and the next run would find it complete. */
export async function removeCheckpoint({ checkpoint, emit }: UploadRun): Promise<void> {
  try {
    await (checkpoint.isShared ? checkpoint.conclude() : checkpoint.remove())
  } catch {
    emit({ type: 'checkpoint-left' })
  }
}

/** @param count of the parts of the object; 0 when it was stored by PutObject */
export function manifestOf(
  run: Pick<UploadContext, 'settings' | 'environment' | 'startedAt' | 'requestIds'> &
    Partial<Pick<UploadRun, 'checkpoint'>>,
  { size, crc64, etag, versionId, outcome }: Completion & Expected,
  uploadId: string | undefined,
  count: number,
): Pick<UploadFileResult, 'manifest'> {
  const { bucket, key, manifest: wanted } = run.settings
  if (!wanted) return {}
  const parts: ManifestPart[] = []
  for (let number = 1; number <= count; number++) {
    const part = run.checkpoint?.parts.get(number)
    const requestId = run.requestIds.get(number)
    if (part !== undefined) parts.push({ ...part, ...(requestId !== undefined && { requestId }) })
  }
  return {
    manifest: {
      ...{ bucket, key, size, crc64, etag, parts, outcome },
      ...(versionId !== undefined && { versionId }),
      ...(uploadId !== undefined && { uploadId }),
      startedAt: run.startedAt,
      completedAt: run.environment.now().toISOString(),
    },
  }
}

export async function finish(
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
    ...manifestOf(run, completion, uploadId, plan.count),
    parts: plan.count,
    uploadId,
    resumed: tally.resumed,
    sent: tally.sent,
    abandonedUploadIds: [...run.abandoned],
  }
}
