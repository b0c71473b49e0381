// Owns the seam to the file system: the few calls that an upload makes, so that a test can count and break each of them.

import * as fs from 'node:fs/promises'
import { isNodeError } from '../primitives/errors.js'
import { type FileIdentity, identity, NodeFile, type OpenFile } from './open-file.js'

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
  open: (path, flags) => NodeFile.open(path, flags, 0o600),
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
