// What each option of an upload must be by itself, whatever the others are.

import { assertCallback } from '../oss/callback.js'
import { assertBucketName, assertObjectKey } from '../oss/endpoint.js'
import { assertTrafficLimit } from '../oss/headers.js'
import { objectSettingChecks } from '../oss/object-settings.js'
import { assertRetryOptions } from '../oss/retry.js'
import type { CheckpointStore } from './checkpoint-store.js'
import type { UploadFileOptions } from './option-types.js'
import { assertPartSize } from './plan.js'
import { assertShard } from './shard.js'
import { resolveSource } from './source-option.js'

/** Each throws a `TypeError` or `RangeError` that names the option and what is accepted. */
export const optionChecks: {
  readonly [K in keyof Required<UploadFileOptions>]: (value: unknown) => void
} = {
  path: nameOf('path', 'file'),
  source: (value) => void resolveSource(value),
  bucket: assertBucketName,
  key: assertObjectKey,
  partSize: (value) => assertPartSize(value as number),
  concurrency: (value) => {
    if (value !== 'auto') assertConcurrency('concurrency', value, ', or "auto"')
  },
  maxConcurrency: (value) => assertConcurrency('maxConcurrency', value),
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
  manifest: oneOf('manifest', true, false),
  shard: assertShard,
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

function assertConcurrency(name: string, value: unknown, or = ''): void {
  const number = value as number
  if (Number.isInteger(number) && number >= 1 && number <= 1000) return
  throw new RangeError(`${name} must be a whole number, 1 to 1000${or}, not ${String(value)}`)
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
