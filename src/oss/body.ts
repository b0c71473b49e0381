// Owns the body of a request: bytes or something that reads them, and whether OSS has stored the same.

import { OssError } from '../primitives/errors.js'
import type { RequestBody } from '../transport/transport.js'

/** A body of bytes, opened as often as it is needed. */
export function requestBody(body: Uint8Array | RequestBody): RequestBody {
  return body instanceof Uint8Array ? { contentLength: body.byteLength, open: () => body } : body
}

/**
 * I2: an answer counts only when OSS's CRC-64, where it gives one, is that of the bytes that were read for this attempt.
 *
 * @param what names the body in messages
 * @throws {OssError} `ERR_OSS_CHECKSUM_MISMATCH`, or `ERR_OSS_MALFORMED_RESPONSE` when OSS cannot have all of it.
 */
export function assertSame(
  what: string,
  operation: string,
  body: Uint8Array | RequestBody,
  answer: { readonly crc64?: string },
  hint = 'run again',
): void {
  if (body instanceof Uint8Array || !('crc64' in body)) return
  const { crc64 } = body
  if (crc64 === undefined) {
    throw new OssError(`${what} was acknowledged before it was sent whole`, {
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation,
    })
  }
  if (answer.crc64 === undefined || answer.crc64 === crc64) return
  throw new OssError(
    `${what} was damaged on its way: its CRC-64 is ${crc64}, and OSS stored ${answer.crc64}`,
    { code: 'ERR_OSS_CHECKSUM_MISMATCH', operation, hint },
  )
}
