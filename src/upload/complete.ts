// Publishes the object exactly once: Complete, and when its answer is lost or contradictory, a look at the object (I4, I5).

import {
  type CompleteMultipartUploadResult,
  completeMultipartUpload,
  listParts,
} from '../oss/multipart.js'
import { type HeadObjectResult, headObject } from '../oss/object.js'
import { combineCrc64, formatCrc64, parseCrc64 } from '../primitives/crc64.js'
import { OssError, OssServiceError } from '../primitives/errors.js'
import type { JournalPart } from './journal.js'
import type { PartPlan } from './plan.js'
import { isDenied, isServiceError, isUnsettled, type UploadRun } from './run.js'

export type UploadOutcome = 'completed' | 'completed-reconciled' | 'completed-callback-failed'

export interface Completion {
  readonly outcome: UploadOutcome
  readonly etag: string
  readonly versionId?: string
  readonly location?: string
}

/** What the object must be: taken from local bytes only. */
export interface Expected {
  readonly size: number
  readonly crc64: string
}

/** The object that OSS holds under the key is, is not, or cannot be known to be the expected one. */
export type Verdict =
  | { readonly result: 'stored'; readonly object: HeadObjectResult }
  | { readonly result: 'not-stored'; readonly found?: HeadObjectResult }
  | { readonly result: 'unknown'; readonly reason: string; readonly cause?: unknown }

/** Tries at a Complete whose answer is lost, each after a look at the object. */
const maxAttempts = 4

export function expectedObject(plan: PartPlan, parts: ReadonlyMap<number, JournalPart>): Expected {
  let crc = 0n
  for (let number = 1; number <= plan.count; number++) {
    const part = parts.get(number)
    const partCrc = part && parseCrc64(part.crc64)
    if (part === undefined || partCrc === undefined) throw new Error(`part ${number} is not done`)
    crc = combineCrc64(crc, partCrc, part.size)
  }
  return { size: plan.size, crc64: formatCrc64(crc) }
}

/**
 * @param repair sends the named part again; called at most once for each part.
 * @throws {OssServiceError} `NoSuchUpload` when the upload is gone and the object is not ours: the caller starts over.
 * @throws {OssError} `ERR_OSS_AMBIGUOUS` when it cannot be known whether the object is stored.
 */
export async function completeUpload(
  run: UploadRun,
  plan: PartPlan,
  uploadId: string,
  repair: (partNumber: number) => Promise<void>,
): Promise<Completion & Expected> {
  const { client, settings, checkpoint } = run
  const { bucket, key, signal } = settings
  /** True when a Complete may have been carried out before this one: by an earlier run, or with its answer lost. */
  let mayBeOurs = checkpoint.completing !== undefined
  const repaired = new Set<number>()
  for (let attempt = 1; ; ) {
    const expected = expectedObject(plan, checkpoint.parts)
    await checkpoint.recordCompleting(expected)
    signal?.throwIfAborted()
    try {
      const parts = [...checkpoint.parts.values()]
        .filter(({ number }) => number <= plan.count)
        .sort((a, b) => a.number - b.number)
        .map(({ number, etag }) => ({ partNumber: number, etag }))
      const result = await completeMultipartUpload(client, { bucket, key, uploadId, parts, signal })
      return { ...(await confirm(run, expected, result)), ...expected }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (error instanceof OssServiceError && error.status === 203) {
        return { ...(await storedWithoutCallback(run, expected)), ...expected }
      }
      if (isServiceError(error, 'InvalidPart')) {
        const number = Number(error.fields['PartNumber'])
        if (!checkpoint.parts.has(number) || repaired.has(number)) throw error
        repaired.add(number)
        run.emit({ type: 'repair', partNumber: number })
        await repair(number)
        continue
      }
      const unsettled = isUnsettled(error)
      const contradicts =
        isServiceError(error, 'NoSuchUpload') ||
        (isServiceError(error, 'FileAlreadyExists') && mayBeOurs)
      if (!unsettled && !contradicts) throw error
      mayBeOurs ||= unsettled
      if (!mayBeOurs) throw error
      const verdict = await inspectObject(run, expected)
      if (verdict.result === 'stored' && (contradicts || (await isGone(run, uploadId)))) {
        return { ...reconciled(verdict.object), ...expected }
      }
      if (contradicts && verdict.result === 'unknown')
        throw ambiguous(run, expected, verdict, error)
      if (contradicts || attempt === maxAttempts) throw error
      await run.environment.sleep(200 * 2 ** attempt, signal)
      attempt += 1
    }
  }
}

/**
 * An object that was equal before we came proves nothing: only when the upload id is gone was our Complete carried out.
 * Where that cannot be asked, the answer to another Complete tells.
 */
async function isGone(run: UploadRun, uploadId: string): Promise<boolean> {
  const { bucket, key, signal } = run.settings
  try {
    for await (const _ of listParts(run.client, { bucket, key, uploadId, signal })) break
    return false
  } catch (error) {
    return isServiceError(error, 'NoSuchUpload')
  }
}

/** Looks at the object; I5's judge. Never throws but for cancellation. */
export async function inspectObject(run: UploadRun, expected: Expected): Promise<Verdict> {
  const { bucket, key, signal } = run.settings
  let verdict: Verdict
  try {
    const object = await headObject(run.client, { bucket, key, signal })
    if (object.crc64 === undefined && object.size === expected.size) {
      verdict = {
        result: 'unknown',
        reason: 'the object has the right size and no CRC-64 to compare',
      }
    } else {
      const same = object.size === expected.size && object.crc64 === expected.crc64
      verdict = same ? { result: 'stored', object } : { result: 'not-stored', found: object }
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (error instanceof OssServiceError && error.status === 404) verdict = { result: 'not-stored' }
    else {
      const reason = isDenied(error) ? 'HeadObject is denied' : 'HeadObject failed'
      verdict = { result: 'unknown', reason, cause: error }
    }
  }
  run.emit({ type: 'reconcile', result: verdict.result })
  return verdict
}

/** I4. OSS's answer carries the CRC-64 of the whole object; it stands for the size too, because a CRC-64 differs with it. */
async function confirm(
  run: UploadRun,
  expected: Expected,
  result: CompleteMultipartUploadResult,
): Promise<Completion> {
  const completion = {
    outcome: 'completed',
    etag: result.etag,
    ...(result.versionId !== undefined && { versionId: result.versionId }),
    ...(result.location !== undefined && { location: result.location }),
  } as const
  if (result.crc64 === undefined) await assertNotDifferent(run, expected)
  else if (result.crc64 !== expected.crc64) throw publishedWrong(run, expected, result.crc64)
  return completion
}

async function storedWithoutCallback(run: UploadRun, expected: Expected): Promise<Completion> {
  const object = await assertNotDifferent(run, expected)
  return {
    outcome: 'completed-callback-failed',
    etag: object?.etag ?? '',
    ...(object?.versionId !== undefined && { versionId: object.versionId }),
  }
}

/** Where neither the answer nor HEAD gives a CRC-64, the parts' own checks have to do: unverified is not failed (I2). */
async function assertNotDifferent(
  run: UploadRun,
  expected: Expected,
): Promise<HeadObjectResult | undefined> {
  const verdict = await inspectObject(run, expected)
  if (verdict.result === 'not-stored') {
    const { found } = verdict
    throw publishedWrong(run, expected, found && `${found.crc64 ?? 'none'}, ${found.size} bytes`)
  }
  return verdict.result === 'stored' ? verdict.object : undefined
}

export function reconciled(object: HeadObjectResult): Completion {
  return {
    outcome: 'completed-reconciled',
    etag: object.etag,
    ...(object.versionId !== undefined && { versionId: object.versionId }),
  }
}

export function ambiguous(
  run: UploadRun,
  expected: Expected,
  verdict: Verdict & { readonly result: 'unknown' },
  cause: unknown,
): OssError {
  const { bucket, key } = run.settings
  return new OssError(
    `cannot tell whether oss://${bucket}/${key} is stored: Complete was sent, its upload id is gone, and ${verdict.reason}`,
    {
      code: 'ERR_OSS_AMBIGUOUS',
      operation: 'CompleteMultipartUpload',
      hint: `look whether the object has ${expected.size} bytes and CRC-64 ${expected.crc64}: then delete the checkpoint; else use restart (--restart)`,
      cause,
    },
  )
}

function publishedWrong(run: UploadRun, expected: Expected, found: string | undefined): OssError {
  const { bucket, key } = run.settings
  return new OssError(
    `oss://${bucket}/${key} is stored with other content: expected CRC-64 ${expected.crc64}, found ${found ?? 'no object'}`,
    {
      code: 'ERR_OSS_CHECKSUM_MISMATCH',
      operation: 'CompleteMultipartUpload',
      hint: 'do not use the object; run again to replace it',
    },
  )
}
