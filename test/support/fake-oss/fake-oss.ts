/** Owns the face of the fake that tests hold: starting it, looking into it, and damaging what it keeps. */

import { discardUpload, storedPart } from './multipart.js'
import { storeObject } from './objects.js'
import type { FakeCredentials, FakeOssOptions } from './options.js'
import type { LoggedRequest } from './request.js'
import { startServer } from './server.js'
import {
  type AcknowledgedPart,
  type CompletedUpload,
  type FakeBucket,
  FakeOssState,
  type StoredObject,
  type StoredPart,
  type StoredUpload,
} from './state.js'

export interface FakeOss extends AsyncDisposable {
  /** Such as 'http://127.0.0.1:40123'. */
  readonly endpoint: string
  readonly state: FakeOssState
  readonly requests: readonly LoggedRequest[]
  /** Sockets accepted so far. */
  readonly connections: number
  readonly openConnections: number
  setFault(fault?: FakeOssOptions['fault']): void
  setDenied(operations: readonly string[]): void
  setCredentials(credentials: readonly FakeCredentials[]): void
  object(bucket: string, key: string): StoredObject | undefined
  /** Open uploads, oldest first. */
  uploads(bucket: string): readonly StoredUpload[]
  /** Every Complete that took effect, answered or not. */
  readonly completed: readonly CompletedUpload[]
  /** Every UploadPart that was answered 200, in order. */
  readonly acknowledged: readonly AcknowledgedPart[]
  /** Seeds an object. */
  put(bucket: string, key: string, bytes: Buffer): void
  /** Forgets an upload, as a lifecycle rule would. */
  dropUpload(uploadId: string): void
  dropPart(uploadId: string, partNumber: number): void
  /**
   * Flips a bit of a stored part. ListParts goes on showing the old ETag and CRC-64, so that only the CRC-64 of the
   * whole object gives it away; with `visible` it shows the new ones, as if someone else had overwritten the part.
   */
  corruptPart(uploadId: string, partNumber: number, how?: { readonly visible?: boolean }): void
  /** Destroys every socket and stops listening; idempotent. */
  close(): Promise<void>
}

function namedBucket(state: FakeOssState, name: string): FakeBucket {
  const bucket = state.buckets.get(name)
  if (bucket === undefined) throw new RangeError(`the fake has no bucket ${name}`)
  return bucket
}

function namedPart(
  state: FakeOssState,
  uploadId: string,
  partNumber: number,
): { upload: StoredUpload; part: StoredPart } {
  const { upload } = state.findUpload(uploadId)
  const part = upload.parts.get(partNumber)
  if (part === undefined) throw new RangeError(`upload ${uploadId} has no part ${partNumber}`)
  return { upload, part }
}

/** Starts a fake OSS on a loopback port. */
export async function startFakeOss(options: FakeOssOptions = {}): Promise<FakeOss> {
  const state = new FakeOssState(options)
  const server = await startServer(state)
  return {
    endpoint: server.endpoint,
    state,
    requests: state.requests,
    completed: state.completed,
    acknowledged: state.acknowledged,
    get connections() {
      return server.connections
    },
    get openConnections() {
      return server.openConnections
    },
    setFault(fault) {
      state.fault = fault
    },
    setDenied(operations) {
      state.denied = new Set(operations)
    },
    setCredentials(credentials) {
      state.credentials = credentials
    },
    object: (bucket, key) => namedBucket(state, bucket).objects.get(key),
    uploads: (bucket) => [...namedBucket(state, bucket).uploads.values()],
    put(bucket, key, bytes) {
      const receiver = state.bodies.receive()
      receiver.write(bytes)
      const body = receiver.end()
      storeObject(state, namedBucket(state, bucket), key, state.bodies.join([body]), {
        type: 'Normal',
        etag: `"${body.md5}"`,
        headers: {},
        parts: 1,
      })
    },
    dropUpload(uploadId) {
      const { bucket, upload } = state.findUpload(uploadId)
      discardUpload(upload)
      bucket.uploads.delete(uploadId)
    },
    dropPart(uploadId, partNumber) {
      const { upload, part } = namedPart(state, uploadId, partNumber)
      part.body.drop()
      upload.parts.delete(partNumber)
    },
    corruptPart(uploadId, partNumber, how = {}) {
      const { upload, part } = namedPart(state, uploadId, partNumber)
      const body = part.body.corrupt()
      upload.parts.set(
        partNumber,
        how.visible ? storedPart(body, state.now(), part.attempts) : { ...part, body },
      )
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
