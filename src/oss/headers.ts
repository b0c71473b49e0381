// Reads and writes the headers that several operations share.

import { formatCrc64, parseCrc64 } from '../primitives/crc64.js'
import { OssError } from '../primitives/errors.js'
import type { TransportResponse } from '../transport/transport.js'
import { isEncodableEtag } from '../xml/multipart-xml.js'
import { portalHint } from './hints.js'

/**
 * The ETag without its quotes.
 *
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE` when there is none.
 */
export function entityTag(operation: string, response: TransportResponse): string {
  const etag = entityTagIfAny(response)
  if (etag !== undefined) return etag
  throw new OssError(`${operation} answered ${response.status} without an ETag`, {
    code: 'ERR_OSS_MALFORMED_RESPONSE',
    operation,
    hint: portalHint(response),
  })
}

/** Some proxies call every ETag weak (`W/`), which Complete does not know. Undefined also for one that Complete could not be sent with: a part that has it is as good as none. */
export function entityTagIfAny({ headers }: TransportResponse): string | undefined {
  const etag = headers['etag']?.trim().replace(/^(?:W\/)?"(.*)"$/, '$1') ?? ''
  return isEncodableEtag(etag) ? etag : undefined
}

/**
 * The server's CRC-64 in canonical decimal form, or undefined when it sent none.
 *
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE` when it sent something else.
 */
export function crc64Header(operation: string, response: TransportResponse): string | undefined {
  const text = response.headers['x-oss-hash-crc64ecma']
  if (text === undefined) return undefined
  const value = parseCrc64(text.trim())
  if (value !== undefined) return formatCrc64(value)
  throw new OssError(`${operation} answered with an x-oss-hash-crc64ecma that is no number`, {
    code: 'ERR_OSS_MALFORMED_RESPONSE',
    operation,
  })
}

/**
 * @throws {TypeError} naming `additionalHeaders` for what is no list of header names that can be signed.
 */
export function assertAdditionalHeaders(names: unknown): asserts names is readonly string[] {
  if (!Array.isArray(names)) throw new TypeError('additionalHeaders must be an array of names')
  for (const name of names as readonly unknown[]) {
    // RFC 9110 section 5.6.2, without the underscore, which OSS refuses here (EC 0002-00000211).
    if (typeof name !== 'string' || !/^[!#$%&'*+\-.^`|~0-9A-Za-z]+$/.test(name)) {
      const shown = typeof name === 'string' ? JSON.stringify(name) : typeof name
      throw new TypeError(`additionalHeaders must be names of headers without "_", not ${shown}`)
    }
    if (/^authorization$/i.test(name)) {
      throw new TypeError('additionalHeaders must not have authorization: it carries the signature')
    }
  }
}

/**
 * @throws {RangeError} outside 819,200..838,860,800 bit/s (100 KiB/s..100 MiB/s).
 * https://www.alibabacloud.com/help/en/oss/user-guide/single-connection-bandwidth-throttling-1
 */
export function assertTrafficLimit(bitsPerSecond: unknown): asserts bitsPerSecond is number {
  const bits = bitsPerSecond as number
  if (!Number.isInteger(bits) || bits < 819_200 || bits > 838_860_800) {
    const shown = typeof bits === 'number' ? bits : typeof bits
    throw new RangeError(`trafficLimit must be 819200..838860800 bit/s, not ${shown}`)
  }
}

/** Of UploadPart and PutObject, the operations that carry bytes. */
export function trafficLimitHeader(
  bitsPerSecond: number | undefined,
): Record<string, string | undefined> {
  if (bitsPerSecond === undefined) return {}
  assertTrafficLimit(bitsPerSecond)
  return { 'x-oss-traffic-limit': String(bitsPerSecond) }
}
