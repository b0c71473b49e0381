import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { LockHolder } from '../../src/upload/checkpoint-lock.js'
import { systemEnvironment } from '../../src/upload/environment.js'
import { nodeFileSystem } from '../../src/upload/file-system.js'
import { errno } from '../support/memory-fs.js'

const linux = process.platform === 'linux'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

async function thisProcess(change: Partial<LockHolder> = {}): Promise<LockHolder> {
  return { ...(await systemEnvironment.identify()), nonce: 'n', ...change }
}

describe('identify()', () => {
  it('says who this process is, the same every time', async () => {
    const self = await systemEnvironment.identify()
    expect(self).toMatchObject({ pid: process.pid, host: hostname() })
    expect(self.scope).not.toBe('')
    expect(await systemEnvironment.identify()).toEqual(self)
  })

  it.runIf(linux)('takes start time, boot and pid namespace from /proc', async () => {
    const self = await systemEnvironment.identify()
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8')
    expect(self.start).toMatch(/^\d+$/)
    expect(stat.split(' ')).toContain(self.start)
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    expect(self.scope).toMatch(new RegExp(`^${boot} pid:\\[\\d+\\]$`))
  })

  it.runIf(linux)(
    'tells processes apart by their start, whatever blanks and parentheses are in their names',
    async () => {
      const name = 'a) R (b'
      const script = `require('fs').writeFileSync('/proc/self/comm', ${JSON.stringify(name)}); console.log('up'); setInterval(() => {}, 1e6)`
      const child = spawn(process.execPath, ['-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      try {
        await new Promise((resolve) => child.stdout.once('data', resolve))
        const pid = child.pid ?? 0
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        expect(stat).toContain(`(${name})`)
        const start = stat.split(`(${name}) `)[1]?.split(' ')[19] ?? ''
        expect(start).toMatch(/^\d+$/)
        expect(await systemEnvironment.isAlive(await thisProcess({ pid, start }))).toBe(true)
        expect(
          await systemEnvironment.isAlive(await thisProcess({ pid, start: `${start}1` })),
        ).toBe(false)
      } finally {
        const ended = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await ended
      }
    },
  )
})

describe('isAlive()', () => {
  it('is true of this process', async () => {
    expect(await systemEnvironment.isAlive(await thisProcess())).toBe(true)
  })

  it('is false of a process that has ended', async () => {
    const { pid } = spawnSync('true')
    expect(await systemEnvironment.isAlive(await thisProcess({ pid }))).toBe(false)
    expect(await systemEnvironment.isAlive(await thisProcess({ pid, start: '' }))).toBe(false)
  })

  it.runIf(linux)('is false of an earlier process with a pid that is used again', async () => {
    expect(await systemEnvironment.isAlive(await thisProcess({ start: '1' }))).toBe(false)
  })

  it.runIf(linux)(
    'is false of a process that has ended and that its parent has not asked about',
    async () => {
      // The shell becomes a program that never waits for the child it has inherited.
      const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 1000'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      try {
        const pid = Number(
          await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)),
        )
        const fields = (): string[] =>
          readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
        await vi.waitUntil(() => fields()[0] === 'Z', { timeout: 10_000, interval: 5 })
        const start = fields()[19] ?? ''
        expect(start).toMatch(/^\d+$/)
        expect(() => process.kill(pid, 0)).not.toThrow()
        expect(await systemEnvironment.isAlive(await thisProcess({ pid, start }))).toBe(false)
      } finally {
        const ended = new Promise((resolve) => parent.once('exit', resolve))
        parent.kill('SIGKILL')
        await ended
      }
    },
  )

  it.each([
    { what: 'whose start is the same', change: {}, alive: true },
    { what: 'that is hidden in /proc', change: { pid: 2 ** 22 + 1, start: '123' }, alive: true },
    { what: 'that is another one of the same pid', change: { start: '1' }, alive: !linux },
  ])('of a process of another user $what is $alive', async ({ change, alive }) => {
    const holder = await thisProcess(change)
    vi.spyOn(process, 'kill').mockImplementation(() => {
      throw errno('EPERM')
    })
    expect(await systemEnvironment.isAlive(holder)).toBe(alive)
  })

  it.each([undefined, 'x', 1.5, Number.NaN, 2 ** 40])(
    'is false of the pid %s, which no process has',
    async (pid) => {
      expect(
        await systemEnvironment.isAlive(await thisProcess({ pid: pid as number, start: '123' })),
      ).toBe(false)
    },
  )
})

describe('time', () => {
  it('is that of the system', () => {
    const before = Date.now()
    const now = systemEnvironment.now().getTime()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })

  it('passes in sleep()', async () => {
    const begun = performance.now()
    await systemEnvironment.sleep(20)
    expect(performance.now() - begun).toBeGreaterThanOrEqual(18)
  })

  it('stops passing in sleep() when the signal aborts, with its reason', async () => {
    const caller = new AbortController()
    const reason = new Error('enough')
    const slept = systemEnvironment.sleep(1_000_000, caller.signal)
    caller.abort(reason)
    await expect(slept).rejects.toBe(reason)
    await expect(systemEnvironment.sleep(1_000_000, caller.signal)).rejects.toBe(reason)
  })
})

describe('every()', () => {
  it('calls the task again and again until it is stopped', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    let calls = 0
    const stop = systemEnvironment.every(2_000, () => {
      calls += 1
    })
    vi.advanceTimersByTime(1_999)
    expect(calls).toBe(0)
    vi.advanceTimersByTime(4_001)
    expect(calls).toBe(3)
    stop()
    vi.advanceTimersByTime(10_000)
    expect(calls).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not keep the process alive', () => {
    const unref = vi.spyOn(Object.getPrototypeOf(setTimeout(() => {}, 0).unref()), 'unref')
    const stop = systemEnvironment.every(1_000_000, () => {})
    expect(unref).toHaveBeenCalledTimes(1)
    stop()
  })
})

describe('the rest', () => {
  it('gives every lock a name of its own that can be part of a file name', () => {
    const nonces = Array.from({ length: 100 }, () => systemEnvironment.nonce())
    expect(new Set(nonces).size).toBe(100)
    for (const nonce of nonces) expect(nonce).toMatch(/^[\w-]+$/)
  })

  it('is the file system of Node', () => {
    expect(systemEnvironment.fs).toBe(nodeFileSystem)
  })
})
