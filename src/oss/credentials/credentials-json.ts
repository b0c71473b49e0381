// Owns reading credentials out of JSON, whoever wrote it; no error repeats a value, for any of them may be a secret.

import {
  assertCredentials,
  credentialsError,
  type ExpiringCredentials,
  isHeaderText,
} from './provider.js'

export type JsonObject = Readonly<Record<string, unknown>>

/** Names of the members, as the services of Alibaba Cloud write them. */
const serviceNames = {
  id: 'AccessKeyId',
  secret: 'AccessKeySecret',
  token: 'SecurityToken',
  expiration: 'Expiration',
}

/** The same, as the configuration file of the Alibaba Cloud CLI and the programs that it runs write them. */
const profileNames = {
  id: 'access_key_id',
  secret: 'access_key_secret',
  token: 'sts_token',
  expiration: 'expiration',
}

/** @param what whose answer it is, for messages: `the metadata service` */
export function parseJsonObject(bytes: Uint8Array, what: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    // The message of a SyntaxError quotes the text.
    throw credentialsError(`${what} did not give JSON`)
  }
  if (!isJsonObject(value)) throw credentialsError(`${what} did not give a JSON object`)
  return value
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Credentials of a service: `AccessKeyId`, `AccessKeySecret`, `SecurityToken`, `Expiration` (ISO 8601), and a `Code` that is
 * `Success` where there is one.
 */
export function decodeServiceCredentials(object: JsonObject, what: string): ExpiringCredentials {
  if (object['Code'] !== undefined && object['Code'] !== 'Success') {
    throw credentialsError(`${what} answered with a Code other than Success`)
  }
  return decode(object, what, serviceNames)
}

/** Credentials as a profile has them: `access_key_id`, `access_key_secret`, `sts_token`, `expiration`. */
export function decodeProfileCredentials(object: JsonObject, what: string): ExpiringCredentials {
  return decode(object, what, profileNames)
}

/** @throws {OssError} `ERR_OSS_CREDENTIALS` unless there is a security token: what roles give has one. */
export function assertTemporary(
  credentials: ExpiringCredentials,
  what: string,
  name: string = serviceNames.token,
): void {
  if (credentials.securityToken === undefined) throw lacking(what, name)
}

function decode(object: JsonObject, what: string, names: typeof serviceNames): ExpiringCredentials {
  const accessKeyId = object[names.id]
  const accessKeySecret = object[names.secret]
  const securityToken = object[names.token]
  if (!isHeaderText(accessKeyId)) throw lacking(what, names.id)
  if (!isHeaderText(accessKeySecret)) throw lacking(what, names.secret)
  // An absent token is written as an empty one, too.
  const hasToken = securityToken !== undefined && securityToken !== null && securityToken !== ''
  if (hasToken && !isHeaderText(securityToken)) throw lacking(what, names.token)
  const expiration = decodeTime(object[names.expiration], what, names.expiration)
  const credentials = {
    accessKeyId,
    accessKeySecret,
    ...(hasToken && { securityToken }),
    ...(expiration !== undefined && { expiration }),
  }
  assertCredentials(credentials)
  return credentials
}

function decodeTime(value: unknown, what: string, name: string): Date | undefined {
  if (value === undefined || value === null || value === '') return undefined
  // Date would read much more than ISO 8601, and what has no time zone as local time.
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/
  const time = typeof value === 'string' && form.test(value) ? new Date(value) : undefined
  if (time === undefined || Number.isNaN(time.getTime())) {
    throw credentialsError(`${what} gave no ${name} in ISO 8601`)
  }
  return time
}

function lacking(what: string, name: string): Error {
  return credentialsError(`${what} gave no usable ${name}`)
}
