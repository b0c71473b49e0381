/** Owns whole objects: PutObject, HeadObject, GetObject, and what a stored object consists of. */

import type { StoredBody } from './bodies.js'
import { answerWithCallback } from './callback.js'
import { type FakeResponse, invalidArgument, OssFailure } from './failure.js'
import type { FakeRequest } from './request.js'
import type { FakeBucket, FakeOssState, StoredObject } from './state.js'

const maxPutBytes = 5 * 1024 ** 3

// https://help.aliyun.com/zh/oss/developer-reference/initiatemultipartupload: the headers an object keeps.
const keptHeader =
  /^(cache-control|content-disposition|content-encoding|content-type|expires|x-oss-meta-.+|x-oss-storage-class|x-oss-tagging|x-oss-server-side-(encryption|data-encryption|encryption-key-id))$/

/** The headers of a request that its object keeps. */
export function objectHeaders(request: FakeRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => keptHeader.test(name)),
  )
}

/** The encryption headers that UploadPart, Complete and PutObject repeat. */
export function encryptionHeaders(
  headers: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('x-oss-server-side-')),
  )
}

/** @throws {OssFailure} 409 FileAlreadyExists; never where versioning keeps the old object anyway */
export function checkOverwrite(state: FakeOssState, request: FakeRequest, ec?: string): void {
  if (request.headers['x-oss-forbid-overwrite'] !== 'true' || state.options.versioning) return
  if (!state.bucketOf(request).objects.has(request.key ?? '')) return
  throw new OssFailure(
    409,
    'FileAlreadyExists',
    'The object you specified already exists and can not be overwritten.',
    ec === undefined ? {} : { ec },
  )
}

/** @throws {OssFailure} 400 InvalidDigest unless Content-MD5 is absent or right */
export function checkContentMd5(request: FakeRequest, md5Hex: string): void {
  const claimed = request.headers['content-md5']
  if (claimed === undefined) return
  const actual = Buffer.from(md5Hex, 'hex').toString('base64')
  if (claimed === actual) return
  throw new OssFailure(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.', {
    fields: { 'Content-MD5': claimed, CalculatedMD5: actual },
  })
}

/** @throws {OssFailure} 400 InvalidArgument outside 819,200..838,860,800 bit/s */
export function checkTrafficLimit(request: FakeRequest): void {
  const value = request.headers['x-oss-traffic-limit']
  if (value === undefined) return
  const bits = /^\d+$/.test(value) ? Number(value) : 0
  if (bits >= 819_200 && bits <= 838_860_800) return
  throw invalidArgument('The traffic limit is out of range.', {
    name: 'x-oss-traffic-limit',
    value,
    ec: '0004-00000502',
  })
}

/** The CRC-64 header, unless the fake was told to leave it out. */
export function crc64Header(state: FakeOssState, crc64: string): Record<string, string> {
  return state.options.crc64Headers === false ? {} : { 'x-oss-hash-crc64ecma': crc64 }
}

/** Makes a body an object and puts it in place. */
export function storeObject(
  state: FakeOssState,
  bucket: FakeBucket,
  key: string,
  body: StoredBody,
  about: {
    readonly type: 'Normal' | 'Multipart'
    readonly etag: string
    readonly headers: Readonly<Record<string, string>>
    readonly acl?: string | undefined
    readonly parts: number
    readonly uploadId?: string
  },
): StoredObject {
  const { 'x-oss-tagging': tagging, ...headers } = about.headers
  const object: StoredObject = {
    size: body.size,
    etag: about.etag,
    crc64: String(body.crc64),
    get md5() {
      return body.md5
    },
    get sha256() {
      return body.sha256
    },
    type: about.type,
    headers: { 'content-type': 'application/octet-stream', ...headers },
    ...(about.acl === undefined ? {} : { acl: about.acl }),
    ...(tagging === undefined ? {} : { tagging }),
    ...(state.options.versioning ? { versionId: state.newId() } : {}),
    parts: about.parts,
    lastModified: state.now(),
    ...(about.uploadId === undefined ? {} : { completedUploadId: about.uploadId }),
    ...(body.path === undefined ? {} : { path: body.path }),
    read: () => body.read(),
    drop: () => body.drop(),
  }
  state.replaceObject(bucket, key, object)
  return object
}

export function versionHeader(object: StoredObject): Record<string, string> {
  return object.versionId === undefined ? {} : { 'x-oss-version-id': object.versionId }
}

/** PutObject; the checks that need no body were made by {@link checkPutObject}. */
export function putObject(
  state: FakeOssState,
  request: FakeRequest,
  body: StoredBody,
): FakeResponse {
  checkContentMd5(request, body.md5)
  checkOverwrite(state, request)
  const bucket = state.bucketOf(request)
  const key = request.key ?? ''
  const { md5 } = body
  const object = storeObject(state, bucket, key, state.bodies.join([body]), {
    type: 'Normal',
    etag: `"${md5}"`,
    headers: objectHeaders(request),
    acl: request.headers['x-oss-object-acl'],
    parts: 1,
  })
  const headers = {
    ETag: object.etag,
    'Content-MD5': Buffer.from(md5, 'hex').toString('base64'),
    ...crc64Header(state, object.crc64),
    ...versionHeader(object),
    ...encryptionHeaders(object.headers),
  }
  return (
    answerWithCallback(state, request, object, headers) ?? {
      status: 200,
      headers,
      body: Buffer.alloc(0),
    }
  )
}

/** What can be refused before the body is read. */
export function checkPutObject(state: FakeOssState, request: FakeRequest): void {
  checkTrafficLimit(request)
  checkOverwrite(state, request)
  if (Number(request.headers['content-length'] ?? 0) > maxPutBytes) {
    throw new OssFailure(400, 'EntityTooLarge', 'The object exceeds the maximum allowed size.')
  }
}

function findObject(state: FakeOssState, request: FakeRequest): StoredObject {
  const object = state.bucketOf(request).objects.get(request.key ?? '')
  const version = request.query['versionId']
  if (object === undefined || (version !== undefined && version !== object.versionId)) {
    throw new OssFailure(404, 'NoSuchKey', 'The specified key does not exist.', {
      fields: { Key: request.key ?? '' },
    })
  }
  return object
}

function describeObject(state: FakeOssState, object: StoredObject): Record<string, string> {
  return {
    'x-oss-storage-class': 'Standard',
    ...object.headers,
    'Content-Length': String(object.size),
    ETag: object.etag,
    'Last-Modified': object.lastModified.toUTCString(),
    'Accept-Ranges': 'bytes',
    'x-oss-object-type': object.type,
    ...crc64Header(state, object.crc64),
    ...versionHeader(object),
    ...(object.tagging === undefined
      ? {}
      : { 'x-oss-tagging-count': String(object.tagging.split('&').length) }),
  }
}

export function headObject(state: FakeOssState, request: FakeRequest): FakeResponse {
  const object = findObject(state, request)
  return { status: 200, headers: describeObject(state, object), body: Buffer.alloc(0) }
}

export function getObject(state: FakeOssState, request: FakeRequest): FakeResponse {
  const object = findObject(state, request)
  if (state.options.store === 'digest' && object.path === undefined) {
    throw new OssFailure(501, 'NotImplemented', 'This fake OSS keeps digests only, not bytes.')
  }
  return { status: 200, headers: describeObject(state, object), body: object.read() }
}
