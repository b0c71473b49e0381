// The numbered life of one of several workers that send one object: its share, and the end of the whole when it is the last.

import { fileCheckpointStore } from './checkpoint-store.js'
import { type PartPlan, partRange, planParts } from './plan.js'
import { Progress } from './progress.js'
import { reconcileParts } from './reconcile.js'
import type { ShardShare, UploadFileResult } from './result.js'
import { listedParts } from './resume.js'
import { isServiceError, type SourceRun, type UploadContext } from './run.js'
import { newTally, type PartTally, sendParts } from './send-parts.js'
import { isInShare, type Shard, type Share, shardJournalPath, shareOf } from './shard.js'
import {
  absorb,
  isRunning,
  joinRecords,
  type RecordedParts,
  readContent,
  readShardJournals,
  removeShardJournals,
  sameState,
} from './shard-journals.js'
import { joinUpload, withShared } from './shared-upload.js'
import { sameSource, type Source } from './source.js'
import { giveUp, headerOf, withCheckpoint } from './stages.js'

/** What every step of a worker is given besides its run. */
interface Worker {
  readonly shard: Shard
  /** Of the shared checkpoint. */
  readonly path: string
  readonly source: Source
  readonly abandoned: Set<string>
}

interface Sent {
  readonly uploadId: string
  readonly plan: PartPlan
  readonly tally: PartTally
  readonly mayList: boolean
}

/**
 * @param finishUpload continues the upload that the checkpoint records, sends what is missing, and completes it.
 */
export async function uploadShard(
  context: UploadContext,
  source: Source,
  shard: Shard,
  path: string,
  finishUpload: (run: SourceRun) => Promise<UploadFileResult>,
): Promise<UploadFileResult> {
  const worker: Worker = { shard, path, source, abandoned: new Set() }
  for (let again = false; ; again = true) {
    // 1. Find the upload or begin it, and send this worker's share.
    const sent = await sendShare(context, worker, again)
    if (sent.state === 'completed') {
      // What whoever has completed it could not remove, or did not live to.
      await removeShardJournals(path, context.environment)
      return sent.result
    }
    if (sent.state === 'gone') {
      // 2. Completed by another worker, or aborted: the shared checkpoint tells, and so does the next look at it.
      const result = await conclude(context, worker, sent.uploadId, false, finishUpload)
      if (result !== undefined) return withShare(result, worker, newTally())
      continue
    }
    // 3. Whoever finds every part done is the last, or one of several who may think so: the lock settles that (I5).
    if (!(await isEverythingDone(context, worker, sent))) return shardDone(context, worker, sent)
    const result = await conclude(context, worker, sent.uploadId, true, finishUpload)
    if (result !== undefined) return withShare(result, worker, sent.tally)
  }
}

type SentOrNot =
  | ({ readonly state: 'sent' } & Sent)
  | { readonly state: 'completed'; readonly result: UploadFileResult }
  | { readonly state: 'gone'; readonly uploadId: string }

async function sendShare(
  context: UploadContext,
  worker: Worker,
  again: boolean,
): Promise<SentOrNot> {
  const { environment } = context
  const { path, source, shard } = worker
  const own = shardJournalPath(path, shard)
  // Its journal is held first: an upload by one process alone sees by that that there are workers.
  const store = fileCheckpointStore(own, environment.fs, environment)
  return await withCheckpoint(context, store, async (ownRun): Promise<SentOrNot> => {
    const run: SourceRun = { ...ownRun, source }
    const { quarantined } = run.checkpoint
    if (quarantined !== undefined) run.emit({ type: 'checkpoint-quarantined', path: quarantined })
    const shared = await joinUpload(context, source, path, worker.abandoned)
    const { uploadId, partSize } = shared
    const plan = planParts(source.size, partSize)
    if (shared.state === 'completed') {
      const { completion } = shared
      const { resumed, sent } = newTally()
      const result = { ...completion, parts: plan.count, uploadId, resumed, sent }
      const abandonedUploadIds = [...worker.abandoned]
      return { state: 'completed', result: { ...result, abandonedUploadIds, ...shareIn(worker, plan) } }
    }
    try {
      return { state: 'sent', ...(await sendParts_(run, worker, uploadId, plan)) }
    } catch (error) {
      if (again || !isServiceError(error, 'NoSuchUpload')) throw error
      return { state: 'gone', uploadId }
    }
  })
}
