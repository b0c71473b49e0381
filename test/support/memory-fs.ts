// A file system in memory that knows what a power failure would leave: only what was synced, and only under synced names.

import { basename, dirname } from 'node:path'
import type { FileSystem } from '../../src/upload/file-system.js'
import type { FileIdentity, OpenFile } from '../../src/upload/open-file.js'

interface Inode {
  readonly ino: number
  readonly target?: string
  data: Buffer
  synced: Buffer
  mtimeNs: bigint
  ctimeNs: bigint
}

export type Call = { readonly name: keyof FileSystem | keyof OpenFile; readonly path: string }

export class MemoryFileSystem implements FileSystem {
  #entries = new Map<string, Inode>()
  #durable = new Map<string, Inode>()
  #clock = 1_700_000_000_000_000_000n
  #nextInode = 1
  openFiles = 0
  /** Consulted before every call; an errno code makes the call fail with it. */
  fail: ((call: Call) => string | undefined) | undefined

  /** Files by path, without their contents. */
  list(): string[] {
    return [...this.#entries.keys()].sort()
  }

  text(path: string): string {
    return this.#get(path).data.toString('utf8')
  }

  /** Creates or overwrites as another program would; `keepTimes` sets mtime back afterwards. */
  put(path: string, data: Uint8Array, how: { keepTimes?: boolean; replace?: boolean } = {}): void {
    const existing = this.#entries.get(path)
    if (existing === undefined || how.replace) {
      const inode = this.#create(path, Buffer.from(data))
      inode.synced = inode.data
      this.#durable.set(path, inode)
      if (existing !== undefined) existing.ctimeNs = this.#tick()
      return
    }
    const { mtimeNs } = existing
    this.#change(existing, Buffer.from(data))
    existing.synced = existing.data
    if (how.keepTimes) existing.mtimeNs = mtimeNs
  }

  /** Undoes everything, times included, to look exactly as before an edit. */
  putUnnoticed(path: string, data: Uint8Array): void {
    const inode = this.#get(path)
    inode.data = Buffer.from(data)
    inode.synced = inode.data
  }

  delete(path: string): void {
    this.#entries.delete(path)
    this.#durable.delete(path)
  }

  /**
   * @param names `durable`: unsynced creations, renames and removals are undone; `all`: they are kept, and the files they
   * lead to have only their synced bytes.
   */
  powerFailure(names: 'durable' | 'all'): void {
    this.#entries = new Map(names === 'durable' ? this.#durable : this.#entries)
    for (const inode of this.#entries.values()) inode.data = inode.synced
    this.#durable = new Map(this.#entries)
  }

  async open(path: string, flags: 'r' | 'w' | 'a' | 'wx'): Promise<OpenFile> {
    this.#check({ name: 'open', path })
    let inode = this.#entries.get(path)
    if (inode === undefined) {
      if (flags === 'r') throw errno('ENOENT')
      inode = this.#create(path, Buffer.alloc(0))
    } else if (flags === 'wx') throw errno('EEXIST')
    else if (flags === 'w') this.#change(inode, Buffer.alloc(0))
    this.openFiles += 1
    const file = inode
    let open = true
    const use = (name: keyof OpenFile): void => {
      if (!open) throw errno('EBADF')
      this.#check({ name, path })
    }
    const write = (data: string | Uint8Array): number => {
      use('write')
      const bytes = Buffer.from(data as string)
      this.#change(file, Buffer.concat([file.data, bytes]))
      return bytes.byteLength
    }
    const read = (buffer: Uint8Array, length: number, position: number): number => {
      use('read')
      return file.data.subarray(position, position + length).copy(buffer)
    }
    return {
      read: async (buffer, length, position) => read(buffer, length, position),
      readNow: (buffer, position) => read(buffer, buffer.byteLength, position),
      write: async (bytes) => write(bytes),
      writeNow: write,
      stat: async () => {
        use('stat')
        return identity(file)
      },
      sync: async () => {
        use('sync')
        file.synced = file.data
      },
      close: async () => {
        use('close')
        open = false
        this.openFiles -= 1
      },
    }
  }

  async readFile(path: string): Promise<Uint8Array> {
    this.#check({ name: 'readFile', path })
    return this.#get(path).data
  }

  async stat(path: string): Promise<FileIdentity> {
    this.#check({ name: 'stat', path })
    return identity(this.#get(path))
  }

  async lstat(path: string): Promise<FileIdentity> {
    this.#check({ name: 'lstat', path })
    return identity(this.#get(path))
  }

  async rename(from: string, to: string): Promise<void> {
    this.#check({ name: 'rename', path: to })
    const inode = this.#get(from)
    this.#entries.delete(from)
    this.#entries.set(to, inode)
    inode.ctimeNs = this.#tick()
  }

  async unlink(path: string): Promise<void> {
    this.#check({ name: 'unlink', path })
    this.#get(path)
    this.#entries.delete(path)
  }

  async symlink(target: string, path: string): Promise<void> {
    this.#check({ name: 'symlink', path })
    if (this.#entries.has(path)) throw errno('EEXIST')
    this.#create(path, Buffer.alloc(0), target)
  }

  async readlink(path: string): Promise<string> {
    this.#check({ name: 'readlink', path })
    const { target } = this.#get(path)
    if (target === undefined) throw errno('EINVAL')
    return target
  }

  async readdir(path: string): Promise<string[]> {
    this.#check({ name: 'readdir', path })
    const below = [...this.#entries.keys()].filter((name) => dirname(name) === path)
    return below.map((name) => basename(name)).sort()
  }

  async touch(path: string): Promise<void> {
    this.#check({ name: 'touch', path })
    this.#get(path).mtimeNs = this.#tick()
  }

  async syncDirectory(path: string): Promise<void> {
    this.#check({ name: 'syncDirectory', path })
    for (const name of new Set([...this.#entries.keys(), ...this.#durable.keys()])) {
      if (dirname(name) !== path) continue
      const inode = this.#entries.get(name)
      if (inode === undefined) this.#durable.delete(name)
      else this.#durable.set(name, inode)
    }
  }

  #check(call: Call): void {
    const code = this.fail?.(call)
    if (code !== undefined) throw errno(code)
  }

  #get(path: string): Inode {
    const inode = this.#entries.get(path)
    if (inode === undefined) throw errno('ENOENT')
    return inode
  }

  #create(path: string, data: Buffer, target?: string): Inode {
    const now = this.#tick()
    const inode: Inode = {
      ino: this.#nextInode++,
      data,
      synced: Buffer.alloc(0),
      mtimeNs: now,
      ctimeNs: now,
      ...(target !== undefined && { target }),
    }
    this.#entries.set(path, inode)
    return inode
  }

  #change(inode: Inode, data: Buffer): void {
    inode.data = data
    inode.mtimeNs = this.#tick()
    inode.ctimeNs = inode.mtimeNs
  }

  #tick(): bigint {
    this.#clock += 1_000n
    return this.#clock
  }
}

function identity(inode: Inode): FileIdentity {
  return {
    dev: '1',
    ino: String(inode.ino),
    size: String(inode.data.length),
    mtimeNs: String(inode.mtimeNs),
    ctimeNs: String(inode.ctimeNs),
    isFile: inode.target === undefined,
  }
}

export function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made by the test`), { code })
}
