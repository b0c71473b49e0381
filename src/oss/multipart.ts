// The multipart operations as free functions: wire form in, plain readonly objects out.

import type { RequestBody } from '../transport/transport.js'
import {
  decodeCompleteMultipartUpload,
  decodeInitiateMultipartUpload,
  encodeCompleteMultipartUpload,
} from '../xml/multipart-xml.js'
import { assertSame, requestBody } from './body.js'
import { type CallbackReply, callbackHeaders, type UploadCallback } from './callback.js'
import type { OperationClient } from './client.js'
import { decodeCallbackAnswer, decodeResult } from './decode-result.js'
import { assertPartNumber, assertUploadId } from './endpoint.js'
import { crc64Header, entityTag, trafficLimitHeader } from './headers.js'
import { assertKnownOptions, type OptionNames } from './known-options.js'
import {
  completeHeaders,
  initiateHeaders,
  type ObjectSettings,
  payerHeader,
} from './object-settings.js'

interface ObjectTarget {
  readonly bucket: string
  /** 1..1023 UTF-8 bytes. */
  readonly key: string
  /** `requester` accepts the cost. @default none */
  readonly requestPayer?: ObjectSettings['requestPayer']
  readonly signal?: AbortSignal | undefined
}

interface UploadTarget extends ObjectTarget {
  readonly uploadId: string
}

const targetNames = { bucket: true, key: true, requestPayer: true, signal: true } as const
const uploadNames = { ...targetNames, uploadId: true } as const

/** The ACL belongs to Complete. */
export interface InitiateMultipartUploadOptions extends ObjectTarget, Omit<ObjectSettings, 'acl'> {
  /** Parts must come in order, and none may be replaced. @default false */
  readonly sequential?: boolean | undefined
}

const initiateNames: OptionNames<InitiateMultipartUploadOptions> = {
  ...targetNames,
  headers: true,
  metadata: true,
  storageClass: true,
  tagging: true,
  serverSideEncryption: true,
  forbidOverwrite: true,
  sequential: true,
}

/**
 * Opens a multipart upload. Its parts are billed until it is completed or aborted.
 *
 * A lost answer leaves an upload that only {@link listMultipartUploads} finds, and the request is repeated all the same.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/initiatemultipartupload
 */
export async function initiateMultipartUpload(
  client: OperationClient,
  options: InitiateMultipartUploadOptions,
): Promise<{ readonly uploadId: string }> {
  const operation = 'InitiateMultipartUpload'
  assertKnownOptions(operation, options, initiateNames)
  const request = {
    operation,
    method: 'POST',
    bucket: options.bucket,
    key: options.key,
    query: { uploads: '', 'encoding-type': 'url', ...(options.sequential && { sequential: '' }) },
    headers: initiateHeaders(options),
    repetition: 'always',
    signal: options.signal,
  } as const
  return await client.call(request, async (response) => {
    const { uploadId } = await decodeResult(operation, response, decodeInitiateMultipartUpload)
    return { uploadId }
  })
}

export interface UploadPartOptions extends UploadTarget {
  /** 1..10,000. */
  readonly partNumber: number
  /** The upload was begun with `sequential`: a part whose answer is lost must not be sent again. @default false */
  readonly sequential?: boolean | undefined
  /** Bytes, or a body that can be opened anew: 100 KiB..5 GiB, the last part also less. */
  readonly body: Uint8Array | RequestBody
  /** Base64 MD5 of the body. It is signed, and so binds the bytes to the signature. @default none */
  readonly contentMd5?: string | undefined
  /** Bit/s of this one request, 819,200..838,860,800. @default unlimited */
  readonly trafficLimit?: number | undefined
}

const partNames: OptionNames<UploadPartOptions> = {
  ...uploadNames,
  partNumber: true,
  sequential: true,
  body: true,
  contentMd5: true,
  trafficLimit: true,
}

export interface UploadPartResult {
  /** Without quotes, in the case OSS sent. */
  readonly etag: string
  /** Decimal; absent when the server sent none. */
  readonly crc64?: string
  readonly requestId?: string
}

/**
 * Sends one part; the same number again replaces it.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/uploadpart
 *
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE` when the answer has no ETag: such a part cannot be completed;
 *   `ERR_OSS_CHECKSUM_MISMATCH` when OSS has stored other bytes, each time that it was tried.
 */
export async function uploadPart(
  client: OperationClient,
  options: UploadPartOptions,
): Promise<UploadPartResult> {
  assertKnownOptions('UploadPart', options, partNames)
  const { partNumber, uploadId, body } = options
  assertUploadId(uploadId)
  assertPartNumber(partNumber)
  const request = {
    operation: 'UploadPart',
    method: 'PUT',
    bucket: options.bucket,
    key: options.key,
    query: { partNumber: String(partNumber), uploadId },
    headers: {
      'content-md5': options.contentMd5,
      ...trafficLimitHeader(options.trafficLimit),
      ...payerHeader(options),
    },
    body: requestBody(body),
    partNumber,
    repetition: options.sequential ? 'unless-sent' : 'always',
    signal: options.signal,
  } as const
  // Not awaited: each of the many that are under way would keep its own frame.
  return client.call(request, (response) => {
    const crc64 = crc64Header('UploadPart', response)
    const requestId = response.headers['x-oss-request-id']
    const part = {
      etag: entityTag('UploadPart', response),
      ...(crc64 !== undefined && { crc64 }),
      ...(requestId !== undefined && { requestId }),
    }
    assertSame(`part ${partNumber}`, 'UploadPart', body, part)
    return part
  })
}

export interface CompleteMultipartUploadOptions
  extends UploadTarget,
    Pick<ObjectSettings, 'acl' | 'forbidOverwrite'> {
  /** In ascending order of number; gaps are allowed. */
  readonly parts: readonly { readonly partNumber: number; readonly etag: string }[]
  /** What OSS calls once the object is stored. @default none */
  readonly callback?: UploadCallback | undefined
}

const completeNames: OptionNames<CompleteMultipartUploadOptions> = {
  ...uploadNames,
  acl: true,
  forbidOverwrite: true,
  parts: true,
  callback: true,
}

export interface CompleteMultipartUploadResult {
  /** Empty when OSS passed on the answer of a callback server, and no ETag beside it. */
  readonly etag: string
  /** CRC-64 of the whole object, decimal; absent when the server sent none. */
  readonly crc64?: string
  readonly location?: string
  readonly versionId?: string
  readonly requestId?: string
  /** With `callback`: what its server answered. */
  readonly callback?: CallbackReply
}

/**
 * Publishes the object. **Not idempotent**: once it has succeeded the upload id is gone, and OSS goes on processing a
 * request whose client has disconnected. A lost answer must be settled by {@link headObject}, as `uploadFile` does.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/completemultipartupload
 */
export async function completeMultipartUpload(
  client: OperationClient,
  options: CompleteMultipartUploadOptions,
): Promise<CompleteMultipartUploadResult> {
  const operation = 'CompleteMultipartUpload'
  assertKnownOptions(operation, options, completeNames)
  assertUploadId(options.uploadId)
  const body = encodeCompleteMultipartUpload(options.parts)
  const request = {
    operation,
    method: 'POST',
    bucket: options.bucket,
    key: options.key,
    query: { uploadId: options.uploadId, 'encoding-type': 'url' },
    headers: {
      'content-type': 'application/xml',
      ...completeHeaders(options),
      ...callbackHeaders(options.callback),
    },
    body: requestBody(body),
    repetition: 'never',
    signal: options.signal,
  } as const
  return await client.call(request, async (response) => {
    const answer: Pick<CompleteMultipartUploadResult, 'etag' | 'location' | 'callback'> =
      options.callback === undefined
        ? await decodeResult(operation, response, decodeCompleteMultipartUpload)
        : await decodeCallbackAnswer(operation, response)
    const { etag, location, callback } = answer
    const crc64 = crc64Header(operation, response)
    const versionId = response.headers['x-oss-version-id']
    const requestId = response.headers['x-oss-request-id']
    return {
      etag,
      ...(crc64 !== undefined && { crc64 }),
      ...(location !== undefined && { location }),
      ...(versionId !== undefined && { versionId }),
      ...(requestId !== undefined && { requestId }),
      ...(callback !== undefined && { callback }),
    }
  })
}

/**
 * Deletes an upload and its parts. A part that is being received at that moment survives: abort after the last request
 * has settled, and again if ListParts still answers.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/abortmultipartupload
 */
export async function abortMultipartUpload(
  client: OperationClient,
  options: UploadTarget,
): Promise<void> {
  assertKnownOptions('AbortMultipartUpload', options, uploadNames)
  assertUploadId(options.uploadId)
  const request = {
    operation: 'AbortMultipartUpload',
    method: 'DELETE',
    bucket: options.bucket,
    key: options.key,
    query: { uploadId: options.uploadId },
    headers: payerHeader(options),
    signal: options.signal,
  } as const
  await client.call(request, () => {})
}
