/** Owns the two paged listings: ListParts and ListMultipartUploads. */

import { type FakeResponse, invalidArgument, OssFailure } from './failure.js'
import type { FakeRequest } from './request.js'
import type { FakeOssState, StoredUpload } from './state.js'
import { element, keyWriter, xmlDocument } from './xml.js'

const maxPage = 1000

/** A whole number from the query. @throws {OssFailure} 400 InvalidArgument outside the range */
function numberOf(
  request: FakeRequest,
  name: string,
  usual: number,
  min: number,
  max: number,
): number {
  const text = request.query[name]
  if (text === undefined || text === '') return usual
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
  if (value >= min && value <= max) return value
  throw invalidArgument(`Argument ${name} must be an integer between ${min} and ${max}.`, {
    name,
    value: text,
  })
}

function documentResponse(root: string, children: readonly string[]): FakeResponse {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/xml' },
    body: Buffer.from(xmlDocument(root, children)),
  }
}

export function listParts(state: FakeOssState, request: FakeRequest): FakeResponse {
  const maxParts = numberOf(request, 'max-parts', maxPage, 1, maxPage)
  const marker = numberOf(request, 'part-number-marker', 0, 0, 999_999_999)
  const upload = state.uploadOf(request)
  const after = [...upload.parts].filter(([number]) => number > marker).sort(([a], [b]) => a - b)
  const page = after.slice(0, maxParts)
  const keys = keyWriter(request.query)
  return documentResponse('ListPartsResult', [
    ...keys.header,
    element('Bucket', request.bucket ?? ''),
    element('Key', keys.encode(upload.key)),
    element('UploadId', upload.uploadId),
    element('StorageClass', upload.headers['x-oss-storage-class'] ?? 'Standard'),
    element('PartNumberMarker', marker),
    element('NextPartNumberMarker', page.at(-1)?.[0] ?? marker),
    element('MaxParts', maxParts),
    element('IsTruncated', page.length < after.length),
    ...page.map(
      ([number, part]) =>
        `<Part>${[
          element('PartNumber', number),
          element('LastModified', part.lastModified.toISOString()),
          element('ETag', part.etag),
          ...(state.options.listPartsWithCrc64 === false
            ? []
            : [element('HashCrc64ecma', part.crc64)]),
          element('Size', part.size),
        ].join('')}</Part>`,
    ),
  ])
}

/** Byte order of the key, then of the upload id. */
function compareUploads(a: StoredUpload, b: StoredUpload): number {
  return comparePlaces(a.key, a.uploadId, b.key, b.uploadId)
}

function comparePlaces(keyA: string, idA: string, keyB: string, idB: string): number {
  return (
    Buffer.compare(Buffer.from(keyA), Buffer.from(keyB)) || (idA < idB ? -1 : idA > idB ? 1 : 0)
  )
}

export function listMultipartUploads(state: FakeOssState, request: FakeRequest): FakeResponse {
  if (request.query['delimiter']) {
    throw new OssFailure(
      501,
      'NotImplemented',
      'This fake OSS does not group uploads by a delimiter.',
    )
  }
  const maxUploads = numberOf(request, 'max-uploads', maxPage, 1, maxPage)
  const prefix = request.query['prefix'] ?? ''
  const keyMarker = request.query['key-marker'] ?? ''
  // Without a key-marker an upload-id-marker means nothing; without an upload-id-marker the whole key is passed.
  const idMarker = keyMarker === '' ? '' : (request.query['upload-id-marker'] ?? '')
  const matching = [...state.bucketOf(request).uploads.values()]
    .filter((upload) => upload.key.startsWith(prefix))
    .filter(
      (upload) => comparePlaces(upload.key, upload.uploadId, keyMarker, idMarker || '\uffff') > 0,
    )
    .sort(compareUploads)
  const page = matching.slice(0, maxUploads)
  const truncated = page.length < matching.length
  const last = truncated ? page.at(-1) : undefined
  const keys = keyWriter(request.query)
  return documentResponse('ListMultipartUploadsResult', [
    ...keys.header,
    element('Bucket', request.bucket ?? ''),
    element('KeyMarker', keys.encode(keyMarker)),
    element('UploadIdMarker', idMarker),
    element('NextKeyMarker', last === undefined ? '' : keys.encode(last.key)),
    element('NextUploadIdMarker', last?.uploadId ?? ''),
    element('Delimiter', ''),
    element('Prefix', keys.encode(prefix)),
    element('MaxUploads', maxUploads),
    element('IsTruncated', truncated),
    ...page.map(
      (upload) =>
        `<Upload>${[
          element('Key', keys.encode(upload.key)),
          element('UploadId', upload.uploadId),
          element('StorageClass', upload.headers['x-oss-storage-class'] ?? 'Standard'),
          element('Initiated', upload.initiated.toISOString()),
        ].join('')}</Upload>`,
    ),
  ])
}
