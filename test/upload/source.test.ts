import { execFileSync } from 'node:child_process'
import {
  appendFile,
  mkdir,
  mkdtemp,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FileSystem, nodeFileSystem } from '../../src/upload/file-system.js'
import { openSource, type Source, sameSource } from '../../src/upload/source.js'
import { errno, MemoryFileSystem } from '../support/memory-fs.js'

const path = '/data/file.bin'
const bytes = Buffer.from('0123456789')

function memory(data: Uint8Array = bytes): MemoryFileSystem {
  const fs = new MemoryFileSystem()
  fs.put(path, data)
  return fs
}

/** The file system with some of what its open files do replaced. */
function withFiles(
  fs: FileSystem,
  change: Partial<Awaited<ReturnType<FileSystem['open']>>>,
): FileSystem {
  const changed: FileSystem = Object.create(fs)
  changed.open = async (...args) => ({ ...(await fs.open(...args)), ...change })
  // Private fields need the object that has them.
  changed.stat = (name) => fs.stat(name)
  return changed
}

describe('openSource', () => {
  it('opens the file once and knows its size and identity', async () => {
    const fs = memory()
    const { isFile: _, ...identity } = await fs.stat(path)
    const source = await openSource(path, fs)
    expect(fs.openFiles).toBe(1)
    expect(source).toMatchObject({ path, size: 10, identity })
    expect(Object.keys(source.identity).sort()).toEqual([
      'ctimeNs',
      'dev',
      'ino',
      'mtimeNs',
      'size',
    ])
    await source.close()
    expect(fs.openFiles).toBe(0)
  })

  it.each([
    ['EACCES', 'permission denied'],
    ['EPERM', 'permission denied'],
    ['ENOENT', 'there is no such file'],
    ['EISDIR', 'it is a directory'],
    ['ELOOP', 'its symbolic links form a loop'],
    ['EMFILE', 'too many open files'],
    ['EIO', 'EIO: made by the test'],
  ])('says why when the file cannot be looked at or opened: %s', async (code, reason) => {
    for (const call of ['stat', 'open']) {
      const fs = memory()
      fs.fail = ({ name }) => (name === call ? code : undefined)
      await expect(openSource(path, fs)).rejects.toMatchObject({
        name: 'OssError',
        code: 'ERR_OSS_SOURCE',
        message: `cannot read ${path}: ${reason} (${code})`,
        hint: 'check the path and its permissions',
        cause: { code },
      })
      expect(fs.openFiles).toBe(0)
    }
  })

  it('closes the file when it cannot be looked at any more, whatever closing says', async () => {
    let closed = 0
    const close = async (): Promise<void> => {
      closed += 1
      throw errno('EBADF')
    }
    const failing = withFiles(memory(), { stat: () => Promise.reject(errno('EIO')), close })
    await expect(openSource(path, failing)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      cause: { code: 'EIO' },
    })
    expect(closed).toBe(1)
  })

  it('does not open what is not a regular file', async () => {
    const fs = new MemoryFileSystem()
    await fs.symlink('target', path)
    const opened: string[] = []
    fs.fail = ({ name }) => {
      opened.push(name)
      return undefined
    }
    await expect(openSource(path, fs)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      message: `cannot upload ${path}: it is not a regular file`,
    })
    expect(opened).toEqual(['stat'])
  })

  it('looks again at what it has opened, which may be something else by then', async () => {
    const fs = memory()
    const other = { ...(await fs.stat(path)), isFile: false }
    const swapped = withFiles(fs, { stat: async () => other })
    await expect(openSource(path, swapped)).rejects.toThrow('it is not a regular file')
  })
})

describe('read', () => {
  const ranges = [
    { position: 0, length: 0 },
    { position: 0, length: 1 },
    { position: 0, length: 10 },
    { position: 9, length: 1 },
    { position: 3, length: 4 },
  ]

  it.each(ranges)('fills $length bytes from $position', async ({ position, length }) => {
    const source = await openSource(path, memory())
    const buffer = Buffer.alloc(length)
    await source.read(buffer, position)
    expect(buffer).toEqual(bytes.subarray(position, position + length))
  })

  it.each(ranges)(
    'fills $length bytes from $position though the system gives one at a time',
    async (range) => {
      const fs = memory()
      const file = await fs.open(path, 'r')
      const short = withFiles(fs, { read: (buffer, _, position) => file.read(buffer, 1, position) })
      const source = await openSource(path, short)
      const buffer = Buffer.alloc(range.length)
      await source.read(buffer, range.position)
      expect(buffer).toEqual(bytes.subarray(range.position, range.position + range.length))
    },
  )

  it.each([
    { position: 10, length: 1, end: 10 },
    { position: 9, length: 2, end: 10 },
    { position: 0, length: 11, end: 10 },
  ])(
    'fails when $length bytes from $position are not there any more',
    async ({ position, length, end }) => {
      const source = await openSource(path, memory())
      await expect(source.read(Buffer.alloc(length), position)).rejects.toMatchObject({
        code: 'ERR_OSS_SOURCE_CHANGED',
        message: `the source ${path} changed during the upload: it ended at byte ${end}, before 10`,
      })
    },
  )

  it('says that the source cannot be read when the disk fails', async () => {
    const fs = memory()
    const source = await openSource(path, fs)
    fs.fail = ({ name }) => (name === 'read' ? 'EIO' : undefined)
    await expect(source.read(Buffer.alloc(1), 0)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      cause: { code: 'EIO' },
    })
  })
})

describe('readNow', () => {
  it('fills what is asked for', async () => {
    const source = await openSource(path, memory())
    const buffer = Buffer.alloc(4)
    expect(source.readNow?.(buffer, 3)).toBe(true)
    expect(buffer.toString()).toBe('3456')
  })

  it.each([
    { that: 'has become shorter', fail: undefined, position: 7 },
    { that: 'cannot be read', fail: 'EIO', position: 0 },
  ])('leaves a source that $that to a read that says so', async ({ fail, position }) => {
    const fs = memory()
    const source = await openSource(path, fs)
    fs.fail = ({ name }) => (name === 'read' ? fail : undefined)
    expect(source.readNow?.(Buffer.alloc(4), position)).toBe(false)
  })

  it('leaves it to other threads for a while when it takes long', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const fs = memory()
      const file = await fs.open(path, 'r')
      let ms = 20
      const slow = withFiles(fs, {
        readNow(buffer, position) {
          vi.advanceTimersByTime(ms)
          return file.readNow(buffer, position)
        },
      })
      const source = await openSource(path, slow)
      const buffer = Buffer.alloc(1)
      expect(source.readNow?.(buffer, 0)).toBe(true)
      expect(source.readNow?.(buffer, 0)).toBe(false)
      ms = 0
      vi.advanceTimersByTime(1_000)
      await nextTurn()
      expect(source.readNow?.(buffer, 0)).toBe(true)
      expect(source.readNow?.(buffer, 0)).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('assertUnchanged (I7)', () => {
  const changes: [string, (fs: MemoryFileSystem) => void, string][] = [
    ['grew', (fs) => fs.put(path, Buffer.from('0123456789A')), 'its size went from 10 to 11 bytes'],
    ['shrank', (fs) => fs.put(path, Buffer.from('012345678')), 'its size went from 10 to 9 bytes'],
    ['was emptied', (fs) => fs.put(path, Buffer.alloc(0)), 'its size went from 10 to 0 bytes'],
    [
      'was rewritten in place',
      (fs) => fs.put(path, Buffer.from('9876543210')),
      'it was written to',
    ],
    [
      'was rewritten, and its mtime set back',
      (fs) => fs.put(path, Buffer.from('9876543210'), { keepTimes: true }),
      'it was written to, or its attributes were changed',
    ],
    ['was removed', (fs) => fs.delete(path), 'its name leads nowhere now'],
  ]

  it.each(changes)('notices that the source %s', async (_, change, how) => {
    const fs = memory()
    const source = await openSource(path, fs)
    change(fs)
    await expect(source.assertUnchanged(true)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
      message: `the source ${path} changed during the upload: ${how}`,
      hint: 'nothing was published; run again when the file is no longer being written',
    })
  })

  it('notices that another file took the name, though the open one is as it was', async () => {
    const fs = memory()
    const source = await openSource(path, fs)
    const before = await fs.stat(path)
    fs.put('/data/new', bytes)
    await fs.rename('/data/new', path)
    const still = withFiles(fs, { stat: async () => before })
    const looking = await openSource(path, still)
    await expect(source.assertUnchanged(true)).rejects.toThrow('another file has taken its name')
    await expect(looking.assertUnchanged(true)).rejects.toThrow('another file has taken its name')
  })

  it('says that the source cannot be read when the disk fails', async () => {
    const fs = memory()
    const source = await openSource(path, fs)
    fs.fail = () => 'EIO'
    await expect(source.assertUnchanged()).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      cause: { code: 'EIO' },
    })
  })

  it('looks once for all who ask while a look is under way, and not with the one that has begun', async () => {
    const fs = memory()
    let looks = 0
    const counting = withFiles(fs, {
      stat: async () => {
        looks += 1
        return await fs.stat(path)
      },
    })
    const source = await openSource(path, counting)
    looks = 0
    const first = source.assertUnchanged()
    fs.put(path, Buffer.from('9876543210'))
    const others = Array.from({ length: 5 }, () => source.assertUnchanged())
    await Promise.allSettled([first])
    for (const other of others) await expect(other).rejects.toThrow('it was written to')
    expect(looks).toBe(2)
  })

  it('is content when nothing changed, however often it looks', async () => {
    const fs = memory()
    const source = await openSource(path, fs)
    await source.read(Buffer.alloc(10), 0)
    await fs.readFile(path)
    for (let look = 0; look < 3; look++) await source.assertUnchanged()
  })
})

describe('sameSource', () => {
  const identity = { dev: '1', ino: '2', size: '3', mtimeNs: '4', ctimeNs: '5' }

  it('holds for equal identities', () => {
    expect(sameSource(identity, { ...identity })).toBe(true)
  })

  it.each(['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'])('does not hold when %s differs', (name) => {
    expect(sameSource(identity, { ...identity, [name]: '9' })).toBe(false)
  })
})

describe('on the real file system', () => {
  let directory = ''
  let file = ''
  let source: Source | undefined

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ossup-source-'))
    file = join(directory, 'file.bin')
    await writeFile(file, bytes)
    // Coarse clocks give two changes at one moment the same time: begin in the past.
    await utimes(file, 1_000_000_000, 1_000_000_000)
  })
  afterEach(async () => {
    await source?.close()
    source = undefined
    await rm(directory, { recursive: true, force: true })
  })

  it('reads ranges and finds nothing changed', async () => {
    source = await openSource(file, nodeFileSystem)
    const { ino, mtimeNs, ctimeNs, dev } = await stat(file, { bigint: true })
    expect(source.identity).toEqual({
      dev: String(dev),
      ino: String(ino),
      size: '10',
      mtimeNs: String(mtimeNs),
      ctimeNs: String(ctimeNs),
    })
    const buffer = Buffer.alloc(3)
    await source.read(buffer, 4)
    expect(buffer.toString()).toBe('456')
    await source.assertUnchanged()
  })

  it('follows a symbolic link to the file', async () => {
    await symlink(file, join(directory, 'link'))
    source = await openSource(join(directory, 'link'), nodeFileSystem)
    await source.assertUnchanged()
    expect(source.size).toBe(10)
  })

  it('refuses a directory', async () => {
    await expect(openSource(directory, nodeFileSystem)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      message: `cannot upload ${directory}: it is not a regular file`,
    })
  })

  it('refuses a named pipe instead of waiting for its writer', async () => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    await expect(openSource(pipe, nodeFileSystem)).rejects.toThrow('it is not a regular file')
  })

  it('refuses a device', async () => {
    await expect(openSource('/dev/null', nodeFileSystem)).rejects.toThrow(
      'it is not a regular file',
    )
  })

  it('says that there is no such file', async () => {
    const missing = join(directory, 'missing')
    await expect(openSource(missing, nodeFileSystem)).rejects.toThrow(
      `cannot read ${missing}: there is no such file (ENOENT)`,
    )
    await expect(openSource(join(file, 'below'), nodeFileSystem)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      cause: { code: 'ENOTDIR' },
    })
  })

  it('says that symbolic links form a loop', async () => {
    const loop = join(directory, 'loop')
    await symlink(loop, loop)
    await expect(openSource(loop, nodeFileSystem)).rejects.toThrow(
      'its symbolic links form a loop (ELOOP)',
    )
  })

  it.each<[string, () => Promise<void>, string]>([
    ['grew', () => appendFile(file, 'x'), 'its size went from 10 to 11 bytes'],
    ['was truncated', () => truncate(file, 4), 'its size went from 10 to 4 bytes'],
    ['was rewritten', () => writeFile(file, '9876543210'), 'it was written to'],
    [
      'was rewritten, and its mtime set back',
      async () => {
        await writeFile(file, '9876543210')
        await utimes(file, 1_000_000_000, 1_000_000_000)
      },
      'it was written to, or its attributes were changed',
    ],
    ['was removed', () => unlink(file), ''],
    [
      'was replaced while it is open',
      async () => {
        await writeFile(join(directory, 'new'), bytes)
        await rename(join(directory, 'new'), file)
      },
      '',
    ],
    [
      'was replaced by a directory',
      async () => {
        await unlink(file)
        await mkdir(file)
      },
      '',
    ],
  ])('notices that the source %s', async (_, change, how) => {
    source = await openSource(file, nodeFileSystem)
    await change()
    await expect(source.assertUnchanged()).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
      message: expect.stringContaining(`changed during the upload: ${how}`),
    })
  })

  it('goes on reading the file it opened when another takes its name', async () => {
    source = await openSource(file, nodeFileSystem)
    await writeFile(join(directory, 'new'), 'XXXXXXXXXX')
    await rename(join(directory, 'new'), file)
    const buffer = Buffer.alloc(10)
    await source.read(buffer, 0)
    expect(buffer).toEqual(bytes)
  })

  it('notices while reading that the end is gone', async () => {
    source = await openSource(file, nodeFileSystem)
    await truncate(file, 4)
    await expect(source.read(Buffer.alloc(10), 0)).rejects.toThrow('it ended at byte 4, before 10')
  })
})
