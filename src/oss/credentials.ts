// Owns where credentials come from.

import { OssError } from '../primitives/errors.js'
import type { Credentials } from '../signing/credentials.js'

/** Asked for credentials before each attempt of each request, so that rotated ones are picked up. */
export type CredentialsProvider = () => Credentials | Promise<Credentials>

/**
 * Credentials from `OSS_ACCESS_KEY_ID`, `OSS_ACCESS_KEY_SECRET` and, for STS, `OSS_SESSION_TOKEN`: the names that the
 * official v2 SDKs read.
 *
 * The provider fails with `ERR_OSS_CREDENTIALS` when one of the first two is missing, naming it.
 */
export function environmentCredentials(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): CredentialsProvider {
  return () => {
    const accessKeyId = environment['OSS_ACCESS_KEY_ID']?.trim()
    const accessKeySecret = environment['OSS_ACCESS_KEY_SECRET']?.trim()
    if (!accessKeyId || !accessKeySecret) {
      const missing = accessKeyId ? 'OSS_ACCESS_KEY_SECRET' : 'OSS_ACCESS_KEY_ID'
      throw new OssError(`no credentials: ${missing} is not set`, {
        code: 'ERR_OSS_CREDENTIALS',
        hint: 'set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET (and OSS_SESSION_TOKEN for STS)',
      })
    }
    const securityToken = environment['OSS_SESSION_TOKEN']?.trim()
    return { accessKeyId, accessKeySecret, ...(securityToken && { securityToken }) }
  }
}

/**
 * Asks `source` and checks what it gives.
 *
 * @throws {OssError} `ERR_OSS_CREDENTIALS` when the provider fails or gives nothing usable.
 */
export async function resolveCredentials(
  source: Credentials | CredentialsProvider,
): Promise<Credentials> {
  let credentials: Credentials
  try {
    credentials = typeof source === 'function' ? await source() : source
  } catch (cause) {
    if (cause instanceof OssError) throw cause
    throw new OssError('the credentials provider failed', { code: 'ERR_OSS_CREDENTIALS', cause })
  }
  if (!isHeaderText(credentials?.accessKeyId) || !isHeaderText(credentials.accessKeySecret)) {
    throw new OssError('credentials need accessKeyId and accessKeySecret, printable ASCII', {
      code: 'ERR_OSS_CREDENTIALS',
    })
  }
  // The Authorization header is split at these again.
  if (/[/,]/.test(credentials.accessKeyId)) {
    throw new OssError('accessKeyId must not have a slash or comma', {
      code: 'ERR_OSS_CREDENTIALS',
    })
  }
  if (credentials.securityToken !== undefined && !isHeaderText(credentials.securityToken)) {
    throw new OssError('the security token must be printable ASCII', {
      code: 'ERR_OSS_CREDENTIALS',
    })
  }
  return credentials
}

/** Both the id and the token travel in header lines; a line break there would be a second header. */
function isHeaderText(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
}
