// Owns what a successful upload says of itself.

import type { CallbackReply } from '../oss/callback.js'

/** How an object came to be stored. */
export type UploadOutcome = 'completed' | 'completed-reconciled' | 'completed-callback-failed'

/** How the object came to be stored, and as what. */
export interface Completion {
  readonly outcome: UploadOutcome
  /** Empty when OSS told none and HeadObject is denied, as can be with a callback. */
  readonly etag: string
  readonly versionId?: string
  readonly location?: string
  readonly callback?: CallbackReply
}

export interface ManifestPart {
  /** From 1 on, without gaps. */
  readonly number: number
  /** Bytes. */
  readonly size: number
  /** Decimal, computed from the local bytes. */
  readonly crc64: string
  readonly etag: string
  /** Absent when an earlier run has sent the part. */
  readonly requestId?: string
}

/** Proof of what was stored; `encodeManifest` makes the text of it that `ossup verify` takes. */
export interface Manifest {
  readonly bucket: string
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Decimal, of the local bytes; equal to the object's. */
  readonly crc64: string
  /** Empty when OSS told none. */
  readonly etag: string
  readonly versionId?: string
  /** Absent when the object was stored by one PutObject. */
  readonly uploadId?: string
  /** None, or all of them: joined they are the object. */
  readonly parts: readonly ManifestPart[]
  /** ISO 8601, of the run that completed the upload. */
  readonly startedAt: string
  readonly completedAt: string
  readonly outcome: UploadOutcome
}

/** What one of several workers had to do. */
export interface ShardShare {
  /** From 0 on. */
  readonly index: number
  readonly count: number
  /** Parts of its share; 0 where there are more workers than parts. */
  readonly parts: number
  readonly bytes: number
}

export interface UploadFileResult {
  /** Empty with `shard-done`, and when OSS told none and HeadObject is denied, as can be with a callback. */
  readonly etag: string
  /** CRC-64 of the local bytes, decimal; equal to the object's. Empty with `shard-done`: there is no object yet. */
  readonly crc64: string
  /** Bytes of the whole source. */
  readonly size: number
  /** Parts of the object; 1 when it was stored by PutObject. */
  readonly parts: number
  /** Absent when the object was stored by PutObject. */
  readonly uploadId?: string
  /** Of the object, in a bucket with versioning. */
  readonly versionId?: string
  readonly location?: string
  /**
   * With the option `callback`: what its server answered, or why it could not. Absent when the answer to Complete was lost, for
   * then nobody knows.
   */
  readonly callback?: CallbackReply
  /** Taken over from earlier runs, each part verified as the `verify` option says. */
  readonly resumed: { readonly parts: number; readonly bytes: number }
  /** Sent by this run. */
  readonly sent: { readonly parts: number; readonly bytes: number }
  /**
   * `completed-reconciled`: the answer to Complete was lost, and the object was found to be ours.
   * `completed-callback-failed`: the object is stored, and the callback server did not take it.
   * `shard-done`, with the option `shard` alone: this worker's share is done, and the object is stored once the others' are.
   */
  readonly outcome: UploadOutcome | 'shard-done'
  /** With the option `shard`: this worker's share, to which `resumed` and `sent` refer. */
  readonly shard?: ShardShare
  /** With the option `manifest`; not with `shard-done`. */
  readonly manifest?: Manifest
  /** Upload ids given up and not aborted: OSS bills their parts until somebody aborts them. */
  readonly abandonedUploadIds: readonly string[]
}
