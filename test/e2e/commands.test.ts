// The built command beside `upload`: looks at checkpoints and buckets as a person would, in a process of its own.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.js'
import { encodeManifest } from '../../src/upload/manifest.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import {
  commandPath,
  credentials,
  environment,
  sentinels,
  startOssup,
  temporaryFolder,
  towards,
  until,
} from './ossup-process.js'

let fake: FakeOss
let folder: Awaited<ReturnType<typeof temporaryFolder>>

const partSize = 100 * 1024
const bytes = randomBytes(10 * partSize - 7)
const url = 'oss://examplebucket/dir/k'

beforeEach(async () => {
  fake = await startFakeOss({ credentials: [credentials] })
  folder = await temporaryFolder()
  await writeFile(join(folder.path, 'f.bin'), bytes)
})

afterEach(async () => {
  await fake.close()
  await folder[Symbol.asyncDispose]()
})

async function ossup(...argv: string[]) {
  const ended = await startOssup(argv, { cwd: folder.path }).ended
  for (const secret of Object.values(sentinels)) {
    expect(ended.stdout + ended.stderr).not.toContain(secret)
  }
  return ended
}

const there = (name: string, ...argv: string[]) => ossup(name, ...argv, ...towards(fake))

/** Kills an upload in its middle: its parts, its checkpoint and its lock stay. */
async function killed(): Promise<string> {
  fake.setFault(({ operation, query }) =>
    operation === 'UploadPart' && Number(query['partNumber']) > 4 ? { type: 'hang' } : undefined,
  )
  const argv = ['upload', 'f.bin', url, '--part-size', '100KiB', '--quiet', ...towards(fake)]
  const { child, ended } = startOssup(argv, { cwd: folder.path })
  await until(() => fake.acknowledged.length === 4)
  const checkpoint = join(folder.path, 'f.bin.ucp')
  for (let lines = 0; lines < 6; ) {
    lines = (await readFile(checkpoint, 'utf8')).split('\n').length
  }
  child.kill('SIGKILL')
  await ended
  fake.setFault()
  return fake.uploads('examplebucket')[0]?.uploadId ?? ''
}

const makeOld = () => {
  const [upload] = fake.uploads('examplebucket')
  if (upload) Object.assign(upload, { initiated: new Date(Date.now() - 8 * 86_400_000) })
}

describe('after a kill', () => {
  it('status and plan tell what is done, and leave everything as it is', async () => {
    const uploadId = await killed()
    const before = await readdir(folder.path)
    const requests = fake.requests.length
    const status = await ossup('status', 'f.bin.ucp')
    expect(status).toMatchObject({ exitCode: 0, stderr: '' })
    expect(status.stdout).toContain(`upload id    ${uploadId}\n`)
    expect(status.stdout).toMatch(/^done {9}4 of 10 parts, 400\.0 KiB of 1000\.0 KiB \(40 %\)$/m)
    expect(status.stdout).toMatch(/^source {7}f\.bin: unchanged/m)
    expect(status.stdout).toMatch(/^lock {9}left behind by process \d+ on .*, which has ended/m)
    const plan = await ossup('plan', 'f.bin', url, '--verify')
    expect(plan.stdout).toMatch(/^done {9}4 parts, 400\.0 KiB, read again and the same$/m)
    expect(plan.stdout).toMatch(/^to send {6}6 parts, /m)
    expect(await readdir(folder.path)).toEqual(before)
    expect(fake.requests.length).toBe(requests)
  })

  it('list, gc and abort find the upload, and end it', async () => {
    const uploadId = await killed()
    expect((await there('list', 'oss://examplebucket/dir/')).stdout).toMatch(
      new RegExp(` 400\\.0 KiB {6}4 parts {2}Standard {5}${uploadId} {2}${url}\ntotal: 1 unfin`),
    )
    makeOld()
    const gc = ['gc', 'oss://examplebucket', '--older-than', '7d'] as const
    expect(await there(...gc)).toMatchObject({ exitCode: 2, stdout: '' })
    expect((await there(...gc, '--exclude-checkpoints', '.', '--dry-run')).stdout).toContain(
      'would abort: 0 unfinished uploads; kept: 0 younger than 7d, 1 that a checkpoint records',
    )
    expect(fake.uploads('examplebucket')).toHaveLength(1)
    expect((await there(...gc, '--yes')).stdout).toContain('aborted: 1 unfinished upload, 4 parts')
    const abort = ['abort', url, '--upload-id', uploadId] as const
    expect(await there(...abort)).toMatchObject({ exitCode: 1, stdout: '' })
    // What was recorded of the upload is of no use any more, and does no harm.
    const again = await there('upload', 'f.bin', url, '--quiet')
    expect(again).toMatchObject({ exitCode: 0 })
  })

  it('abort ends the upload that status names', async () => {
    await killed()
    const { uploadId } = JSON.parse((await ossup('status', 'f.bin.ucp', '--json')).stdout)
    expect(await there('abort', url, '--upload-id', uploadId)).toMatchObject({
      ...{ exitCode: 0, stdout: `aborted upload ${uploadId} of ${url}\n`, stderr: '' },
    })
    expect(fake.uploads('examplebucket')).toEqual([])
  })
})

describe('what is stored', () => {
  it('verify compares with the object, and with a manifest', async () => {
    const { stdout } = await there('upload', 'f.bin', url, '--json', '--quiet')
    const { crc64, etag } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
    expect(await there('verify', 'f.bin', url)).toMatchObject({
      ...{ exitCode: 0, stdout: `equal: f.bin and ${url}: 1023993 bytes, crc64 ${crc64}\n` },
    })
    const manifest = encodeManifest({
      ...{ bucket: 'examplebucket', key: 'dir/k', size: bytes.length, crc64, etag, parts: [] },
      ...{ startedAt: '2026-01-01T00:00:00Z', completedAt: '2026-01-01T00:00:01Z' },
      outcome: 'completed',
    })
    await writeFile(join(folder.path, 'm.json'), manifest)
    expect(await ossup('verify', 'f.bin', '--manifest', 'm.json')).toMatchObject({ exitCode: 0 })
    await truncate(join(folder.path, 'f.bin'), 5)
    const changed = await there('verify', 'f.bin', url, '--manifest', 'm.json')
    expect(changed).toMatchObject({ exitCode: 1, stderr: '' })
    expect(changed.stdout).toMatch(/^different: .*the file has 5 bytes, the object 1023993; /)
  })

  it('doctor tries it, and leaves nothing', async () => {
    fake.setDenied(['HeadObject'])
    const { exitCode, stdout, stderr } = await there('doctor', 'oss://examplebucket')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/^PutObject +works$/m)
    expect(stdout).toMatch(/^HeadObject +denied .*grant oss:GetObject/m)
    expect(fake.uploads('examplebucket')).toEqual([])
    const wrong = { OSS_ACCESS_KEY_SECRET: sentinels.wrongSecret }
    const argv = ['doctor', 'oss://examplebucket', ...towards(fake)]
    const refused = await startOssup(argv, { cwd: folder.path, env: wrong }).ended
    expect(refused).toMatchObject({ exitCode: 1, stderr: '' })
    expect(refused.stdout).toMatch(/^credentials +failed .*SignatureDoesNotMatch/m)
    expect(refused.stdout).not.toContain(sentinels.wrongSecret)
  })
})

describe('a terminal', () => {
  /** `script` gives the command a terminal of its own; BSD's takes other options. */
  const hasScript = process.platform === 'linux'

  it.skipIf(!hasScript)('is asked before gc aborts anything', async () => {
    await killed()
    makeOld()
    const words = [process.execPath, commandPath, 'gc', 'oss://examplebucket']
    const line = [...words, '--older-than', '7d', ...towards(fake)].join(' ')
    const answer = async (text: string) => {
      const child: ChildProcess = spawn('script', ['-qec', line, '/dev/null'], {
        ...{ cwd: folder.path, env: environment, stdio: ['pipe', 'pipe', 'pipe'] },
      })
      let shown = ''
      child.stdout?.on('data', (chunk: Buffer) => {
        shown += chunk.toString()
        if (/\[y\/N\] $/.test(shown)) child.stdin?.write(text)
      })
      const exitCode = await new Promise((resolve) => child.on('close', resolve))
      return { exitCode, shown }
    }
    const no = await answer('n\n')
    expect(no.exitCode).toBe(1)
    expect(no.shown).toContain('nothing was aborted: you did not agree')
    expect(fake.uploads('examplebucket')).toHaveLength(1)
    expect(await answer('y\n')).toMatchObject({ exitCode: 0 })
    expect(fake.uploads('examplebucket')).toEqual([])
  })
})

describe('every command', () => {
  const names = [...commands.keys(), 'completion']

  it.each(names)('%s --help needs nothing', async (name) => {
    const none = { PATH: process.env['PATH'], HOME: undefined }
    const { ended } = startOssup([name, '--help'], { cwd: folder.path, env: none })
    const { exitCode, stdout, stderr } = await ended
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^usage: ossup ${name} `))
  })

  it.each([
    ['list', 'oss://examplebucket'],
    ['completion', 'bash'],
    ['doctor', 'oss://examplebucket'],
  ])('%s is quiet when nobody reads', async (name, word) => {
    const argv = [commandPath, name, word, ...(name === 'completion' ? [] : towards(fake))]
    const line = argv.map((each) => `'${each}'`).join(' ')
    const { stderr } = await promisify(execFile)(
      'bash',
      ['--norc', '-c', `'${process.execPath}' ${line} | true; exit \${PIPESTATUS[0]}`],
      { cwd: folder.path, env: environment },
    )
    expect(stderr).toBe('')
  })
})
