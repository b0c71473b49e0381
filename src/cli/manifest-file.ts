// Owns the file that `ossup upload --manifest` writes: looked at before the upload, and written whole or not at all.

import { constants } from 'node:fs'
import { access, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isNodeError, OssError } from '../primitives/errors.js'
import type { Manifest } from '../upload/result.js'

/** An upload of hours must not end with a name that could not be written from the beginning. */
export async function assertManifestPath(path: string): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined)
    if (found?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
    await access(dirname(path), constants.W_OK)
  } catch (error) {
    throw cannotWrite(
      path,
      error,
      'nothing was sent: name a file in a directory that can be written',
    )
  }
}

/** @throws {OssError} `ERR_MANIFEST`; the object is stored all the same. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    const { encodeManifest } = await import('../upload/manifest.js')
    await writeFile(temporary, encodeManifest(manifest), { flush: true })
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw cannotWrite(
      path,
      error,
      'the object is stored and checked: ossup verify compares it with the file',
    )
  }
}

function cannotWrite(path: string, cause: unknown, hint: string): OssError {
  const code = isNodeError(cause) ? ` (${cause.code})` : ''
  return new OssError(`cannot write the manifest ${path}${code}`, {
    code: 'ERR_MANIFEST',
    hint,
    cause,
  })
}
