// Owns what a successful upload says of itself.

import type { CallbackReply } from '../oss/callback.js'

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

export interface UploadFileResult {
  /** Empty when OSS told none and HeadObject is denied, as can be with a callback. */
  readonly etag: string
  /** CRC-64 of the local bytes, decimal; equal to the object's. */
  readonly crc64: string
  /** Bytes. */
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
   */
  readonly outcome: UploadOutcome
  /** Upload ids given up and not aborted: OSS bills their parts until somebody aborts them. */
  readonly abandonedUploadIds: readonly string[]
}
