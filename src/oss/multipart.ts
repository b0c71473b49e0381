// The multipart operations as free functions: wire form in, plain readonly objects out.

import { formatCrc64 } from '../primitives/crc64.js'
import { OssError } from '../primitives/errors.js'
import type { RequestBody, TransportResponse } from '../transport/transport.js'
import { parseXml, type XmlElement } from '../xml/document.js'
import {
  decodeCompleteMultipartUpload,
  decodeInitiateMultipartUpload,
  decodeListMultipartUploads,
  decodeListParts,
  encodeCompleteMultipartUpload,
} from '../xml/multipart-xml.js'
import type { OssClient } from './client.js'
import { assertUploadId } from './endpoint.js'
import { crc64Header, entityTag, type ObjectSettings, objectHeaders } from './headers.js'
import { nameOperation, requestBody, serviceError } from './send.js'

interface ObjectTarget {
  readonly bucket: string
  /** 1..1023 UTF-8 bytes. */
  readonly key: string
  readonly signal?: AbortSignal | undefined
}

interface UploadTarget extends ObjectTarget {
  readonly uploadId: string
}

export interface InitiateMultipartUploadOptions extends ObjectTarget, ObjectSettings {}

/**
 * Opens a multipart upload. Its parts are billed until it is completed or aborted.
 *
 * Not idempotent: a lost answer leaves an upload that only {@link listMultipartUploads} finds.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/initiatemultipartupload
 */
export async function initiateMultipartUpload(
  client: OssClient,
  options: InitiateMultipartUploadOptions,
): Promise<{ readonly uploadId: string }> {
  const operation = 'InitiateMultipartUpload'
  const response = await client.send({
    operation,
    method: 'POST',
    bucket: options.bucket,
    key: options.key,
    query: { uploads: '', 'encoding-type': 'url' },
    headers: objectHeaders(options),
    signal: options.signal,
  })
  const { uploadId } = await decodeResult(operation, response, decodeInitiateMultipartUpload)
  return { uploadId }
}

export interface UploadPartOptions extends UploadTarget {
  /** 1..10,000. */
  readonly partNumber: number
  /** Bytes, or a body that can be opened anew: 100 KiB..5 GiB, the last part also less. */
  readonly body: Uint8Array | RequestBody
  /** Base64 MD5 of the body. It is signed, and so binds the bytes to the signature. @default none */
  readonly contentMd5?: string | undefined
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
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE` when the answer has no ETag: such a part cannot be completed.
 */
export async function uploadPart(
  client: OssClient,
  options: UploadPartOptions,
): Promise<UploadPartResult> {
  const { partNumber, uploadId, body } = options
  assertUploadId(uploadId)
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > 10_000) {
    throw new RangeError(`partNumber must be 1..10000, not ${partNumber}`)
  }
  const response = await client.send({
    operation: 'UploadPart',
    method: 'PUT',
    bucket: options.bucket,
    key: options.key,
    query: { partNumber: String(partNumber), uploadId },
    headers: { 'content-md5': options.contentMd5 },
    body: requestBody(body),
    signal: options.signal,
  })
  const crc64 = crc64Header('UploadPart', response)
  const requestId = response.headers['x-oss-request-id']
  return {
    etag: entityTag('UploadPart', response),
    ...(crc64 !== undefined && { crc64 }),
    ...(requestId !== undefined && { requestId }),
  }
}

export interface ListedPart {
  readonly partNumber: number
  /** Bytes. */
  readonly size: number
  /** Without quotes. */
  readonly etag: string
  /** Decimal; older replies have none. */
  readonly crc64?: string
  readonly lastModified?: Date
}

/**
 * All parts of an upload in ascending order; pages of 1,000 are fetched as they are needed.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/listparts
 */
export async function* listParts(
  client: OssClient,
  options: UploadTarget,
): AsyncGenerator<ListedPart, void, undefined> {
  const operation = 'ListParts'
  assertUploadId(options.uploadId)
  let marker = 0
  for (;;) {
    const response = await client.send({
      operation,
      method: 'GET',
      bucket: options.bucket,
      key: options.key,
      query: {
        uploadId: options.uploadId,
        'max-parts': '1000',
        'encoding-type': 'url',
        ...(marker > 0 && { 'part-number-marker': String(marker) }),
      },
      signal: options.signal,
    })
    const page = await decodeResult(operation, response, decodeListParts)
    const [first] = page.parts
    if (first !== undefined && first.partNumber <= marker) throw standingStill(operation)
    for (const { crc64, ...part } of page.parts) {
      yield { ...part, ...(crc64 !== undefined && { crc64: formatCrc64(crc64) }) }
    }
    if (!page.isTruncated) return
    const next = page.nextPartNumberMarker
    if (next === undefined || next <= marker) throw standingStill(operation)
    marker = next
  }
}

export interface CompleteMultipartUploadOptions extends UploadTarget {
  /** In ascending order of number; gaps are allowed. */
  readonly parts: readonly { readonly partNumber: number; readonly etag: string }[]
}

export interface CompleteMultipartUploadResult {
  readonly etag: string
  /** CRC-64 of the whole object, decimal; absent when the server sent none. */
  readonly crc64?: string
  readonly location?: string
  readonly versionId?: string
  readonly requestId?: string
}

/**
 * Publishes the object. **Not idempotent**: once it has succeeded the upload id is gone, and OSS goes on processing a
 * request whose client has disconnected. A lost answer must be settled by {@link headObject}, as `uploadFile` does.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/completemultipartupload
 */
export async function completeMultipartUpload(
  client: OssClient,
  options: CompleteMultipartUploadOptions,
): Promise<CompleteMultipartUploadResult> {
  const operation = 'CompleteMultipartUpload'
  assertUploadId(options.uploadId)
  const body = Buffer.from(encodeCompleteMultipartUpload(options.parts))
  const response = await client.send({
    operation,
    method: 'POST',
    bucket: options.bucket,
    key: options.key,
    query: { uploadId: options.uploadId, 'encoding-type': 'url' },
    headers: { 'content-type': 'application/xml' },
    body: requestBody(body),
    signal: options.signal,
  })
  const { etag, location } = await decodeResult(operation, response, decodeCompleteMultipartUpload)
  const crc64 = crc64Header(operation, response)
  const versionId = response.headers['x-oss-version-id']
  const requestId = response.headers['x-oss-request-id']
  return {
    etag,
    ...(crc64 !== undefined && { crc64 }),
    ...(location !== undefined && { location }),
    ...(versionId !== undefined && { versionId }),
    ...(requestId !== undefined && { requestId }),
  }
}

/**
 * Deletes an upload and its parts. A part that is being received at that moment survives: abort after the last request
 * has settled, and again if ListParts still answers.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/abortmultipartupload
 */
export async function abortMultipartUpload(
  client: OssClient,
  options: UploadTarget,
): Promise<void> {
  assertUploadId(options.uploadId)
  await client.send({
    operation: 'AbortMultipartUpload',
    method: 'DELETE',
    bucket: options.bucket,
    key: options.key,
    query: { uploadId: options.uploadId },
    signal: options.signal,
  })
}

export interface ListMultipartUploadsOptions {
  readonly bucket: string
  /** Only keys that start with this. @default all */
  readonly prefix?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ListedUpload {
  readonly key: string
  readonly uploadId: string
  readonly initiated: Date
  readonly storageClass?: string
}

/**
 * All unfinished uploads of a bucket, by key and then by time; pages of 1,000 are fetched as they are needed.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/listmultipartuploads
 */
export async function* listMultipartUploads(
  client: OssClient,
  options: ListMultipartUploadsOptions,
): AsyncGenerator<ListedUpload, void, undefined> {
  const operation = 'ListMultipartUploads'
  let markers: Record<string, string> = {}
  for (;;) {
    const response = await client.send({
      operation,
      method: 'GET',
      bucket: options.bucket,
      query: {
        uploads: '',
        'max-uploads': '1000',
        'encoding-type': 'url',
        ...(options.prefix && { prefix: options.prefix }),
        ...markers,
      },
      signal: options.signal,
    })
    const page = await decodeResult(operation, response, decodeListMultipartUploads)
    yield* page.uploads
    if (!page.isTruncated) return
    const next = {
      'key-marker': page.nextKeyMarker ?? '',
      'upload-id-marker': page.nextUploadIdMarker ?? '',
    }
    if (next['key-marker'] === '' || JSON.stringify(next) === JSON.stringify(markers)) {
      throw standingStill(operation)
    }
    markers = next
  }
}

/** A success status may carry an error document all the same: it counts as the error it is. */
async function decodeResult<Result>(
  operation: string,
  response: TransportResponse,
  decode: (document: XmlElement) => Result,
): Promise<Result> {
  try {
    const document = await parseXml(response.body, [`${operation}Result`, 'Error'])
    if (document.name !== 'Error') return decode(document)
  } catch (error) {
    throw nameOperation(error, operation)
  }
  throw await serviceError(operation, response)
}

function standingStill(operation: string): OssError {
  return new OssError(`${operation} says that there is more, but not from where`, {
    code: 'ERR_OSS_MALFORMED_RESPONSE',
    operation,
  })
}
