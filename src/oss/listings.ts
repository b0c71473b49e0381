// The listings of multipart uploads and of their parts: async iterables whose pages are fetched as they are needed.

import { formatCrc64 } from '../primitives/crc64.js'
import { decodeListMultipartUploads, decodeListParts } from '../xml/multipart-xml.js'
import type { OperationClient } from './client.js'
import { decodeResult, standingStill } from './decode-result.js'
import { assertUploadId } from './endpoint.js'
import { assertKnownOptions, type OptionNames } from './known-options.js'
import { type ObjectSettings, payerHeader } from './object-settings.js'

export interface ListPartsOptions {
  readonly bucket: string
  /** 1..1023 UTF-8 bytes. */
  readonly key: string
  readonly uploadId: string
  /** `requester` accepts the cost. @default none */
  readonly requestPayer?: ObjectSettings['requestPayer']
  readonly signal?: AbortSignal | undefined
}

const partsNames: OptionNames<ListPartsOptions> = {
  bucket: true,
  key: true,
  uploadId: true,
  requestPayer: true,
  signal: true,
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
  client: OperationClient,
  options: ListPartsOptions,
): AsyncGenerator<ListedPart, void, undefined> {
  const operation = 'ListParts'
  assertKnownOptions(operation, options, partsNames)
  assertUploadId(options.uploadId)
  let marker = 0
  for (;;) {
    const request = {
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
      headers: payerHeader(options),
      signal: options.signal,
    } as const
    const page = await client.call(request, (response) =>
      decodeResult(operation, response, decodeListParts),
    )
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

export interface ListMultipartUploadsOptions {
  readonly bucket: string
  /** Only keys that start with this. @default all */
  readonly prefix?: string | undefined
  /** `requester` accepts the cost. @default none */
  readonly requestPayer?: ObjectSettings['requestPayer']
  readonly signal?: AbortSignal | undefined
}

const uploadsNames: OptionNames<ListMultipartUploadsOptions> = {
  bucket: true,
  prefix: true,
  requestPayer: true,
  signal: true,
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
  client: OperationClient,
  options: ListMultipartUploadsOptions,
): AsyncGenerator<ListedUpload, void, undefined> {
  const operation = 'ListMultipartUploads'
  assertKnownOptions(operation, options, uploadsNames)
  let markers: Record<string, string> = {}
  for (;;) {
    const request = {
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
      headers: payerHeader(options),
      signal: options.signal,
    } as const
    const page = await client.call(request, (response) =>
      decodeResult(operation, response, decodeListMultipartUploads),
    )
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
