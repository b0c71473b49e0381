// Owns the journal while lines are added to it: their order, who writes them, and when they are synced.

import { OssError } from '../primitives/errors.js'
import { checkpointIo } from './checkpoint-io.js'
import type { FileSystem } from './file-system.js'
import type { OpenFile } from './open-file.js'

/**
 * A record that comes after a quiet second is synced at once and the others once a second, beside the parts: a power failure costs the
 * records of a second, whose parts a list still finds, and a sync for each of many small parts would cost more than sending them.
 */
const syncIntervalMs = 1000
/** What takes longer has not gone to the page cache alone. */
const slowWriteMs = 5
/** For so long after a slow write all are handed to other threads. */
const patienceMs = 10_000

const done = Promise.resolve()

export class JournalFile {
  readonly #path: string
  readonly #fs: FileSystem
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>
  #file: OpenFile | undefined
  /** Ends when the lines of all calls are written, or have failed. */
  #tail: Promise<void> = done
  #queued = 0
  /** Fails all that follow: the file may end in half a line, or a sync has lost what no later one will tell of. */
  #failure: OssError | undefined
  #unsynced = false
  #syncing: Promise<void> | undefined
  /** The sync that is under way beside the lines; it never fails. */
  #flush: Promise<void> | undefined
  #patientUntil = 0
  readonly #closing = new AbortController()

  constructor(
    path: string,
    fs: FileSystem,
    sleep: (ms: number, signal: AbortSignal) => Promise<void>,
  ) {
    this.#path = path
    this.#fs = fs
    this.#sleep = sleep
  }

  /**
   * Adds a line, or several, behind those of all calls before.
   *
   * @param beforeDurable what must hold before a line is written that is durable when this resolves. Left out for one that is durable
   *   a moment later.
   */
  append(line: string, beforeDurable?: () => Promise<void>): Promise<void> {
    if (beforeDurable === undefined && this.#queued === 0 && this.#writeNow(line)) return done
    this.#queued += 1
    const written = this.#tail.then(() => this.#write(line, beforeDurable))
    this.#tail = written.then(
      () => this.#leaveQueue(),
      () => this.#leaveQueue(),
    )
    return written
  }

  /** Waits for all lines and for the sync that is under way, syncs what is left, and closes the file. */
  async close(): Promise<void> {
    await this.#tail
    this.#closing.abort()
    await this.#syncing
    await this.#file?.close()
  }

  /**
   * The page cache takes a line in 10 us, and handing it to another thread costs several times as much, which shows with small parts. So
   * it is written here, unless that may hold up the connections: while a sync is under way, for which the system may let writes
   * wait, and after a write that took long, as over a network or when too much waits for the disk.
   *
   * @returns false when the line has to go by way of the queue, which then also tells of a failure.
   */
  #writeNow(line: string): boolean {
    if (this.#file === undefined || this.#flush !== undefined) return false
    const began = performance.now()
    if (this.#failure !== undefined || began < this.#patientUntil) return false
    try {
      const written = this.#file.writeNow(line)
      if (written < Buffer.byteLength(line)) writeRestNow(this.#file, line, some(written))
    } catch (error) {
      this.#fail(error)
      return false
    }
    const ended = performance.now()
    if (ended - began >= slowWriteMs) this.#patientUntil = ended + patienceMs
    this.#syncSoon()
    return true
  }

  async #write(line: string, beforeDurable?: () => Promise<void>): Promise<void> {
    try {
      // What had to wait for a sync, or for a line before it, has not to wait for another thread as well.
      if (beforeDurable === undefined && this.#writeNow(line)) return
      if (this.#failure !== undefined) throw this.#failure
      await beforeDurable?.()
      this.#file ??= await this.#fs.open(this.#path, 'a')
      await writeAll(this.#file, Buffer.from(line))
      if (beforeDurable === undefined) return this.#syncSoon()
      this.#unsynced = false
      await this.#file.sync(false)
      await this.#flush
      if (this.#failure !== undefined) throw this.#failure
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #leaveQueue(): void {
    this.#queued -= 1
  }

  #syncSoon(): void {
    this.#unsynced = true
    this.#syncing ??= this.#syncAll()
  }

  async #syncAll(): Promise<void> {
    while (this.#unsynced && this.#failure === undefined) {
      this.#unsynced = false
      this.#flush = this.#file?.sync(false).catch((error: unknown) => void this.#fail(error))
      await this.#flush
      this.#flush = undefined
      // Over at once when the file is closed: what is left then is synced before.
      await this.#sleep(syncIntervalMs, this.#closing.signal).catch(() => {})
    }
    // In the same moment in which there is nothing more to do, so that what comes next begins anew.
    this.#syncing = undefined
  }

  /** @returns the first failure, which is told to all that follow. */
  #fail(error: unknown): OssError {
    this.#failure ??=
      error instanceof OssError
        ? error
        : checkpointIo(`cannot write the checkpoint ${this.#path}`, error)
    return this.#failure
  }
}

function writeRestNow(file: OpenFile, line: string, written: number): void {
  let rest = Buffer.from(line).subarray(written)
  while (rest.byteLength > 0) rest = rest.subarray(some(file.writeNow(rest)))
}

/** The system may take fewer bytes than it is given. */
export async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes
  while (rest.byteLength > 0) rest = rest.subarray(some(await file.write(rest)))
}

/** No system says so, but a faulty file system may, and asking again would go on for ever. */
function some(written: number): number {
  if (written > 0) return written
  throw new Error('the file system takes no bytes, and does not say why')
}
