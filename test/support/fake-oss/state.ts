/** Owns everything the fake remembers: buckets, objects, open uploads, credentials and the log of requests. */

import { randomBytes } from 'node:crypto'
import {
  type BodyStore,
  digestBodies,
  fileBodies,
  memoryBodies,
  type StoredBody,
} from './bodies.js'
import { OssFailure } from './failure.js'
import type { FakeCredentials, FakeOssOptions } from './options.js'
import { type FakeRequest, type LoggedRequest, type RawMessage, readRequest } from './request.js'

export interface StoredPart {
  readonly size: number
  /** As on the wire: quoted upper-case MD5. */
  readonly etag: string
  /** Upper-case hex. */
  readonly md5: string
  /** Unsigned decimal. */
  readonly crc64: string
  /** Lower-case hex; undefined where it is not known. */
  readonly sha256: string | undefined
  /** How many times a part of this number was stored. */
  readonly attempts: number
  readonly lastModified: Date
  readonly body: StoredBody
}

export interface StoredUpload {
  readonly key: string
  readonly uploadId: string
  readonly initiated: Date
  /** The object's future headers, as Initiate gave them. */
  readonly headers: Readonly<Record<string, string>>
  readonly sequential: boolean
  readonly parts: Map<number, StoredPart>
}

export interface StoredObject {
  readonly size: number
  /** As on the wire, quoted; ends in `-N` for N parts. */
  readonly etag: string
  readonly crc64: string
  /** Upper-case hex, computed when asked for; '' where only digests of several parts are kept. */
  readonly md5: string
  readonly sha256: string | undefined
  readonly type: 'Normal' | 'Multipart'
  /** Content-Type and the like, x-oss-meta-*, storage class, encryption; lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly acl?: string
  /** The x-oss-tagging header as sent. */
  readonly tagging?: string
  readonly versionId?: string
  readonly parts: number
  readonly lastModified: Date
  readonly completedUploadId?: string
  /** The file that holds the bytes, with the `directory` option. */
  readonly path?: string
  read(): Buffer
  drop(): void
}

export interface FakeBucket {
  readonly objects: Map<string, StoredObject>
  readonly uploads: Map<string, StoredUpload>
}

export interface CompletedUpload {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
}

export interface AcknowledgedPart extends CompletedUpload {
  readonly partNumber: number
  readonly size: number
  /** Milliseconds since the epoch, by the real clock. */
  readonly at: number
}

const defaultCredentials: FakeCredentials = {
  accessKeyId: 'test-access-key-id',
  accessKeySecret: 'test-access-key-secret',
}

export class FakeOssState {
  readonly options: FakeOssOptions
  readonly region: string
  readonly product: string
  readonly buckets: ReadonlyMap<string, FakeBucket>
  readonly bodies: BodyStore
  readonly requests: LoggedRequest[] = []
  /** Every Complete that took effect, answered or not. */
  readonly completed: CompletedUpload[] = []
  /** Every UploadPart that was answered 200, in order. */
  readonly acknowledged: AcknowledgedPart[] = []
  credentials: readonly FakeCredentials[]
  denied: ReadonlySet<string>
  fault: FakeOssOptions['fault']
  #created = 0

  constructor(options: FakeOssOptions = {}) {
    this.options = options
    this.region = options.region ?? 'cn-hangzhou'
    this.product = options.product ?? 'oss'
    this.credentials = options.credentials ?? [defaultCredentials]
    this.denied = new Set(options.denied)
    this.fault = options.fault
    this.buckets = new Map(
      (options.buckets ?? ['examplebucket']).map((name) => [
        name,
        { objects: new Map(), uploads: new Map() },
      ]),
    )
    if (options.directory !== undefined) this.bodies = fileBodies(options.directory)
    else this.bodies = options.store === 'digest' ? digestBodies() : memoryBodies()
  }

  /** The server's clock. */
  now(): Date {
    return this.options.now?.() ?? new Date()
  }

  /** Reads a message and opens its line in the log. */
  accept(message: RawMessage, connection: number): LoggedRequest {
    const request = readRequest(
      message,
      { buckets: new Set(this.buckets.keys()), cnames: this.options.cnames ?? {} },
      {
        requestId: randomBytes(12).toString('hex').toUpperCase(),
        sequence: this.requests.length + 1,
        connection,
      },
    )
    const logged = { ...request, bodyBytes: 0, responded: false, startedAt: Date.now() }
    this.requests.push(logged)
    return logged
  }

  /** Closes the line: the answer is on its way. */
  answered(logged: LoggedRequest, status: number): void {
    logged.status = status
    logged.responded = true
    logged.endedAt = Date.now()
    const { operation, bucket, key, uploadId, partNumber } = logged
    if (operation !== 'UploadPart' || status !== 200) return
    if (bucket === undefined || key === undefined) return
    if (uploadId === undefined || partNumber === undefined) return
    this.acknowledged.push({
      bucket,
      key,
      uploadId,
      partNumber,
      size: logged.bodyBytes,
      at: logged.endedAt,
    })
  }

  /** @throws {OssFailure} 404 NoSuchBucket */
  bucketOf(request: FakeRequest): FakeBucket {
    const bucket = this.buckets.get(request.bucket ?? '')
    if (bucket !== undefined) return bucket
    throw new OssFailure(404, 'NoSuchBucket', 'The specified bucket does not exist.', {
      fields: { BucketName: request.bucket ?? '' },
    })
  }

  /** @throws {OssFailure} 404 NoSuchUpload, also if the upload belongs to another key */
  uploadOf(request: FakeRequest): StoredUpload {
    const upload = this.bucketOf(request).uploads.get(request.uploadId ?? '')
    if (upload !== undefined && upload.key === request.key) return upload
    throw new OssFailure(
      404,
      'NoSuchUpload',
      'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
      { fields: { UploadId: request.uploadId ?? '' } },
    )
  }

  /** Upload and version ids: unique, and in ascending order of creation. */
  newId(): string {
    this.#created += 1
    const count = this.#created.toString(16).padStart(12, '0')
    return `${count}${randomBytes(10).toString('hex')}`.toUpperCase()
  }

  /** Puts an object in place of what was there. */
  replaceObject(bucket: FakeBucket, key: string, object: StoredObject): void {
    bucket.objects.get(key)?.drop()
    bucket.objects.set(key, object)
  }

  /** The open upload of that id in any bucket. */
  findUpload(uploadId: string): { bucket: FakeBucket; upload: StoredUpload } {
    for (const bucket of this.buckets.values()) {
      const upload = bucket.uploads.get(uploadId)
      if (upload !== undefined) return { bucket, upload }
    }
    throw new RangeError(`no open upload ${uploadId}`)
  }
}
