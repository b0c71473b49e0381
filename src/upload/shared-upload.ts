// The one upload that several workers share: its id is begun once, and found by everybody else on the volume.

import { OssError } from '../primitives/errors.js'
import { assertBelongs } from './belongs.js'
import { fileCheckpointStore } from './checkpoint-store.js'
import { reconciled } from './complete.js'
import { inspectCheckpoint } from './inspect-checkpoint.js'
import { type Expected, inspectObject } from './inspect-object.js'
import type { JournalHeader } from './journal.js'
import { planParts } from './plan.js'
import type { Completion } from './result.js'
import { type SourceRun, serviceOf, type UploadContext, type UploadRun } from './run.js'
import { planIfAny, readShardJournals, sameState } from './shard-journals.js'
import type { Source } from './source.js'
import { beginUpload, giveUp, takeUp, withCheckpoint } from './stages.js'

export type SharedUpload =
  | { readonly state: 'open'; readonly uploadId: string; readonly partSize: number }
  /** A worker has completed it, and the object is still what it has stored. */
  | {
      readonly state: 'completed'
      readonly uploadId: string
      readonly partSize: number
      readonly completion: Completion & Expected
    }

const pollMs = 200
/** For the shared checkpoint: Complete and everything that it is tried again for takes minutes at most. */
const patienceMs = 15 * 60_000

/**
 * Takes a checkpoint after whoever has it at this moment.
 *
 * @param glance looks without taking it, before each attempt; what it finds ends the waiting.
 * @throws {OssError} `ERR_OSS_CHECKPOINT_LOCKED` when somebody has had it for as long as `patience`, milliseconds.
 */
export async function withPatience<T>(
  context: UploadContext,
  path: string,
  act: (run: UploadRun) => Promise<T>,
  glance: () => Promise<T | undefined> = async () => undefined,
  patience: number = patienceMs,
): Promise<T> {
  const { environment, settings } = context
  const store = fileCheckpointStore(path, environment.fs, environment)
  for (const since = performance.now(); ; ) {
    const found = await glance()
    if (found !== undefined) return found
    try {
      return await withCheckpoint(context, store, act)
    } catch (error) {
      const isLocked = error instanceof OssError && error.code === 'ERR_OSS_CHECKPOINT_LOCKED'
      if (!isLocked || performance.now() - since > patience) throw error
    }
    await environment.sleep(pollMs, settings.signal)
  }
}

/** However many workers start together, one of them begins the upload, and the others find it. */
export function joinUpload(
  context: UploadContext,
  source: Source,
  path: string,
  abandoned: Set<string>,
): Promise<SharedUpload> {
  const join = async (run: UploadRun): Promise<SharedUpload> => {
    const shared = await joinHeld({ ...run, source }, path)
    for (const uploadId of run.abandoned) abandoned.add(uploadId)
    return shared
  }
  return withPatience(context, path, join, () => glance(context, source, path))
}

/** Most workers come when everything is there already, and need not wait for each other. Anything unusual is for who holds it. */
async function glance(
  { environment, client, settings }: UploadContext,
  source: Source,
  path: string,
): Promise<SharedUpload | undefined> {
  const found = await inspectCheckpoint(path, environment).catch(() => undefined)
  // Whoever holds it may be about to end it, or be alone with it until it is complete.
  if (found?.state !== 'intact' || found.lock !== undefined) return undefined
  const { header, superseded } = found.content
  const { uploadId, partSize } = header
  if (superseded.some((given) => given.uploadId === uploadId)) return undefined
  if (planIfAny(source.size, partSize) === undefined) return undefined
  if (!belongs(header, { client, settings })) return undefined
  return { state: 'open', uploadId, partSize }
}

async function joinHeld(run: SourceRun, path: string): Promise<SharedUpload> {
  const { checkpoint, source, settings, environment } = run
  const { concluded } = checkpoint
  if (
    concluded !== undefined &&
    belongs(concluded.header, run) &&
    sameState(concluded.source, source.identity)
  ) {
    const { uploadId, partSize } = concluded.header
    const verdict = await inspectObject(run, concluded.completing)
    // I8: where OSS does not let us look, the marker stands alone.
    if (verdict.result !== 'not-stored') {
      const completion: Completion =
        verdict.result === 'stored'
          ? reconciled(verdict.object)
          : { outcome: 'completed-reconciled', etag: '' }
      const whole = { ...completion, ...concluded.completing }
      return { state: 'completed', uploadId, partSize, completion: whole }
    }
  }
  if (checkpoint.source === undefined) {
    // The shared checkpoint was lost: any worker's journal has what it said of the upload (I9).
    const journals = await readShardJournals(path, environment)
    const left = journals.find(({ header }) => belongs(header, run))
    if (left !== undefined) await checkpoint.begin(left.header)
  }
  await takeUp(run)
  const header = checkpoint.upload
  if (header !== undefined) {
    const { uploadId, partSize } = header
    if (planIfAny(source.size, partSize) !== undefined) return { state: 'open', uploadId, partSize }
    await giveUp(run, 'the source has outgrown the recorded part size')
  }
  const { partSize } = planParts(source.size, settings.partSize)
  const uploadId = await beginUpload(run, partSize, source.identity)
  return { state: 'open', uploadId, partSize }
}

function belongs(
  header: JournalHeader,
  { client, settings }: Pick<UploadContext, 'client' | 'settings'>,
): boolean {
  try {
    assertBelongs(header, settings, serviceOf(client.endpoint), '')
    return true
  } catch {
    return false
  }
}
