// Continues an upload that no checkpoint knows of: finds it by listing, and trusts only what matches the local bytes.

import { type ListedPart, type ListedUpload, listMultipartUploads } from '../oss/listings.js'
import type { JournalPart } from './journal.js'
import { runPool } from './part-pool.js'
import { PartBuffers } from './part-reader.js'
import { type PartPlan, partRange, planParts } from './plan.js'
import { reconcileParts } from './reconcile.js'
import { listedParts } from './resume.js'
import { isDenied, isServiceError, type SourceRun } from './run.js'
import { verifyPart } from './verify-part.js'

export interface AdoptableUpload {
  readonly uploadId: string
  readonly plan: PartPlan
  /** Parts whose local bytes equal what OSS holds. */
  readonly parts: readonly JournalPart[]
  readonly matchingBytes: number
}

/**
 * Looks at every unfinished upload of this key and picks the one that saves most; the others are left alone and reported.
 *
 * @returns undefined when there is none whose parts match, or when listing is denied.
 */
export async function findAdoptableUpload(run: SourceRun): Promise<AdoptableUpload | undefined> {
  const candidates: AdoptableUpload[] = []
  for (const upload of await unfinishedUploads(run)) {
    const candidate = await examine(run, upload.uploadId)
    if (candidate !== undefined) candidates.push(candidate)
  }
  const best = candidates.reduce<AdoptableUpload | undefined>(
    (a, b) => (b.matchingBytes > (a?.matchingBytes ?? 0) ? b : a),
    undefined,
  )
  for (const candidate of candidates) {
    const { uploadId, matchingBytes } = candidate
    run.emit({ type: 'found', uploadId, matchingBytes, adopted: candidate === best })
  }
  return best
}

async function unfinishedUploads(run: SourceRun): Promise<readonly ListedUpload[]> {
  const { bucket, key, signal, object } = run.settings
  const { requestPayer } = object
  const listed = { bucket, prefix: key, requestPayer, signal }
  const known = new Set(run.checkpoint.superseded.map(({ uploadId }) => uploadId))
  const uploads: ListedUpload[] = []
  try {
    for await (const upload of listMultipartUploads(run.client, listed)) {
      if (upload.key === key && !known.has(upload.uploadId)) uploads.push(upload)
    }
  } catch (error) {
    if (!isDenied(error)) throw error
    const consequence = 'no earlier upload can be looked for'
    run.emit({ type: 'degraded', operation: 'ListMultipartUploads', consequence })
  }
  return uploads
}

async function examine(run: SourceRun, uploadId: string): Promise<AdoptableUpload | undefined> {
  let listed: ReadonlyMap<number, ListedPart> | undefined
  try {
    listed = await listedParts(run, uploadId)
  } catch (error) {
    // Completed or aborted since it was listed.
    if (isServiceError(error, 'NoSuchUpload')) return undefined
    throw error
  }
  const plan = listed && planLike(run, listed)
  if (listed === undefined || plan === undefined) {
    const fallback = planParts(run.source.size, run.settings.partSize)
    return { uploadId, plan: fallback, parts: [], matchingBytes: 0 }
  }
  const { verify } = reconcileParts(plan, new Map(), listed, new Set())
  const { signal } = run.settings
  const pool: PartBuffers[] = []
  const parts: JournalPart[] = []
  await runPool(verify, run.limit, signal, async (part, slot, stop) => {
    const buffers = pool[slot] ?? new PartBuffers()
    pool[slot] = buffers
    const range = partRange(plan, part.number)
    const { crc64, matches } = await verifyPart(run.source, range, part.expect, buffers, stop)
    if (matches) parts.push({ number: part.number, size: range.size, crc64, etag: part.etag })
  })
  const matchingBytes = parts.reduce((sum, { size }) => sum + size, 0)
  return { uploadId, plan, parts, matchingBytes }
}

/**
 * The plan that the upload's parts follow: all but the last part of an object are of one size. When only the last one is
 * there its size says nothing of the others, and nothing of it will fit.
 */
function planLike(run: SourceRun, listed: ReadonlyMap<number, ListedPart>): PartPlan | undefined {
  const sizes = [...listed.values()].map(({ size }) => size)
  try {
    return planParts(run.source.size, run.settings.partSize ?? Math.max(...sizes))
  } catch {
    // No part at all, or parts of a size that no plan of ours has.
    return undefined
  }
}
