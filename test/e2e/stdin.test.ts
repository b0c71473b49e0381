// The built command at the end of a shell's pipe: resumed after kill -9, cancelled, starved, and given nothing.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeOss, type FakeOssOptions, startFakeOss } from '../support/fake-oss/index.js'
import {
  commandPath,
  credentials,
  type Ended,
  environment,
  runtimePath,
  temporaryFolder,
  towards,
  until,
} from './ossup-process.js'

const partSize = 100 * 1024
const bytes = randomBytes(20 * partSize - 7)
/** 20 parts; at this speed they take 5 s with one connection. */
const slow = { bytesPerSecondPerConnection: 400_000 }

let fake: FakeOss
let folder: Awaited<ReturnType<typeof temporaryFolder>>

async function restartFake(options: FakeOssOptions): Promise<void> {
  await fake.close()
  fake = await startFakeOss({ credentials: [credentials], ...options })
}

beforeEach(async () => {
  fake = await startFakeOss({ credentials: [credentials] })
  folder = await temporaryFolder()
  await writeFile(join(folder.path, 'f.bin'), bytes)
})

afterEach(async () => {
  await fake.close()
  await folder[Symbol.asyncDispose]()
})

interface Pipe {
  /** The process id of the command, which writes it down before it begins. */
  readonly pid: () => Promise<number>
  readonly ended: Promise<Ended>
  /** What came on stderr so far. */
  readonly said: () => string
  /** Kills the whole pipe. */
  end(): void
}

/** Runs `<before> ossup upload - ... <after>` in a shell, where `$OSSUP` is the command. */
function shell(script: string): Pipe {
  const ossup = `sh -c 'echo $$ >&3; exec "$0" "$@"' "${runtimePath}" "${commandPath}"`
  const target = `- oss://examplebucket/k ${towards(fake).join(' ')} --part-size 100KiB`
  const child = spawn('sh', ['-c', script.replace('OSSUP', () => `${ossup} upload ${target}`)], {
    cwd: folder.path,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    // A group of its own, so that it can be ended together with what it runs.
    detached: true,
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  }
  let written = ''
  child.stdio[3]?.on('data', (text) => {
    written += String(text)
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, ...texts }))
  })
  const pid = async (): Promise<number> => {
    await until(() => written.includes('\n'))
    return Number(written)
  }
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }
  return { pid, ended, said: () => texts.stderr, end }
}

const stored = () => fake.object('examplebucket', 'k')?.read()
const operations = () => fake.requests.map(({ operation }) => operation)

describe('cat file | ossup upload -', () => {
  it('stores what it reads, and nothing is left behind', async () => {
    const { exitCode, stdout } = await shell('cat f.bin | OSSUP --quiet').ended
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^oss:\/\/examplebucket\/k {2}2047993 bytes {2}crc64 \d+ /)
    expect(stored()?.equals(bytes)).toBe(true)
    expect(await readdir(folder.path)).toEqual(['f.bin'])
  })

  it('takes a file as stdin, too', async () => {
    const { exitCode } = await shell('OSSUP --quiet <f.bin').ended
    expect(exitCode).toBe(0)
    expect(stored()?.equals(bytes)).toBe(true)
  })

  it('reports progress without a total in JSON', async () => {
    const { stdout } = await shell('cat f.bin | OSSUP --json').ended
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const progress = lines.filter(({ type }) => type === 'progress')
    expect(progress[0]).not.toHaveProperty('totalBytes')
    expect(progress.at(-1)).toMatchObject({
      phase: 'completed',
      totalBytes: bytes.length,
      parts: 20,
    })
    expect(lines.at(-1)).toMatchObject({ type: 'result', size: bytes.length, parts: 20 })
  })

  it('killed with kill -9 and run again with its checkpoint, sends nothing twice', async () => {
    await restartFake(slow)
    const first = shell('cat f.bin | OSSUP --checkpoint t.ucp')
    await until(() => fake.acknowledged.length >= 6)
    process.kill(await first.pid(), 'SIGKILL')
    expect((await first.ended).exitCode).not.toBe(0)
    const known = new Set(fake.acknowledged.map(({ partNumber }) => partNumber))
    const connections = fake.connections
    expect(await readdir(folder.path)).toContain('t.ucp')

    const second = await shell('cat f.bin | OSSUP --checkpoint t.ucp --json --concurrency 9').ended
    expect(second).toMatchObject({ exitCode: 0, stderr: '' })
    expect(stored()?.equals(bytes)).toBe(true)
    const again = fake.requests
      .filter(({ operation, connection }) => operation === 'UploadPart' && connection > connections)
      .map(({ partNumber = 0 }) => partNumber)
    expect(again.filter((partNumber) => known.has(partNumber))).toEqual([])
    expect(JSON.parse(second.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      resumed: { parts: 20 - again.length },
      sent: { parts: again.length },
    })
    expect(fake.uploads('examplebucket')).toEqual([])
    expect(await readdir(folder.path)).toEqual(['f.bin'])
  })

  it('names the parts of another stream that differ', async () => {
    await restartFake(slow)
    const first = shell('cat f.bin | OSSUP --checkpoint t.ucp --concurrency 1')
    await until(() => fake.acknowledged.length >= 3)
    process.kill(await first.pid(), 'SIGKILL')
    await first.ended
    const edited = Buffer.from(bytes)
    edited[partSize + 1] = (edited[partSize + 1] ?? 0) ^ 1
    await writeFile(join(folder.path, 'g.bin'), edited)
    const second = await shell('cat g.bin | OSSUP --checkpoint t.ucp --concurrency 9').ended
    expect(second.exitCode).toBe(0)
    expect(second.stderr).toContain('warning: part 2 differs from the source and is sent again')
    expect(stored()?.equals(edited)).toBe(true)
  })
})

describe('nothing on stdin', () => {
  it.each([
    ['an empty pipe', 'true | OSSUP --quiet'],
    ['/dev/null', 'OSSUP --quiet </dev/null'],
    ['closed', 'OSSUP --quiet <&-'],
  ])('(%s) is an empty object', async (_, script) => {
    const { exitCode, stdout, stderr } = await shell(script).ended
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toContain('  0 bytes  ')
    expect(operations()).toEqual(['PutObject'])
  })

  it('can be read from a directory: it is refused', async () => {
    const { exitCode, stderr } = await shell('OSSUP <.').ended
    expect(exitCode).toBe(2)
    expect(stderr).toContain('error: stdin is a directory')
    expect(fake.requests).toEqual([])
  })
})

describe('a pipe whose other end hangs', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'is left at once on %s, with what was sent',
    async (signal) => {
      const run = shell('(cat f.bin; sleep 60) | { OSSUP --checkpoint t.ucp; echo "exit $?" >&2; }')
      await until(() => fake.acknowledged.length >= 19)
      const pid = await run.pid()
      process.kill(pid, signal)
      await until(() => run.said().includes(`exit ${signal === 'SIGINT' ? 130 : 143}`))
      expect(run.said()).toContain(`error: cancelled by ${signal}; run the same command again`)
      run.end()
      expect(operations()).not.toContain('CompleteMultipartUpload')
      expect(await readdir(folder.path)).toEqual(['f.bin', 't.ucp'])
      const second = await shell('cat f.bin | OSSUP --checkpoint t.ucp --quiet').ended
      expect(second.exitCode).toBe(0)
      expect(stored()?.equals(bytes)).toBe(true)
    },
  )

  it('does not keep a failed command waiting', async () => {
    await restartFake({ denied: ['UploadPart'] })
    const run = shell('(cat f.bin; sleep 60) | OSSUP')
    const pid = await run.pid()
    await until(() => !isAlive(pid))
    run.end()
    expect(operations()).toContain('AbortMultipartUpload')
    expect(fake.uploads('examplebucket')).toEqual([])
  })

  it('does not keep a refused command waiting', async () => {
    const run = shell('sleep 60 | OSSUP --part-size 1')
    const pid = await run.pid()
    await until(() => !isAlive(pid))
    run.end()
    expect(fake.requests).toEqual([])
  })
})

/** False for a process that has ended, also while nobody has asked for its status. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
