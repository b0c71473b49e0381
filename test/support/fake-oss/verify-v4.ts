/** Owns a second, deliberately naive reading of V4 signatures, from raw target and raw headers, in header and URL form. */

import {
  canonicalRequest,
  isSignedAnyway,
  readHeaders,
  readQuery,
  type SignedMessage,
  signatureOf,
  stringToSign,
  timestamp,
} from './canonical-v4.js'
import { invalidArgument, OssFailure } from './failure.js'
import type { FakeCredentials } from './options.js'

export const maxSkewMs = 15 * 60 * 1000
const maxExpiresSeconds = 7 * 24 * 60 * 60

export interface VerifierOptions {
  readonly region: string
  readonly product: string
  readonly credentials: readonly FakeCredentials[]
  readonly now: Date
}

/** A signature as it was claimed, whichever form it came in. */
interface Claim {
  readonly form: 'header' | 'url'
  readonly credential: string
  readonly signature: string
  readonly additional: readonly string[]
  readonly timestamp: string
  readonly token: string | undefined
  /** Seconds of validity, URL form only. */
  readonly expires: number | undefined
}

type Headers = ReadonlyMap<string, string>

function readAdditional(names: string | undefined, headers: Headers): readonly string[] {
  if (names === undefined) return []
  if (names === '') {
    throw invalidArgument('AdditionalHeaders must not be empty.', { ec: '0002-00000209' })
  }
  const list = [...new Set(names.toLowerCase().split(';'))]
  for (const name of list) {
    if (!headers.has(name) || name.includes('_')) {
      throw invalidArgument('An additional header is not in the request.', {
        name,
        ec: '0002-00000211',
      })
    }
  }
  return list
}

function readHeaderForm(authorization: string, headers: Headers): Claim {
  if (!authorization.startsWith('OSS4-HMAC-SHA256 ')) {
    throw invalidArgument('This fake OSS understands V4 signatures only.', {
      name: 'Authorization',
    })
  }
  const fields = new Map(
    authorization
      .slice('OSS4-HMAC-SHA256 '.length)
      .split(',')
      .map((field) => {
        const equals = field.indexOf('=')
        return [field.slice(0, equals).trim(), field.slice(equals + 1).trim()] as const
      }),
  )
  const credential = fields.get('Credential')
  const signature = fields.get('Signature')
  if (credential === undefined || signature === undefined) {
    throw invalidArgument('The Authorization header is incomplete.', { ec: '0002-00000213' })
  }
  if (headers.get('x-oss-content-sha256') !== 'UNSIGNED-PAYLOAD') {
    throw invalidArgument('x-oss-content-sha256 must be UNSIGNED-PAYLOAD.', {
      name: 'x-oss-content-sha256',
      value: headers.get('x-oss-content-sha256') ?? '',
      ec: '0002-00000214',
    })
  }
  return {
    form: 'header',
    credential,
    signature,
    additional: readAdditional(fields.get('AdditionalHeaders'), headers),
    timestamp: headers.get('x-oss-date') ?? timestampOfDate(headers.get('date')),
    token: headers.get('x-oss-security-token'),
    expires: undefined,
  }
}

/** Date may hold a timestamp (Android) or an HTTP date. */
function timestampOfDate(date: string | undefined): string {
  if (date === undefined || /^\d{8}T\d{6}Z$/.test(date)) return date ?? ''
  const milliseconds = Date.parse(date)
  return Number.isNaN(milliseconds) ? '' : timestamp(new Date(milliseconds))
}

function readUrlForm(query: Headers, headers: Headers): Claim {
  const need = (name: string, ec: string): string => {
    const value = query.get(name)
    if (value === undefined || value === '') {
      throw invalidArgument(`The parameter ${name} is missing or empty.`, { name, ec })
    }
    return value
  }
  if (query.get('x-oss-signature-version') !== 'OSS4-HMAC-SHA256') {
    throw invalidArgument('x-oss-signature-version must be OSS4-HMAC-SHA256.', {
      name: 'x-oss-signature-version',
    })
  }
  for (const [name, value] of query) {
    if (headers.has(name) && isSignedAnyway(name) && headers.get(name) !== value) {
      throw invalidArgument('A parameter and a header of the same name differ.', { name })
    }
  }
  if ((headers.get('x-oss-content-sha256') ?? 'UNSIGNED-PAYLOAD') !== 'UNSIGNED-PAYLOAD') {
    throw invalidArgument('x-oss-content-sha256 must be UNSIGNED-PAYLOAD.', {
      ec: '0002-00000214',
    })
  }
  const expiresText = need('x-oss-expires', '0002-00000215')
  const expires = /^\d{1,9}$/.test(expiresText) ? Number(expiresText) : 0
  if (expires < 1 || expires > maxExpiresSeconds) {
    throw invalidArgument('x-oss-expires must be 1 to 604800 seconds.', {
      name: 'x-oss-expires',
      value: expiresText,
      ec: '0002-00000232',
    })
  }
  return {
    form: 'url',
    credential: need('x-oss-credential', '0002-00000224'),
    signature: need('x-oss-signature', '0002-00000219'),
    additional: readAdditional(query.get('x-oss-additional-headers'), headers),
    timestamp: need('x-oss-date', '0002-00000223'),
    token: query.get('x-oss-security-token'),
    expires,
  }
}

function checkScope(claim: Claim, options: VerifierOptions): { id: string; scope: string } {
  const [id, day, region, product, terminator, ...more] = claim.credential.split('/')
  if (!id || !/^\d{8}$/.test(day ?? '') || terminator !== 'aliyun_v4_request' || more.length > 0) {
    throw invalidArgument('The credential is malformed.', { ec: '0002-00000213' })
  }
  if (!/^\d{8}T\d{6}Z$/.test(claim.timestamp)) {
    throw new OssFailure(403, 'AccessDenied', 'OSS authentication requires a valid Date.', {
      ec: '0002-00000503',
    })
  }
  if (claim.timestamp.slice(0, 8) !== day) {
    throw invalidArgument('The day of the credential is not that of the request.', {
      ec: '0002-00000212',
    })
  }
  const where = claim.form === 'header' ? 'Authorization header' : 'x-oss-credential parameter'
  if (region !== options.region) {
    throw invalidArgument(`Invalid signing region in ${where}.`, { ec: '0002-00000226' })
  }
  if (product !== options.product) {
    throw invalidArgument(`Invalid signing product in ${where}.`, { ec: '0002-00000227' })
  }
  return { id, scope: `${day}/${region}/${product}/${terminator}` }
}

function checkTime(claim: Claim, now: Date): void {
  const signedAt = Date.parse(
    claim.timestamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z'),
  )
  const age = now.getTime() - signedAt
  if (claim.expires !== undefined && age > claim.expires * 1000) {
    const expires = new Date(signedAt + claim.expires * 1000).toISOString()
    throw new OssFailure(403, 'AccessDenied', 'Request has expired.', {
      ec: '0002-00000236',
      fields: { Expires: expires, ServerTime: now.toISOString() },
    })
  }
  if (Number.isNaN(age) || age < -maxSkewMs || (claim.expires === undefined && age > maxSkewMs)) {
    throw new OssFailure(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
      {
        fields: {
          MaxAllowedSkewMilliseconds: String(maxSkewMs),
          RequestTime: Number.isNaN(age) ? claim.timestamp : new Date(signedAt).toISOString(),
          ServerTime: now.toISOString(),
        },
      },
    )
  }
}

function findCredentials(id: string, claim: Claim, options: VerifierOptions): FakeCredentials {
  const sameId = options.credentials.filter((candidate) => candidate.accessKeyId === id)
  const match = sameId.find((candidate) => candidate.securityToken === claim.token)
  if (match !== undefined) {
    if (match.expiresAt !== undefined && options.now >= match.expiresAt) {
      throw new OssFailure(
        403,
        'SecurityTokenExpired',
        'The security token you provided has expired.',
      )
    }
    return match
  }
  if (sameId.length > 0 && claim.token !== undefined) {
    throw new OssFailure(403, 'InvalidSecurityToken', 'The security token you provided is invalid.')
  }
  throw new OssFailure(
    403,
    'InvalidAccessKeyId',
    'The OSS Access Key Id you provided does not exist in our records.',
    { fields: { OSSAccessKeyId: id } },
  )
}

/**
 * Checks the signature of a request.
 * @throws {OssFailure} what OSS would answer: AccessDenied (none at all), InvalidArgument, InvalidAccessKeyId,
 *   InvalidSecurityToken, SecurityTokenExpired, RequestTimeTooSkewed or SignatureDoesNotMatch
 */
export function verifyV4(message: SignedMessage, options: VerifierOptions): void {
  const headers = readHeaders(message)
  const query = readQuery(message)
  const authorization = headers.get('authorization')
  const hasUrlForm = query.has('x-oss-signature-version') || query.has('x-oss-signature')
  if (authorization === undefined && !hasUrlForm) {
    throw new OssFailure(403, 'AccessDenied', 'You have no right to access this object.')
  }
  if (authorization !== undefined && hasUrlForm) {
    throw invalidArgument('A request carries one signature, in the header or in the URL.')
  }
  const claim =
    authorization === undefined
      ? readUrlForm(query, headers)
      : readHeaderForm(authorization, headers)
  const { id, scope } = checkScope(claim, options)
  const credentials = findCredentials(id, claim, options)
  checkTime(claim, options.now)
  const canonical = canonicalRequest(message, claim.additional)
  const text = stringToSign(claim.timestamp, scope, canonical)
  if (signatureOf(credentials.accessKeySecret, scope, text) === claim.signature) return
  throw new OssFailure(
    403,
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    {
      fields: {
        OSSAccessKeyId: id,
        SignatureProvided: claim.signature,
        StringToSign: text,
        StringToSignBytes: (
          Buffer.from(text).toString('hex').toUpperCase().match(/../g) ?? []
        ).join(' '),
        CanonicalRequest: canonical,
      },
    },
  )
}
