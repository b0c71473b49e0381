// Owns what a provider of credentials is, what it may give, and the form of its failures.

import { OssError } from '../../primitives/errors.js'
import type { Credentials } from '../../signing/credentials.js'

/** Asked for credentials before each attempt of each request, so that rotated ones are picked up. */
export type CredentialsProvider = () => Credentials | Promise<Credentials>

/** Temporary credentials know when they end; the signer does not need to. */
export interface ExpiringCredentials extends Credentials {
  readonly expiration?: Date | undefined
}

/** Gets credentials anew each time that it is asked. */
export type CredentialsSource = () => ExpiringCredentials | Promise<ExpiringCredentials>

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>

/** What to do where nothing is configured, in every message that says so. */
export const environmentHint =
  'set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET (and OSS_SESSION_TOKEN for STS)'

/**
 * A failure to get credentials. It has no cause: errors of parsers, of programs and of HTTP quote what they were given, and
 * that may be a secret.
 */
export function credentialsError(message: string, hint?: string): OssError {
  return new OssError(message, { code: 'ERR_OSS_CREDENTIALS', hint })
}

/** @throws {OssError} `ERR_OSS_CREDENTIALS` naming what cannot be used, never its value. */
export function assertCredentials(credentials: Credentials): void {
  if (!isHeaderText(credentials?.accessKeyId) || !isHeaderText(credentials.accessKeySecret)) {
    throw credentialsError('credentials need accessKeyId and accessKeySecret, printable ASCII')
  }
  // The Authorization header is split at these again.
  if (/[/,]/.test(credentials.accessKeyId)) {
    throw credentialsError('accessKeyId must not have a slash or comma')
  }
  if (credentials.securityToken !== undefined && !isHeaderText(credentials.securityToken)) {
    throw credentialsError('the security token must be printable ASCII')
  }
}

/** Both the id and the token travel in header lines; a line break there would be a second header. */
export function isHeaderText(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
}
