// Owns the URL form: the signature in the query, so that whoever holds the URL can make this one request.

import { encodeUriPath } from '../primitives/uri-encode.js'
import type { SignableRequest, SignedRequest, SigningContext } from './sign-request.js'
import { runSteps, withSigning } from './sign-request.js'
import * as v4 from './v4.js'

/** A request to presign. Its `headers` are those that the user of the URL will send, with exactly these values. */
export interface PresignableRequest extends SignableRequest {
  /** Scheme, host and port as they will be called, such as `https://examplebucket.oss-cn-hangzhou.aliyuncs.com`. */
  readonly origin: string
  /** Puts the bucket into the path of the URL. The signature stays the same. @default false */
  readonly pathStyle?: boolean | undefined
}

export interface PresigningContext extends SigningContext {
  /** Seconds from `time` until the URL expires, 1 to 604,800 (7 days). */
  readonly expiresSeconds: number
}

export interface PresignedUrl
  extends Pick<SignedRequest, 'canonicalRequest' | 'stringToSign' | 'signature'> {
  /** Holds the signature, and the security token if there is one: a secret until it expires. */
  readonly url: string
}

/** https://www.alibabacloud.com/help/en/oss/developer-reference/add-signatures-to-urls */
const maxExpiresSeconds = 604_800

/**
 * Signs a request through its query. Pure: same input, same result.
 * @throws {TypeError} when an option cannot be signed, or sets by hand what the signature sets
 * @throws {RangeError} when `expiresSeconds` is out of range, or `time` is no valid date
 */
export function presignUrl(request: PresignableRequest, context: PresigningContext): PresignedUrl {
  const { origin, pathStyle, bucket, key, headers = {} } = request
  const { region, product = 'oss', credentials } = context
  assertExpires(context.expiresSeconds)
  if (!/^https?:\/\/[A-Za-z0-9._~:[\]-]+$/i.test(origin)) {
    throw new TypeError('origin must be http(s)://host or http(s)://host:port, without a path')
  }
  const timestamp = v4.timestampOf(context.time)
  const scope = v4.credentialScope(timestamp, region, product)
  const names = v4.additionalHeaderNames(headers, request.additionalHeaders ?? [])
  const query = withSigning('query', request.query, {
    'x-oss-signature-version': v4.algorithm,
    'x-oss-credential': v4.credential(credentials.accessKeyId, scope),
    'x-oss-date': timestamp,
    'x-oss-expires': String(context.expiresSeconds),
    'x-oss-additional-headers': names || undefined,
    'x-oss-security-token': credentials.securityToken || undefined,
    'x-oss-signature': undefined,
  })
  // OSS refuses a parameter and a signed header of one name that differ, and a request signed in both forms.
  withSigning('headers', headers, {
    ...Object.fromEntries(Object.entries(query).filter(([name]) => name.startsWith('x-oss-'))),
    'x-oss-content-sha256': v4.unsignedPayload,
    authorization: undefined,
  })
  const { canonicalRequest, stringToSign, signature } = runSteps({ ...request, query }, context)
  const path = pathStyle ? v4.canonicalUri(bucket, key) : `/${encodeUriPath(key ?? '', 'key')}`
  const sentQuery = v4.canonicalQuery({ ...query, 'x-oss-signature': signature })
  return { url: `${origin}${path}?${sentQuery}`, canonicalRequest, stringToSign, signature }
}

/** @throws {RangeError} for anything but an integer from 1 to 604,800 */
export function assertExpires(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= maxExpiresSeconds) return
  throw new RangeError(`expiresSeconds must be an integer from 1 to ${maxExpiresSeconds} (7 days)`)
}
