// What differs from a FileHandle's promises; what it does with a file is in file-system.test.ts.

import { execFileSync } from 'node:child_process'
import fs, { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { identity, NodeFile } from '../../src/upload/open-file.js'

let directory = ''
let path = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ossup-file-'))
  path = join(directory, 'file')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const open = (flags: string): Promise<NodeFile> => NodeFile.open(path, flags, 0o600)

describe('NodeFile', () => {
  it('fails with the code of the system', async () => {
    await expect(open('r')).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' })
    await writeFile(path, 'content')
    const file = await open('r')
    await expect(file.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'EBADF' })
    await file.close()
  })

  it('reads at a position, and tells how much there was', async () => {
    await writeFile(path, 'content')
    const file = await open('r')
    const buffer = Buffer.alloc(4, '-')
    expect(await file.read(buffer, 4, 5)).toBe(2)
    expect(buffer.toString()).toBe('nt--')
    expect(await file.read(buffer, 4, 7)).toBe(0)
    expect(file.readNow(buffer, 3)).toBe(4)
    expect(buffer.toString()).toBe('tent')
    expect(file.readNow(buffer, 7)).toBe(0)
    await file.close()
  })

  it('writes before it returns, behind what is there', async () => {
    await writeFile(path, 'content')
    const file = await open('a')
    expect(file.writeNow(Buffer.from(' and more'))).toBe(9)
    expect(fs.readFileSync(path, 'utf8')).toBe('content and more')
    await file.close()
  })

  it.runIf(process.platform === 'linux')(
    'closes only when nothing is under way any more',
    async () => {
      execFileSync('mkfifo', [path])
      const file = await open('r+')
      // More than a pipe holds: it is under way until somebody reads.
      const bytes = Buffer.alloc(1024 * 1024, 'a')
      const order: string[] = []
      const written = file.write(bytes).then((count) => order.push(`written ${count}`))
      const closed = file.close().then(() => order.push('closed'))
      await setTimeout(50)
      expect(order).toEqual([])
      const reader = createReadStream(path)
      let read = 0
      for await (const chunk of reader) {
        read += (chunk as Buffer).length
        if (read === bytes.length) break
      }
      await Promise.all([written, closed])
      expect(order).toEqual([`written ${bytes.length}`, 'closed'])
    },
  )

  it('begins nothing once it is closed: its number may be that of another file', async () => {
    await writeFile(path, 'content')
    const file = await open('r+')
    await file.close()
    const other = await open('r+')
    await expect(file.write(Buffer.from('spoilt'))).rejects.toMatchObject({ code: 'EBADF' })
    expect(() => file.writeNow(Buffer.from('spoilt'))).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    )
    await expect(file.read(Buffer.alloc(1), 1, 0)).rejects.toMatchObject({ code: 'EBADF' })
    expect(() => file.readNow(Buffer.alloc(1), 0)).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    )
    await expect(file.sync(true)).rejects.toMatchObject({ code: 'EBADF' })
    await expect(file.stat()).rejects.toMatchObject({ code: 'EBADF' })
    await file.close()
    await other.write(Buffer.from('C'))
    await other.close()
    expect(await readFile(path, 'utf8')).toBe('Content')
  })

  it.each([
    ['all of it', true, ['fsync']],
    ['its data', false, ['fdatasync']],
  ] as const)('I1: asks the system to put %s on disk', async (_, all, expected) => {
    const file = await open('w')
    const asked: string[] = []
    const { fsync, fdatasync } = fs
    for (const [name, real] of Object.entries({ fsync, fdatasync })) {
      Object.assign(fs, {
        [name]: (fd: number, done: fs.NoParamCallback) => {
          asked.push(name)
          real(fd, done)
        },
      })
    }
    syncBuiltinESMExports()
    try {
      await file.sync(all)
    } finally {
      Object.assign(fs, { fsync, fdatasync })
      syncBuiltinESMExports()
    }
    await file.close()
    expect(asked).toEqual(expected)
  })

  it('knows the file that it is', async () => {
    await writeFile(path, 'content')
    const file = await open('r')
    expect(await file.stat()).toEqual(identity(await stat(path, { bigint: true })))
    await file.sync(false)
    await file.sync(true)
    await file.close()
  })
})
