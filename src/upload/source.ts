// Opens the source once, knows its identity, reads ranges of it, and notices when it is no longer what was opened.

import { isNodeError, OssError } from '../primitives/errors.js'
import type { FileSystem } from './file-system.js'
import type { FileIdentity, OpenFile } from './open-file.js'
import { ReadPace } from './read-pace.js'

/** The parts of a file's identity that a journal keeps. */
export interface FileSourceIdentity {
  readonly dev: string
  readonly ino: string
  readonly size: string
  readonly mtimeNs: string
  readonly ctimeNs: string
}

/** What a journal says of what was read. Of bytes and streams no more is known than their content, which is compared. */
export type SourceIdentity =
  | FileSourceIdentity
  | { readonly kind: 'bytes'; readonly size: string }
  | { readonly kind: 'stream' }

export interface Source {
  /** Undefined for bytes, which have no name. */
  readonly path: string | undefined
  /** Bytes. */
  readonly size: number
  readonly identity: SourceIdentity
  /** Fills `buffer` from `position` on. @throws {OssError} `ERR_OSS_SOURCE_CHANGED` when the source has become shorter. */
  read(buffer: Uint8Array, position: number): Promise<void>
  /** The same at once, where that hardly takes time; false where it was not done, or not wholly: then `read` has to be asked. */
  readNow?(buffer: Uint8Array, position: number): boolean
  /**
   * @param whole all of it has been read: what only then can be told is looked at too, such as what the name leads to, or the
   *   bytes once more of a source that has nothing else.
   * @throws {OssError} `ERR_OSS_SOURCE_CHANGED` when it is not what was opened: for a file by size, times and inode.
   */
  assertUnchanged(whole?: boolean): Promise<void>
  close(): Promise<void>
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links form a loop',
  EMFILE: 'too many open files',
}

/** @throws {OssError} `ERR_OSS_SOURCE` when the file cannot be opened or is not a regular file. */
export async function openSource(path: string, fs: FileSystem): Promise<Source> {
  let file: OpenFile | undefined
  try {
    // Looked at before it is opened: opening a named pipe would wait for its writer.
    const found = await fs.stat(path)
    if (!found.isFile) throw notAFile(path)
    file = await fs.open(path, 'r')
    const opened = await file.stat()
    if (!opened.isFile) throw notAFile(path)
    // Files below /proc say 0 bytes and have some: they would be stored empty.
    if (opened.size === '0' && (await file.read(new Uint8Array(1), 1, 0)) > 0) throw notAFile(path)
    return new SourceFile(path, opened, file, fs)
  } catch (error) {
    await file?.close().catch(() => {})
    if (error instanceof OssError) throw error
    throw unreadable(path, error)
  }
}

class SourceFile implements Source {
  readonly path: string
  readonly size: number
  readonly identity: FileSourceIdentity
  readonly #file: OpenFile
  readonly #fs: FileSystem
  readonly #pace = new ReadPace()
  #look: Promise<void> | undefined
  #nextLook: Promise<void> | undefined

  constructor(path: string, identity: FileIdentity, file: OpenFile, fs: FileSystem) {
    const { isFile: _, ...kept } = identity
    this.path = path
    this.size = Number(identity.size)
    this.identity = kept
    this.#file = file
    this.#fs = fs
  }

  read(buffer: Uint8Array, position: number): Promise<void> {
    return this.#file.read(buffer, buffer.byteLength, position).then(
      (count) => {
        if (count === buffer.byteLength) return
        if (count > 0) return this.read(buffer.subarray(count), position + count)
        throw changed(this.path, `it ended at byte ${position}, before ${this.size}`)
      },
      (error) => {
        throw unreadable(this.path, error)
      },
    )
  }

  readNow(buffer: Uint8Array, position: number): boolean {
    if (!this.#pace.isQuick()) return false
    const began = performance.now()
    try {
      return this.#file.readNow(buffer, position) === buffer.byteLength
    } catch {
      // What is wrong is told by a read that is asked for all of it.
      return false
    } finally {
      this.#pace.took(performance.now() - began)
    }
  }

  async assertUnchanged(whole = false): Promise<void> {
    await this.#assertUnwritten()
    if (whole) await this.#assertNamed()
  }

  /** Many parts end together: a look that begins after their last bytes were read is one for all of them. */
  #assertUnwritten(): Promise<void> {
    if (this.#look === undefined) {
      this.#look = this.#compare().finally(() => {
        this.#look = undefined
      })
      return this.#look
    }
    this.#nextLook ??= this.#look
      .catch(() => {})
      .then(() => {
        this.#nextLook = undefined
        return this.#assertUnwritten()
      })
    return this.#nextLook
  }

  async #compare(): Promise<void> {
    const now = await this.#file.stat().catch((error: unknown) => {
      throw unreadable(this.path, error)
    })
    const difference = differenceOf(this.identity, now)
    if (difference !== undefined) throw changed(this.path, difference)
  }

  /** The open file may be the old one while its name already leads to a new one. */
  async #assertNamed(): Promise<void> {
    const { dev, ino } = this.identity
    let named: FileIdentity
    try {
      named = await this.#fs.stat(this.path)
    } catch {
      throw changed(this.path, 'its name leads nowhere now')
    }
    if (named.dev !== dev || named.ino !== ino) {
      throw changed(this.path, 'another file has taken its name')
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** False when something shows that they differ; true says little where only the content could tell. */
export function sameSource(a: SourceIdentity, b: SourceIdentity): boolean {
  if ('kind' in a || 'kind' in b) return JSON.stringify(a) === JSON.stringify(b)
  return differenceOf(a, b) === undefined
}

/** What shows that a file is not the one that it was, in words; undefined where nothing does. */
export function differenceOf(
  before: FileSourceIdentity,
  now: FileSourceIdentity,
): string | undefined {
  if (before.dev !== now.dev || before.ino !== now.ino) return 'another file has taken its place'
  if (before.size !== now.size) return `its size went from ${before.size} to ${now.size} bytes`
  if (before.mtimeNs !== now.mtimeNs) return 'it was written to'
  // Setting mtime back after an edit leaves its mark in ctime.
  if (before.ctimeNs !== now.ctimeNs) return 'it was written to, or its attributes were changed'
  return undefined
}

function changed(path: string, how: string): OssError {
  return new OssError(`the source ${path} changed during the upload: ${how}`, {
    code: 'ERR_OSS_SOURCE_CHANGED',
    hint: 'nothing was published; run again when the file is no longer being written',
  })
}

function notAFile(path: string): OssError {
  return new OssError(`cannot upload ${path}: it is not a regular file`, {
    code: 'ERR_OSS_SOURCE',
    hint: 'give the path of a file, or a stream as source (the file name - reads stdin)',
  })
}

function unreadable(path: string, cause: unknown): OssError {
  const code = isNodeError(cause) ? (cause.code ?? '') : ''
  const reason = reasons[code] ?? (cause instanceof Error ? cause.message : 'unknown error')
  return new OssError(`cannot read ${path}: ${reason}${code === '' ? '' : ` (${code})`}`, {
    code: 'ERR_OSS_SOURCE',
    hint: 'check the path and its permissions',
    cause,
  })
}
