// Turns region, endpoint and addressing style into the origin that is called and the region that is signed.

import { isIP } from 'node:net'
import { encodeUriPath } from '../primitives/uri-encode.js'

export interface EndpointOptions {
  /**
   * Region id, e.g. `cn-hangzhou`; it is part of every signature.
   * @default taken from an endpoint of the form `oss-<region>.aliyuncs.com`, which it must not contradict
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
  /** Calls the region from within Alibaba Cloud: `oss-<region>-internal.aliyuncs.com`. @default false */
  readonly internal?: boolean | undefined
  /** Calls the nearest entry of Alibaba Cloud: `oss-accelerate.aliyuncs.com`; the bucket must allow it. @default false */
  readonly accelerate?: boolean | undefined
  /** Calls the region by IPv6 or IPv4, as there is: `<region>.oss.aliyuncs.com`. @default false */
  readonly dualStack?: boolean | undefined
  /**
   * `endpoint` is a custom domain that stands for the bucket: neither its host nor the path gets the bucket's name, which is
   * signed all the same. One client then serves one bucket.
   * @default false
   * https://www.alibabacloud.com/help/en/oss/user-guide/map-custom-domain-names-5
   */
  readonly cname?: boolean | undefined
}

export interface Endpoint {
  readonly region: string
  readonly pathStyle: boolean
  /** True for a custom domain that stands for the bucket. */
  readonly cname?: boolean
  /** Scheme, host and port of the service, e.g. `https://oss-cn-hangzhou.aliyuncs.com`. */
  readonly origin: string
}

const regionPattern = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
/** Hosts that tell their region; `oss-accelerate` and `oss-accelerate-overseas` stand for every one. */
const regionalHost =
  /^(?:oss-(?!accelerate\b)([a-z0-9-]+?)(?:-internal)?|([a-z0-9-]+)\.oss)\.aliyuncs\.com$/

/** https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints */
const networks = {
  internal: (region: string) => `https://oss-${region}-internal.aliyuncs.com`,
  accelerate: (_region: string) => 'https://oss-accelerate.aliyuncs.com',
  dualStack: (region: string) => `https://${region}.oss.aliyuncs.com`,
} as const

/**
 * @throws {TypeError} naming the option, and what is accepted or what it contradicts.
 */
export function resolveEndpoint(options: EndpointOptions): Endpoint {
  const parsed = options.endpoint === undefined ? undefined : parseEndpoint(options.endpoint)
  const network = chosenNetwork(options)
  const told = regionOf(parsed?.hostname ?? '')
  const region = options.region ?? told
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
  // Finance Cloud's public hosts have an ending that its region ids have not.
  if (told !== undefined && told !== region && told !== `${region}-pub`) {
    throw new TypeError(
      `region ${region} contradicts the endpoint ${parsed?.hostname}: use region ${told}, or leave one of the two out`,
    )
  }
  const standard =
    network === undefined ? `https://oss-${region}.aliyuncs.com` : networks[network](region)
  const url = parsed ?? new URL(standard)
  if (options.cname && (told !== undefined || /^oss-accelerate\b/.test(url.hostname))) {
    throw new TypeError(`cname must be false for ${url.hostname}, which serves every bucket`)
  }
  if (options.cname) return { region, pathStyle: false, cname: true, origin: url.origin }
  const numericHost = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0
  const pathStyle = options.pathStyle ?? (numericHost || url.hostname === 'localhost')
  if (!pathStyle && numericHost) {
    throw new TypeError('pathStyle must be true for an IP endpoint: a bucket cannot precede it')
  }
  return { region, pathStyle, origin: url.origin }
}

function regionOf(hostname: string): string | undefined {
  const [, single, dual] = regionalHost.exec(hostname) ?? []
  return single ?? dual
}

/** Which of Alibaba's own hosts is called; undefined for the public one, and where `endpoint` names the host. */
function chosenNetwork(options: EndpointOptions): keyof typeof networks | undefined {
  const { endpoint, pathStyle, cname } = options
  for (const name of ['pathStyle', 'internal', 'accelerate', 'dualStack', 'cname'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'boolean') {
      throw new TypeError(`${name} must be true or false, not ${typeof value}`)
    }
  }
  const [first, second] = (['internal', 'accelerate', 'dualStack'] as const).filter(
    (name) => options[name],
  )
  if (second !== undefined) {
    throw new TypeError(`${first} contradicts ${second}: each is a host of its own`)
  }
  if (first !== undefined && endpoint !== undefined) {
    throw new TypeError(`${first} contradicts endpoint, which names the host itself`)
  }
  if (cname && endpoint === undefined) {
    throw new TypeError('cname needs endpoint: the custom domain of the bucket')
  }
  if (cname && pathStyle) {
    throw new TypeError('cname contradicts pathStyle: a custom domain stands for its bucket')
  }
  return first
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
  if (endpoint.cname) return { origin: endpoint.origin, path: `/${object}` }
  const [scheme, host] = endpoint.origin.split('://')
  return { origin: `${scheme}://${bucket}.${host}`, path: `/${object}` }
}

/** The Host header of a request to `origin`: the port is part of it unless it is that of the scheme. */
export function hostOf(origin: string): string {
  return origin.slice(origin.indexOf('://') + 3)
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

/**
 * @throws {RangeError} for a number that no part may have.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/uploadpart
 */
export function assertPartNumber(partNumber: unknown): asserts partNumber is number {
  if (!(Number.isInteger(partNumber) && Number(partNumber) >= 1 && Number(partNumber) <= 10_000)) {
    throw new RangeError(`partNumber must be 1..10000, not ${String(partNumber)}`)
  }
}
