// Who writes a line, and when; that what was written lasts is in checkpoint-store.test.ts.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FileSystem } from '../../src/upload/file-system.js'
import { JournalFile } from '../../src/upload/journal-file.js'
import type { OpenFile } from '../../src/upload/open-file.js'
import { errno, MemoryFileSystem } from '../support/memory-fs.js'

const path = '/data/file.bin.ucp'

let fs: MemoryFileSystem
/** What was asked of the open file: `write`, `writeNow`, `sync`. */
let calls: string[]
/** What the file does otherwise than `fs`. */
let change: Partial<OpenFile>
let journal: JournalFile
/** Ends the wait for the next sync. */
let wake: () => void
let sleptMs: number[]

beforeEach(() => {
  fs = new MemoryFileSystem()
  calls = []
  change = {}
  wake = () => {}
  sleptMs = []
  vi.useFakeTimers({ toFake: ['performance'] })
  const open = async (name: string, flags: 'a'): Promise<OpenFile> => {
    const file = await fs.open(name, flags)
    const call = <K extends 'write' | 'writeNow' | 'sync'>(name: K): OpenFile[K] =>
      ((argument: never) => {
        calls.push(name)
        return (change[name] ?? file[name])(argument)
      }) as OpenFile[K]
    return { ...file, write: call('write'), writeNow: call('writeNow'), sync: call('sync') }
  }
  const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      sleptMs.push(ms)
      wake = resolve
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve())
    })
  journal = new JournalFile(path, { open } as unknown as FileSystem, sleep)
})
afterEach(() => {
  vi.useRealTimers()
})

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** The file is open, and its first line synced. */
async function begin(): Promise<void> {
  await journal.append('first\n')
  await settle()
  expect(calls).toEqual(['write', 'sync'])
  calls = []
}

const always = async (): Promise<void> => {}

describe('JournalFile', () => {
  it('writes a line before append() returns, once the file is open', async () => {
    await begin()
    const written = journal.append('second\n')
    expect(fs.text(path)).toBe('first\nsecond\n')
    await written
    expect(calls).toEqual(['writeNow'])
  })

  it('hands a line that has to be durable to the system without waiting for it here', async () => {
    await begin()
    await journal.append('second\n', always)
    expect(calls).toEqual(['write', 'sync'])
    await journal.append('third\n')
    expect(fs.text(path)).toBe('first\nsecond\nthird\n')
  })

  it('hands lines over while a sync is under way: the system may let a write wait for it', async () => {
    let finish = (): void => {}
    change = { sync: () => new Promise((resolve) => (finish = resolve)) }
    await journal.append('first\n')
    await journal.append('second\n')
    expect(calls).toEqual(['write', 'sync', 'write'])
    finish()
    await settle()
    await journal.append('third\n')
    expect(calls).toEqual(['write', 'sync', 'write', 'writeNow'])
    expect(fs.text(path)).toBe('first\nsecond\nthird\n')
  })

  it('hands no more lines over once the sync is done, however many wait behind each other', async () => {
    await begin()
    let finishSync = (): void => {}
    let finishWrite = (): void => {}
    change = {
      sync: () => new Promise((resolve) => (finishSync = resolve)),
      async write(bytes) {
        await new Promise<void>((resolve) => (finishWrite = resolve))
        fs.put(path, Buffer.from(fs.text(path) + Buffer.from(bytes).toString()))
        return bytes.byteLength
      },
    }
    wake()
    await journal.append('second\n')
    await settle()
    wake()
    await settle()
    const waiting = ['third\n', 'fourth\n', 'fifth\n'].map((line) => journal.append(line))
    await settle()
    finishSync()
    await settle()
    expect(calls).toEqual(['writeNow', 'sync', 'write'])
    finishWrite()
    await Promise.all(waiting)
    expect(calls).toEqual(['writeNow', 'sync', 'write', 'writeNow', 'writeNow'])
    await journal.append('sixth\n')
    expect(calls.pop()).toBe('writeNow')
    expect(fs.text(path)).toBe('first\nsecond\nthird\nfourth\nfifth\nsixth\n')
    finishSync()
  })

  it('lets no line overtake one that was handed over', async () => {
    await begin()
    let finish = (): void => {}
    change = {
      async write(bytes) {
        await new Promise<void>((resolve) => (finish = resolve))
        fs.put(path, Buffer.from(fs.text(path) + Buffer.from(bytes).toString()))
        return bytes.byteLength
      },
    }
    const second = journal.append('second\n', always)
    const third = journal.append('third\n')
    await settle()
    finish()
    await second
    await settle()
    finish()
    await third
    expect(fs.text(path)).toBe('first\nsecond\nthird\n')
  })

  it('hands lines over for ten seconds after one that took 5 ms, and then tries again', async () => {
    await begin()
    let tookMs = 4
    change = {
      writeNow(data) {
        vi.advanceTimersByTime(tookMs)
        return data.length
      },
    }
    await journal.append('quick\n')
    await journal.append('quick\n')
    tookMs = 5
    await journal.append('slow\n')
    expect(calls).toEqual(['writeNow', 'writeNow', 'writeNow'])
    vi.advanceTimersByTime(9_999)
    await journal.append('handed over\n')
    expect(calls.pop()).toBe('write')
    vi.advanceTimersByTime(1)
    await journal.append('tried again\n')
    expect(calls.pop()).toBe('writeNow')
    await journal.append('handed over\n')
    expect(calls.pop()).toBe('write')
  })

  it('writes all of a line though the system takes three bytes at a time', async () => {
    await begin()
    const pieces: Buffer[] = []
    change = {
      writeNow(data) {
        const taken = Buffer.from(data as string).subarray(0, 3)
        pieces.push(taken)
        return taken.byteLength
      },
    }
    await journal.append('a longer line, gr\u00fcn\n')
    expect(Buffer.concat(pieces).toString()).toBe('a longer line, gr\u00fcn\n')
  })

  it('fails with all that follow when a line was written in part only', async () => {
    await begin()
    let bytesLeft = 3
    change = {
      writeNow(data) {
        if (bytesLeft === 0) throw errno('ENOSPC')
        const taken = Math.min(bytesLeft, data.length)
        bytesLeft -= taken
        return taken
      },
    }
    const full = {
      code: 'ERR_OSS_CHECKPOINT_IO',
      message: `cannot write the checkpoint ${path} (ENOSPC)`,
      hint: expect.stringContaining('free some space'),
    }
    await expect(journal.append('second\n')).rejects.toMatchObject(full)
    change = {}
    await expect(journal.append('third\n')).rejects.toMatchObject(full)
    await expect(journal.append('fourth\n', always)).rejects.toMatchObject(full)
    expect(fs.text(path)).toBe('first\n')
    await journal.close()
    expect(fs.openFiles).toBe(0)
  })

  it.each(['write', 'writeNow'] as const)(
    'fails when %s takes nothing, rather than asking for ever',
    async (name) => {
      await begin()
      change = { write: async () => 0, writeNow: () => 0 }
      const appended = journal.append('second\n', name === 'write' ? always : undefined)
      await expect(appended).rejects.toMatchObject({ code: 'ERR_OSS_CHECKPOINT_IO' })
    },
  )

  it('fails with all that follow when what a durable line depends on does not hold', async () => {
    await begin()
    const taken = new Error('another process has the lock')
    const held = async (): Promise<void> => {
      throw taken
    }
    await expect(journal.append('second\n', held)).rejects.toMatchObject({ cause: taken })
    await expect(journal.append('third\n')).rejects.toMatchObject({ cause: taken })
    expect(fs.text(path)).toBe('first\n')
  })

  it('syncs what was written at once with all else, and no later than when it is closed', async () => {
    await begin()
    for (let line = 0; line < 20; line++) await journal.append(`${line}\n`)
    expect(calls.filter((name) => name === 'sync')).toEqual([])
    await journal.close()
    expect(calls.filter((name) => name === 'sync')).toEqual(['sync'])
    expect(fs.openFiles).toBe(0)
    fs.powerFailure('all')
    expect(fs.text(path).split('\n')).toHaveLength(22)
  })

  it('syncs once a second, and at once after a second in which nothing was written', async () => {
    const syncs = () => calls.filter((name) => name === 'sync').length
    await begin()
    await journal.append('second\n')
    await settle()
    expect([sleptMs, syncs()]).toEqual([[1000], 0])
    wake()
    await settle()
    expect([sleptMs, syncs()]).toEqual([[1000, 1000], 1])
    wake()
    await settle()
    expect(syncs()).toBe(1)
    await journal.append('third\n')
    await settle()
    expect([sleptMs, syncs()]).toEqual([[1000, 1000, 1000], 2])
  })
})
