// Stores a file of at most one part with PutObject: one request, and nothing to resume.

import type { OssClient } from '../oss/client.js'
import { putObject } from '../oss/object.js'
import { OssError } from '../primitives/errors.js'
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
  const { bucket, key, contentType, signal } = settings
  const { size } = source
  const progress = new Progress(settings.onProgress, size, 1)
  const range = { number: 1, offset: 0, size }
  const reader = new PartReader(source, range, new PartBuffers(), (bytes) => progress.sent(bytes))
  const body = size === 0 ? new Uint8Array() : reader
  let stored: Awaited<ReturnType<typeof putObject>>
  try {
    stored = await putObject(client, { bucket, key, contentType, body, signal })
  } finally {
    await reader.settled()
  }
  const crc64 = reader.crc64
  if (crc64 === undefined) {
    throw new OssError('the object was acknowledged before it was sent whole', {
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'PutObject',
    })
  }
  // I4. Nothing can be checked before it is published here: PutObject publishes with the last byte.
  if (stored.crc64 !== undefined && stored.crc64 !== crc64) {
    throw new OssError(
      `oss://${bucket}/${key} is stored with other content: expected CRC-64 ${crc64}, found ${stored.crc64}`,
      {
        code: 'ERR_OSS_CHECKSUM_MISMATCH',
        operation: 'PutObject',
        hint: 'do not use the object; run again to replace it',
      },
    )
  }
  progress.acknowledged(size)
  progress.phase('completed')
  return {
    outcome: 'completed',
    etag: stored.etag,
    crc64,
    size,
    parts: 1,
    ...(stored.versionId !== undefined && { versionId: stored.versionId }),
    resumed: { parts: 0, bytes: 0 },
    sent: { parts: 1, bytes: size },
    abandonedUploadIds: [],
  }
}
