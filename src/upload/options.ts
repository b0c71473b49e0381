// Checks the caller's options before any I/O and fills in the defaults.

import { resolve } from 'node:path'
import { namedHeaders, type ObjectSettings } from '../oss/object-settings.js'
import { checkpointPathOf } from './checkpoint-path.js'
import { contentTypeOf } from './content-type.js'
import { optionChecks } from './option-checks.js'
import type { UploadFileOptions, UploadSettings } from './option-types.js'
import { maxStreamPartSize } from './plan.js'
import { contentHints, type ResolvedSource, resolveSource } from './source-option.js'

export type { UploadFileOptions, UploadSettings } from './option-types.js'

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
    if (!Object.hasOwn(optionChecks, name)) throw new TypeError(`unknown option "${name}"`)
    if (value !== undefined) optionChecks[name as keyof UploadFileOptions](value)
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
  const { concurrency = 'auto', maxConcurrency } = options
  if (concurrency !== 'auto' && maxConcurrency !== undefined) {
    throw new TypeError('maxConcurrency needs concurrency "auto": a number is not changed')
  }
  if (sequential && concurrency !== 'auto' && concurrency > 1) {
    throw new TypeError('sequential contradicts concurrency above 1: one part goes after another')
  }
  if (path === undefined) assertWithoutPath(options, source, places.length > 0)
  if (options.shard !== undefined) assertShardable(options)
  const checkpointFile = checkpointPathOf(options)
  if (path !== undefined) assertApart(path, checkpointFile)
  return {
    source,
    bucket: options.bucket,
    key: options.key,
    partSize: options.partSize,
    ...parallel(options, source),
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
    manifest: options.manifest ?? false,
    shard: options.shard,
    retry: options.retry,
    deadline: options.deadline,
    signal: options.signal,
    onProgress: options.onProgress,
    onEvent: options.onEvent,
  }
}

/** Where a number has consequences that the caller should know of, `auto` is one that can be told. */
function parallel(
  { concurrency = 'auto', maxConcurrency = 32, sequential, trafficLimit }: UploadFileOptions,
  { kind }: ResolvedSource,
): Pick<UploadSettings, 'concurrency' | 'maxConcurrency'> {
  if (sequential) return { concurrency: 1, maxConcurrency: 1 }
  const isTold = concurrency === 'auto' && (kind === 'stream' || trafficLimit !== undefined)
  return { concurrency: isTold ? Math.min(4, maxConcurrency) : concurrency, maxConcurrency }
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

/** @throws {TypeError} for what one of several workers cannot decide, or cannot do, by itself. */
function assertShardable(options: UploadFileOptions): void {
  if (options.path === undefined)
    throw new TypeError('shard needs path: every worker reads the file')
  if (options.checkpointDir === undefined && options.checkpointPath === undefined) {
    throw new TypeError('shard needs checkpointDir or checkpointPath, where all workers see it')
  }
  for (const name of ['sequential', 'adopt', 'restart'] as const) {
    if (options[name]) throw new TypeError(`shard contradicts ${name}`)
  }
  if (options.onAbort === 'discard') {
    throw new TypeError('shard contradicts onAbort: discard, which would abort what others send')
  }
}

/** The checkpoint and the files beside it are written, renamed and removed: none of them may be the source. */
function assertApart(path: string, checkpointPath: string): void {
  const source = resolve(path)
  if (source.startsWith(`${resolve(checkpointPath)}.shard-`)) {
    throw new TypeError('path must not have the name of a journal beside checkpointPath')
  }
  for (const suffix of ['', '.lock', '.tmp']) {
    if (resolve(checkpointPath) + suffix === source) {
      throw new TypeError(
        'checkpointPath must be another file than path, also when .lock or .tmp is added to it',
      )
    }
  }
}
