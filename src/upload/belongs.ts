// Says whether a checkpoint belongs to this upload, and names what differs when it does not.

import type { ObjectSettings } from '../oss/headers.js'
import { objectHeaders } from '../oss/headers.js'
import { crc64 } from '../primitives/crc64.js'
import { OssError } from '../primitives/errors.js'
import type { JournalHeader } from './journal.js'
import type { UploadSettings } from './options.js'

/** One checksum per header that Initiate was sent: enough to name a difference, too little to tell a value. */
export function settingsDigest(settings: ObjectSettings): Record<string, string> {
  const digest: Record<string, string> = {}
  for (const [name, value] of Object.entries(objectHeaders(settings))) {
    if (value !== undefined) digest[name] = crc64(Buffer.from(value)).toString(16)
  }
  return digest
}

/** @throws {OssError} `ERR_OSS_CHECKPOINT_MISMATCH` naming each difference and the way out. */
export function assertBelongs(
  header: JournalHeader,
  settings: UploadSettings,
  service: string,
  location: string,
): void {
  const differences: string[] = []
  const { bucket, key } = settings
  if (header.bucket !== bucket || header.key !== key) {
    differences.push(`it is for oss://${header.bucket}/${header.key}, not oss://${bucket}/${key}`)
  }
  if (header.service !== service) {
    differences.push(`it is for ${header.service}, not ${service}`)
  }
  if (settings.partSize !== undefined && settings.partSize !== header.partSize) {
    differences.push(`its part size is ${header.partSize}, not ${settings.partSize}`)
  }
  const ours = settingsDigest(settings)
  const names = new Set([...Object.keys(ours), ...Object.keys(header.settings)])
  const changed = [...names].filter((name) => ours[name] !== header.settings[name]).sort()
  if (changed.length > 0) differences.push(`it was begun with another ${changed.join(', ')}`)
  if (differences.length === 0) return
  throw new OssError(
    `the checkpoint ${location} belongs to another upload: ${differences.join('; ')}`,
    {
      code: 'ERR_OSS_CHECKPOINT_MISMATCH',
      hint: 'use another checkpoint (checkpointPath, --checkpoint), or give the recorded upload up with restart (--restart)',
    },
  )
}
