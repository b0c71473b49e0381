// The numbered life of one of several workers that send one object: its share, and the end of the whole when it is the last.

import type { UploadEnvironment } from './environment.js'
import { type PartPlan, partRange, planParts } from './plan.js'
import { Progress } from './progress.js'
import { type Reconciliation, reconcileParts } from './reconcile.js'
import type { ShardShare, UploadFileResult } from './result.js'
import { listedParts } from './resume.js'
import { isServiceError, type SourceRun, type UploadContext, type UploadRun } from './run.js'
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
} from './shard-journals.js'
import { joinUpload, withPatience } from './shared-upload.js'
import { type Source, sameSource } from './source.js'
import { giveUp, headerOf } from './stages.js'

type FinishUpload = (run: SourceRun) => Promise<UploadFileResult>

/** What every step of a worker is given. */
interface Worker {
  readonly shard: Shard
  /** Of the shared checkpoint. */
  readonly path: string
  readonly source: Source
  readonly finishUpload: FinishUpload
  /** What this worker has done, also for an upload that is gone by now. */
  readonly tally: PartTally
  /** Upload ids that could not be aborted. */
  readonly abandoned: Set<string>
}

/** What a worker knows once it has found the upload. */
interface Known {
  readonly uploadId: string
  readonly plan: PartPlan
}

type Sent =
  | (Known & {
      readonly state: 'sent'
      readonly progress: Progress
      /** OSS lets us list parts. */
      readonly mayList: boolean
    })
  /** Completed by another worker, or aborted by somebody. */
  | (Known & { readonly state: 'gone' })
  | { readonly state: 'completed'; readonly result: UploadFileResult }

/**
 * @param path of the checkpoint that all workers share
 * @param finishUpload continues the upload that the checkpoint records: sends what is missing, and completes it.
 */
export async function uploadShard(
  context: UploadContext,
  source: Source,
  shard: Shard,
  path: string,
  finishUpload: FinishUpload,
): Promise<UploadFileResult> {
  const abandoned = new Set<string>()
  const worker: Worker = { shard, path, source, finishUpload, tally: newTally(), abandoned }
  // An empty object has no parts: the first worker stores it.
  if (source.size === 0) return shardDone(worker, planParts(0))
  for (let again = false; ; again = true) {
    // 1. Find the upload or begin it, and send this worker's share.
    const sent = await sendShare(context, worker, again)
    if (sent.state === 'completed') {
      // What the worker that completed it did not live to remove.
      await removeShardJournals(path, context.environment)
      return sent.result
    }
    // 2. Whoever finds every part done is the last, or one of several who may think so: the lock settles which (I5).
    const seen = sent.state === 'gone' ? 'gone' : await lookAround(context, worker, sent)
    if (sent.state === 'sent' && seen === 'some') {
      sent.progress.phase('completed')
      return shardDone(worker, sent.plan, sent.uploadId)
    }
    if (seen === 'replaced') continue
    const result = await conclude(context, worker, sent, seen === 'all')
    if (result !== undefined) return withShare(worker, sent.plan, result)
    // 3. Another one has concluded it, which the next turn finds; or it is gone and not stored, and begins anew, once.
  }
}

/** Its own journal is looked at by others for a moment only; but a predecessor may take its time to end. */
const ownPatienceMs = 30_000

async function sendShare(context: UploadContext, worker: Worker, again: boolean): Promise<Sent> {
  const { path, source, shard, abandoned } = worker
  const act = async (ownRun: UploadRun): Promise<Sent> => {
    const run: SourceRun = { ...ownRun, source }
    const { quarantined } = run.checkpoint
    if (quarantined !== undefined) run.emit({ type: 'checkpoint-quarantined', path: quarantined })
    const shared = await joinUpload(context, source, path, abandoned)
    const { uploadId } = shared
    const plan = planParts(source.size, shared.partSize)
    if (shared.state === 'completed') {
      const { resumed, sent } = newTally()
      const found = { parts: plan.count, uploadId, resumed, sent, abandonedUploadIds: [] }
      const result = withShare(worker, plan, { ...shared.completion, ...found })
      return { state: 'completed', result }
    }
    try {
      return { state: 'sent', uploadId, plan, ...(await sendOwn(run, worker, uploadId, plan)) }
    } catch (error) {
      if (again || !isServiceError(error, 'NoSuchUpload')) throw error
      return { state: 'gone', uploadId, plan }
    }
  }
  // Its own journal is held first: an upload by one process alone sees by that that there are workers.
  const own = shardJournalPath(path, shard)
  return await withPatience(context, own, act, undefined, ownPatienceMs)
}

/** As for a whole upload, and of its parts only the share: what any journal records or OSS lists is verified, not sent (I3). */
async function sendOwn(
  run: SourceRun,
  { path, source, shard, tally }: Worker,
  uploadId: string,
  plan: PartPlan,
): Promise<{ progress: Progress; mayList: boolean }> {
  const { checkpoint, settings, environment } = run
  const before = checkpoint.source
  if (checkpoint.upload?.uploadId !== uploadId) {
    await checkpoint.begin(headerOf(run, uploadId, plan.partSize, source.identity))
  } else if (before !== undefined && !sameSource(before, source.identity)) {
    if (source.path !== undefined) run.emit({ type: 'source-differs', path: source.path })
    await checkpoint.sourceIs(source.identity)
  }
  const { parts, current } = await recordedParts(path, environment, uploadId, plan, source)
  const listed = await listedParts(run, uploadId)
  const share = shareOf(shard, plan.count)
  const trusted = settings.verify === 'stat' ? current : new Set<number>()
  const todo = ofShare(reconcileParts(plan, parts, listed, trusted), share)
  for (const partNumber of todo.lost) run.emit({ type: 'part-lost', partNumber })
  const found = todo.keep.length + todo.verify.length
  if (found > 0) run.emit({ type: 'resume', uploadId, parts: found })
  // Of an upload that is gone nothing was taken over.
  tally.resumed.parts = 0
  tally.resumed.bytes = 0
  const { bytes, parts: count } = shareIn(shard, plan)
  const progress = new Progress(settings.onProgress, bytes, count)
  for (const number of todo.keep) {
    const { size } = partRange(plan, number)
    tally.done.add(number)
    tally.resumed.parts += 1
    tally.resumed.bytes += size
    progress.resumed(size)
  }
  await sendParts(run, plan, uploadId, todo, progress, tally)
  await source.assertUnchanged(true)
  return { progress, mayList: listed !== undefined }
}

function ofShare(todo: Reconciliation, share: Share): Reconciliation {
  const isOwn = (number: number): boolean => isInShare(share, number)
  return {
    keep: todo.keep.filter(isOwn),
    verify: todo.verify.filter(({ number }) => isOwn(number)),
    send: todo.send.filter(isOwn),
    lost: todo.lost.filter(isOwn),
  }
}

async function recordedParts(
  path: string,
  environment: UploadEnvironment,
  uploadId: string,
  plan: PartPlan,
  source: Source,
): Promise<RecordedParts> {
  const shared = await readContent(path, environment)
  const journals = await readShardJournals(path, environment)
  // Of what an earlier run by one process alone has left, no worker has read the bytes yet.
  const left = shared === undefined ? [] : [{ ...shared, current: new Set<number>() }]
  return joinRecords([...left, ...journals], uploadId, plan, source.identity)
}

/**
 * After the own journal was closed, so that of two workers who end at the same time at least one sees what both have done.
 *
 * @returns `replaced` when the shared checkpoint says something else by now, `gone` when OSS does.
 */
async function lookAround(
  context: UploadContext,
  { path, source, shard }: Worker,
  { uploadId, plan, mayList }: Known & { readonly mayList: boolean },
): Promise<'all' | 'some' | 'replaced' | 'gone'> {
  const { environment, settings } = context
  const shared = await readContent(path, environment)
  const isOpen =
    shared?.header.uploadId === uploadId &&
    shared.superseded.every((given) => given.uploadId !== uploadId)
  if (!isOpen) return 'replaced'
  const { current } = await recordedParts(path, environment, uploadId, plan, source)
  const untold: number[] = []
  for (let number = 1; number <= plan.count; number++) {
    if (!current.has(number)) untold.push(number)
  }
  if (untold.length === 0) return 'all'
  if (!mayList) return 'some'
  // A journal that was lost, or a worker that was killed before it wrote down what OSS has: the local bytes tell.
  try {
    const listed = await listedParts(context, uploadId)
    const isThere = (number: number): boolean =>
      listed?.get(number)?.size === partRange(plan, number).size
    if (!untold.every(isThere)) return 'some'
  } catch (error) {
    if (isServiceError(error, 'NoSuchUpload')) return 'gone'
    throw error
  }
  // One that lives is about to write them down, and will look around itself.
  const owners = Array.from({ length: shard.count }, (_, index) => ({ index, count: shard.count }))
  const missing = owners.filter((owner) => {
    const share = shareOf(owner, plan.count)
    return untold.some((number) => isInShare(share, number))
  })
  const ask = (owner: Shard) =>
    isRunning(shardJournalPath(path, owner), environment, settings.signal)
  // While the shared checkpoint is held, so that nobody is taken for one who only asks as well.
  const running = await withPatience(context, path, () => Promise.all(missing.map(ask)))
  return running.every((refusal) => refusal === undefined) ? 'all' : 'some'
}

/** @returns undefined when there is nothing to be concluded: another worker was first, or the upload is gone. */
async function conclude(
  context: UploadContext,
  { path, source, abandoned, finishUpload }: Worker,
  { uploadId, plan }: Known,
  isComplete: boolean,
): Promise<UploadFileResult | undefined> {
  const result = await withPatience(context, path, async (sharedRun) => {
    const run: SourceRun = { ...sharedRun, source }
    const { checkpoint, settings, environment } = run
    if (checkpoint.upload?.uploadId !== uploadId) return undefined
    if (isComplete || checkpoint.completing !== undefined) {
      const journals = await readShardJournals(path, environment)
      await absorb(run, joinRecords(journals, uploadId, plan, source.identity))
      try {
        // Every worker has read its own bytes: what they recorded of this state of the source is not read once more.
        return await finishUpload({ ...run, settings: { ...settings, verify: 'stat' } })
      } catch (error) {
        if (!isServiceError(error, 'NoSuchUpload')) throw error
      }
    }
    await giveUp(run, 'NoSuchUpload')
    for (const each of run.abandoned) abandoned.add(each)
    return undefined
  })
  if (result !== undefined) await removeShardJournals(path, context.environment)
  return result
}

function shareIn(shard: Shard, plan: PartPlan): ShardShare {
  const { first, last } = shareOf(shard, plan.count)
  const parts = last - first + 1
  const end = last === plan.count ? plan.size : last * plan.partSize
  const bytes = parts === 0 ? 0 : end - (first - 1) * plan.partSize
  return { index: shard.index, count: shard.count, parts, bytes }
}

/** The result of completing counts all parts as taken over: what this worker did stands in its own tally. */
function withShare(
  { shard, abandoned, tally: { resumed, sent } }: Worker,
  plan: PartPlan,
  result: UploadFileResult,
): UploadFileResult {
  const parts = sent.parts + result.sent.parts
  const bytes = sent.bytes + result.sent.bytes
  const abandonedUploadIds = [...new Set([...abandoned, ...result.abandonedUploadIds])]
  return {
    ...result,
    ...{ resumed, sent: { parts, bytes }, abandonedUploadIds },
    shard: shareIn(shard, plan),
  }
}

function shardDone(
  { shard, abandoned, tally: { resumed, sent } }: Worker,
  plan: PartPlan,
  uploadId?: string,
): UploadFileResult {
  const { size, count: parts } = plan
  return {
    ...{ outcome: 'shard-done', etag: '', crc64: '', size, parts, resumed, sent },
    ...(uploadId !== undefined && { uploadId }),
    abandonedUploadIds: [...abandoned],
    shard: shareIn(shard, plan),
  }
}
