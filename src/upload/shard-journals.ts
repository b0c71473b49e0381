// The journals of all workers of one upload: reads them together, takes them over into one checkpoint, and removes them.

import { basename, dirname, join } from 'node:path'
import { isNodeError, OssError } from '../primitives/errors.js'
import { supersededUpload } from './abandon.js'
import { checkpointIo } from './checkpoint-io.js'
import { type CheckpointSession, fileCheckpointStore } from './checkpoint-store.js'
import type { UploadEnvironment } from './environment.js'
import { readJournal } from './inspect-checkpoint.js'
import { type JournalContent, type JournalPart, parseJournal } from './journal.js'
import { type PartPlan, partRange, planParts } from './plan.js'
import type { SourceRun } from './run.js'
import { shardJournalNames } from './shard.js'
import type { SourceIdentity } from './source.js'

type Machine = Pick<UploadEnvironment, 'fs'>

/** @throws {OssError} `ERR_OSS_CHECKPOINT_IO` when the directory cannot be read. */
export async function shardJournalPaths(path: string, { fs }: Machine): Promise<string[]> {
  const directory = dirname(path)
  const names = await fs.readdir(directory).catch((error: unknown) => {
    if (isNodeError(error) && error.code === 'ENOENT') return []
    throw checkpointIo(`cannot look for the checkpoints of other workers in ${directory}`, error)
  })
  return shardJournalNames(path, names).map((name) => join(directory, basename(name)))
}

/** As they are at this moment, locked or not; what is missing or cannot be read is left out: its parts are made good. */
export async function readShardJournals(path: string, machine: Machine): Promise<JournalContent[]> {
  const contents: JournalContent[] = []
  for (const each of await shardJournalPaths(path, machine)) {
    const content = await readContent(each, machine)
    if (content !== undefined) contents.push(content)
  }
  return contents
}

export async function readContent(
  path: string,
  machine: Machine,
): Promise<JournalContent | undefined> {
  const bytes = await readJournal(path, machine).catch(() => undefined)
  const parsed = bytes && parseJournal(bytes)
  return parsed !== undefined && 'content' in parsed ? parsed.content : undefined
}

/** What the journals of one upload say together. */
export interface RecordedParts {
  readonly parts: Map<number, JournalPart>
  /** Numbers of the parts that were recorded or verified against the source as it is now. */
  readonly current: Set<number>
}

export function joinRecords(
  contents: readonly JournalContent[],
  uploadId: string,
  plan: PartPlan,
  source: SourceIdentity,
): RecordedParts {
  const parts = new Map<number, JournalPart>()
  const current = new Set<number>()
  for (const content of contents.filter(({ header }) => header.uploadId === uploadId)) {
    const isSame = sameState(content.source, source)
    for (const [number, part] of content.parts) {
      if (number > plan.count || partRange(plan, number).size !== part.size) continue
      const isCurrent = isSame && content.current.has(number)
      // A record of the source as it is now outweighs one of what it was.
      if (parts.has(number) && (current.has(number) || !isCurrent)) continue
      parts.set(number, part)
      if (isCurrent) current.add(number)
    }
  }
  return { parts, current }
}

/** Two machines number one volume differently: size and times are the file's own, and ctime tells every change. */
export function sameState(a: SourceIdentity, b: SourceIdentity): boolean {
  if ('kind' in a || 'kind' in b) return false
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}

/**
 * For an upload by one process alone: what workers have recorded is taken into its checkpoint, before that is looked at. Their
 * journals stay until the end, so that whoever comes after a crash knows that there were workers.
 *
 * @returns true when there are any.
 * @throws {OssError} `ERR_OSS_CHECKPOINT_LOCKED` when one of the workers is running.
 */
export async function takeOverShards(run: SourceRun): Promise<boolean> {
  const { checkpoint, settings, environment, source } = run
  const path = settings.checkpoint?.store === undefined ? settings.checkpoint?.path : undefined
  // Where there is no checkpoint to be continued, there is nothing that workers could have shared.
  if (path === undefined || checkpoint.source === undefined) return false
  const paths = await shardJournalPaths(path, environment)
  if (paths.length === 0) return false
  await assertNobodyRuns(paths, environment, settings.signal)
  const contents = await readShardJournals(path, environment)
  const header = checkpoint.upload
  const known = new Set(checkpoint.superseded.map(({ uploadId }) => uploadId))
  known.add(checkpoint.concluded?.header.uploadId ?? header?.uploadId ?? '')
  for (const { header: other } of contents) {
    // I9: the journal that is removed at the end may be all that knows of it.
    if (known.has(other.uploadId)) continue
    known.add(other.uploadId)
    await checkpoint.supersede(supersededUpload(other, 'another upload was begun beside it'))
  }
  const plan = header && planIfAny(source.size, header.partSize)
  if (header !== undefined && plan !== undefined) {
    const records = joinRecords(contents, header.uploadId, plan, source.identity)
    // Its own stand as they did: whether they are read again is for the option `verify` to say.
    const own = sameState(checkpoint.source, source.identity) ? checkpoint.current : []
    for (const number of own) {
      const part = checkpoint.parts.get(number)
      if (part === undefined || records.current.has(number)) continue
      records.parts.set(number, part)
      records.current.add(number)
    }
    await absorb(run, records)
  }
  return true
}

/** Makes the shared checkpoint, which is held, one that says all. */
export async function absorb(
  { checkpoint, source }: SourceRun,
  records: RecordedParts,
): Promise<void> {
  const isSame = checkpoint.source !== undefined && sameState(checkpoint.source, source.identity)
  await checkpoint.absorb(source.identity, records, isSame && checkpoint.completingIsCurrent)
}

export function planIfAny(size: number, partSize: number): PartPlan | undefined {
  try {
    return planParts(size, partSize)
  } catch {
    return undefined
  }
}

async function assertNobodyRuns(
  paths: readonly string[],
  environment: UploadEnvironment,
  signal: AbortSignal | undefined,
): Promise<void> {
  // At once: of a worker of another machine it takes seconds to tell whether it lives.
  const found = await Promise.all(paths.map((path) => isRunning(path, environment, signal)))
  const locked = found.find((error) => error !== undefined)
  if (locked !== undefined) throw locked
}

/** @returns the refusal when somebody who lives holds the journal. */
export async function isRunning(
  path: string,
  environment: UploadEnvironment,
  signal: AbortSignal | undefined,
): Promise<OssError | undefined> {
  try {
    const session = await fileCheckpointStore(path, environment.fs, environment).acquire(signal)
    await session.release()
    return undefined
  } catch (error) {
    if (error instanceof OssError && error.code === 'ERR_OSS_CHECKPOINT_LOCKED') return error
    throw error
  }
}

/** Best effort, once the object is stored. A worker that still runs removes its own when it finds that out. */
export async function removeShardJournals(
  path: string,
  environment: UploadEnvironment,
): Promise<void> {
  const paths = await shardJournalPaths(path, environment).catch(() => [])
  const remove = async (each: string): Promise<void> => {
    const store = fileCheckpointStore(each, environment.fs, environment)
    let session: CheckpointSession | undefined
    try {
      session = await store.acquire()
      await session.remove()
    } catch {
      // It is small, holds no secret, and is overwritten by the next upload that is shared like this one.
    } finally {
      await session?.release().catch(() => {})
    }
  }
  await Promise.all(paths.map(remove))
}
