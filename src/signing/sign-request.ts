// Owns the header form: a copy of the caller's headers plus the four that carry the signature.

import type { Credentials } from './credentials.js'
import * as v4 from './v4.js'

/** A request before it is signed. Nothing in it is percent-encoded yet. */
export interface SignableRequest {
  /** HTTP method, in any case. */
  readonly method: string
  /** Absent for requests to the service, such as ListBuckets. */
  readonly bucket?: string | undefined
  /** Absent for requests to the bucket. */
  readonly key?: string | undefined
  /** Every parameter of the URL; an empty value stands for the bare name. */
  readonly query?: v4.TextRecord | undefined
  /** Every header that may need signing. Values are signed as UTF-8 and have to be sent so. */
  readonly headers?: v4.TextRecord | undefined
  /** Further headers to sign, in any case and order; names that `headers` does not have are dropped. */
  readonly additionalHeaders?: readonly string[] | undefined
}

/** Who signs, for where, and when. */
export interface SigningContext {
  /** Bare id such as `cn-hangzhou`, also behind internal, accelerate and custom domains. */
  readonly region: string
  /** `oss-cloudbox` for a cloud box. @default 'oss' */
  readonly product?: string | undefined
  readonly credentials: Credentials
  /** The moment of signing. OSS refuses what is more than 15 minutes off its own clock. */
  readonly time: Date
}

export interface SignedRequest {
  /** What goes on the wire, `authorization` included. */
  readonly headers: Record<string, string>
  readonly canonicalRequest: string
  readonly stringToSign: string
  readonly signature: string
  readonly authorization: string
}

/**
 * Signs a request through its headers. Pure: same input, same result.
 * @throws {TypeError} when an option cannot be signed, or sets by hand what the signature sets
 * @throws {RangeError} when `time` is no valid date
 */
export function signRequest(request: SignableRequest, context: SigningContext): SignedRequest {
  const headers = withSigning('headers', request.headers, {
    'x-oss-date': v4.timestampOf(context.time),
    'x-oss-content-sha256': v4.unsignedPayload,
    'x-oss-security-token': context.credentials.securityToken || undefined,
    authorization: undefined,
  })
  // One request must not be signed in both forms.
  const query = withSigning('query', request.query, {
    'x-oss-signature-version': undefined,
    'x-oss-credential': undefined,
    'x-oss-signature': undefined,
  })
  const signed = runSteps({ ...request, query, headers }, context)
  // Made of all the others, and so the last.
  headers['Authorization'] = signed.authorization
  return { headers, ...signed }
}

/** Steps 1 to 9 in order, for a request that already has the headers or parameters its form adds. */
export function runSteps(
  { method, bucket, key, query = {}, headers = {}, additionalHeaders = [] }: SignableRequest,
  { region, product = 'oss', credentials, time }: SigningContext,
): Omit<SignedRequest, 'headers'> {
  const timestamp = v4.timestampOf(time)
  const scope = v4.credentialScope(timestamp, region, product) // 1
  const uri = v4.canonicalUri(bucket, key) // 2
  const parameters = v4.canonicalQuery(query) // 3
  const signedHeaders = v4.canonicalHeaders(headers, additionalHeaders) // 4
  const names = v4.additionalHeaderNames(headers, additionalHeaders) // 5
  const canonicalRequest = v4.canonicalRequest(method, uri, parameters, signedHeaders, names) // 6
  const stringToSign = v4.stringToSign(timestamp, scope, canonicalRequest) // 7
  const { accessKeyId, accessKeySecret } = credentials
  const signingKey = v4.signingKey(accessKeySecret, timestamp.slice(0, 8), region, product) // 8
  const signature = v4.signature(signingKey, stringToSign) // 9
  const authorization = v4.authorization(v4.credential(accessKeyId, scope), names, signature)
  return { canonicalRequest, stringToSign, signature, authorization }
}

/** A copy of `given` with `signing` in it. What the caller set already must say the same; `undefined` must not be there. */
export function withSigning(
  option: 'headers' | 'query',
  given: v4.TextRecord = {},
  signing: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const all = Object.fromEntries(Object.entries(given))
  const nameOf = (name: string) => (option === 'headers' ? name.toLowerCase() : name)
  for (const [name, value] of Object.entries(signing)) {
    const present = Object.keys(given).find((other) => nameOf(other) === name)
    if (present !== undefined && given[present] !== value) {
      throw new TypeError(`${option}: ${name} comes from the signer and must not be set otherwise`)
    }
    if (value !== undefined && present === undefined) all[name] = value
  }
  return all
}
