// An exclusive lock beside the checkpoint: a symbolic link whose target names the holder, created and read atomically.

import { isNodeError, OssError } from '../primitives/errors.js'
import type { FileSystem } from './file-system.js'

/** Who holds a lock. `scope` says where `pid` and `start` mean something: one boot and one pid namespace of one host. */
export interface LockHolder {
  readonly pid: number
  /** When the process started, in whatever unit the system gives; tells a process from a later one of the same pid. */
  readonly start: string
  readonly host: string
  readonly scope: string
  /** Differs for every lock ever taken. */
  readonly nonce: string
}

export interface LockEnvironment {
  /** This process. */
  identify(): Promise<Omit<LockHolder, 'nonce'>>
  /** Whether a process of the same scope still runs. */
  isAlive(holder: LockHolder): Promise<boolean>
  nonce(): string
  now(): Date
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `task` every `ms` until the returned function is called; does not keep the process alive. */
  every(ms: number, task: () => void): () => void
}

export interface Lock {
  /** @throws {OssError} `ERR_OSS_CHECKPOINT_LOCKED` when this process was taken for dead, and another one has the lock now. */
  assertHeld(): Promise<void>
  release(): Promise<void>
}

/** A holder shows that it lives by touching its lock this often. */
const heartbeatMs = 2_000
/** A lock from elsewhere (another host, boot or container) that was not touched for this long is dead. */
const silenceMs = 10_000

/**
 * Takes the lock or fails.
 *
 * A dead holder's lock is taken over by way of a lock on the takeover, named after the dead lock's nonce: whoever has that
 * one is alone in replacing exactly this dead lock, and does so with one rename.
 *
 * @throws {OssError} `ERR_OSS_CHECKPOINT_LOCKED` naming the holder.
 */
export async function acquireLock(
  path: string,
  fs: FileSystem,
  environment: LockEnvironment,
  signal?: AbortSignal,
): Promise<Lock> {
  const self: LockHolder = { ...(await environment.identify()), nonce: environment.nonce() }
  await take(path, self, fs, environment, signal)
  let beat: Promise<void> = Promise.resolve()
  const stop = environment.every(heartbeatMs, () => {
    // A missed beat is made up by the next one.
    beat = fs.touch(path).catch(() => {})
  })
  return {
    async assertHeld() {
      const holder = await read(path, fs)
      // No lock at all is nobody's: a successor that has ended leaves an upload that settles like a lost answer (I5).
      if (holder !== undefined && holder.nonce !== self.nonce) throw locked(path, holder)
    },
    async release() {
      stop()
      await beat
      const holder = await read(path, fs)
      if (holder?.nonce === self.nonce) await fs.unlink(path)
    },
  }
}

async function take(
  path: string,
  self: LockHolder,
  fs: FileSystem,
  environment: LockEnvironment,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    if (await create(path, self, fs)) return
    const holder = await read(path, fs)
    // Released between the two calls.
    if (holder === undefined) continue
    if (await lives(path, holder, self, fs, environment, signal)) throw locked(path, holder)
    const takeover = `${path}.${holder.nonce}`
    await take(takeover, self, fs, environment, signal)
    try {
      const still = await read(path, fs)
      if (still?.nonce === holder.nonce) {
        await fs.rename(takeover, path)
        return
      }
    } catch (error) {
      // This process lives, so nobody could ever take over what it left here.
      await fs.unlink(takeover).catch(() => {})
      throw error
    }
    await fs.unlink(takeover)
  }
}

async function create(path: string, self: LockHolder, fs: FileSystem): Promise<boolean> {
  try {
    await fs.symlink(JSON.stringify(self), path)
    return true
  } catch (error) {
    if (isNodeError(error) && error.code === 'EEXIST') return false
    throw error
  }
}

/** Who holds the lock, looked at without taking it; `unreadable` when what is there is no lock of ours. */
export async function lockHolder(
  path: string,
  fs: Pick<FileSystem, 'readlink'>,
): Promise<LockHolder | 'unreadable' | undefined> {
  const holder = await read(path, fs)
  return holder === stranger ? 'unreadable' : holder
}

/** Undefined when there is no lock. Something else of that name counts as a lock that nobody can be asked about. */
async function read(
  path: string,
  fs: Pick<FileSystem, 'readlink'>,
): Promise<LockHolder | undefined> {
  let target: string
  try {
    target = await fs.readlink(path)
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined
    if (isNodeError(error) && error.code === 'EINVAL') return stranger
    throw error
  }
  try {
    const holder = JSON.parse(target) as LockHolder
    return typeof holder.nonce === 'string' && /^[\w-]+$/.test(holder.nonce) ? holder : stranger
  } catch {
    return stranger
  }
}

const stranger: LockHolder = { pid: 0, start: '', host: 'unknown', scope: '', nonce: 'unreadable' }

async function lives(
  path: string,
  holder: LockHolder,
  self: LockHolder,
  fs: FileSystem,
  environment: LockEnvironment,
  signal?: AbortSignal,
): Promise<boolean> {
  if (holder.scope === self.scope) return environment.isAlive(holder)
  // Its pid means nothing here. Clocks of two hosts differ, so what counts is whether it is touched while we look.
  const before = await touchedAt(path, fs)
  // Released: there is nobody to wait for.
  if (before === undefined) return false
  for (let waited = 0; waited < silenceMs; waited += 1_000) {
    await environment.sleep(1_000, signal)
    const touched = await touchedAt(path, fs)
    if (touched !== before) return touched !== undefined
  }
  return false
}

async function touchedAt(path: string, fs: FileSystem): Promise<string | undefined> {
  try {
    return (await fs.lstat(path)).mtimeNs
  } catch (error) {
    // Any other failure says nothing about the holder.
    if (isNodeError(error) && error.code === 'ENOENT') return undefined
    throw error
  }
}

function locked(path: string, holder: LockHolder): OssError {
  return new OssError(
    `the checkpoint is in use by process ${holder.pid} on ${holder.host} (lock ${path})`,
    {
      code: 'ERR_OSS_CHECKPOINT_LOCKED',
      hint: 'wait for it to end, or give this upload a checkpoint of its own (checkpointPath, --checkpoint)',
    },
  )
}
