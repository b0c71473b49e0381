// Owns one open file: the calls that are made for each chunk and each part, by the callbacks of node:fs.
//
// `FileHandle` does the same with promises of its own, which leave 2 KB of garbage behind for each call, and a chunk takes one.

import * as fs from 'node:fs'

export interface OpenFile {
  /** Bytes read, 0 at the end of the file. */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>
  /** As `read`, and holds up the whole process meanwhile: for what is in the page cache. */
  readNow(buffer: Uint8Array, position: number): number
  /** Bytes written, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>
  /** As `write`, and holds up the whole process meanwhile: for a few bytes that a page cache takes. */
  writeNow(data: string | Uint8Array): number
  stat(): Promise<FileIdentity>
  /** Waits until the data, and for `all` the metadata too, are on disk. */
  sync(all: boolean): Promise<void>
  close(): Promise<void>
}

/** What tells one state of a file from another. Decimal strings: nanoseconds and inodes exceed safe integers. */
export interface FileIdentity {
  readonly dev: string
  readonly ino: string
  readonly size: string
  readonly mtimeNs: string
  readonly ctimeNs: string
  readonly isFile: boolean
}

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void

/** Like a `FileHandle`, it closes when nothing is under way any more: until then the number must not become another file's. */
export class NodeFile implements OpenFile {
  readonly #fd: number
  #underWay = 0
  #closing: Promise<void> | undefined
  #idle = (): void => {}

  private constructor(fd: number) {
    this.#fd = fd
  }

  static open(path: string, flags: string, mode: number): Promise<NodeFile> {
    return new Promise((resolve, reject) => {
      fs.open(path, flags, mode, (error, fd) => {
        if (error === null) resolve(new NodeFile(fd))
        else reject(error)
      })
    })
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#call((done) => fs.read(this.#fd, buffer, 0, length, position, done))
  }

  readNow(buffer: Uint8Array, position: number): number {
    if (this.#closing !== undefined) throw closed()
    return fs.readSync(this.#fd, buffer, 0, buffer.byteLength, position)
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#call((done) => fs.write(this.#fd, bytes, 0, bytes.byteLength, null, done))
  }

  writeNow(data: string | Uint8Array): number {
    if (this.#closing !== undefined) throw closed()
    return typeof data === 'string' ? fs.writeSync(this.#fd, data) : fs.writeSync(this.#fd, data)
  }

  async stat(): Promise<FileIdentity> {
    return identity(await this.#call((done) => fs.fstat(this.#fd, { bigint: true }, done)))
  }

  sync(all: boolean): Promise<void> {
    return this.#call((done) => (all ? fs.fsync(this.#fd, done) : fs.fdatasync(this.#fd, done)))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    }
    await new Promise<void>((resolve, reject) => {
      fs.close(this.#fd, (error) => (error ? reject(error) : resolve()))
    })
  }

  #call<T>(begin: (done: Callback<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw closed()
      begin((error, value) => {
        this.#underWay -= 1
        if (this.#underWay === 0) this.#idle()
        if (error) reject(error)
        else resolve(value)
      })
      this.#underWay += 1
    })
  }
}

/** As the system says of a number that is no open file. */
function closed(): Error {
  return Object.assign(new Error('the file is closed'), { code: 'EBADF' })
}

export function identity(stats: fs.BigIntStats): FileIdentity {
  return {
    dev: String(stats.dev),
    ino: String(stats.ino),
    size: String(stats.size),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
    isFile: stats.isFile(),
  }
}
