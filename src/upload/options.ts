// Checks the caller's options before any I/O and fills in the defaults.

import { resolve } from 'node:path'
import { assertCallback, type UploadCallback } from '../oss/callback.js'
import { assertBucketName, assertObjectKey } from '../oss/endpoint.js'
import { assertTrafficLimit } from '../oss/headers.js'
import { namedHeaders, type ObjectSettings, objectSettingChecks } from '../oss/object-settings.js'
import { assertRetryOptions, type RetryOptions } from '../oss/retry.js'
import { checkpointPathOf } from './checkpoint-path.js'
import type { CheckpointStore } from './checkpoint-store.js'
import { contentTypeOf } from './content-type.js'
import type { UploadListeners } from './events.js'
import { assertPartSize, maxStreamPartSize } from './plan.js'
import {
  contentHints,
  type ResolvedSource,
  resolveSource,
  type UploadSource,
} from './source-option.js'

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
  /** Parts in flight, 1..1000. @default 4 */
  readonly concurrency?: number | undefined
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
  readonly concurrency: number
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
  readonly retry: RetryOptions | undefined
  readonly deadline: number | undefined
  readonly signal: AbortSignal | undefined
}

const checks: { readonly [K in keyof Required<UploadFileOptions>]: (value: unknown) => void } = {
  path: nameOf('path', 'file'),
  source: (value) => void resolveSource(value),
  bucket: assertBucketName,
  key: assertObjectKey,
  partSize: (value) => assertPartSize(value as number),
  concurrency: (value) => {
    const number = value as number
    if (!Number.isInteger(number) || number < 1 || number > 1000) {
      throw new RangeError(`concurrency must be a whole number, 1 to 1000, not ${String(value)}`)
    }
  },
  checkpoint: oneOf('checkpoint', true, false),
  checkpointPath: nameOf('checkpointPath', 'file'),
  checkpointDir: nameOf('checkpointDir', 'directory'),
  checkpointStore: (value) => {
    const { exists, acquire } = (value ?? {}) as Partial<CheckpointStore>
    if (typeof exists !== 'function' || typeof acquire !== 'function')
      throw new TypeError('checkpointStore must be a CheckpointStore')
  },
  verify: oneOf('verify', 'content', 'stat'),
  adopt: oneOf('adopt', true, false),
  restart: oneOf('restart', true, false),
  onAbort: oneOf('onAbort', 'keep', 'discard'),
  ...objectSettingChecks,
  callback: (value) => assertCallback(value),
  trafficLimit: (value) => assertTrafficLimit(value),
  sequential: oneOf('sequential', true, false),
  contentMd5: oneOf('contentMd5', true, false),
  retry: (value) => assertRetryOptions(value),
  deadline: (value) => {
    const number = value as number
    if (!Number.isInteger(number) || number < 1 || number > 2_147_483_647) {
      throw new RangeError(
        `deadline must be a whole number of milliseconds, 1 to 2147483647, not ${String(value)}`,
      )
    }
  },
  signal: (value) => {
    if (!(value instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal')
  },
  onProgress: (value) => {
    if (typeof value !== 'function') throw new TypeError('onProgress must be a function')
  },
  onEvent: (value) => {
    if (typeof value !== 'function') throw new TypeError('onEvent must be a function')
  },
}

/**
 * @throws {TypeError|RangeError} naming the option and what is accepted.
 */
export function resolveOptions(options: UploadFileOptions): UploadSettings {
  const { path } = options
  if (path === undefined && options.source === undefined) {
    throw new TypeError('path or source is required')
  }
  for (const required of ['bucket', 'key'] as const) {
    if (options[required] === undefined) throw new TypeError(`${required} is required`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) throw new TypeError(`unknown option "${name}"`)
    if (value !== undefined) checks[name as keyof UploadFileOptions](value)
  }
  if (path !== undefined && options.source !== undefined) {
    throw new TypeError('path and source exclude each other')
  }
  const source =
    path === undefined ? resolveSource(options.source) : ({ kind: 'file', path } as const)
  const { checkpointStore, sequential = false } = options
  const places = (['checkpointPath', 'checkpointDir', 'checkpointStore'] as const).filter(
    (name) => options[name] !== undefined,
  )
  const { checkpoint = path !== undefined || places.length > 0 } = options
  if (!checkpoint && places.length > 0) {
    throw new TypeError(`checkpoint: false contradicts ${places.join(' and ')}`)
  }
  if (places.length > 1) throw new TypeError(`${places.join(' and ')} exclude each other`)
  if (sequential && (options.concurrency ?? 1) > 1) {
    throw new TypeError('sequential contradicts concurrency above 1: one part goes after another')
  }
  if (path === undefined) assertWithoutPath(options, source, places.length > 0)
  const checkpointFile = checkpointPathOf(options)
  if (path !== undefined) assertApart(path, checkpointFile)
  return {
    source,
    bucket: options.bucket,
    key: options.key,
    partSize: options.partSize,
    concurrency: sequential ? 1 : (options.concurrency ?? 4),
    checkpoint: checkpoint ? { path: checkpointFile, store: checkpointStore } : undefined,
    verify: options.verify ?? 'content',
    adopt: options.adopt ?? false,
    restart: options.restart ?? false,
    onAbort: options.onAbort ?? 'keep',
    object: objectOf(options, source),
    callback: options.callback,
    trafficLimit: options.trafficLimit,
    sequential,
    contentMd5: options.contentMd5 ?? false,
    retry: options.retry,
    deadline: options.deadline,
    signal: options.signal,
    onProgress: options.onProgress,
    onEvent: options.onEvent,
  }
}

/** The settings alone, with the Content-Type that the names tell unless one is given. */
function objectOf(options: UploadFileOptions, source: ResolvedSource): ObjectSettings {
  const { metadata, acl, storageClass, tagging, serverSideEncryption } = options
  const { forbidOverwrite, requestPayer, headers } = options
  const { type, name } = contentHints(source)
  const guessed = { 'Content-Type': type ?? contentTypeOf(name, options.key) }
  return {
    headers: { ...guessed, ...namedHeaders(headers) },
    ...{ metadata, acl, storageClass, tagging, serverSideEncryption },
    ...{ forbidOverwrite, requestPayer },
  }
}

/** @throws {TypeError} for what only a file has a meaning for. */
function assertWithoutPath(
  { checkpoint, verify, adopt, partSize = 0 }: UploadFileOptions,
  { kind }: ResolvedSource,
  hasPlace: boolean,
): void {
  if (checkpoint && !hasPlace) {
    throw new TypeError(
      'checkpoint: true needs checkpointPath, checkpointDir or checkpointStore where there is no path',
    )
  }
  if (verify === 'stat') {
    throw new TypeError(
      'verify: stat needs path: only the content of a source tells whether it is the same',
    )
  }
  if (kind !== 'stream') return
  if (adopt)
    throw new TypeError('adopt needs a source that can be read again, which a stream cannot')
  if (partSize > maxStreamPartSize) {
    throw new RangeError(
      `partSize of a stream must be at most ${maxStreamPartSize} (4 GiB), because its parts are kept in memory, not ${partSize}`,
    )
  }
}

/** The checkpoint and the files beside it are written, renamed and removed: none of them may be the source. */
function assertApart(path: string, checkpointPath: string): void {
  const source = resolve(path)
  for (const suffix of ['', '.lock', '.tmp']) {
    if (resolve(checkpointPath) + suffix === source) {
      throw new TypeError(
        'checkpointPath must be another file than path, also when .lock or .tmp is added to it',
      )
    }
  }
}

function nameOf(option: string, what: 'file' | 'directory'): (value: unknown) => void {
  return (value) => {
    const usable = typeof value === 'string' && value !== '' && !value.includes('\0')
    if (!usable) throw new TypeError(`${option} must be the name of a ${what}`)
  }
}

function oneOf(name: string, ...accepted: readonly unknown[]): (value: unknown) => void {
  return (value) => {
    if (accepted.includes(value)) return
    const list = accepted.map((item) => JSON.stringify(item)).join(' or ')
    const given = typeof value === 'string' ? JSON.stringify(value) : typeof value
    throw new TypeError(`${name} must be ${list}, not ${given}`)
  }
}
