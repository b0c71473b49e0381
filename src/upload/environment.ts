// Owns what an upload takes from the machine: file system, clock, waiting, and who this process is.

import { randomUUID } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { LockEnvironment, LockHolder } from './checkpoint-lock.js'
import { type FileSystem, nodeFileSystem } from './file-system.js'

export interface UploadEnvironment extends LockEnvironment {
  readonly fs: FileSystem
}

export const systemEnvironment: UploadEnvironment = {
  fs: nodeFileSystem,
  identify: async () => ({
    pid: process.pid,
    start: await processStart(process.pid),
    host: hostname(),
    scope: await processScope(),
  }),
  isAlive: async (holder: LockHolder) => {
    let foreign = false
    try {
      process.kill(holder.pid, 0)
    } catch (error) {
      // EPERM: it runs, as somebody else.
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
      foreign = true
    }
    const start = await processStart(holder.pid)
    // Other users' processes may be hidden in /proc; what cannot be told apart counts as alive.
    return start === holder.start || (foreign && start === '')
  },
  nonce: () => randomUUID(),
  now: () => new Date(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal })
    } catch {
      throw signal?.reason
    }
  },
  every(ms, task) {
    const timer = setInterval(task, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
}

/** Field 22 of /proc/<pid>/stat, in clock ticks since boot; elsewhere empty, and then the pid alone has to do. */
async function processStart(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses, and may itself contain blanks and parentheses.
    const [state = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended; it can keep its pid for as long as its parent does not ask for its status.
    return /[ZX]/.test(state) ? 'ended' : (rest[18] ?? '')
  } catch {
    return ''
  }
}

/** Two processes can look each other up only within one boot of one host, and on Linux within one pid namespace. */
async function processScope(): Promise<string> {
  try {
    const [boot, namespace] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readlink('/proc/self/ns/pid'),
    ])
    return `${boot.trim()} ${namespace}`
  } catch {
    return hostname()
  }
}
