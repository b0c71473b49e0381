// Looks at a stored object and judges whether it is what was sent (I4, I5).

import { type CallbackReply, failedCallback } from '../oss/callback.js'
import { type HeadObjectResult, headObject } from '../oss/object.js'
import { OssError, OssServiceError } from '../primitives/errors.js'
import type { Completion } from './result.js'
import { isDenied, type UploadRun } from './run.js'

/** As much of a running upload as is needed to look at its object. */
export type Inspection = Pick<UploadRun, 'client' | 'settings' | 'emit'>

/** What the object must be: taken from local bytes only. */
export interface Expected {
  readonly size: number
  readonly crc64: string
}

/** The object that OSS holds under the key is, is not, or cannot be known to be the expected one. */
export type Verdict =
  | { readonly result: 'stored'; readonly object: HeadObjectResult }
  | { readonly result: 'not-stored'; readonly found?: HeadObjectResult }
  | {
      readonly result: 'unknown'
      readonly reason: string
      /** Another look, later, may tell: this one failed, and nobody has refused it. */
      readonly mayPass: boolean
      readonly cause?: unknown
    }

/** Looks at the object; I5's judge. Never throws but for cancellation. */
export async function inspectObject(run: Inspection, expected: Expected): Promise<Verdict> {
  const { bucket, key, signal, object: settings } = run.settings
  const target = { bucket, key, requestPayer: settings.requestPayer, signal }
  let verdict: Verdict
  try {
    const object = await headObject(run.client, target)
    if (object.crc64 === undefined && object.size === expected.size) {
      verdict = {
        result: 'unknown',
        reason: 'the object has the right size and no CRC-64 to compare',
        mayPass: false,
      }
    } else {
      const same = object.size === expected.size && object.crc64 === expected.crc64
      verdict = same ? { result: 'stored', object } : { result: 'not-stored', found: object }
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (error instanceof OssServiceError && error.status === 404) verdict = { result: 'not-stored' }
    else {
      const denied = isDenied(error)
      const reason = denied ? 'HeadObject is denied' : 'HeadObject failed'
      verdict = { result: 'unknown', reason, mayPass: !denied, cause: error }
    }
  }
  run.emit({ type: 'reconcile', result: verdict.result })
  return verdict
}

/** What Complete and PutObject answer. */
export interface StoredAnswer {
  /** Empty when there was none. */
  readonly etag: string
  readonly crc64?: string
  readonly versionId?: string
  readonly location?: string
  readonly callback?: CallbackReply
}

/**
 * I4. OSS's answer carries the CRC-64 of the whole object; it stands for the size too, because a CRC-64 differs with it.
 *
 * @throws {OssError} `ERR_OSS_CHECKSUM_MISMATCH` when other bytes are stored.
 */
export async function confirmStored(
  run: Inspection,
  expected: Expected,
  answer: StoredAnswer,
  operation: string,
): Promise<Completion> {
  const { crc64, versionId, location, callback } = answer
  let { etag } = answer
  if (crc64 === undefined) {
    const object = await assertNotDifferent(run, expected, operation)
    etag ||= object?.etag ?? ''
  } else if (crc64 !== expected.crc64) {
    throw publishedWrong(run, expected, crc64, operation)
  } else if (etag === '') {
    const verdict = await inspectObject(run, expected)
    if (verdict.result === 'stored') etag = verdict.object.etag
  }
  return {
    outcome: 'completed',
    etag,
    ...(versionId !== undefined && { versionId }),
    ...(location !== undefined && { location }),
    ...(callback !== undefined && { callback }),
  }
}

/** Status 203: the object is stored, and its callback server did not take it. OSS does not call it again. */
export async function storedWithoutCallback(
  run: Inspection,
  expected: Expected,
  error: OssServiceError,
): Promise<Completion> {
  const object = await assertNotDifferent(run, expected, error.operation ?? '')
  return {
    outcome: 'completed-callback-failed',
    etag: object?.etag ?? '',
    ...(object?.versionId !== undefined && { versionId: object.versionId }),
    callback: failedCallback(error),
  }
}

/** Where neither the answer nor HEAD gives a CRC-64, the parts' own checks have to do: unverified is not failed (I2). */
async function assertNotDifferent(
  run: Inspection,
  expected: Expected,
  operation: string,
): Promise<HeadObjectResult | undefined> {
  const verdict = await inspectObject(run, expected)
  if (verdict.result === 'not-stored') {
    const { found } = verdict
    const shown = found && `${found.crc64 ?? 'none'}, ${found.size} bytes`
    throw publishedWrong(run, expected, shown, operation)
  }
  return verdict.result === 'stored' ? verdict.object : undefined
}

/** Of an object that is stored, and is not what was sent. */
function publishedWrong(
  { settings }: Pick<Inspection, 'settings'>,
  expected: Pick<Expected, 'crc64'>,
  found: string | undefined,
  operation: string,
): OssError {
  const { bucket, key } = settings
  return new OssError(
    `oss://${bucket}/${key} is stored with other content: expected CRC-64 ${expected.crc64}, found ${found ?? 'no object'}`,
    {
      code: 'ERR_OSS_CHECKSUM_MISMATCH',
      operation,
      hint: 'do not use the object; run again to replace it',
    },
  )
}
