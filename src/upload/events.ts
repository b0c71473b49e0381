// Owns what an upload tells its caller while it runs: progress, and events that a person or a log may want to know.

import type { RequestEvent } from '../oss/scope.js'

/** Counts only what OSS has acknowledged; never goes back. */
export interface UploadProgress {
  /** `verifying` compares parts that an earlier run sent; `sending` may verify beside it. */
  readonly phase: 'verifying' | 'sending' | 'completing' | 'completed'
  /** Bytes acknowledged by OSS, in this run and before. Equals `totalBytes` only when the object is complete and checked. */
  readonly transferredBytes: number
  /** Undefined for a stream that is sent in parts, until the phase is `completed`. */
  readonly totalBytes: number | undefined
  /** Bytes handed to the network in this run, including parts that are sent again. */
  readonly sentBytes: number
  /** Bytes of parts that an earlier run sent and that were found unchanged. */
  readonly resumedBytes: number
  readonly partsDone: number
  /** Undefined for a stream that is sent in parts, until the phase is `completed`. */
  readonly parts: number | undefined
}

export type UploadEvent =
  /** `attempt`, `retry`, `refresh`, `skew` and `stall`, each of one request. */
  | RequestEvent
  /** OSS asks for less: `concurrency` parts may be in flight from now on, and more again as parts are acknowledged. */
  | {
      readonly type: 'throttle'
      readonly concurrency: number
      readonly code: string
      readonly status?: number
    }
  /** OSS denied an optional operation; the upload goes on without it. */
  | { readonly type: 'degraded'; readonly operation: string; readonly consequence: string }
  /** A damaged checkpoint was moved to `path`; `uploadId` is the one it held, when that could be read. */
  | { readonly type: 'checkpoint-quarantined'; readonly path: string; readonly uploadId?: string }
  /** The object is stored, and its checkpoint could not be removed: delete it, or let the next run find the object complete. */
  | { readonly type: 'checkpoint-left' }
  /** An earlier run is continued: `parts` of it are to be verified or trusted. */
  | { readonly type: 'resume'; readonly uploadId: string; readonly parts: number }
  /** The source is not what it was when the earlier run began; every part is compared with its bytes. */
  | { readonly type: 'source-differs'; readonly path: string }
  /** Local bytes differ from what was sent under this number: it is sent again. */
  | { readonly type: 'part-differs'; readonly partNumber: number }
  /** Sequential: OSS has this part already, from a try whose answer was lost, and it has the local bytes. */
  | { readonly type: 'part-found'; readonly partNumber: number }
  /** OSS no longer has a part that the checkpoint records: it is sent again. */
  | { readonly type: 'part-lost'; readonly partNumber: number }
  /** An upload id was given up. `open` says that it could not be aborted: its parts are billed until somebody does. */
  | {
      readonly type: 'superseded'
      readonly uploadId: string
      readonly reason: string
      readonly open: boolean
    }
  /** An unfinished upload was found by listing; `adopted` says whether this upload continues it. */
  | {
      readonly type: 'found'
      readonly uploadId: string
      readonly matchingBytes: number
      readonly adopted: boolean
    }
  /** The answer to Complete was lost or contradictory, and the object was looked at instead. */
  | { readonly type: 'reconcile'; readonly result: 'stored' | 'not-stored' | 'unknown' }
  /** OSS named a part as invalid when completing; it is sent again. */
  | { readonly type: 'repair'; readonly partNumber: number }

export interface UploadListeners {
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  readonly onEvent?: ((event: UploadEvent) => void) | undefined
}

/** A listener that throws must not break the upload; what it threw is its own affair. */
export function tell<T>(listener: ((value: T) => void) | undefined, value: T): void {
  try {
    listener?.(value)
  } catch {
    // Deliberately dropped: there is no one to tell.
  }
}
