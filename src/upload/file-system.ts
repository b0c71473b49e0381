// Owns the seam to the file system: the few calls that an upload makes, so that a test can count and break each of them.

import * as fs from 'node:fs/promises'
import { isNodeError } from '../primitives/errors.js'

export interface OpenFile {
  /** Bytes read, 0 at the end of the file. */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>
  /** Bytes written, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>
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

export interface FileSystem {
  /** `r` reads, `w` truncates or creates, `a` appends, `wx` creates; new files are readable by their owner only. */
  open(path: string, flags: 'r' | 'w' | 'a' | 'wx'): Promise<OpenFile>
  readFile(path: string): Promise<Uint8Array>
  stat(path: string): Promise<FileIdentity>
  /** As stat, of the link itself. */
  lstat(path: string): Promise<FileIdentity>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  symlink(target: string, path: string): Promise<void>
  readlink(path: string): Promise<string>
  /** Names, not paths. */
  readdir(path: string): Promise<string[]>
  /** Sets the modification time of the link itself to now. */
  touch(path: string): Promise<void>
  /** Makes the names in a directory durable; does nothing where directories cannot be synced. */
  syncDirectory(path: string): Promise<void>
}

/** How systems say that a directory is nothing they sync: Windows, some network and FUSE file systems, unreadable ones. */
const refusals = ['EACCES', 'EBADF', 'EINVAL', 'EISDIR', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM']

function unlessRefused(error: unknown): undefined {
  // A disk that fails, or no file descriptor to be had, is not a refusal: the names would not be durable.
  if (!isNodeError(error) || !refusals.includes(error.code ?? '')) throw error
}

export const nodeFileSystem: FileSystem = {
  async open(path, flags) {
    const handle = await fs.open(path, flags, 0o600)
    return {
      read: async (buffer, length, position) =>
        (await handle.read(buffer, 0, length, position)).bytesRead,
      write: async (bytes) => (await handle.write(bytes)).bytesWritten,
      stat: async () => identity(await handle.stat({ bigint: true })),
      sync: (all) => (all ? handle.sync() : handle.datasync()),
      close: () => handle.close(),
    }
  },
  readFile: (path) => fs.readFile(path),
  stat: async (path) => identity(await fs.stat(path, { bigint: true })),
  lstat: async (path) => identity(await fs.lstat(path, { bigint: true })),
  rename: (from, to) => fs.rename(from, to),
  unlink: (path) => fs.unlink(path),
  symlink: (target, path) => fs.symlink(target, path),
  readlink: (path) => fs.readlink(path),
  readdir: (path) => fs.readdir(path),
  async touch(path) {
    const now = new Date()
    await fs.lutimes(path, now, now)
  },
  async syncDirectory(path) {
    const handle = await fs.open(path, 'r').catch(unlessRefused)
    try {
      await handle?.sync().catch(unlessRefused)
    } finally {
      await handle?.close()
    }
  },
}

function identity(stats: import('node:fs').BigIntStats): FileIdentity {
  return {
    dev: String(stats.dev),
    ino: String(stats.ino),
    size: String(stats.size),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
    isFile: stats.isFile(),
  }
}
