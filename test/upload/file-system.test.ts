import * as real from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileSystem, nodeFileSystem } from '../../src/upload/file-system.js'
import type { OpenFile } from '../../src/upload/open-file.js'
import { MemoryFileSystem } from '../support/memory-fs.js'

const linux = process.platform === 'linux'

interface Place {
  readonly fs: FileSystem
  readonly at: (name: string) => string
  readonly remove: () => Promise<void>
}

const places: { name: string; create: () => Promise<Place> }[] = [
  {
    name: 'the file system of Node',
    create: async () => {
      const directory = await real.mkdtemp(join(tmpdir(), 'ossup-fs-'))
      return {
        fs: nodeFileSystem,
        at: (name) => join(directory, name),
        remove: () => real.rm(directory, { recursive: true, force: true }),
      }
    },
  },
  {
    name: 'the one in memory that other tests use',
    create: async () => ({
      fs: new MemoryFileSystem(),
      at: (name) => `/dir/${name}`,
      remove: async () => {},
    }),
  },
]

const text = async (fs: FileSystem, path: string): Promise<string> =>
  Buffer.from(await fs.readFile(path)).toString()

async function write(
  fs: FileSystem,
  path: string,
  content: string,
  flags: 'w' | 'a' | 'wx' = 'w',
): Promise<void> {
  const file = await fs.open(path, flags)
  await file.write(Buffer.from(content))
  await file.close()
}

describe.each(places)('$name', ({ create }) => {
  let place: Place
  let fs: FileSystem
  let path = ''
  const opened: OpenFile[] = []

  beforeEach(async () => {
    place = await create()
    fs = place.fs
    path = place.at('file')
  })
  afterEach(async () => {
    for (const file of opened.splice(0)) await file.close()
    await place.remove()
  })

  it('creates, truncates and appends', async () => {
    await write(fs, path, 'one')
    await write(fs, path, 'two')
    expect(await text(fs, path)).toBe('two')
    await write(fs, path, ' three', 'a')
    expect(await text(fs, path)).toBe('two three')
    await write(fs, place.at('new'), 'by appending', 'a')
    expect(await text(fs, place.at('new'))).toBe('by appending')
  })

  it('creates only what is not there', async () => {
    await write(fs, path, 'one', 'wx')
    await expect(fs.open(path, 'wx')).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await text(fs, path)).toBe('one')
  })

  it.each([
    { position: 0, length: 4, read: '0123' },
    { position: 8, length: 4, read: '89' },
    { position: 10, length: 4, read: '' },
    { position: 11, length: 4, read: '' },
    { position: 5, length: 0, read: '' },
  ])('reads $length bytes from $position: "$read"', async ({ position, length, read }) => {
    await write(fs, path, '0123456789')
    const file = await fs.open(path, 'r')
    opened.push(file)
    const buffer = Buffer.alloc(4)
    const count = await file.read(buffer, length, position)
    expect(buffer.toString('utf8', 0, count)).toBe(read)
  })

  it('says how many bytes it wrote', async () => {
    const file = await fs.open(path, 'w')
    opened.push(file)
    expect(await file.write(Buffer.from('12345'))).toBe(5)
    expect(await file.write(Buffer.from('678'))).toBe(3)
    await file.sync(true)
    await file.sync(false)
    expect(await text(fs, path)).toBe('12345678')
  })

  it('identifies a file alike by its name and by its handle, in decimal', async () => {
    await write(fs, path, '12345')
    const file = await fs.open(path, 'r')
    opened.push(file)
    const identity = await file.stat()
    expect(identity).toMatchObject({ size: '5', isFile: true })
    for (const name of ['dev', 'ino', 'mtimeNs', 'ctimeNs'] as const)
      expect(identity[name]).toMatch(/^\d+$/)
    expect(identity.mtimeNs).toMatch(/^\d{19}$/)
    expect(await fs.stat(path)).toEqual(identity)
    expect(await fs.lstat(path)).toEqual(identity)
  })

  it('goes on with the open file when its name leads to another one', async () => {
    await write(fs, path, 'old')
    const file = await fs.open(path, 'r')
    opened.push(file)
    await write(fs, place.at('new'), 'new')
    await fs.rename(place.at('new'), path)
    const buffer = Buffer.alloc(3)
    await file.read(buffer, 3, 0)
    expect(buffer.toString()).toBe('old')
    expect(await text(fs, path)).toBe('new')
    expect((await fs.stat(path)).ino).not.toBe((await file.stat()).ino)
    await expect(fs.lstat(place.at('new'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it.each(['open', 'readFile', 'stat', 'lstat', 'unlink', 'readlink', 'touch'] as const)(
    'says ENOENT for what is not there: %s',
    async (call) => {
      await expect(fs[call](path, 'r')).rejects.toMatchObject({ code: 'ENOENT' })
    },
  )

  it('says ENOENT when it is to rename what is not there', async () => {
    await expect(fs.rename(path, place.at('new'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('names what a directory holds, and nothing below that', async () => {
    await write(fs, place.at('one'), 'x')
    await fs.symlink('text', place.at('two'))
    expect((await fs.readdir(dirname(place.at('one')))).sort()).toEqual(['one', 'two'])
  })

  it('removes a name', async () => {
    await write(fs, path, 'x')
    await fs.unlink(path)
    await expect(fs.lstat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  describe('symbolic links', () => {
    const target = '{"any":"text"}'

    it('lead to text, and are created once', async () => {
      await fs.symlink(target, path)
      expect(await fs.readlink(path)).toBe(target)
      await expect(fs.symlink('other', path)).rejects.toMatchObject({ code: 'EEXIST' })
      expect(await fs.readlink(path)).toBe(target)
    })

    it('are not what a file is', async () => {
      await fs.symlink(target, path)
      expect((await fs.lstat(path)).isFile).toBe(false)
      await write(fs, place.at('regular'), 'x')
      await expect(fs.readlink(place.at('regular'))).rejects.toMatchObject({ code: 'EINVAL' })
    })

    it('replace a link or a file when they are renamed', async () => {
      await write(fs, place.at('regular'), 'x')
      for (const old of [place.at('link'), place.at('regular')]) {
        if (old === place.at('link')) await fs.symlink('old', old)
        await fs.symlink(target, path)
        await fs.rename(path, old)
        expect(await fs.readlink(old)).toBe(target)
      }
    })

    it('are touched themselves', async () => {
      await fs.symlink(target, path)
      const { mtimeNs, ino } = await fs.lstat(path)
      // The clock of a real file system may not have moved on yet.
      let touched = await fs.lstat(path)
      for (let tries = 0; touched.mtimeNs === mtimeNs && tries < 1_000; tries++) {
        await fs.touch(path)
        touched = await fs.lstat(path)
      }
      expect(BigInt(touched.mtimeNs)).toBeGreaterThan(BigInt(mtimeNs) - 1_000_000n)
      expect(touched.mtimeNs).not.toBe(mtimeNs)
      expect(touched.ino).toBe(ino)
      expect(await fs.readlink(path)).toBe(target)
    })
  })

  it('makes the names in a directory durable', async () => {
    await write(fs, path, 'x')
    await expect(fs.syncDirectory(dirname(path))).resolves.toBeUndefined()
  })
})

describe('the file system of Node', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await real.mkdtemp(join(tmpdir(), 'ossup-fs-'))
  })
  afterEach(async () => {
    await real.rm(directory, { recursive: true, force: true })
  })

  it.each(['w', 'a', 'wx'] as const)(
    'creates files that only their owner reads: %s',
    async (flags) => {
      const path = join(directory, flags)
      await write(nodeFileSystem, path, 'x', flags)
      expect((await real.stat(path)).mode & 0o777).toBe(0o600)
    },
  )

  it('follows links in stat, not in lstat', async () => {
    const path = join(directory, 'file')
    await real.writeFile(path, '12345')
    await real.symlink(path, join(directory, 'link'))
    expect(await nodeFileSystem.stat(join(directory, 'link'))).toEqual(
      await nodeFileSystem.stat(path),
    )
    expect((await nodeFileSystem.lstat(join(directory, 'link'))).isFile).toBe(false)
  })

  it('does not take a directory for a file', async () => {
    expect((await nodeFileSystem.stat(directory)).isFile).toBe(false)
  })

  it('keeps nanoseconds and large inodes exactly', async () => {
    const path = join(directory, 'file')
    await real.writeFile(path, '')
    const { ino, mtimeNs } = await real.stat(path, { bigint: true })
    expect(await nodeFileSystem.stat(path)).toMatchObject({
      ino: String(ino),
      mtimeNs: String(mtimeNs),
    })
  })

  it.runIf(linux)('says that a disk is full', async () => {
    const file = await nodeFileSystem.open('/dev/full', 'a')
    await expect(file.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'ENOSPC' })
    await file.close()
  })

  it.runIf(linux)('is content with a directory whose file system refuses to sync it', async () => {
    const handle = await real.open('/proc', 'r')
    await expect(handle.sync()).rejects.toMatchObject({ code: 'EINVAL' })
    await handle.close()
    await expect(nodeFileSystem.syncDirectory('/proc')).resolves.toBeUndefined()
  })

  it('does not pass over a directory that it could not sync for another reason', async () => {
    await expect(nodeFileSystem.syncDirectory(join(directory, 'missing'))).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })
})
