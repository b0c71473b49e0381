// Stores a file of at most one part with PutObject: one request, and nothing to resume.

import type { OssClient } from '../oss/client.js'
import { putObject } from '../oss/object.js'
import { OssError, OssServiceError } from '../primitives/errors.js'
import { contentMd5Of } from './digest-part.js'
import { tell, type UploadEvent } from './events.js'
import { confirmStored, storedWithoutCallback } from './inspect-object.js'
import type { UploadSettings } from './options.js'
import { PartBuffers, PartReader } from './part-reader.js'
import { Progress } from './progress.js'
import type { UploadFileResult } from './result.js'
import type { Source } from './source.js'

export async function putSmallFile(
  client: OssClient,
  settings: UploadSettings,
  source: Source,
): Promise<UploadFileResult> {
  const { bucket, key, signal, object, callback, trafficLimit } = settings
  const { size } = source
  const run = { client, settings, emit: (event: UploadEvent) => tell(settings.onEvent, event) }
  const progress = new Progress(settings.onProgress, size, 1)
  const range = { number: 1, offset: 0, size }
  const buffers = new PartBuffers()
  const contentMd5 = await contentMd5Of(source, range, buffers, signal, settings.contentMd5)
  const reader = new PartReader(source, range, buffers, (bytes) => progress.sent(bytes))
  const body = size === 0 ? new Uint8Array() : reader
  const request = { bucket, key, ...object, callback, trafficLimit, contentMd5, body, signal }
  const answer = await putObject(client, request)
    .catch((error: unknown) => {
      // Stored, and only the callback failed: not an error of the upload.
      if (error instanceof OssServiceError && error.status === 203) return error
      throw error
    })
    .finally(() => reader.settled())
  const { crc64 } = reader
  if (crc64 === undefined) {
    throw new OssError('the object was acknowledged before it was sent whole', {
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'PutObject',
    })
  }
  // I4. Nothing can be checked before it is published here: PutObject publishes with the last byte.
  const expected = { size, crc64 }
  const completion =
    answer instanceof OssServiceError
      ? await storedWithoutCallback(run, expected, answer)
      : await confirmStored(run, expected, answer, 'PutObject')
  progress.acknowledged(size)
  progress.phase('completed')
  return {
    ...completion,
    ...expected,
    parts: 1,
    resumed: { parts: 0, bytes: 0 },
    sent: { parts: 1, bytes: size },
    abandonedUploadIds: [],
  }
}
