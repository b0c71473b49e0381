// Aborts an upload and makes sure that it is gone: what is being received at that moment survives an abort.

import type { OperationClient } from '../oss/client.js'
import { listParts } from '../oss/listings.js'
import { abortMultipartUpload } from '../oss/multipart.js'
import type { ObjectSettings } from '../oss/object-settings.js'
import { isDenied, isServiceError } from './run.js'

export interface AbortTarget {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
  readonly requestPayer?: ObjectSettings['requestPayer']
  readonly signal?: AbortSignal | undefined
}

export type Abortion =
  /** OSS says that it no longer has the upload. */
  | 'gone'
  /** It was not there when it was to be aborted: completed or aborted before, or never begun. */
  | 'absent'
  /** Aborted, and ListParts, which would tell that it is gone, is denied. */
  | 'unconfirmed'
  /** OSS lists it after the last attempt, too. */
  | 'survives'

/** A part that was being received when the upload was aborted brings it back: look, and abort again. */
const usualAttempts = 3

/**
 * @param pause waited for before each attempt after the first, e.g. until a part has arrived
 * @throws what the abort was refused with; what kept OSS from being asked whether the upload is gone, if it was that at last.
 */
export async function abortUntilGone(
  client: OperationClient,
  target: AbortTarget,
  attempts: number = usualAttempts,
  pause: (attempt: number) => Promise<void> = async () => {},
): Promise<Abortion> {
  let failure: unknown
  for (let attempt = 1; attempt <= attempts; attempt++) {
    if (attempt > 1) await pause(attempt)
    try {
      await abortMultipartUpload(client, target)
    } catch (error) {
      if (!isServiceError(error, 'NoSuchUpload')) throw error
      // Where the answer to an earlier attempt was lost, it was that attempt that found the upload.
      const isLost = (verdict: string): boolean => verdict === 'network' || verdict === 'server'
      const wasThere = attempt > 1 || error.attempts?.some(({ verdict }) => isLost(verdict))
      return wasThere ? 'gone' : 'absent'
    }
    failure = undefined
    try {
      for await (const _ of listParts(client, target)) break
    } catch (error) {
      target.signal?.throwIfAborted()
      if (isServiceError(error, 'NoSuchUpload')) return 'gone'
      // Where listing is denied the abort's own answer has to do.
      if (isDenied(error)) return 'unconfirmed'
      failure = error
    }
  }
  if (failure !== undefined) throw failure
  return 'survives'
}
