// PutObject and HeadObject as free functions.

import { OssError } from '../primitives/errors.js'
import type { RequestBody } from '../transport/transport.js'
import { assertSame, requestBody } from './body.js'
import { type CallbackReply, callbackHeaders, type UploadCallback } from './callback.js'
import type { OperationClient } from './client.js'
import { decodeCallbackAnswer } from './decode-result.js'
import { crc64Header, entityTag, trafficLimitHeader } from './headers.js'
import { assertKnownOptions, type OptionNames } from './known-options.js'
import { type ObjectSettings, payerHeader, putHeaders } from './object-settings.js'

export interface PutObjectOptions extends ObjectSettings {
  readonly bucket: string
  readonly key: string
  /** Bytes, or a body that can be opened anew; at most 5 GB. */
  readonly body: Uint8Array | RequestBody
  /** Base64 MD5 of the body. It is signed, and so binds the bytes to the signature. @default none */
  readonly contentMd5?: string | undefined
  /** Bit/s of this one request, 819,200..838,860,800. @default unlimited */
  readonly trafficLimit?: number | undefined
  /** What OSS calls once the object is stored. @default none */
  readonly callback?: UploadCallback | undefined
  readonly signal?: AbortSignal | undefined
}

const putNames: OptionNames<PutObjectOptions> = {
  bucket: true,
  key: true,
  body: true,
  contentMd5: true,
  trafficLimit: true,
  callback: true,
  signal: true,
  headers: true,
  metadata: true,
  acl: true,
  storageClass: true,
  tagging: true,
  serverSideEncryption: true,
  forbidOverwrite: true,
  requestPayer: true,
}

export interface PutObjectResult {
  /** Empty when OSS passed on the answer of a callback server, and no ETag beside it. */
  readonly etag: string
  /** Decimal; absent when the server sent none. */
  readonly crc64?: string
  readonly versionId?: string
  readonly requestId?: string
  /** With `callback`: what its server answered. */
  readonly callback?: CallbackReply
}

/**
 * Stores an object in one request, replacing the one of that name. A lost answer is a reason to send it again: a callback may
 * then be made twice, and with `forbidOverwrite` OSS may refuse (`FileAlreadyExists`) what the first attempt has stored.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/putobject
 */
export async function putObject(
  client: OperationClient,
  options: PutObjectOptions,
): Promise<PutObjectResult> {
  assertKnownOptions('PutObject', options, putNames)
  const request = {
    operation: 'PutObject',
    method: 'PUT',
    bucket: options.bucket,
    key: options.key,
    headers: {
      ...putHeaders(options),
      'content-md5': options.contentMd5,
      ...trafficLimitHeader(options.trafficLimit),
      ...callbackHeaders(options.callback),
    },
    body: requestBody(options.body),
    signal: options.signal,
  } as const
  return await client.call(request, async (response) => {
    const crc64 = crc64Header('PutObject', response)
    const versionId = response.headers['x-oss-version-id']
    const requestId = response.headers['x-oss-request-id']
    const answer: Pick<PutObjectResult, 'etag' | 'callback'> =
      options.callback === undefined
        ? { etag: entityTag('PutObject', response) }
        : await decodeCallbackAnswer('PutObject', response)
    const stored = crc64 === undefined ? {} : { crc64 }
    // Sent again it would be refused: it is for the caller to look at what is there.
    if (!options.forbidOverwrite) {
      const hint = 'do not use the object; run again to replace it'
      assertSame('the object', 'PutObject', options.body, stored, hint)
    }
    return {
      ...answer,
      ...stored,
      ...(versionId !== undefined && { versionId }),
      ...(requestId !== undefined && { requestId }),
    }
  })
}

export interface HeadObjectOptions {
  readonly bucket: string
  readonly key: string
  /** `requester` accepts the cost. @default none */
  readonly requestPayer?: ObjectSettings['requestPayer']
  readonly signal?: AbortSignal | undefined
}

const headNames: OptionNames<HeadObjectOptions> = {
  bucket: true,
  key: true,
  requestPayer: true,
  signal: true,
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
  client: OperationClient,
  options: HeadObjectOptions,
): Promise<HeadObjectResult> {
  assertKnownOptions('HeadObject', options, headNames)
  const { bucket, key, signal } = options
  const request = {
    operation: 'HeadObject',
    method: 'HEAD',
    bucket,
    key,
    headers: payerHeader(options),
    signal,
  } as const
  return await client.call(request, (response) => {
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
  })
}
