// Keeps one journal: the interface, and the file that is its default. Every replacement is durable before it counts.

import { dirname } from 'node:path'
import { isNodeError, OssError } from '../primitives/errors.js'
import { checkpointIo } from './checkpoint-io.js'
import { acquireLock, type Lock, type LockEnvironment } from './checkpoint-lock.js'
import type { FileSystem } from './file-system.js'
import { JournalFile, writeAll } from './journal-file.js'

/** Where an upload's journal lives. An embedder may keep it elsewhere than in a file. */
export interface CheckpointStore {
  /** For messages: where the checkpoint is. */
  readonly location: string
  /** True when an earlier run has left anything, be it only its lock; takes no lock itself. */
  exists(): Promise<boolean>
  /**
   * Takes the journal for this upload alone, until {@link CheckpointSession.release}.
   *
   * @throws {OssError} `ERR_OSS_CHECKPOINT_LOCKED` when another upload holds it, `ERR_OSS_CHECKPOINT_IO` when it cannot be taken.
   */
  acquire(signal?: AbortSignal): Promise<CheckpointSession>
}

/** A journal that this upload holds alone. Calls are made one after another, except `append`, which may overlap itself. */
export interface CheckpointSession {
  load(): Promise<Uint8Array | undefined>
  /** Replaces the journal as a whole. When this resolves, the new text is durable; when it fails, the old one stands. */
  replace(text: string): Promise<void>
  /** Adds a line, or several. With `durable` it is on disk when this resolves; else it is at the latest with the next durable one. */
  append(lines: string, durable: boolean): Promise<void>
  /** Moves a damaged journal out of the way and says where to; with `copy`, its bytes, it stays until it is replaced. */
  quarantine(copy?: Uint8Array): Promise<string>
  remove(): Promise<void>
  /** Gives the journal back; nothing of it is open afterwards. */
  release(): Promise<void>
}

/** 10,000 parts take 1.5 MB; each further run over a changed source records them once more. */
const maxJournalBytes = 256 * 1024 * 1024

export function fileCheckpointStore(
  path: string,
  fs: FileSystem,
  environment: LockEnvironment,
): CheckpointStore {
  return {
    location: path,
    async exists() {
      for (const left of [path, `${path}.lock`]) {
        try {
          await fs.lstat(left)
          return true
        } catch (error) {
          if (!isMissing(error)) throw checkpointIo(`cannot look for the checkpoint ${path}`, error)
        }
      }
      return false
    },
    async acquire(signal) {
      const lock = await acquireLock(`${path}.lock`, fs, environment, signal).catch((error) => {
        if (error instanceof OssError || signal?.aborted) throw error
        throw checkpointIo(`cannot create the lock ${path}.lock`, error)
      })
      return new FileSession(path, fs, environment, lock)
    },
  }
}

class FileSession implements CheckpointSession {
  readonly #path: string
  readonly #fs: FileSystem
  readonly #environment: LockEnvironment
  readonly #lock: Lock
  #file: JournalFile | undefined

  constructor(path: string, fs: FileSystem, environment: LockEnvironment, lock: Lock) {
    this.#path = path
    this.#fs = fs
    this.#environment = environment
    this.#lock = lock
  }

  async load(): Promise<Uint8Array | undefined> {
    // A crash in the middle of a replacement leaves its temporary file, and perhaps nothing will be replaced this time.
    await this.#fs.unlink(this.#temporary).catch(() => {})
    try {
      const { size } = await this.#fs.stat(this.#path)
      // Whatever it is, it is no journal, and must not be read into memory.
      return Number(size) > maxJournalBytes ? new Uint8Array() : await this.#fs.readFile(this.#path)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw checkpointIo(`cannot read the checkpoint ${this.#path}`, error)
    }
  }

  /** Temp file in the same directory, fsync, rename, fsync of the directory: a crash leaves the old text or the new one. */
  async replace(text: string): Promise<void> {
    const temporary = this.#temporary
    await this.#assertHeld()
    try {
      await this.#closeFile()
      await this.#write(temporary, Buffer.from(text))
      await this.#fs.rename(temporary, this.#path)
      await this.#fs.syncDirectory(dirname(this.#path))
    } catch (error) {
      await this.#fs.unlink(temporary).catch(() => {})
      throw checkpointIo(`cannot write the checkpoint ${this.#path}`, error)
    }
  }

  append(lines: string, durable: boolean): Promise<void> {
    this.#file ??= new JournalFile(this.#path, this.#fs, this.#environment.sleep)
    return this.#file.append(lines, durable ? () => this.#assertHeld() : undefined)
  }

  async quarantine(copy?: Uint8Array): Promise<string> {
    const time = this.#environment.now().toISOString().replace(/[:.]/g, '-')
    const target = `${this.#path}.corrupt-${time}`
    try {
      await this.#closeFile()
      if (copy === undefined) await this.#fs.rename(this.#path, target)
      else await this.#write(target, copy)
      await this.#fs.syncDirectory(dirname(this.#path))
    } catch (error) {
      throw checkpointIo(`cannot set the damaged checkpoint ${this.#path} aside`, error)
    }
    return target
  }

  async remove(): Promise<void> {
    // What a file that goes away did not get to disk does not matter.
    await this.#closeFile().catch(() => {})
    for (const path of [this.#temporary, this.#path]) {
      await this.#fs.unlink(path).catch((error) => {
        if (!isMissing(error)) throw checkpointIo(`cannot remove the checkpoint ${path}`, error)
      })
    }
  }

  async release(): Promise<void> {
    try {
      await this.#closeFile()
    } catch (error) {
      throw checkpointIo(`cannot close the checkpoint ${this.#path}`, error)
    } finally {
      await this.#lock.release().catch((error) => {
        throw checkpointIo(`cannot release the lock ${this.#path}.lock`, error)
      })
    }
  }

  /**
   * Before every step that counts: a process that was stopped for long (a suspended machine, SIGSTOP) may have been taken for
   * dead, and must not publish or rewrite anything beside its successor.
   */
  async #assertHeld(): Promise<void> {
    try {
      await this.#lock.assertHeld()
    } catch (error) {
      if (error instanceof OssError) throw error
      throw checkpointIo(`cannot read the lock ${this.#path}.lock`, error)
    }
  }

  /** Never through a name that is already there: it may be a link to elsewhere, or readable by others. */
  async #write(path: string, bytes: Uint8Array): Promise<void> {
    await this.#fs.unlink(path).catch((error) => {
      if (!isMissing(error)) throw error
    })
    const file = await this.#fs.open(path, 'wx')
    try {
      await writeAll(file, bytes)
      await file.sync(true)
    } finally {
      await file.close()
    }
  }

  /** One name for every run, so that the next one, which holds the lock, finds and removes what a crash has left. */
  get #temporary(): string {
    return `${this.#path}.tmp`
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

function isMissing(error: unknown): boolean {
  return isNodeError(error) && error.code === 'ENOENT'
}
