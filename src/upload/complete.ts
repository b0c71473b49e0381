// Publishes the object exactly once: Complete, and when its answer is lost or contradictory, a look at the object (I4, I5).

import { listParts } from '../oss/listings.js'
import { type CompleteMultipartUploadOptions, completeMultipartUpload } from '../oss/multipart.js'
import type { HeadObjectResult } from '../oss/object.js'
import { judge, Retries } from '../oss/retry.js'
import { combineCrc64, formatCrc64 } from '../primitives/crc64.js'
import { OssError, OssServiceError } from '../primitives/errors.js'
import { AttemptHistory } from './attempt-history.js'
import {
  confirmStored,
  type Expected,
  inspectObject,
  storedWithoutCallback,
  type Verdict,
} from './inspect-object.js'
import type { PartRecords } from './part-records.js'
import type { PartPlan } from './plan.js'
import type { Completion } from './result.js'
import { isServiceError, isUnsettled, settlesLater, type UploadRun } from './run.js'

const operation = 'CompleteMultipartUpload'

/** Tries at least at a Complete whose answer is lost, each after a look at the object: these are no blind retries. */
const leastAttempts = 4

export function expectedObject(
  plan: PartPlan,
  parts: Pick<PartRecords, 'sizeOf' | 'crc64Of'>,
): Expected {
  let crc = 0n
  for (let number = 1; number <= plan.count; number++) {
    const size = parts.sizeOf(number)
    const partCrc = parts.crc64Of(number)
    if (size === undefined || partCrc === undefined) throw new Error(`part ${number} is not done`)
    crc = combineCrc64(crc, partCrc, size)
  }
  return { size: plan.size, crc64: formatCrc64(crc) }
}

function listOf(
  plan: PartPlan,
  parts: Pick<PartRecords, 'etagOf'>,
): CompleteMultipartUploadOptions['parts'] {
  const list = []
  for (let partNumber = 1; partNumber <= plan.count; partNumber++) {
    const etag = parts.etagOf(partNumber)
    if (etag !== undefined) list.push({ partNumber, etag })
  }
  return list
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
  const { bucket, key, signal, callback } = settings
  const { acl, forbidOverwrite, requestPayer } = settings.object
  const target = { bucket, key, uploadId, acl, forbidOverwrite, requestPayer, callback, signal }
  /** True when a Complete may have been carried out before this one: by an earlier run, or with its answer lost. */
  let mayBeOurs = checkpoint.completing !== undefined
  const repaired = new Set<number>()
  const attempts = Math.max(leastAttempts, run.retry.attempts)
  const retries = new Retries({ ...run.retry, attempts })
  const history = new AttemptHistory()
  for (let attempt = 0; ; ) {
    const expected = expectedObject(plan, checkpoint.parts)
    await checkpoint.recordCompleting(expected)
    signal?.throwIfAborted()
    const startedAt = performance.now()
    try {
      const parts = listOf(plan, checkpoint.parts)
      const result = await completeMultipartUpload(client, { ...target, parts })
      return { ...(await confirmStored(run, expected, result, operation)), ...expected }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      history.join(error)
      if (error instanceof OssServiceError && error.status === 203) {
        return { ...(await storedWithoutCallback(run, expected, error)), ...expected }
      }
      if (isServiceError(error, 'InvalidPart')) {
        const number = Number(error.fields['PartNumber'])
        if (!checkpoint.parts.has(number) || repaired.has(number)) throw error
        repaired.add(number)
        run.emit({ type: 'repair', partNumber: number })
        await repair(number)
        continue
      }
      const judged = judge(error, 'always', true)
      const throttled = judged.kind === 'retry' && judged.reason === 'throttle'
      const unsettled = throttled || isUnsettled(error)
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
      // A connection that is not trusted, or a client that is closed, does not get better by waiting.
      if (contradicts || judged.kind !== 'retry' || client.isClosed) throw error
      const waitMs = retries.after(judged, startedAt, performance.now(), Math.random())
      if (waitMs === undefined) throw error
      const { code } = error as OssError
      const { reason } = judged
      history.goOn(error, reason, waitMs)
      run.emit({ type: 'retry', operation, attempt: ++attempt, reason, code, waitMs })
      await run.environment.sleep(waitMs, signal)
    }
  }
}

/**
 * An object that was equal before we came proves nothing: only when the upload id is gone was our Complete carried out.
 * Where that cannot be asked, the answer to another Complete tells.
 */
async function isGone(run: UploadRun, uploadId: string): Promise<boolean> {
  const { bucket, key, signal, object } = run.settings
  const upload = { bucket, key, uploadId, requestPayer: object.requestPayer, signal }
  try {
    for await (const _ of listParts(run.client, upload)) break
    return false
  } catch (error) {
    return isServiceError(error, 'NoSuchUpload')
  }
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
  const look = `look whether the object has ${expected.size} bytes and CRC-64 ${expected.crc64}: then delete the checkpoint; else use restart (--restart)`
  const error = new OssError(
    `cannot tell whether oss://${bucket}/${key} is stored: Complete was sent, its upload id is gone, and ${verdict.reason}`,
    {
      code: 'ERR_OSS_AMBIGUOUS',
      operation,
      hint: verdict.mayPass ? `run again, which looks again; or ${look}` : look,
      cause,
    },
  )
  if (verdict.mayPass) settlesLater.add(error)
  return error
}
