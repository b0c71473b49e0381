// Owns the options of an upload as a caller gives them, and as the upload is given them.

import type { UploadCallback } from '../oss/callback.js'
import type { ObjectSettings } from '../oss/object-settings.js'
import type { RetryOptions } from '../oss/retry.js'
import type { CheckpointStore } from './checkpoint-store.js'
import type { UploadListeners } from './events.js'
import type { Shard } from './shard.js'
import type { ResolvedSource, UploadSource } from './source-option.js'

interface FromPath {
  /** The file to upload. */
  readonly path: string
}

interface FromSource {
  /**
   * What to upload instead of a file: bytes, a Blob, or a stream. Bytes must be left alone until the upload has ended. Of a
   * stream each part is in memory while it is sent: up to `concurrency` times `partSize`, which is at most 4 GiB here.
   */
  readonly source: UploadSource
}

/** Exactly one of `path` and `source`. */
export type UploadFileOptions = UploadOptions &
  ((FromPath & { readonly source?: undefined }) | (FromSource & { readonly path?: undefined }))

interface UploadOptions extends UploadListeners, ObjectSettings {
  readonly bucket: string
  /** 1..1023 UTF-8 bytes, not starting with `/` or `\`. */
  readonly key: string
  /** Bytes, 100 KiB..5 GiB. @default 8 MiB, or what keeps the number of parts at 10,000: a stream may have 78 GiB then */
  readonly partSize?: number | undefined
  /**
   * Parts in flight, 1..1000; `auto` begins with 4 and finds how many the link can use, up to `maxConcurrency`. With
   * `trafficLimit`, and for a stream, whose parts in flight are in memory, `auto` is 4.
   * @default 'auto'
   */
  readonly concurrency?: number | 'auto' | undefined
  /** The most that `concurrency: 'auto'` goes to, 1..1000; each takes about 1 MiB of memory. @default 32 */
  readonly maxConcurrency?: number | undefined
  /**
   * `false` keeps no record: a failed upload is aborted and starts over.
   * @default true; for a `source`, which has no path to keep it beside, only where one of the next three is given
   */
  readonly checkpoint?: boolean | undefined
  /** The checkpoint's file. @default `${path}.ucp` */
  readonly checkpointPath?: string | undefined
  /**
   * A directory that is there already: the checkpoint is one file in it for each source path and destination.
   * @default none: it is beside the source
   */
  readonly checkpointDir?: string | undefined
  /** Keeps the checkpoint elsewhere than in a file. @default a file at `checkpointPath` */
  readonly checkpointStore?: CheckpointStore | undefined
  /**
   * How parts of an earlier run are checked against the source: `content` reads their bytes again and compares CRC-64;
   * `stat` trusts size, times and inode while all of them are unchanged, and is refused for a `source`, which has none.
   * @default 'content'
   */
  readonly verify?: 'content' | 'stat' | undefined
  /**
   * Without a checkpoint: look for this key's unfinished uploads on OSS and continue the one that saves most. Refused for a
   * stream, which cannot be compared with several.
   * @default false
   */
  readonly adopt?: boolean | undefined
  /** Give up what the checkpoint records: its upload id is aborted, and the upload starts over. @default false */
  readonly restart?: boolean | undefined
  /** What a cancelled upload leaves: `keep` the parts and the checkpoint, or `discard` both. @default 'keep' */
  readonly onAbort?: 'keep' | 'discard' | undefined
  /** What OSS calls once the object is stored; its reply is in the result. @default none */
  readonly callback?: UploadCallback | undefined
  /** Bit/s of each connection, 819,200..838,860,800: the whole upload may take `concurrency` times as much. @default unlimited */
  readonly trafficLimit?: number | undefined
  /**
   * Sends the parts one after another, in order; OSS refuses any other order, and to replace a part. `concurrency` is 1 then.
   * @default false
   */
  readonly sequential?: boolean | undefined
  /**
   * Sends the MD5 of each part, or of the whole when it is one request: OSS refuses other bytes, and Content-MD5 is signed, so
   * the signature covers the bytes, which no V4 signature does otherwise. Costs a second reading of every part.
   * @default false
   * https://www.alibabacloud.com/help/en/oss/developer-reference/uploadpart
   */
  readonly contentMd5?: boolean | undefined
  /** Puts a manifest into the result: CRC-64, ETag and request id of each part, and of the whole. @default false */
  readonly manifest?: boolean | undefined
  /**
   * This process is worker `index`, 0..`count` - 1, of `count`, 1..1000, that send one file together: each its own contiguous
   * parts, with the same `path`, destination, options and `checkpointDir` or `checkpointPath` on a volume that all of them
   * see. Whoever is the last completes; the others end with the outcome `shard-done`. Contradicts `sequential`, `adopt`,
   * `restart` and `onAbort: 'discard'`, which are about the upload as a whole.
   * @default none: this process sends the whole file
   */
  readonly shard?: Shard | undefined
  /**
   * How requests that fail are repeated; members that are not given are the client's.
   * @default { attempts: 10, baseDelay: 200, maxDelay: 20_000, budget: 200, throttleTime: 600_000 }
   */
  readonly retry?: RetryOptions | undefined
  /**
   * Milliseconds, 1..2,147,483,647, for the whole upload: when they have passed it fails with `ERR_OSS_TIMEOUT`, and what it has
   * sent is kept for the next run.
   * @default none: as long as bytes move, an upload may take as long as it needs
   */
  readonly deadline?: number | undefined
  /** Cancels the upload, which rejects with `signal.reason` once nothing of it runs any more. */
  readonly signal?: AbortSignal | undefined
}

export interface UploadSettings extends UploadListeners {
  readonly source: ResolvedSource
  readonly bucket: string
  readonly key: string
  readonly partSize: number | undefined
  readonly concurrency: number | 'auto'
  readonly maxConcurrency: number
  /** Undefined without a checkpoint. */
  readonly checkpoint:
    | { readonly path: string; readonly store: CheckpointStore | undefined }
    | undefined
  readonly verify: 'content' | 'stat'
  readonly adopt: boolean
  readonly restart: boolean
  readonly onAbort: 'keep' | 'discard'
  readonly object: ObjectSettings
  readonly callback: UploadCallback | undefined
  readonly trafficLimit: number | undefined
  readonly sequential: boolean
  readonly contentMd5: boolean
  readonly manifest: boolean
  readonly shard: Shard | undefined
  readonly retry: RetryOptions | undefined
  readonly deadline: number | undefined
  readonly signal: AbortSignal | undefined
}
