import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  acquireLock,
  type Lock,
  type LockEnvironment,
  type LockHolder,
} from '../../src/upload/checkpoint-lock.js'
import { systemEnvironment } from '../../src/upload/environment.js'
import { type FileSystem, nodeFileSystem } from '../../src/upload/file-system.js'
import { errno, MemoryFileSystem } from '../support/memory-fs.js'

const numRuns = process.env['SLOW'] === '1' ? 5_000 : 500

const path = '/data/file.bin.ucp.lock'
/** The memory file system's clock begins here. */
const fileTime = 1_700_000_000_000

const holderOf = (pid: number, scope = 'scope'): LockHolder => ({
  pid,
  start: `start-${pid}`,
  host: `host-of-${pid}`,
  scope,
  nonce: `nonce-${pid}`,
})

interface Process extends LockEnvironment {
  readonly pid: number
  /** The tasks of `every` that were not stopped. */
  readonly beats: (() => void)[]
  slept: number
  onSleep: (slept: number) => void | Promise<void>
}

/** Processes whose life is what `alive` says. */
class Machine {
  readonly alive = new Set<number>()
  nowMs = fileTime
  #pid = 0

  process(scope = 'scope'): Process {
    const pid = ++this.#pid
    this.alive.add(pid)
    let locks = 0
    const beats: (() => void)[] = []
    const process: Process = {
      pid,
      beats,
      slept: 0,
      onSleep: () => {},
      identify: async () => {
        const { nonce: _, ...self } = holderOf(pid, scope)
        return self
      },
      isAlive: async (holder) => this.alive.has(holder.pid),
      nonce: () => `nonce-${pid}${++locks > 1 ? `-${locks}` : ''}`,
      now: () => new Date(this.nowMs),
      sleep: async (ms, signal) => {
        process.slept += ms
        await process.onSleep(process.slept)
        signal?.throwIfAborted()
      },
      every: (_, task) => {
        beats.push(task)
        return () => {
          beats.splice(beats.indexOf(task), 1)
        }
      },
    }
    return process
  }
}

const lockedBy = (pid: number): object => ({
  name: 'OssError',
  code: 'ERR_OSS_CHECKPOINT_LOCKED',
  message: expect.stringContaining(`in use by process ${pid} on host-of-${pid}`),
  hint: expect.stringContaining('checkpointPath'),
})

async function holderIn(fs: FileSystem, name = path): Promise<number> {
  return JSON.parse(await fs.readlink(name)).pid
}

async function withLock(holder: object | string, name = path): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem()
  await fs.symlink(typeof holder === 'string' ? holder : JSON.stringify(holder), name)
  return fs
}

/** Runs `before` ahead of the first call of `name`. */
function interrupt(fs: MemoryFileSystem, name: keyof FileSystem, before: () => void): void {
  let done = false
  fs.fail = (call) => {
    if (call.name === name && !done) {
      done = true
      before()
    }
    return undefined
  }
}

describe('a free lock', () => {
  it('is taken, names its holder, and is free again after release', async () => {
    const fs = new MemoryFileSystem()
    const self = new Machine().process()
    const lock = await acquireLock(path, fs, self)
    expect(JSON.parse(await fs.readlink(path))).toEqual(holderOf(1))
    expect(fs.list()).toEqual([path])
    await lock.release()
    expect(fs.list()).toEqual([])
  })

  it.each(['ENOSPC', 'EROFS', 'EACCES', 'ENOENT'])(
    'that cannot be created fails with %s',
    async (code) => {
      const fs = new MemoryFileSystem()
      fs.fail = () => code
      await expect(acquireLock(path, fs, new Machine().process())).rejects.toMatchObject({ code })
    },
  )
})

describe('a lock of a living process', () => {
  it('is refused, naming the holder and the lock', async () => {
    const fs = new MemoryFileSystem()
    const machine = new Machine()
    await acquireLock(path, fs, machine.process())
    const second = acquireLock(path, fs, machine.process())
    await expect(second).rejects.toMatchObject(lockedBy(1))
    await expect(second).rejects.toThrow(`(lock ${path})`)
    expect(fs.list()).toEqual([path])
  })

  it('is refused to another upload of the same process', async () => {
    const fs = new MemoryFileSystem()
    const self = new Machine().process()
    const lock = await acquireLock(path, fs, self)
    await expect(acquireLock(path, fs, self)).rejects.toMatchObject(lockedBy(1))
    await lock.release()
    await (await acquireLock(path, fs, self)).release()
  })

  it('that is released between the two looks is taken', async () => {
    const fs = await withLock(holderOf(77))
    interrupt(fs, 'readlink', () => fs.delete(path))
    await acquireLock(path, fs, new Machine().process())
    expect(await holderIn(fs)).toBe(1)
    expect(fs.list()).toEqual([path])
  })
})

describe('a lock of a dead process', () => {
  it('is taken over, and nothing is left of it', async () => {
    const fs = await withLock(holderOf(77))
    const lock = await acquireLock(path, fs, new Machine().process())
    expect(await holderIn(fs)).toBe(1)
    expect(fs.list()).toEqual([path])
    await lock.release()
    expect(fs.list()).toEqual([])
  })

  it('is taken over though the one who was taking it over is dead, too, and the one before', async () => {
    const fs = await withLock(holderOf(77))
    await fs.symlink(JSON.stringify(holderOf(78)), `${path}.nonce-77`)
    await fs.symlink(JSON.stringify(holderOf(79)), `${path}.nonce-77.nonce-78`)
    await acquireLock(path, fs, new Machine().process())
    expect(await holderIn(fs)).toBe(1)
    expect(fs.list()).toEqual([path])
  })

  it('is refused while a living process takes it over', async () => {
    const fs = await withLock(holderOf(77))
    const machine = new Machine()
    const other = machine.process()
    await fs.symlink(JSON.stringify(holderOf(other.pid)), `${path}.nonce-77`)
    await expect(acquireLock(path, fs, machine.process())).rejects.toMatchObject(
      lockedBy(other.pid),
    )
    expect(await holderIn(fs)).toBe(77)
    expect(fs.list()).toEqual([path, `${path}.nonce-77`])
  })

  it('is not taken over twice: who comes late finds the new holder', async () => {
    const fs = await withLock(holderOf(77))
    const machine = new Machine()
    const fast = machine.process()
    const late = machine.process()
    let winner: Lock | undefined
    late.isAlive = async (holder) => {
      // All of the other's takeover happens while this one is making up its mind.
      winner ??= await acquireLock(path, fs, fast)
      return machine.alive.has(holder.pid)
    }
    await expect(acquireLock(path, fs, late)).rejects.toMatchObject(lockedBy(fast.pid))
    expect(await holderIn(fs)).toBe(fast.pid)
    expect(fs.list()).toEqual([path])
    await winner?.release()
    expect(fs.list()).toEqual([])
  })

  it.each(['readlink', 'rename'] as const)(
    'that cannot be replaced leaves no lock of ours behind (%s)',
    async (failing) => {
      const fs = await withLock(holderOf(77))
      let calls = 0
      // The second look at the lock, or the only renaming.
      fs.fail = ({ name }) =>
        name === failing && ++calls === (failing === 'readlink' ? 2 : 1) ? 'EIO' : undefined
      const machine = new Machine()
      await expect(acquireLock(path, fs, machine.process())).rejects.toMatchObject({ code: 'EIO' })
      expect(fs.list()).toEqual([path])
      fs.fail = undefined
      await acquireLock(path, fs, machine.process())
      expect(await holderIn(fs)).toBe(2)
    },
  )

  it.each([
    ['no JSON', 'process 77'],
    ['null', 'null'],
    ['JSON without a nonce', '{"pid":77}'],
    ['a nonce that is a path', JSON.stringify({ ...holderOf(77), nonce: '../../etc/passwd' })],
    ['nothing', ' '],
  ])('that is unreadable (%s) counts as one of elsewhere', async (_, target) => {
    const fs = await withLock(target)
    const self = new Machine().process()
    await acquireLock(path, fs, self)
    expect(self.slept).toBe(10_000)
    expect(await holderIn(fs)).toBe(1)
    expect(fs.list()).toEqual([path])
  })

  it('that is a regular file counts as one of elsewhere', async () => {
    const fs = new MemoryFileSystem()
    fs.put(path, Buffer.from('whatever'))
    const self = new Machine().process()
    await acquireLock(path, fs, self)
    expect(self.slept).toBe(10_000)
    expect(await holderIn(fs)).toBe(1)
    expect(fs.list()).toEqual([path])
  })
})

describe('a lock of another host, boot or container', () => {
  it('is refused when it is touched while we look', async () => {
    for (const beat of [1_000, 2_000, 10_000]) {
      const fs = await withLock(holderOf(77, 'elsewhere'))
      const self = new Machine().process()
      self.onSleep = async (slept) => {
        if (slept === beat) await fs.touch(path)
      }
      await expect(acquireLock(path, fs, self)).rejects.toMatchObject(lockedBy(77))
      expect(self.slept).toBe(beat)
      expect(fs.list()).toEqual([path])
    }
  })

  it('is taken over after ten seconds of silence, whatever its pid is here', async () => {
    const fs = await withLock(holderOf(1, 'elsewhere'))
    const self = new Machine().process()
    await acquireLock(path, fs, self)
    expect(self.slept).toBe(10_000)
    expect(JSON.parse(await fs.readlink(path)).scope).toBe('scope')
    expect(fs.list()).toEqual([path])
  })

  it.each([-86_400_000, 0, 86_400_000])(
    'is watched, not judged by its age of %i ms, because clocks of two hosts differ',
    async (ageMs) => {
      const fs = await withLock(holderOf(77, 'elsewhere'))
      const machine = new Machine()
      machine.nowMs = fileTime + ageMs
      const self = machine.process()
      await acquireLock(path, fs, self)
      expect(self.slept).toBe(10_000)
    },
  )

  it('is noticed by its former holder before the next step that counts', async () => {
    const fs = await withLock(holderOf(77, 'elsewhere'))
    const lock = await acquireLock(path, fs, new Machine().process())
    await lock.assertHeld()
    fs.delete(path)
    await lock.assertHeld()
    await fs.symlink(JSON.stringify(holderOf(78, 'elsewhere')), path)
    await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'ERR_OSS_CHECKPOINT_LOCKED' })
    await lock.release()
    expect(fs.list()).toEqual([path])
  })

  it('is taken at once when it is released while we look', async () => {
    const fs = await withLock(holderOf(77, 'elsewhere'))
    const self = new Machine().process()
    self.onSleep = (slept) => {
      if (slept === 3_000) fs.delete(path)
    }
    await acquireLock(path, fs, self)
    expect(self.slept).toBe(3_000)
    expect(await holderIn(fs)).toBe(1)
    expect(fs.list()).toEqual([path])
  })

  it('is taken at once when it is released before we look for its age', async () => {
    const fs = await withLock(holderOf(77, 'elsewhere'))
    interrupt(fs, 'lstat', () => fs.delete(path))
    const self = new Machine().process()
    await acquireLock(path, fs, self)
    expect(self.slept).toBe(0)
    expect(fs.list()).toEqual([path])
  })

  it('is not taken over when its age cannot be read', async () => {
    const fs = await withLock(holderOf(77, 'elsewhere'))
    fs.fail = ({ name }) => (name === 'lstat' ? 'EIO' : undefined)
    await expect(acquireLock(path, fs, new Machine().process())).rejects.toMatchObject({
      code: 'EIO',
    })
    expect(await holderIn(fs)).toBe(77)
  })

  it('leaves the lock alone when the caller aborts while it waits', async () => {
    const fs = await withLock(holderOf(77, 'elsewhere'))
    const self = new Machine().process()
    const caller = new AbortController()
    self.onSleep = (slept) => {
      if (slept === 4_000) caller.abort('enough')
    }
    await expect(acquireLock(path, fs, self, caller.signal)).rejects.toBe('enough')
    expect(self.slept).toBe(4_000)
    expect(self.beats).toEqual([])
    expect(await holderIn(fs)).toBe(77)
    expect(fs.list()).toEqual([path])
  })
})

describe('a signal that has aborted', () => {
  it('takes no lock, free or not', async () => {
    for (const fs of [new MemoryFileSystem(), await withLock(holderOf(77))]) {
      const before = fs.list()
      const taken = acquireLock(path, fs, new Machine().process(), AbortSignal.abort('enough'))
      await expect(taken).rejects.toBe('enough')
      expect(fs.list()).toEqual(before)
    }
  })
})

describe('the heartbeat', () => {
  it('touches the lock while it is held, and not afterwards', async () => {
    const fs = new MemoryFileSystem()
    const self = new Machine().process()
    const lock = await acquireLock(path, fs, self)
    const { mtimeNs } = await fs.lstat(path)
    expect(self.beats).toHaveLength(1)
    self.beats[0]?.()
    expect((await fs.lstat(path)).mtimeNs).not.toBe(mtimeNs)
    await lock.release()
    expect(self.beats).toEqual([])
  })

  it('that fails does no harm', async () => {
    const fs = new MemoryFileSystem()
    const self = new Machine().process()
    const lock = await acquireLock(path, fs, self)
    fs.fail = ({ name }) => (name === 'touch' ? 'EIO' : undefined)
    self.beats[0]?.()
    await lock.release()
    expect(fs.list()).toEqual([])
  })

  it('that is under way has ended when release() resolves (I11)', async () => {
    const fs = new MemoryFileSystem()
    const self = new Machine().process()
    const lock = await acquireLock(path, fs, self)
    let end = (): void => {}
    fs.touch = () =>
      new Promise<void>((resolve) => {
        end = resolve
      })
    self.beats[0]?.()
    let released = false
    const releasing = lock.release().then(() => {
      released = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(released).toBe(false)
    end()
    await releasing
    expect(released).toBe(true)
  })

  it('is not begun for a lock that was refused', async () => {
    const fs = new MemoryFileSystem()
    const machine = new Machine()
    await acquireLock(path, fs, machine.process())
    const second = machine.process()
    await acquireLock(path, fs, second).catch(() => {})
    expect(second.beats).toEqual([])
  })
})

describe('release()', () => {
  it('does not remove a lock that somebody else has taken over', async () => {
    const fs = new MemoryFileSystem()
    const machine = new Machine()
    const first = machine.process()
    const lock = await acquireLock(path, fs, first)
    // Taken for dead, for example because it was suspended.
    machine.alive.delete(first.pid)
    await acquireLock(path, fs, machine.process())
    await lock.release()
    expect(await holderIn(fs)).toBe(2)
  })

  it('is content when the lock is gone, and may be called twice', async () => {
    const fs = new MemoryFileSystem()
    const lock = await acquireLock(path, fs, new Machine().process())
    await lock.release()
    await lock.release()
    expect(fs.list()).toEqual([])
  })
})

/** Every call of a process waits for its turn; a process that died makes no more calls and gets no more answers. */
function scheduled(
  fs: FileSystem,
  scheduler: fc.Scheduler,
  pid: number,
  beforeCall: () => boolean = () => true,
): FileSystem {
  const turn = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    await scheduler.schedule(Promise.resolve(), `${pid} ${name}`)
    if (!beforeCall()) return new Promise<never>(() => {})
    return call()
  }
  const unused = (): never => {
    throw new Error('the lock does not need this')
  }
  return {
    open: unused,
    readFile: unused,
    stat: unused,
    syncDirectory: unused,
    readdir: unused,
    lstat: (name) => turn('lstat', () => fs.lstat(name)),
    rename: (from, to) => turn('rename', () => fs.rename(from, to)),
    unlink: (name) => turn('unlink', () => fs.unlink(name)),
    symlink: (target, name) => turn('symlink', () => fs.symlink(target, name)),
    readlink: (name) => turn('readlink', () => fs.readlink(name)),
    touch: (name) => turn('touch', () => fs.touch(name)),
  }
}

/** What earlier processes, all dead, may have left. */
const left = fc.constantFrom<readonly [string, LockHolder][]>(
  [],
  [[path, holderOf(77)]],
  [
    [path, holderOf(77)],
    [`${path}.nonce-77`, holderOf(78)],
  ],
  [
    [path, holderOf(77)],
    [`${path}.nonce-77`, holderOf(78)],
    [`${path}.nonce-77.nonce-78`, holderOf(79)],
  ],
)

describe('processes that start at the same moment', () => {
  it('end with exactly one holder and clear refusals, in every order of their calls', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        left,
        fc.integer({ min: 2, max: 4 }),
        async (scheduler, links, count) => {
          const fs = new MemoryFileSystem()
          for (const [name, holder] of links) await fs.symlink(JSON.stringify(holder), name)
          const machine = new Machine()
          const racers = Array.from({ length: count }, () => machine.process())
          const outcomes = Promise.allSettled(
            racers.map((racer) => acquireLock(path, scheduled(fs, scheduler, racer.pid), racer)),
          )
          await scheduler.waitFor(outcomes)
          const settled = await outcomes
          const winners = racers.filter((_, index) => settled[index]?.status === 'fulfilled')
          expect(winners).toHaveLength(1)
          for (const outcome of settled) {
            if (outcome.status === 'rejected')
              expect(outcome.reason.code).toBe('ERR_OSS_CHECKPOINT_LOCKED')
          }
          expect(await holderIn(fs)).toBe(winners[0]?.pid)
          expect(fs.list()).toEqual([path])
        },
      ),
      { numRuns },
    )
  })

  it('are never holders at the same time, though they release and come again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        left,
        fc.integer({ min: 2, max: 3 }),
        async (scheduler, links, count) => {
          const fs = new MemoryFileSystem()
          for (const [name, holder] of links) await fs.symlink(JSON.stringify(holder), name)
          const machine = new Machine()
          let holders = 0
          let most = 0
          let times = 0
          const live = async (racer: Process): Promise<void> => {
            const mine = scheduled(fs, scheduler, racer.pid)
            for (let round = 0; round < 3; round++) {
              const lock = await acquireLock(path, mine, racer).catch((error) => {
                expect(error.code).toBe('ERR_OSS_CHECKPOINT_LOCKED')
                return undefined
              })
              if (lock === undefined) continue
              holders += 1
              times += 1
              most = Math.max(most, holders)
              await scheduler.schedule(Promise.resolve(), `${racer.pid} holds`)
              holders -= 1
              await lock.release()
            }
          }
          await scheduler.waitFor(
            Promise.all(Array.from({ length: count }, () => live(machine.process()))),
          )
          expect(most).toBe(1)
          expect(times).toBeGreaterThanOrEqual(1)
          expect(fs.list()).toEqual([])
        },
      ),
      { numRuns },
    )
  })

  it('are never living holders at the same time, though some die at any call, and the next one gets the lock', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        left,
        fc.array(fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }), {
          minLength: 2,
          maxLength: 4,
        }),
        async (scheduler, links, deaths) => {
          const fs = new MemoryFileSystem()
          for (const [name, holder] of links) await fs.symlink(JSON.stringify(holder), name)
          const machine = new Machine()
          const holding = new Map<number, Lock>()
          let most = 0
          const living = (): number =>
            [...holding.keys()].filter((pid) => machine.alive.has(pid)).length
          const ends = deaths.map((diesAfter) => {
            const racer = machine.process()
            let calls = 0
            let died = (): void => {}
            const dead = new Promise<void>((resolve) => {
              died = resolve
            })
            const mine = scheduled(fs, scheduler, racer.pid, () => {
              if (calls++ !== diesAfter) return machine.alive.has(racer.pid)
              machine.alive.delete(racer.pid)
              died()
              return false
            })
            const acquired = acquireLock(path, mine, racer).then(
              (lock) => {
                holding.set(racer.pid, lock)
                most = Math.max(most, living())
              },
              (error) => expect(error.code).toBe('ERR_OSS_CHECKPOINT_LOCKED'),
            )
            return Promise.race([acquired, dead])
          })
          await scheduler.waitFor(Promise.all(ends))
          expect(most).toBeLessThanOrEqual(1)
          const next = acquireLock(path, fs, machine.process())
          if (living() === 1) {
            const [holder] = [...holding.keys()].filter((pid) => machine.alive.has(pid))
            await expect(next).rejects.toMatchObject(lockedBy(holder ?? 0))
            return
          }
          await (await next).release()
          expect(fs.list()).not.toContain(path)
        },
      ),
      { numRuns },
    )
  })
})

describe('on the real file system, as this process', () => {
  let directory = ''
  let file = ''

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ossup-lock-'))
    file = join(directory, 'x.lock')
  })
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true })
  })

  const acquire = (environment: LockEnvironment = systemEnvironment): Promise<Lock> =>
    acquireLock(file, nodeFileSystem, environment)

  async function leave(change: Partial<LockHolder>): Promise<void> {
    const self = await systemEnvironment.identify()
    await symlink(JSON.stringify({ ...self, nonce: 'left', ...change }), file)
  }

  it('takes the lock, refuses a second upload of this process, and releases', async () => {
    const lock = await acquire()
    expect(JSON.parse(await readlink(file)).pid).toBe(process.pid)
    await expect(acquire()).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_LOCKED',
      message: expect.stringContaining(`process ${process.pid} `),
    })
    await lock.release()
    expect(await readdir(directory)).toEqual([])
  })

  it('takes over the lock of a process that has ended', async () => {
    const { pid } = spawnSync('true')
    await leave({ pid, start: '1' })
    const lock = await acquire()
    expect(JSON.parse(await readlink(file)).pid).toBe(process.pid)
    await lock.release()
    expect(await readdir(directory)).toEqual([])
  })

  it.skipIf(process.platform !== 'linux')(
    'takes over the lock of an earlier process of the same pid',
    async () => {
      await leave({ start: '1' })
      await (await acquire()).release()
      expect(await readdir(directory)).toEqual([])
    },
  )

  it('takes over the lock of another host that was silent for long', async () => {
    await writeFile(file, 'whatever')
    await utimes(file, 1_000_000_000, 1_000_000_000)
    let slept = 0
    const lock = await acquire({
      ...systemEnvironment,
      sleep: async (ms) => {
        slept += ms
      },
    })
    expect(slept).toBe(10_000)
    await lock.release()
    expect(await readdir(directory)).toEqual([])
  })

  it('refuses the lock of another host that is touched', async () => {
    await leave({ scope: 'elsewhere', pid: 4242 })
    let slept = 0
    const refused = acquire({
      ...systemEnvironment,
      sleep: async (ms) => {
        slept += ms
        if (slept === 2_000) await nodeFileSystem.touch(file)
      },
    })
    await expect(refused).rejects.toThrow('in use by process 4242')
    expect(slept).toBe(2_000)
  })

  it('leaves nothing of its own when a directory has the name', async () => {
    await mkdir(file)
    await utimes(file, 1_000_000_000, 1_000_000_000)
    await expect(acquire()).rejects.toMatchObject({ code: expect.stringMatching(/^E/) })
    expect(await readdir(directory)).toEqual(['x.lock'])
  })

  it('gives the lock to exactly one of many uploads', async () => {
    await leave({ pid: spawnSync('true').pid, start: '1' })
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => acquire()))
    const winners = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    )
    expect(winners).toHaveLength(1)
    await winners[0]?.release()
    expect(await readdir(directory)).toEqual([])
  })

  it('does not take an error for absence', async () => {
    const fs: FileSystem = { ...nodeFileSystem, readlink: () => Promise.reject(errno('EIO')) }
    await leave({})
    await expect(acquireLock(file, fs, systemEnvironment)).rejects.toMatchObject({ code: 'EIO' })
  })
})
