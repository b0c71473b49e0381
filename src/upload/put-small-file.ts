// Stores a file of at most one part with PutObject: one request, and nothing to resume.

import { putObject } from '../oss/object.js'
import { type OssError, OssServiceError } from '../primitives/errors.js'
import { reconciled } from './complete.js'
import { contentMd5Of } from './digest-part.js'
import {
  confirmStored,
  type Expected,
  inspectObject,
  storedWithoutCallback,
} from './inspect-object.js'
import { PartBuffers, PartReader } from './part-reader.js'
import { Progress } from './progress.js'
import type { Completion, UploadFileResult } from './result.js'
import { isServiceError, isUnsettled, type UploadContext } from './run.js'
import type { Source } from './source.js'
import { manifestOf } from './stages.js'

export async function putSmallFile(run: UploadContext, source: Source): Promise<UploadFileResult> {
  const { client, settings } = run
  const { bucket, key, signal, object, callback, trafficLimit } = settings
  const { size } = source
  const progress = new Progress(settings.onProgress, size, 1)
  const range = { number: 1, offset: 0, size }
  const buffers = new PartBuffers()
  const contentMd5 = await contentMd5Of(source, range, buffers, signal, settings.contentMd5)
  const reader = new PartReader(source, range, buffers, (bytes) => progress.sent(bytes))
  const body = size === 0 ? new Uint8Array() : reader
  const request = { bucket, key, ...object, callback, trafficLimit, contentMd5, body, signal }
  let answer: Awaited<ReturnType<typeof putObject>> | OssServiceError | undefined
  let lost: unknown
  try {
    answer = await putObject(client, request)
  } catch (error) {
    // Stored, and only the callback failed: not an error of the upload.
    if (error instanceof OssServiceError && error.status === 203) answer = error
    else if (mayBeStored(error)) lost = error
    else throw error
  } finally {
    await reader.settled()
  }
  // I4. Nothing can be checked before it is published here: PutObject publishes with the last byte.
  const expected = { size, crc64: size === 0 ? '0' : (reader.crc64 ?? '') }
  const completion =
    answer === undefined
      ? await settle(run, expected, lost)
      : answer instanceof OssServiceError
        ? await storedWithoutCallback(run, expected, answer)
        : await confirmStored(run, expected, answer, 'PutObject')
  progress.acknowledged(size)
  progress.phase('completed')
  return {
    ...completion,
    ...expected,
    ...manifestOf(run, { ...completion, ...expected }, undefined, 0),
    parts: 1,
    resumed: { parts: 0, bytes: 0 },
    sent: { parts: 1, bytes: size },
    abandonedUploadIds: [],
  }
}

/** The answer to an attempt was lost, and the last one is not the whole story: what it refused may be the work of an earlier one. */
function mayBeStored(error: unknown): error is OssError {
  if (isUnsettled(error)) return true
  const lost = (verdict: string): boolean => verdict === 'network' || verdict === 'server'
  return (
    isServiceError(error, 'FileAlreadyExists') &&
    error.attempts?.some(({ verdict }) => lost(verdict)) === true
  )
}

/** As for Complete (I5): the object tells. Only bytes that were all read can be compared with it. */
async function settle(
  run: Pick<UploadContext, 'client' | 'settings' | 'emit'>,
  expected: Expected,
  error: unknown,
): Promise<Completion> {
  if (expected.crc64 === '') throw error
  const verdict = await inspectObject(run, expected)
  if (verdict.result === 'stored') return reconciled(verdict.object)
  throw error
}
