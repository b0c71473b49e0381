// What a failed upload leaves behind, and what its error says about it.

import { OssError } from '../primitives/errors.js'
import { abandonUpload, supersededUpload } from './abandon.js'
import type { Checkpoint } from './checkpoint.js'
import { isDeadline } from './deadline.js'
import type { UploadSettings } from './options.js'
import { settlesLater, type UploadRun } from './run.js'

/**
 * After every request has settled: an upload that nothing remembers, or that the caller wants discarded, is aborted.
 * Never throws, because the first error is the one to be thrown.
 */
export async function leaveAfterFailure(run: UploadRun, error: unknown): Promise<void> {
  const { checkpoint, settings } = run
  const header = checkpoint.upload
  if (header === undefined) return
  const cancelled =
    settings.signal?.aborted === true && error === settings.signal.reason && !isDeadline(error)
  // Longer than it can become, an upload is of no use to any run.
  const hopeless = error instanceof OssError && error.code === 'ERR_OSS_SOURCE_TOO_LARGE'
  const discards = hopeless || (cancelled && settings.onAbort === 'discard')
  if (checkpoint.isKept && !discards) return
  const reason = cancelled
    ? 'cancelled'
    : hopeless
      ? 'the stream has outgrown its part size'
      : 'failed without a checkpoint'
  const superseded = supersededUpload(header, reason)
  try {
    await checkpoint.supersede(superseded)
    const gone = await abandonUpload(run, superseded)
    if (gone) await checkpoint.remove()
  } catch {
    // The checkpoint could not be written: what stands in it is still true.
  }
}

/** Here the same call would fail the same way: somebody has to decide something first. */
const needsDecision: ReadonlySet<string> = new Set([
  'ERR_OSS_CHECKPOINT_MISMATCH',
  'ERR_OSS_AMBIGUOUS',
])

/** Adds to a library error what is kept and whether the same call resumes. Misuse and `signal.reason` pass untouched. */
export function describeFailure(
  error: unknown,
  settings: UploadSettings,
  checkpoint: Checkpoint | undefined,
  location: string,
  abandonedUploadIds: readonly string[],
): unknown {
  if (!(error instanceof OssError) || error.upload !== undefined) return error
  const uploadId = checkpoint?.upload?.uploadId
  const kept = checkpoint?.isKept === true
  // The record of an upload that was given up is what lets the next run begin another one.
  const recorded = kept && (uploadId !== undefined || error.code === 'ERR_OSS_SOURCE_CONSUMED')
  error.upload = {
    bucket: settings.bucket,
    key: settings.key,
    ...(uploadId !== undefined && { uploadId }),
    ...(location !== '' && { checkpointPath: location }),
    resumable:
      error.code === 'ERR_OSS_CHECKPOINT_LOCKED' ||
      (recorded && (!needsDecision.has(error.code) || settlesLater.has(error))),
    abandonedUploadIds,
  }
  return error
}
