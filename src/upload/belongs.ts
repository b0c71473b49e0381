// Says whether a checkpoint belongs to this upload, and names what differs when it does not.

import { callbackHeaders } from '../oss/callback.js'
import { namedHeaders } from '../oss/object-settings.js'
import { crc64 } from '../primitives/crc64.js'
import { OssError } from '../primitives/errors.js'
import type { JournalHeader } from './journal.js'
import type { UploadSettings } from './options.js'

/**
 * One checksum per header and option that Initiate and Complete are sent: enough to name a difference, too little to tell a
 * value. What only concerns how parts travel, such as `trafficLimit`, may differ from run to run.
 */
export function settingsDigest(
  settings: Pick<UploadSettings, 'object'> &
    Partial<Pick<UploadSettings, 'callback' | 'sequential'>>,
): Record<string, string> {
  const { headers, forbidOverwrite, metadata, tagging, ...others } = settings.object
  const sent = {
    ...namedHeaders(headers),
    ...others,
    forbidOverwrite: forbidOverwrite || undefined,
    metadata: sorted(metadata, (name) => name.toLowerCase()),
    tagging: sorted(tagging, (key) => key),
    callback: settings.callback && callbackHeaders(settings.callback),
    sequential: settings.sequential || undefined,
  }
  const digest: Record<string, string> = {}
  for (const [name, value] of Object.entries(sent)) {
    if (value === undefined) continue
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    digest[name] = crc64(Buffer.from(text)).toString(16)
  }
  return digest
}

/** Names and values in one order, because theirs tells nothing; undefined for none. */
function sorted(
  record: Readonly<Record<string, string>> = {},
  nameOf: (name: string) => string,
): readonly (readonly [string, string])[] | undefined {
  const pairs = Object.entries(record).map(([name, value]) => [nameOf(name), value] as const)
  return pairs.length === 0 ? undefined : pairs.sort(([a], [b]) => (a < b ? -1 : 1))
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
