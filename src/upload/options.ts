// Checks the caller's options before any I/O and fills in the defaults.

import { resolve } from 'node:path'
import { assertBucketName, assertObjectKey } from '../oss/endpoint.js'
import { assertHeaderValue } from '../oss/send.js'
import type { CheckpointStore } from './checkpoint-store.js'
import type { UploadListeners } from './events.js'
import { assertPartSize } from './plan.js'

export interface UploadFileOptions extends UploadListeners {
  /** The file to upload. */
  readonly path: string
  readonly bucket: string
  /** 1..1023 UTF-8 bytes, not starting with `/` or `\`. */
  readonly key: string
  /** Bytes, 100 KiB..5 GiB. @default 8 MiB, or what keeps the number of parts at 10,000 */
  readonly partSize?: number | undefined
  /** Parts in flight, 1..1000. @default 4 */
  readonly concurrency?: number | undefined
  /** `false` keeps no record: a failed upload is aborted and starts over. @default true */
  readonly checkpoint?: boolean | undefined
  /** The checkpoint's file. @default `${path}.ucp` */
  readonly checkpointPath?: string | undefined
  /** Keeps the checkpoint elsewhere than in a file. @default a file at `checkpointPath` */
  readonly checkpointStore?: CheckpointStore | undefined
  /**
   * How parts of an earlier run are checked against the source: `content` reads their bytes again and compares CRC-64;
   * `stat` trusts size, times and inode while all of them are unchanged.
   * @default 'content'
   */
  readonly verify?: 'content' | 'stat' | undefined
  /** Without a checkpoint: look for this key's unfinished uploads on OSS and continue the one that saves most. @default false */
  readonly adopt?: boolean | undefined
  /** Give up what the checkpoint records: its upload id is aborted, and the upload starts over. @default false */
  readonly restart?: boolean | undefined
  /** What a cancelled upload leaves: `keep` the parts and the checkpoint, or `discard` both. @default 'keep' */
  readonly onAbort?: 'keep' | 'discard' | undefined
  /** Content-Type. @default left out, and OSS stores application/octet-stream */
  readonly contentType?: string | undefined
  /** Cancels the upload, which rejects with `signal.reason` once nothing of it runs any more. */
  readonly signal?: AbortSignal | undefined
}

export interface UploadSettings extends UploadListeners {
  readonly path: string
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
  readonly contentType: string | undefined
  readonly signal: AbortSignal | undefined
}

const checks: { readonly [K in keyof Required<UploadFileOptions>]: (value: unknown) => void } = {
  path: (value) => {
    const usable = typeof value === 'string' && value !== '' && !value.includes('\0')
    if (!usable) throw new TypeError('path must be the name of a file')
  },
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
  checkpointPath: (value) => {
    const usable = typeof value === 'string' && value !== '' && !value.includes('\0')
    if (!usable) throw new TypeError('checkpointPath must be the name of a file')
  },
  checkpointStore: (value) => {
    const { exists, acquire } = (value ?? {}) as Partial<CheckpointStore>
    if (typeof exists !== 'function' || typeof acquire !== 'function')
      throw new TypeError('checkpointStore must be a CheckpointStore')
  },
  verify: oneOf('verify', 'content', 'stat'),
  adopt: oneOf('adopt', true, false),
  restart: oneOf('restart', true, false),
  onAbort: oneOf('onAbort', 'keep', 'discard'),
  contentType: (value) => {
    if (typeof value !== 'string') throw new TypeError('contentType must be a string')
    assertHeaderValue('content-type', value)
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
  for (const required of ['path', 'bucket', 'key'] as const) {
    if (options[required] === undefined) throw new TypeError(`${required} is required`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) throw new TypeError(`unknown option "${name}"`)
    if (value !== undefined) checks[name as keyof UploadFileOptions](value)
  }
  const { checkpoint = true, checkpointPath, checkpointStore } = options
  if (!checkpoint && (checkpointPath ?? checkpointStore) !== undefined) {
    throw new TypeError('checkpoint: false contradicts checkpointPath and checkpointStore')
  }
  if (checkpointPath !== undefined && checkpointStore !== undefined) {
    throw new TypeError('checkpointPath and checkpointStore exclude each other')
  }
  const checkpointFile = checkpointPath ?? `${options.path}.ucp`
  assertApart(options.path, checkpointFile)
  return {
    path: options.path,
    bucket: options.bucket,
    key: options.key,
    partSize: options.partSize,
    concurrency: options.concurrency ?? 4,
    checkpoint: checkpoint ? { path: checkpointFile, store: checkpointStore } : undefined,
    verify: options.verify ?? 'content',
    adopt: options.adopt ?? false,
    restart: options.restart ?? false,
    onAbort: options.onAbort ?? 'keep',
    contentType: options.contentType,
    signal: options.signal,
    onProgress: options.onProgress,
    onEvent: options.onEvent,
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

function oneOf(name: string, ...accepted: readonly unknown[]): (value: unknown) => void {
  return (value) => {
    if (accepted.includes(value)) return
    const list = accepted.map((item) => JSON.stringify(item)).join(' or ')
    const given = typeof value === 'string' ? JSON.stringify(value) : typeof value
    throw new TypeError(`${name} must be ${list}, not ${given}`)
  }
}
