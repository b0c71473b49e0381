// Continues what an earlier run began: the journal's upload, checked against OSS's list of parts and the local bytes.

import { type ListedPart, listParts } from '../oss/listings.js'
import { ambiguous, reconciled } from './complete.js'
import { type Expected, inspectObject } from './inspect-object.js'
import type { JournalHeader } from './journal.js'
import { PartBuffers, PartReader } from './part-reader.js'
import { type PartPlan, planParts } from './plan.js'
import { type Reconciliation, reconcileParts } from './reconcile.js'
import type { Completion } from './result.js'
import { isDenied, isServiceError, type SourceRun, type UploadRun } from './run.js'
import { sameSource } from './source.js'

export type Resumption =
  | {
      readonly state: 'open'
      readonly uploadId: string
      readonly plan: PartPlan
      readonly todo: Reconciliation
    }
  /** An earlier run had published the object; only its end was missing. */
  | {
      readonly state: 'completed'
      readonly uploadId: string
      readonly plan: PartPlan
      readonly completion: Completion & Expected
    }

/**
 * @throws {OssServiceError} `NoSuchUpload` when the upload is gone and the object is not ours: the caller starts over.
 * @throws {RangeError} when the source has outgrown the recorded part size.
 */
export async function resumeUpload(run: SourceRun, header: JournalHeader): Promise<Resumption> {
  const { checkpoint, source, settings } = run
  const { uploadId } = header
  const plan = planParts(source.size, header.partSize)
  const before = checkpoint.source ?? header.source
  if (!sameSource(before, source.identity)) {
    // Of bytes that have no name there is nothing to be said before they are compared.
    const { path } = source
    if (path !== undefined && !('kind' in before)) run.emit({ type: 'source-differs', path })
    await checkpoint.sourceIs(source.identity)
  }
  let listed: ReadonlyMap<number, ListedPart> | undefined
  try {
    listed = await listedParts(run, uploadId)
  } catch (error) {
    if (!isServiceError(error, 'NoSuchUpload') || checkpoint.completing === undefined) throw error
    const completion = await settleEarlierCompletion(run, error)
    return { state: 'completed', uploadId, plan, completion }
  }
  const trusted = settings.verify === 'stat' ? checkpoint.current : new Set<number>()
  const todo = reconcileParts(plan, checkpoint.parts, listed, trusted)
  for (const partNumber of todo.lost) run.emit({ type: 'part-lost', partNumber })
  run.emit({ type: 'resume', uploadId, parts: todo.keep.length + todo.verify.length })
  return { state: 'open', uploadId, plan, todo }
}

/** Undefined when listing is denied: the journal then stands alone (I8). Any other failure is not a reason to start over. */
export async function listedParts(
  run: Pick<UploadRun, 'client' | 'settings' | 'emit'>,
  uploadId: string,
): Promise<ReadonlyMap<number, ListedPart> | undefined> {
  const { bucket, key, signal, object } = run.settings
  const upload = { bucket, key, uploadId, requestPayer: object.requestPayer, signal }
  const parts = new Map<number, ListedPart>()
  try {
    for await (const part of listParts(run.client, upload)) {
      parts.set(part.partNumber, part)
    }
    return parts
  } catch (error) {
    if (!isDenied(error)) throw error
    const consequence = 'the checkpoint alone says which parts are done'
    run.emit({ type: 'degraded', operation: 'ListParts', consequence })
    return undefined
  }
}

/** I5 across runs: Complete was sent and the upload is gone. Is the object under the key the source as it is now? */
async function settleEarlierCompletion(
  run: SourceRun,
  cause: unknown,
): Promise<Completion & Expected> {
  const { checkpoint, settings } = run
  const recorded = checkpoint.completing
  const trusts = settings.verify === 'stat' && checkpoint.completingIsCurrent
  const local = trusts && recorded !== undefined ? recorded : await hashSource(run)
  const verdict = await inspectObject(run, local)
  if (verdict.result === 'stored') return { ...reconciled(verdict.object), ...local }
  // Bytes that differ from what was completed have to be sent in any case.
  const mayBeStored = recorded?.crc64 === local.crc64 && recorded.size === local.size
  if (verdict.result === 'unknown' && mayBeStored) throw ambiguous(run, local, verdict, cause)
  throw cause
}

async function hashSource({ source, settings }: SourceRun): Promise<Expected> {
  const whole = { number: 1, offset: 0, size: source.size }
  const reader = new PartReader(source, whole, new PartBuffers())
  try {
    for await (const _ of reader.open()) settings.signal?.throwIfAborted()
  } finally {
    await reader.settled()
  }
  return { size: source.size, crc64: reader.crc64 ?? '' }
}
