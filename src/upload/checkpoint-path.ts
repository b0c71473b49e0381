// Names the checkpoint's file: beside the source, or in a directory that holds those of many uploads.

import { basename, join, resolve } from 'node:path'
import { crc64 } from '../primitives/crc64.js'

export interface CheckpointPlace {
  readonly path?: string | undefined
  readonly bucket: string
  readonly key: string
  readonly checkpointPath?: string | undefined
  readonly checkpointDir?: string | undefined
}

const maxNameLength = 64

/**
 * `checkpointPath` as it is, or one file of `checkpointDir` for each source and destination: the name of the source, to be
 * recognised, and a checksum of where it is and where it goes, to be told apart. Bytes and streams have no name: the key's.
 */
export function checkpointPathOf(options: CheckpointPlace): string {
  const { path, bucket, key, checkpointPath, checkpointDir } = options
  if (checkpointPath !== undefined) return checkpointPath
  if (checkpointDir === undefined) return `${path}.ucp`
  const name = basename(path ?? key)
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .slice(-maxNameLength)
  const place = path === undefined ? '' : resolve(path)
  const told = crc64(Buffer.from([place, bucket, key].join('\0')))
  return join(checkpointDir, `${name}-${told.toString(16).padStart(16, '0')}.ucp`)
}
