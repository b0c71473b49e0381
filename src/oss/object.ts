// PutObject and HeadObject as free functions.

import { OssError } from '../primitives/errors.js'
import type { RequestBody } from '../transport/transport.js'
import type { OssClient } from './client.js'
import { crc64Header, entityTag, type ObjectSettings, objectHeaders } from './headers.js'
import { requestBody } from './send.js'

export interface PutObjectOptions extends ObjectSettings {
  readonly bucket: string
  readonly key: string
  /** Bytes, or a body that can be opened anew; at most 5 GB. */
  readonly body: Uint8Array | RequestBody
  /** Base64 MD5 of the body. It is signed, and so binds the bytes to the signature. @default none */
  readonly contentMd5?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface PutObjectResult {
  readonly etag: string
  /** Decimal; absent when the server sent none. */
  readonly crc64?: string
  readonly versionId?: string
  readonly requestId?: string
}

/**
 * Stores an object in one request, replacing the one of that name.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/putobject
 */
export async function putObject(
  client: OssClient,
  options: PutObjectOptions,
): Promise<PutObjectResult> {
  const response = await client.send({
    operation: 'PutObject',
    method: 'PUT',
    bucket: options.bucket,
    key: options.key,
    headers: { ...objectHeaders(options), 'content-md5': options.contentMd5 },
    body: requestBody(options.body),
    signal: options.signal,
  })
  const crc64 = crc64Header('PutObject', response)
  const versionId = response.headers['x-oss-version-id']
  const requestId = response.headers['x-oss-request-id']
  return {
    etag: entityTag('PutObject', response),
    ...(crc64 !== undefined && { crc64 }),
    ...(versionId !== undefined && { versionId }),
    ...(requestId !== undefined && { requestId }),
  }
}

export interface HeadObjectResult {
  /** Bytes. */
  readonly size: number
  readonly etag: string
  /** Decimal; absent when the server sent none. */
  readonly crc64?: string
  readonly versionId?: string
  /** As sent, e.g. `Mon, 02 Jan 2026 03:04:05 GMT`. */
  readonly lastModified?: string
  /** All headers of the answer, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * What OSS says of an object without its bytes.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/headobject
 *
 * @throws {OssServiceError} `NoSuchKey` when there is none.
 */
export async function headObject(
  client: OssClient,
  options: {
    readonly bucket: string
    readonly key: string
    readonly signal?: AbortSignal | undefined
  },
): Promise<HeadObjectResult> {
  const { bucket, key, signal } = options
  const response = await client.send({
    operation: 'HeadObject',
    method: 'HEAD',
    bucket,
    key,
    signal,
  })
  const { headers } = response
  const length = headers['content-length']
  if (length === undefined || !/^\d{1,15}$/.test(length)) {
    throw new OssError('HeadObject answered without a Content-Length', {
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'HeadObject',
    })
  }
  const crc64 = crc64Header('HeadObject', response)
  return {
    size: Number(length),
    etag: entityTag('HeadObject', response),
    ...(crc64 !== undefined && { crc64 }),
    ...(headers['x-oss-version-id'] !== undefined && { versionId: headers['x-oss-version-id'] }),
    ...(headers['last-modified'] !== undefined && { lastModified: headers['last-modified'] }),
    headers,
  }
}
