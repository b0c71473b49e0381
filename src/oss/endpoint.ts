// Turns region, endpoint and addressing style into the origin that is called and the region that is signed.

import { isIP } from 'node:net'
import { encodeUriPath } from '../primitives/uri-encode.js'

export interface EndpointOptions {
  /**
   * Region id, e.g. `cn-hangzhou`; it is part of every signature.
   * @default taken from an endpoint of the form `oss-<region>.aliyuncs.com`
   * https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints
   */
  readonly region?: string | undefined
  /**
   * Host, or scheme and host, with an optional port and no path. Cleartext http is used only when this says `http://`.
   * @default `https://oss-<region>.aliyuncs.com`
   */
  readonly endpoint?: string | undefined
  /**
   * `true` puts the bucket into the path instead of the host name.
   * @default true for an IP address and for `localhost`, where a bucket cannot be part of the name; else false
   */
  readonly pathStyle?: boolean | undefined
}

export interface Endpoint {
  readonly region: string
  readonly pathStyle: boolean
  /** Scheme, host and port of the service, e.g. `https://oss-cn-hangzhou.aliyuncs.com`. */
  readonly origin: string
}

const regionPattern = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
/** `oss-accelerate` and `oss-accelerate-overseas` stand for every region. */
const publicHost = /^oss-(?!accelerate\b)([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/

/**
 * @throws {TypeError} naming `region` or `endpoint` and what is accepted.
 */
export function resolveEndpoint(options: EndpointOptions): Endpoint {
  const parsed = options.endpoint === undefined ? undefined : parseEndpoint(options.endpoint)
  const region = options.region ?? publicHost.exec(parsed?.hostname ?? '')?.[1]
  if (region === undefined) {
    throw new TypeError('region is required (e.g. cn-hangzhou): every V4 signature contains it')
  }
  if (region.startsWith('oss-')) {
    throw new TypeError(`region must be the bare id: "${region.slice(4)}", not "${region}"`)
  }
  if (!regionPattern.test(region)) {
    throw new TypeError(
      `region "${region}" is not a region id: lower-case letters, digits and hyphens`,
    )
  }
  const url = parsed ?? new URL(`https://oss-${region}.aliyuncs.com`)
  const numericHost = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0
  const pathStyle = options.pathStyle ?? (numericHost || url.hostname === 'localhost')
  if (!pathStyle && numericHost) {
    throw new TypeError('pathStyle must be true for an IP endpoint: a bucket cannot precede it')
  }
  return { region, pathStyle, origin: url.origin }
}

function parseEndpoint(endpoint: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  const scheme = url?.protocol
  if (
    url === undefined ||
    (scheme !== 'https:' && scheme !== 'http:') ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw new TypeError('endpoint must be [http:// or https://]host[:port], without path or query')
  }
  return url
}

/** Where a request for `bucket` and `key` goes: the path is, byte for byte, the resource that is signed. */
export function requestTarget(
  endpoint: Endpoint,
  bucket: string,
  key: string | undefined,
): { origin: string; path: string } {
  const object = encodeUriPath(key ?? '')
  if (endpoint.pathStyle) return { origin: endpoint.origin, path: `/${bucket}/${object}` }
  const [scheme, host] = endpoint.origin.split('://')
  return { origin: `${scheme}://${bucket}.${host}`, path: `/${object}` }
}

/**
 * @throws {TypeError} for a name outside OSS's rules: 3..63 lower-case letters, digits and hyphens.
 * https://www.alibabacloud.com/help/en/oss/user-guide/bucket-naming-conventions
 */
export function assertBucketName(bucket: unknown): asserts bucket is string {
  if (typeof bucket !== 'string' || !/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw new TypeError(
      'bucket must be 3..63 lower-case letters, digits and hyphens, starting and ending with a letter or digit',
    )
  }
}

/**
 * @throws {TypeError} for a name outside OSS's rules: 1..1023 UTF-8 bytes, not starting with a slash or backslash.
 * https://www.alibabacloud.com/help/en/oss/user-guide/object-naming-conventions
 */
export function assertObjectKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '') throw new TypeError('key must be a non-empty string')
  if (!key.isWellFormed()) throw new TypeError('key has a lone surrogate and no UTF-8 form')
  if (key.startsWith('/') || key.startsWith('\\')) {
    throw new TypeError('key must not start with "/" or "\\": OSS refuses such names')
  }
  const length = Buffer.byteLength(key)
  if (length > 1023) throw new TypeError(`key must be 1..1023 bytes in UTF-8, not ${length}`)
}

/**
 * @throws {TypeError} for an empty one, which would turn the request into one for the object itself.
 */
export function assertUploadId(uploadId: unknown): asserts uploadId is string {
  if (typeof uploadId !== 'string' || uploadId === '') {
    throw new TypeError('uploadId must be a non-empty string')
  }
}
