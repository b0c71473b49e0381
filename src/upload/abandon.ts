// Gives up an upload id: aborts it, makes sure that it is gone, and else says that it is still there (I9).

import { type ListedUpload, listMultipartUploads } from '../oss/listings.js'
import { abortUntilGone } from './abort-until-gone.js'
import type { JournalHeader, JournalSuperseded } from './journal.js'
import { serviceOf, type UploadRun } from './run.js'

/** The journal's record of giving up the upload that `header` is about. */
export function supersededUpload(header: JournalHeader, reason: string): JournalSuperseded {
  const { uploadId, bucket, key, service } = header
  return { uploadId, bucket, key, service, reason }
}

/**
 * Aborts an upload after its last request has settled. Never throws: a failure here must not hide the first one.
 *
 * @returns true when OSS no longer has the upload.
 */
export async function abandonUpload(
  run: UploadRun,
  superseded: JournalSuperseded,
): Promise<boolean> {
  const { uploadId, reason } = superseded
  // An upload id of another service cannot be reached from here.
  const gone =
    superseded.service === serviceOf(run.client.endpoint) && (await abortAndCheck(run, superseded))
  if (gone) run.checkpoint.settled(uploadId)
  else run.abandoned.add(uploadId)
  run.emit({ type: 'superseded', uploadId, reason, open: !gone })
  return gone
}

async function abortAndCheck(
  { client, settings }: UploadRun,
  { bucket, key, uploadId }: JournalSuperseded,
): Promise<boolean> {
  const { requestPayer } = settings.object
  try {
    return (await abortUntilGone(client, { bucket, key, uploadId, requestPayer })) !== 'survives'
  } catch {
    return false
  }
}

/**
 * An answer to Initiate was lost: the upload that it may have begun is looked for and reported (I9). It is left alone, because it
 * looks the same as one that somebody else has begun for this key in the same moment.
 *
 * @param sinceMs how long ago the first attempt began
 */
export async function reportStrays(
  { client, settings, emit, abandoned }: UploadRun,
  ownId: string,
  sinceMs: number,
): Promise<void> {
  const { bucket, key, signal, object } = settings
  const target = { bucket, prefix: key, requestPayer: object.requestPayer, signal }
  const uploads: ListedUpload[] = []
  try {
    for await (const upload of listMultipartUploads(client, target)) {
      if (upload.key === key) uploads.push(upload)
    }
  } catch {
    const consequence = 'an upload whose answer was lost may be open, and cannot be looked for'
    emit({ type: 'degraded', operation: 'ListMultipartUploads', consequence })
    return
  }
  // Both times are OSS's own.
  const own = uploads.find(({ uploadId }) => uploadId === ownId)?.initiated.getTime()
  for (const { uploadId, initiated } of uploads) {
    const age = (own ?? Number.NaN) - initiated.getTime()
    if (uploadId === ownId || !(Math.abs(age) <= sinceMs + 1000)) continue
    abandoned.add(uploadId)
    emit({ type: 'found', uploadId, matchingBytes: 0, adopted: false })
  }
}
