// Reads and writes the headers that several operations share.

import { formatCrc64, parseCrc64 } from '../primitives/crc64.js'
import { OssError } from '../primitives/errors.js'
import type { TransportResponse } from '../transport/transport.js'

/** What an object is stored with; fixed when its upload is initiated. */
export interface ObjectSettings {
  /** Content-Type. @default left out, and OSS stores application/octet-stream */
  readonly contentType?: string | undefined
}

export function objectHeaders(settings: ObjectSettings): Record<string, string | undefined> {
  return { 'content-type': settings.contentType }
}

/**
 * The ETag without its quotes.
 *
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE` when there is none.
 */
export function entityTag(operation: string, response: TransportResponse): string {
  const etag = response.headers['etag']?.trim().replace(/^"(.*)"$/, '$1')
  if (etag) return etag
  throw new OssError(`${operation} answered ${response.status} without an ETag`, {
    code: 'ERR_OSS_MALFORMED_RESPONSE',
    operation,
  })
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
