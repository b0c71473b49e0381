/** Owns the life of a multipart upload: Initiate, UploadPart, Complete and Abort, with the checks OSS makes. */

import { createHash } from 'node:crypto'
import type { StoredBody } from './bodies.js'
import { answerWithCallback, readCallback } from './callback.js'
import { type FakeResponse, invalidArgument, OssFailure } from './failure.js'
import {
  checkContentMd5,
  checkOverwrite,
  checkTrafficLimit,
  crc64Header,
  encryptionHeaders,
  objectHeaders,
  storeObject,
  versionHeader,
} from './objects.js'
import { percentEncode } from './percent.js'
import type { FakeRequest } from './request.js'
import type { FakeOssState, StoredPart, StoredUpload } from './state.js'
import { element, keyWriter, type NamedPart, readCompleteList, xmlDocument } from './xml.js'

const maxPartNumber = 10_000
const minPartBytes = 100 * 1024
const maxPartBytes = 5 * 1024 ** 3
const xmlType = { 'Content-Type': 'application/xml' }

export function initiateMultipartUpload(state: FakeOssState, request: FakeRequest): FakeResponse {
  checkOverwrite(state, request)
  const bucket = state.bucketOf(request)
  const upload: StoredUpload = {
    key: request.key ?? '',
    uploadId: state.newId(),
    initiated: state.now(),
    headers: objectHeaders(request),
    sequential: Object.hasOwn(request.query, 'sequential'),
    parts: new Map(),
  }
  bucket.uploads.set(upload.uploadId, upload)
  const keys = keyWriter(request.query)
  return {
    status: 200,
    headers: { ...xmlType, ...encryptionHeaders(upload.headers) },
    body: Buffer.from(
      xmlDocument('InitiateMultipartUploadResult', [
        ...keys.header,
        element('Bucket', request.bucket ?? ''),
        element('Key', keys.encode(upload.key)),
        element('UploadId', upload.uploadId),
      ]),
    ),
  }
}

/** What can be refused before the body is read. */
export function checkUploadPart(state: FakeOssState, request: FakeRequest): void {
  const length = request.headers['content-length']
  if (length === undefined) {
    throw new OssFailure(
      411,
      'MissingContentLength',
      'You must provide the Content-Length HTTP header.',
    )
  }
  const number = request.partNumber ?? 0
  if (number < 1 || number > maxPartNumber) {
    throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive.', {
      name: 'partNumber',
      value: request.query['partNumber'] ?? '',
    })
  }
  if (Number(length) > maxPartBytes) {
    throw new OssFailure(400, 'EntityTooLarge', 'The part exceeds the maximum allowed size.')
  }
  checkTrafficLimit(request)
  state.uploadOf(request)
}

function checkSequence(upload: StoredUpload, number: number): void {
  if (!upload.sequential) return
  if (upload.parts.has(number)) {
    throw new OssFailure(
      409,
      'PartAlreadyExist',
      'The part already exists and cannot be overwritten.',
      {
        fields: { PartNumber: String(number) },
      },
    )
  }
  if (number !== Math.max(0, ...upload.parts.keys()) + 1) {
    throw new OssFailure(400, 'PartNotSequential', 'The part number is not the next one.', {
      fields: { PartNumber: String(number) },
    })
  }
}

/** UploadPart with a body that arrived in full; a number that is there already is replaced. */
export function uploadPart(
  state: FakeOssState,
  request: FakeRequest,
  body: StoredBody,
): FakeResponse {
  checkContentMd5(request, body.md5)
  const upload = state.uploadOf(request)
  const number = request.partNumber ?? 0
  checkSequence(upload, number)
  const before = upload.parts.get(number)
  before?.body.drop()
  const part = storedPart(body, state.now(), (before?.attempts ?? 0) + 1)
  upload.parts.set(number, part)
  return {
    status: 200,
    headers: {
      ETag: part.etag,
      'Content-MD5': Buffer.from(part.md5, 'hex').toString('base64'),
      ...crc64Header(state, part.crc64),
      ...encryptionHeaders(upload.headers),
    },
    body: Buffer.alloc(0),
  }
}

/** What is kept of a part. */
export function storedPart(body: StoredBody, lastModified: Date, attempts: number): StoredPart {
  return {
    size: body.size,
    etag: `"${body.md5}"`,
    md5: body.md5,
    crc64: String(body.crc64),
    get sha256() {
      return body.sha256
    },
    attempts,
    lastModified,
    body,
  }
}

/** The parts that a Complete names, or all of them with x-oss-complete-all. */
function namedParts(
  request: FakeRequest,
  upload: StoredUpload,
  text: string,
): readonly NamedPart[] {
  if (request.headers['x-oss-complete-all'] === 'yes') {
    if (text !== '') {
      throw invalidArgument('The request body must be empty with x-oss-complete-all.', {
        name: 'x-oss-complete-all',
        ec: '0042-00000216',
      })
    }
    return [...upload.parts]
      .sort(([a], [b]) => a - b)
      .map(([partNumber, part]) => ({ partNumber, etag: part.md5 }))
  }
  const named = readCompleteList(text)
  if (named === undefined || named.length > maxPartNumber) {
    throw new OssFailure(
      400,
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema.',
    )
  }
  return named
}

/** Checks the list against what is stored, in the order OSS reports mistakes. */
function chosenParts(upload: StoredUpload, named: readonly NamedPart[]): readonly StoredPart[] {
  if (
    named.some((part, index) => index > 0 && part.partNumber <= (named[index - 1]?.partNumber ?? 0))
  ) {
    throw new OssFailure(
      400,
      'InvalidPartOrder',
      'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
      { fields: { UploadId: upload.uploadId } },
    )
  }
  const chosen = named.map(({ partNumber, etag }) => {
    const part = upload.parts.get(partNumber)
    if (part !== undefined && part.md5 === etag) return part
    throw new OssFailure(
      400,
      'InvalidPart',
      'One or more of the specified parts could not be found or the specified entity tag might not have matched the part’s entity tag.',
      { fields: { ETag: `"${etag}"`, PartNumber: String(partNumber), UploadId: upload.uploadId } },
    )
  })
  const small = chosen.findIndex(
    (part, index) => index < chosen.length - 1 && part.size < minPartBytes,
  )
  if (small >= 0) {
    throw new OssFailure(
      400,
      'EntityTooSmall',
      'Your proposed upload is smaller than the minimum allowed size.',
      {
        fields: {
          MinSizeAllowed: String(minPartBytes),
          ProposedSize: String(chosen[small]?.size ?? 0),
          PartNumber: String(named[small]?.partNumber ?? 0),
          ETag: chosen[small]?.etag ?? '',
          UploadId: upload.uploadId,
        },
      },
    )
  }
  return chosen
}

/** Complete: takes effect at once, so that the upload id is unknown from then on. */
export function completeMultipartUpload(
  state: FakeOssState,
  request: FakeRequest,
  body: StoredBody,
): FakeResponse {
  checkContentMd5(request, body.md5)
  readCallback(request)
  const upload = state.uploadOf(request)
  const chosen = chosenParts(upload, namedParts(request, upload, body.read().toString('utf8')))
  checkOverwrite(state, request, '0042-00000214')
  const bucket = state.bucketOf(request)
  const etags = Buffer.concat(chosen.map((part) => Buffer.from(part.md5, 'hex')))
  const object = storeObject(
    state,
    bucket,
    upload.key,
    state.bodies.join(chosen.map((part) => part.body)),
    {
      type: 'Multipart',
      etag: `"${createHash('md5').update(etags).digest('hex').toUpperCase()}-${chosen.length}"`,
      headers: upload.headers,
      acl: request.headers['x-oss-object-acl'],
      parts: chosen.length,
      uploadId: upload.uploadId,
    },
  )
  for (const part of upload.parts.values()) if (!chosen.includes(part)) part.body.drop()
  bucket.uploads.delete(upload.uploadId)
  state.completed.push({ bucket: request.bucket ?? '', key: upload.key, uploadId: upload.uploadId })
  const headers = {
    ETag: object.etag,
    ...crc64Header(state, object.crc64),
    ...versionHeader(object),
    ...encryptionHeaders(object.headers),
  }
  const keys = keyWriter(request.query)
  return (
    answerWithCallback(state, request, object, headers) ?? {
      status: 200,
      headers: { ...headers, ...xmlType },
      body: Buffer.from(
        xmlDocument('CompleteMultipartUploadResult', [
          ...keys.header,
          element(
            'Location',
            `http://${request.bucket}.oss-${state.region}.aliyuncs.com/${percentEncode(upload.key, true)}`,
          ),
          element('Bucket', request.bucket ?? ''),
          element('Key', keys.encode(upload.key)),
          element('ETag', object.etag),
        ]),
      ),
    }
  )
}

/** Abort: parts that are still being sent find no upload when they end. */
export function abortMultipartUpload(state: FakeOssState, request: FakeRequest): FakeResponse {
  const upload = state.uploadOf(request)
  discardUpload(upload)
  state.bucketOf(request).uploads.delete(upload.uploadId)
  return { status: 204, headers: {}, body: Buffer.alloc(0) }
}

/** Frees what the parts of an upload hold. */
export function discardUpload(upload: StoredUpload): void {
  for (const part of upload.parts.values()) part.body.drop()
  upload.parts.clear()
}
