// Looks at a checkpoint without taking its lock and without changing anything: what it records, and who holds it.

import { isNodeError, OssError } from '../primitives/errors.js'
import { type LockHolder, lockHolder } from './checkpoint-lock.js'
import type { UploadEnvironment } from './environment.js'
import { type JournalContent, type JournalPart, parseJournal } from './journal.js'
import { type PartPlan, partRange, planParts } from './plan.js'
import { differenceOf } from './source.js'

export interface CheckpointLock {
  /** Undefined for something of that name that is no lock of this library. */
  readonly holder: Pick<LockHolder, 'pid' | 'host'> | undefined
  /** `unknown`: it is of another host, boot or container, and only waiting would tell. */
  readonly state: 'held' | 'left-behind' | 'unknown'
}

export interface InspectedCheckpoint {
  readonly path: string
  /** `torn`: a crash has cut the last line off. `damaged`: some lines cannot be read, and their parts are sent again. */
  readonly state: 'intact' | 'torn' | 'damaged'
  readonly content: JournalContent
  /** Undefined when nobody has it. */
  readonly lock: CheckpointLock | undefined
}

/** The journal of 10,000 parts has 1.5 MB; nothing that is larger than this is one. */
const maxJournalBytes = 256 * 1024 * 1024

/**
 * @throws {OssError} `ERR_OSS_CHECKPOINT_IO` when there is none, or it cannot be read or understood;
 *   `ERR_OSS_CHECKPOINT_MISMATCH` for the format of a later version.
 */
export async function inspectCheckpoint(
  path: string,
  environment: Pick<UploadEnvironment, 'fs' | 'identify' | 'isAlive'>,
): Promise<InspectedCheckpoint> {
  const bytes = await readJournal(path, environment)
  const parsed = parseJournal(bytes)
  if (parsed.state === 'unreadable') {
    throw new OssError(`${path} is no checkpoint, or its first line is damaged`, {
      code: 'ERR_OSS_CHECKPOINT_IO',
      hint: 'keep it, and look for the upload with ossup list: it may hold the only copy of an upload id',
    })
  }
  if (parsed.state === 'newer') {
    throw new OssError(`${path} has format version ${parsed.version}, and this ossup knows 1`, {
      code: 'ERR_OSS_CHECKPOINT_MISMATCH',
      hint: 'use the ossup that wrote it',
    })
  }
  return { path, ...parsed, lock: await inspectLock(`${path}.lock`, environment) }
}

/** @throws {OssError} `ERR_OSS_CHECKPOINT_IO` when there is none, or it cannot be read. What is no journal has no bytes. */
export async function readJournal(
  path: string,
  { fs }: Pick<UploadEnvironment, 'fs'>,
): Promise<Uint8Array> {
  try {
    const { size, isFile } = await fs.stat(path)
    if (isFile && Number(size) <= maxJournalBytes) return await fs.readFile(path)
    return new Uint8Array()
  } catch (error) {
    const code = isNodeError(error) ? error.code : undefined
    const missing = code === 'ENOENT' || code === 'ENOTDIR'
    throw new OssError(
      missing
        ? `there is no checkpoint ${path}`
        : `cannot read the checkpoint ${path}: ${(error as Error).message}`,
      {
        code: 'ERR_OSS_CHECKPOINT_IO',
        hint: missing
          ? 'check the name: it is <file>.ucp unless --checkpoint said otherwise, and gone once the upload is complete'
          : 'check its permissions',
        cause: error,
      },
    )
  }
}

async function inspectLock(
  path: string,
  { fs, identify, isAlive }: Pick<UploadEnvironment, 'fs' | 'identify' | 'isAlive'>,
): Promise<CheckpointLock | undefined> {
  let holder: LockHolder | 'unreadable' | undefined
  try {
    holder = await lockHolder(path, fs)
  } catch {
    holder = 'unreadable'
  }
  if (holder === undefined) return undefined
  if (holder === 'unreadable') return { holder: undefined, state: 'unknown' }
  const { pid, host, scope } = holder
  if (scope !== (await identify()).scope) return { holder: { pid, host }, state: 'unknown' }
  return { holder: { pid, host }, state: (await isAlive(holder)) ? 'held' : 'left-behind' }
}

export type SourceState =
  | { readonly state: 'same' }
  | { readonly state: 'changed'; readonly how: string }
  | { readonly state: 'missing' }
  /** Of bytes and streams only the content tells. */
  | { readonly state: 'unknown'; readonly why: string }

/** Whether the file is what the last run read, by size, times and inode. Its bytes are not read. */
export async function inspectSource(
  { source }: JournalContent,
  path: string | undefined,
  { fs }: Pick<UploadEnvironment, 'fs'>,
): Promise<SourceState> {
  if ('kind' in source) {
    const what = source.kind === 'stream' ? 'a stream was' : 'bytes in memory were'
    return { state: 'unknown', why: `${what} uploaded: only reading it again tells` }
  }
  if (path === undefined) return { state: 'unknown', why: 'it is not known where it is' }
  try {
    const now = await fs.stat(path)
    const how = now.isFile ? differenceOf(source, now) : 'it is no regular file'
    return how === undefined ? { state: 'same' } : { state: 'changed', how }
  } catch (error) {
    const code = isNodeError(error) ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'missing' }
    return { state: 'unknown', why: (error as Error).message }
  }
}

/** Bytes of what was uploaded, as the last run knew it; undefined for a stream, whose end nobody knows. */
export function recordedSize({ source }: Pick<JournalContent, 'source'>): number | undefined {
  return 'size' in source ? Number(source.size) : undefined
}

export interface RecordedProgress {
  readonly done: readonly JournalPart[]
  readonly doneBytes: number
  /** Undefined for a stream, and where the source has outgrown the recorded part size. */
  readonly plan: PartPlan | undefined
}

/** What counts as done for a source of `size` bytes: a part of another size is as good as absent. */
export function recordedProgress(
  { header, parts }: Pick<JournalContent, 'header' | 'parts'>,
  size: number | undefined,
): RecordedProgress {
  const plan = size === undefined ? undefined : planIfAny(size, header.partSize)
  const done = [...parts.values()]
    .filter(
      ({ number, size: partSize }) =>
        plan === undefined || (number <= plan.count && partRange(plan, number).size === partSize),
    )
    .sort((a, b) => a.number - b.number)
  return { done, doneBytes: done.reduce((sum, part) => sum + part.size, 0), plan }
}

function planIfAny(size: number, partSize: number): PartPlan | undefined {
  try {
    return planParts(size, partSize)
  } catch {
    return undefined
  }
}
