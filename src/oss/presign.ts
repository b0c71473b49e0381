// Presigned URLs for objects: which host and path they call, what is checked before one is signed, and when it expires.

import { assertExpires, presignUrl } from '../signing/presign-url.js'
import type { SigningContext } from '../signing/sign-request.js'
import {
  assertBucketName,
  assertObjectKey,
  assertPartNumber,
  assertUploadId,
  type Endpoint,
  hostOf,
  requestTarget,
} from './endpoint.js'
import { assertAdditionalHeaders } from './headers.js'
import { assertHeaderValue } from './send.js'

/** Who signs, and for which endpoint: an `OssClient`, or as much of one. */
export interface Presigner {
  readonly endpoint: Endpoint
  signingContext(): Promise<SigningContext>
}

export interface PresignOptions {
  /** With `partNumber` and `uploadId` it must be `PUT`. */
  readonly method: 'GET' | 'HEAD' | 'PUT'
  readonly bucket: string
  /** 1..1023 UTF-8 bytes, not starting with `/` or `\`. */
  readonly key: string
  /** Seconds from now until the URL expires, 1..604,800 (7 days). STS credentials end it earlier. @default 3600 */
  readonly expiresSeconds?: number | undefined
  /** 1..10,000: the URL uploads this part. Needs `uploadId`. @default none */
  readonly partNumber?: number | undefined
  /** Of a multipart upload that was initiated before. Needs `partNumber`. @default none */
  readonly uploadId?: string | undefined
  /** Further parameters, such as `response-content-type`: decoded names and values, '' for a bare name. @default {} */
  readonly query?: Readonly<Record<string, string>> | undefined
  /**
   * What the user of the URL will send, with exactly these values: `content-type`, `content-md5` and `x-oss-*` are signed, and a
   * request that has another one of them is refused. The others count only where `additionalHeaders` names them. @default {}
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Names of further headers to sign. `host` is filled in; every other one must be in `headers`. @default [] */
  readonly additionalHeaders?: readonly string[] | undefined
}

export interface PresignedRequest {
  readonly method: string
  /** To be called byte for byte. A secret until it expires: whoever has it can make this request. */
  readonly url: string
  /** What has to be sent, with exactly these values; `host` is sent by every HTTP client on its own. */
  readonly headers: Readonly<Record<string, string>>
  readonly expiresAt: Date
}

const optionNames: ReadonlySet<string> = new Set<keyof PresignOptions>([
  'method',
  'bucket',
  'key',
  'expiresSeconds',
  'partNumber',
  'uploadId',
  'query',
  'headers',
  'additionalHeaders',
])

const defaultExpiresSeconds = 3600

/**
 * Signs a URL with which anybody can make one GET, HEAD, PUT or UploadPart request, without credentials, until it expires.
 *
 * Nothing is sent. https://www.alibabacloud.com/help/en/oss/developer-reference/add-signatures-to-urls
 *
 * @throws {TypeError|RangeError} naming the option that cannot be used.
 * @throws {OssError} `ERR_OSS_CREDENTIALS` when there are no usable credentials.
 */
export async function presign(
  presigner: Presigner,
  options: PresignOptions,
): Promise<PresignedRequest> {
  assertOptions(options)
  const { method, bucket, key, partNumber, uploadId } = options
  const { expiresSeconds = defaultExpiresSeconds } = options
  const { endpoint } = presigner
  const { origin } = requestTarget(endpoint, bucket, key)
  const { additionalHeaders = [] } = options
  const headers = withHost(options.headers ?? {}, additionalHeaders, origin)
  const part = uploadId === undefined ? {} : { partNumber: String(partNumber), uploadId }
  const context = await presigner.signingContext()
  const { url } = presignUrl(
    {
      ...{ method, bucket, key, headers, additionalHeaders, origin },
      query: { ...options.query, ...part },
      pathStyle: endpoint.pathStyle,
    },
    { ...context, expiresSeconds },
  )
  const { host: _, ...toSend } = headers
  // The signature has whole seconds.
  const signedAtMs = Math.floor(context.time.getTime() / 1000) * 1000
  return { method, url, headers: toSend, expiresAt: new Date(signedAtMs + expiresSeconds * 1000) }
}

function assertOptions(options: PresignOptions): void {
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name)) throw new TypeError(`unknown option "${name}"`)
  }
  const { method, partNumber, uploadId, headers = {}, additionalHeaders = [] } = options
  assertBucketName(options.bucket)
  assertObjectKey(options.key)
  if (!['GET', 'HEAD', 'PUT'].includes(method)) {
    throw new TypeError('method must be GET, HEAD or PUT')
  }
  if ((partNumber ?? uploadId) !== undefined) {
    if (method !== 'PUT') throw new TypeError('method must be PUT to upload a part')
    assertPartNumber(partNumber)
    assertUploadId(uploadId)
  }
  for (const [name, value] of Object.entries(headers)) assertHeaderValue(name, value)
  assertExpires(options.expiresSeconds ?? defaultExpiresSeconds)
  assertAdditionalHeaders(additionalHeaders)
  const present = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  const missing = additionalHeaders.find(
    (name) => name.toLowerCase() !== 'host' && !present.has(name.toLowerCase()),
  )
  if (missing !== undefined) {
    throw new TypeError(
      `additionalHeaders has ${missing}, and headers does not: its value is signed`,
    )
  }
}

/** A URL has one host, so its value need not be given; one that contradicts it could never be sent. */
function withHost(
  given: Readonly<Record<string, string>>,
  additionalHeaders: readonly string[],
  origin: string,
): Record<string, string> {
  const { host, ...headers } = lowerCased(given)
  if (host !== undefined && host !== hostOf(origin)) {
    throw new TypeError(`headers must not have another host than ${hostOf(origin)}`)
  }
  const signsHost = additionalHeaders.some((name) => name.toLowerCase() === 'host')
  return signsHost ? { ...headers, host: hostOf(origin) } : headers
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(headers).map((name) => name.toLowerCase())
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    throw new TypeError(`headers: ${twice} is there twice, in different case`)
  return Object.fromEntries(names.map((name, index) => [name, Object.values(headers)[index] ?? '']))
}
