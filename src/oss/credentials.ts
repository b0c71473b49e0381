// Owns asking for credentials once, and what every answer must be like; the providers are in the folder of this name.

import { OssError } from '../primitives/errors.js'
import type { Credentials } from '../signing/credentials.js'
import { assertCredentials, type CredentialsProvider } from './credentials/provider.js'

export { environmentCredentials } from './credentials/environment.js'
export type { CredentialsProvider } from './credentials/provider.js'

/**
 * Asks `source` and checks what it gives. It is waited for in any case, so that nothing of it runs on afterwards.
 *
 * @param signal what the credentials are for was cancelled: its reason is then more to the point than how `source` failed
 * @throws {OssError} `ERR_OSS_CREDENTIALS` when the provider fails or gives nothing usable.
 */
export async function resolveCredentials(
  source: Credentials | CredentialsProvider,
  signal?: AbortSignal,
): Promise<Credentials> {
  let credentials: Credentials
  try {
    credentials = typeof source === 'function' ? await source() : source
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof OssError) throw cause
    throw new OssError('the credentials provider failed', { code: 'ERR_OSS_CREDENTIALS', cause })
  }
  assertCredentials(credentials)
  return credentials
}
