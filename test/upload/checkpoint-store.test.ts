import {
  appendFile,
  chmod,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LockEnvironment } from '../../src/upload/checkpoint-lock.js'
import { type CheckpointSession, fileCheckpointStore } from '../../src/upload/checkpoint-store.js'
import { systemEnvironment } from '../../src/upload/environment.js'
import { type FileSystem, nodeFileSystem } from '../../src/upload/file-system.js'
import type { OpenFile } from '../../src/upload/open-file.js'
import { type Call, errno, MemoryFileSystem } from '../support/memory-fs.js'

const path = '/data/file.bin.ucp'
const lockPath = `${path}.lock`
const temporary = `${path}.tmp`

/** Processes 1, 2, ... of one machine; `alive` says which of them still run. */
class Machine {
  readonly alive = new Set<number>()
  #pid = 0

  process(): LockEnvironment {
    const pid = ++this.#pid
    this.alive.add(pid)
    let locks = 0
    return {
      identify: async () => ({ pid, start: `start-${pid}`, host: 'host', scope: 'scope' }),
      isAlive: async (holder) => this.alive.has(holder.pid),
      nonce: () => `nonce-${pid}-${++locks}`,
      now: () => new Date('2025-01-02T03:04:05.678Z'),
      sleep: async () => {},
      every: () => () => {},
    }
  }
}

const acquire = (fs: FileSystem, machine = new Machine()): Promise<CheckpointSession> =>
  fileCheckpointStore(path, fs, machine.process()).acquire()

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const loaded = async (session: CheckpointSession): Promise<string | undefined> => {
  const bytes = await session.load()
  return bytes && Buffer.from(bytes).toString()
}

/** A file system whose open files differ from those of `fs`. */
function withFiles(
  fs: FileSystem,
  change: (file: OpenFile, path: string) => Partial<OpenFile>,
): FileSystem {
  const methods = [
    'readFile',
    'stat',
    'lstat',
    'rename',
    'unlink',
    'symlink',
    'readlink',
    'touch',
    'syncDirectory',
  ]
  const bound = methods.map((name) => [
    name,
    (fs[name as keyof FileSystem] as () => unknown).bind(fs),
  ])
  return {
    ...(Object.fromEntries(bound) as FileSystem),
    async open(name, flags) {
      const file = await fs.open(name, flags)
      return { ...file, ...change(file, name) }
    },
  }
}

const failure = (code: string, message: string): object => ({
  name: 'OssError',
  code: 'ERR_OSS_CHECKPOINT_IO',
  message: expect.stringContaining(message),
  hint: expect.any(String),
  cause: expect.objectContaining({ code }),
})

describe('exists()', () => {
  it('needs no lock, and tells a journal from none', async () => {
    const fs = new MemoryFileSystem()
    const store = fileCheckpointStore(path, fs, new Machine().process())
    expect(store.location).toBe(path)
    expect(await store.exists()).toBe(false)
    fs.put(path, Buffer.from('x'))
    expect(await store.exists()).toBe(true)
    expect(fs.list()).toEqual([path])
  })

  it('does not take an error for absence', async () => {
    const fs = new MemoryFileSystem()
    fs.fail = () => 'EACCES'
    const store = fileCheckpointStore(path, fs, new Machine().process())
    await expect(store.exists()).rejects.toMatchObject(failure('EACCES', `${path} (EACCES)`))
  })
})

describe('acquire()', () => {
  it('takes the lock, and release() gives it back', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    expect(fs.list()).toEqual([lockPath])
    await session.release()
    expect(fs.list()).toEqual([])
  })

  it('refuses while another process holds it', async () => {
    const fs = new MemoryFileSystem()
    const machine = new Machine()
    const session = await acquire(fs, machine)
    await expect(acquire(fs, machine)).rejects.toMatchObject({ code: 'ERR_OSS_CHECKPOINT_LOCKED' })
    await session.release()
    await (await acquire(fs, machine)).release()
  })

  it.each(['ENOSPC', 'EACCES', 'EROFS', 'EIO', 'ENOENT'])(
    'says where it failed: %s',
    async (code) => {
      const fs = new MemoryFileSystem()
      fs.fail = ({ name }) => (name === 'symlink' ? code : undefined)
      await expect(acquire(fs)).rejects.toMatchObject(
        failure(code, `cannot create the lock ${lockPath} (${code})`),
      )
    },
  )

  it('rejects with the reason of an aborted signal', async () => {
    const fs = new MemoryFileSystem()
    const reason = new Error('enough')
    const store = fileCheckpointStore(path, fs, new Machine().process())
    await expect(store.acquire(AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(fs.list()).toEqual([])
  })
})

describe('load()', () => {
  it('gives the bytes, or nothing when there is no journal', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    expect(await session.load()).toBeUndefined()
    await session.replace('text\n')
    expect(await loaded(session)).toBe('text\n')
  })

  it.each([
    { size: 256 * 1024 * 1024, read: 'content' },
    { size: 256 * 1024 * 1024 + 1, read: '' },
  ])(
    'of a file of $size bytes reads "$read": what is larger is no journal',
    async ({ size, read }) => {
      const fs = new MemoryFileSystem()
      fs.put(path, Buffer.from('content'))
      const identity = await fs.stat(path)
      const large: FileSystem = {
        ...withFiles(fs, () => ({})),
        stat: async () => ({ ...identity, size: String(size) }),
      }
      expect(await loaded(await acquire(large))).toBe(read)
    },
  )

  it('removes the temporary file that a crash has left', async () => {
    const fs = new MemoryFileSystem()
    fs.put(temporary, Buffer.from('half'))
    const session = await acquire(fs)
    expect(await session.load()).toBeUndefined()
    expect(fs.list()).toEqual([lockPath])
  })

  it.each(['EACCES', 'EIO', 'EISDIR'])('does not take %s for absence', async (code) => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    fs.fail = () => code
    await expect(session.load()).rejects.toMatchObject(
      failure(code, `cannot read the checkpoint ${path} (${code})`),
    )
  })
})

describe('replace()', () => {
  it('leaves the journal and nothing else, and no file open', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    await session.replace('old\n')
    await session.replace('new\n')
    expect(fs.list()).toEqual([path, lockPath])
    expect(fs.text(path)).toBe('new\n')
    expect(fs.openFiles).toBe(0)
  })

  it('writes all of the text though the system takes three bytes at a time', async () => {
    const fs = new MemoryFileSystem()
    const short = withFiles(fs, (file) => ({ write: (bytes) => file.write(bytes.subarray(0, 3)) }))
    const session = await acquire(short)
    await session.replace('a text of more than three bytes: 文件\n')
    expect(fs.text(path)).toBe('a text of more than three bytes: 文件\n')
  })

  it.each(['durable', 'all'] as const)(
    'survives a power failure when it has resolved (I1), names: %s',
    async (names) => {
      const fs = new MemoryFileSystem()
      const session = await acquire(fs)
      await session.replace('new\n')
      fs.powerFailure(names)
      expect(fs.text(path)).toBe('new\n')
    },
  )

  for (const names of ['durable', 'all'] as const) {
    for (const old of [undefined, 'old text\n']) {
      it(`leaves the old text or the new one at a power failure before each step (names: ${names}, old: ${old?.trim()})`, async () => {
        const states = new Set<string | undefined>()
        let steps = 0
        for (let step = 0; ; step++) {
          const fs = new MemoryFileSystem()
          if (old !== undefined) fs.put(path, Buffer.from(old))
          const machine = new Machine()
          const session = await acquire(fs, machine)
          let call = 0
          let failed = false
          // The power fails right before this step; the process takes no further one.
          fs.fail = () => {
            if (call++ === step) {
              fs.powerFailure(names)
              failed = true
            }
            return failed ? 'EIO' : undefined
          }
          await session.replace('new text\n').catch(() => {})
          fs.fail = undefined
          machine.alive.clear()
          const text = fs.list().includes(path) ? fs.text(path) : undefined
          expect([old, 'new text\n'], `step ${step}`).toContain(text)
          states.add(text)
          // The next run is not disturbed by what is left, and leaves nothing.
          const next = await acquire(fs, machine)
          await next.replace('next\n')
          expect(await loaded(next)).toBe('next\n')
          await next.remove()
          await next.release()
          expect(fs.list(), `step ${step}`).toEqual([])
          if (!failed) break
          steps += 1
        }
        expect(steps).toBeGreaterThanOrEqual(6)
        expect(states).toEqual(new Set([old, 'new text\n']))
      })
    }
  }

  it.each(['ENOSPC', 'EACCES', 'EROFS', 'EIO', 'EDQUOT'])(
    'that fails anywhere before the rename keeps the old text: %s',
    async (code) => {
      for (const failing of ['open', 'write', 'sync', 'close', 'rename'] as const) {
        const fs = new MemoryFileSystem()
        const session = await acquire(fs)
        await session.replace('old\n')
        let open = 0
        fs.fail = ({ name }) => {
          if (name === failing && open++ === 0) return code
          return undefined
        }
        await expect(session.replace('new\n'), failing).rejects.toMatchObject(
          failure(code, `cannot write the checkpoint ${path} (${code})`),
        )
        expect(fs.text(path), failing).toBe('old\n')
        expect(fs.list(), failing).toEqual([path, lockPath])
        await session.replace('newer\n')
        expect(fs.text(path), failing).toBe('newer\n')
      }
    },
  )

  it('that cannot make the name durable fails', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    fs.fail = ({ name }) => (name === 'syncDirectory' ? 'EIO' : undefined)
    await expect(session.replace('new\n')).rejects.toMatchObject(failure('EIO', path))
  })

  it('does not write to a file that somebody puts in its way', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    await session.replace('old\n')
    fs.fail = ({ name }) => {
      if (name === 'open') fs.put(temporary, Buffer.from('somebody else'))
      return undefined
    }
    await expect(session.replace('new\n')).rejects.toMatchObject(failure('EEXIST', path))
    expect(fs.text(path)).toBe('old\n')
  })

  it('uses the name of a temporary file that a crash has left, but not the file', async () => {
    const fs = new MemoryFileSystem()
    fs.put(temporary, Buffer.from('half a li'))
    const { ino } = await fs.stat(temporary)
    const session = await acquire(fs)
    await session.replace('new\n')
    expect(fs.list()).toEqual([path, lockPath])
    expect((await fs.stat(path)).ino).not.toBe(ino)
  })
})

describe('append()', () => {
  async function begun(fs: FileSystem): Promise<CheckpointSession> {
    const session = await acquire(fs)
    await session.replace('header\n')
    return session
  }

  it('adds lines in the order of the calls, though they overlap and are written bit by bit', async () => {
    const fs = new MemoryFileSystem()
    const short = withFiles(fs, (file) => ({
      write: (bytes) => file.write(bytes.subarray(0, 3)),
      writeNow: (data) => file.writeNow(Buffer.from(data as string).subarray(0, 2)),
    }))
    const session = await begun(short)
    const lines = Array.from({ length: 50 }, (_, index) => `line number ${index}\n`)
    await Promise.all(lines.map((line, index) => session.append(line, index % 7 === 0)))
    expect(fs.text(path)).toBe(`header\n${lines.join('')}`)
    await session.release()
    expect(fs.openFiles).toBe(0)
  })

  it('goes on after a replacement, in the new file', async () => {
    const fs = new MemoryFileSystem()
    const session = await begun(fs)
    await session.append('lost\n', false)
    await session.replace('second\n')
    await session.append('kept\n', false)
    expect(fs.text(path)).toBe('second\nkept\n')
    expect(fs.openFiles).toBe(1)
  })

  it.each(['durable', 'all'] as const)(
    'that was to be durable survives a power failure, names: %s',
    async (names) => {
      const fs = new MemoryFileSystem()
      const session = await begun(fs)
      await session.append('one\n', false)
      await session.append('two\n', true)
      fs.powerFailure(names)
      expect(fs.text(path)).toBe('header\none\ntwo\n')
    },
  )

  it('that need not be durable soon is all the same', async () => {
    const fs = new MemoryFileSystem()
    const session = await begun(fs)
    await Promise.all([session.append('one\n', false), session.append('two\n', false)])
    await settle()
    fs.powerFailure('durable')
    expect(fs.text(path)).toBe('header\none\ntwo\n')
  })

  it('does not wait for the disk when it need not be durable, and syncs once for many', async () => {
    const fs = new MemoryFileSystem()
    const syncs: (() => void)[] = []
    const slow = withFiles(fs, (file, name) =>
      name === path
        ? {
            sync: () =>
              new Promise<void>((resolve) => syncs.push(resolve)).then(() => file.sync(true)),
          }
        : {},
    )
    const session = await begun(slow)
    for (let line = 0; line < 20; line++) await session.append(`${line}\n`, false)
    await settle()
    expect(syncs).toHaveLength(1)
    syncs[0]?.()
    await settle()
    expect(syncs).toHaveLength(2)
    syncs[1]?.()
    await settle()
    expect(syncs).toHaveLength(2)
    await session.release()
  })

  it.each([
    ['open', 'EACCES'],
    ['open', 'EROFS'],
    ['write', 'ENOSPC'],
    ['write', 'EIO'],
    ['sync', 'EIO'],
  ] as const)(
    'fails with all that follow when %s fails with %s, until the journal is replaced',
    async (failing, code) => {
      const fs = new MemoryFileSystem()
      const session = await begun(fs)
      let calls = 0
      fs.fail = ({ name }) => (name === failing && calls++ === 0 ? code : undefined)
      const first = session.append('one\n', true)
      const second = session.append('two\n', false)
      const expected = failure(code, `cannot write the checkpoint ${path} (${code})`)
      await expect(first).rejects.toMatchObject(expected)
      await expect(second).rejects.toMatchObject(expected)
      await expect(session.append('three\n', true)).rejects.toMatchObject(expected)
      expect(fs.text(path)).not.toContain('two')
      await session.replace('second\n')
      await session.append('four\n', true)
      expect(fs.text(path)).toBe('second\nfour\n')
    },
  )

  it('fails when a sync beside it had failed, even if a later sync would not', async () => {
    const fs = new MemoryFileSystem()
    const session = await begun(fs)
    let syncs = 0
    fs.fail = ({ name }) => (name === 'sync' && syncs++ === 0 ? 'EIO' : undefined)
    await session.append('one\n', false)
    await settle()
    expect(syncs).toBe(1)
    const expected = failure('EIO', `cannot write the checkpoint ${path} (EIO)`)
    await expect(session.append('two\n', true)).rejects.toMatchObject(expected)
    await expect(session.append('three\n', false)).rejects.toMatchObject(expected)
  })

  it('is possible again after a replacement, though a sync beside it had failed', async () => {
    const fs = new MemoryFileSystem()
    const session = await begun(fs)
    fs.fail = ({ name }) => (name === 'sync' ? 'EIO' : undefined)
    await session.append('one\n', false)
    await settle()
    fs.fail = undefined
    await session.replace('second\n')
    await session.append('two\n', true)
    expect(fs.text(path)).toBe('second\ntwo\n')
  })

  it('fails when a sync beside it fails while it is being written', async () => {
    const fs = new MemoryFileSystem()
    const syncs: { resolve: () => void; reject: (error: unknown) => void }[] = []
    const gated = withFiles(fs, (_, name) =>
      name === path
        ? { sync: () => new Promise<void>((resolve, reject) => syncs.push({ resolve, reject })) }
        : {},
    )
    const session = await begun(gated)
    await session.append('one\n', false)
    const durable = session.append('two\n', true)
    await settle()
    expect(syncs).toHaveLength(2)
    // What the first one was for is lost, and the second does not say so.
    syncs[1]?.resolve()
    await settle()
    syncs[0]?.reject(errno('EIO'))
    await expect(durable).rejects.toMatchObject(failure('EIO', path))
  })
})

describe('quarantine()', () => {
  it('moves the journal to a name that says when, and makes that durable', async () => {
    const fs = new MemoryFileSystem()
    fs.put(path, Buffer.from('damaged'))
    const session = await acquire(fs)
    const target = await session.quarantine()
    expect(target).toBe(`${path}.corrupt-2025-01-02T03-04-05-678Z`)
    fs.powerFailure('durable')
    expect(fs.list()).toContain(target)
    expect(fs.list()).not.toContain(path)
    expect(fs.text(target)).toBe('damaged')
    expect(await session.load()).toBeUndefined()
  })

  it('says where it failed, and leaves the journal', async () => {
    const fs = new MemoryFileSystem()
    fs.put(path, Buffer.from('damaged'))
    const session = await acquire(fs)
    fs.fail = ({ name }) => (name === 'rename' ? 'EACCES' : undefined)
    await expect(session.quarantine()).rejects.toMatchObject(
      failure('EACCES', `cannot set the damaged checkpoint ${path} aside (EACCES)`),
    )
    expect(fs.text(path)).toBe('damaged')
  })
})

describe('remove()', () => {
  it('removes the journal, open or not', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    await session.replace('header\n')
    await session.append('one\n', false)
    await session.remove()
    expect(fs.list()).toEqual([lockPath])
    expect(fs.openFiles).toBe(0)
  })

  it('is content when there is nothing to remove', async () => {
    const session = await acquire(new MemoryFileSystem())
    await expect(session.remove()).resolves.toBeUndefined()
  })

  it('says where it failed', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    await session.replace('header\n')
    fs.fail = (call: Call) => (call.name === 'unlink' && call.path === path ? 'EROFS' : undefined)
    await expect(session.remove()).rejects.toMatchObject(
      failure('EROFS', `cannot remove the checkpoint ${path} (EROFS)`),
    )
  })
})

describe('release()', () => {
  it('gives the lock back even when the journal cannot be closed', async () => {
    const fs = new MemoryFileSystem()
    let closed = 0
    const failing = withFiles(fs, (_, name) =>
      name === path
        ? {
            close: async () => {
              closed += 1
              throw errno('EIO')
            },
          }
        : {},
    )
    const session = await acquire(failing)
    await session.replace('header\n')
    await session.append('one\n', false)
    await expect(session.release()).rejects.toMatchObject(
      failure('EIO', `cannot close the checkpoint ${path} (EIO)`),
    )
    expect(closed).toBe(1)
    expect(fs.list()).toEqual([path])
  })

  it('waits for the appends and the sync that are under way (I11)', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    await session.replace('header\n')
    const appended = session.append('one\n', false)
    await session.release()
    await appended
    expect(fs.text(path)).toBe('header\none\n')
    expect(fs.openFiles).toBe(0)
    fs.powerFailure('all')
    expect(fs.text(path)).toBe('header\none\n')
  })

  it('says that the lock is still there', async () => {
    const fs = new MemoryFileSystem()
    const session = await acquire(fs)
    fs.fail = ({ name }) => (name === 'unlink' ? 'EROFS' : undefined)
    await expect(session.release()).rejects.toMatchObject(
      failure('EROFS', `cannot release the lock ${lockPath} (EROFS)`),
    )
  })
})

describe('on the real file system', () => {
  let directory = ''
  let file = ''
  let session: CheckpointSession

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ossup-store-'))
    file = join(directory, 'file.bin.ucp')
    session = await fileCheckpointStore(file, nodeFileSystem, systemEnvironment).acquire()
  })
  afterEach(async () => {
    await session.release()
    await rm(directory, { recursive: true, force: true })
  })

  it('lives through a whole life', async () => {
    expect(await session.load()).toBeUndefined()
    await session.replace('old\n')
    await session.replace('header\n')
    await Promise.all([
      session.append('one\n', false),
      session.append('two\n', true),
      session.append('three\n', false),
    ])
    expect(await loaded(session)).toBe('header\none\ntwo\nthree\n')
    expect((await readdir(directory)).sort()).toEqual(['file.bin.ucp', 'file.bin.ucp.lock'])
    await session.remove()
    await session.release()
    expect(await readdir(directory)).toEqual([])
  })

  it('keeps the journal from other users (0600), whatever was there before', async () => {
    await writeFile(`${file}.tmp`, 'left by a crash')
    await chmod(`${file}.tmp`, 0o666)
    await session.replace('header\n')
    await session.append('one\n', true)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('does not write through a link of the temporary name', async () => {
    const victim = join(directory, 'victim')
    await writeFile(victim, 'precious')
    await symlink(victim, `${file}.tmp`)
    await session.replace('header\n')
    expect(await readFile(victim, 'utf8')).toBe('precious')
    expect(await readFile(file, 'utf8')).toBe('header\n')
  })

  it('sets a damaged journal aside', async () => {
    await writeFile(file, 'damaged')
    const target = await session.quarantine()
    expect(target.startsWith(`${file}.corrupt-`)).toBe(true)
    expect(await readFile(target, 'utf8')).toBe('damaged')
  })

  it('names the directory that is not there', async () => {
    const elsewhere = join(directory, 'missing', 'x.ucp')
    const store = fileCheckpointStore(elsewhere, nodeFileSystem, systemEnvironment)
    expect(await store.exists()).toBe(false)
    await expect(store.acquire()).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
      message: `cannot create the lock ${elsewhere}.lock (ENOENT)`,
      hint: 'create the directory of the checkpoint first',
    })
  })

  it('says that the disk is full', async () => {
    await symlink('/dev/full', file)
    await expect(session.append('one\n', true)).rejects.toMatchObject(
      failure('ENOSPC', `cannot write the checkpoint ${file} (ENOSPC)`),
    )
  })

  it('appends after what others wrote to the file', async () => {
    await session.replace('header\n')
    await appendFile(file, 'by hand\n')
    await session.append('one\n', true)
    expect(await readFile(file, 'utf8')).toBe('header\nby hand\none\n')
  })
})
