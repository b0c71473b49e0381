import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeOss, type FakeOssOptions, startFakeOss } from '../support/fake-oss/index.js'
import {
  commandPath,
  credentials,
  environment,
  runtimePath,
  startOssup,
  temporaryFolder,
  towards,
  until,
} from './ossup-process.js'

let fake: FakeOss
let folder: Awaited<ReturnType<typeof temporaryFolder>>

const partSize = 100 * 1024
const names = ['a.img', 'b.img', 'c.img'] as const
const bytesOf = new Map(names.map((name, index) => [name, randomBytes((4 + index) * partSize - 7)]))

async function restartFake(options: FakeOssOptions): Promise<void> {
  await fake.close()
  fake = await startFakeOss({ credentials: [credentials], ...options })
}

beforeEach(async () => {
  fake = await startFakeOss({ credentials: [credentials] })
  folder = await temporaryFolder()
  for (const [name, bytes] of bytesOf) await writeFile(join(folder.path, name), bytes)
})

afterEach(async () => {
  await fake.close()
  await folder[Symbol.asyncDispose]()
})

const url = 'oss://examplebucket/backup/'
const begin = (...argv: string[]) =>
  startOssup(['upload', ...argv, ...towards(fake), '--part-size', '100KiB'], { cwd: folder.path })
const upload = (...argv: string[]) => begin(...argv).ended

const jsonLines = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))

const isStored = (name: (typeof names)[number]) =>
  fake
    .object('examplebucket', `backup/${name}`)
    ?.read()
    ?.equals(bytesOf.get(name) ?? Buffer.of())

describe('ossup upload of several files', () => {
  it('stores each below the prefix, with a line for each and their number', async () => {
    const { exitCode, stdout, stderr } = await upload(...names, url)
    expect(exitCode, stderr).toBe(0)
    const lines = stdout.trimEnd().split('\n').toSorted()
    expect(lines).toEqual(
      names.map((name) => expect.stringMatching(`^oss://examplebucket/backup/${name}  \\d+ bytes`)),
    )
    expect(stderr).toMatch(/^(?:ossup: sending: .* files\n)*ossup: note: 3 uploaded\n$/)
    expect(names.map(isStored)).toEqual([true, true, true])
    expect((await readdir(folder.path)).toSorted()).toEqual([...names])
  })

  it('has as many at once as it is told, over one client', async () => {
    for (let index = 0; index < 40; index++) {
      await writeFile(join(folder.path, `small-${index}`), `${index}`)
    }
    const small = Array.from({ length: 40 }, (_, index) => `small-${index}`)
    const atOnce = (files: string) => upload(...small, url, '--files', files, '--quiet')
    await restartFake({ latencyMs: 100 })
    const began = performance.now()
    expect(await atOnce('16')).toMatchObject({ exitCode: 0, stderr: '' })
    // One after the other they would take 4 s.
    expect(performance.now() - began).toBeLessThan(3_000)
    expect(fake.requests.map(({ operation }) => operation)).toEqual(Array(40).fill('PutObject'))
  })

  it('goes on when one fails, and says which', async () => {
    await mkdir(join(folder.path, 'd'))
    const { exitCode, stdout, stderr } = await upload('a.img', 'none', 'd', 'c.img', url)
    expect(exitCode).toBe(1)
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(stderr).toMatch(/ossup: error: .*none: there is no such file/)
    expect(stderr).toMatch(/ossup: error: .*d: it is not a regular file/)
    expect(stderr).toMatch(
      /ossup: note: 2 uploaded, 2 failed; run the command again with none d\n$/,
    )
  })

  it('continues what a failure of the network has cut off', async () => {
    fake.setFault(({ operation, key, partNumber }) =>
      operation === 'UploadPart' && key === 'backup/b.img' && partNumber === 5
        ? { type: 'status', status: 500, code: 'InternalError' }
        : undefined,
    )
    const first = await upload(...names, url, '--attempts', '1')
    expect(first.exitCode, first.stderr).toBe(3)
    expect(first.stderr).toMatch(/^ossup: error: b\.img: .*InternalError|^ossup: error: b\.img: /m)
    expect(first.stderr).toMatch(
      /2 uploaded, 1 failed; run the command again with b\.img to resume\n$/,
    )
    expect(await readdir(folder.path)).toContain('b.img.ucp')
    fake.setFault(() => undefined)
    const before = fake.acknowledged.length
    // What a shell makes of *: the checkpoint is no file to upload.
    const second = await upload('b.img', 'b.img.ucp', url, '--json')
    expect(second.exitCode, second.stderr).toBe(0)
    expect(fake.acknowledged.length - before).toBeLessThan(5)
    const lines = jsonLines(second.stdout)
    expect(lines.find(({ type }) => type === 'result')).toMatchObject({
      ...{ path: 'b.img', key: 'backup/b.img', parts: 5 },
    })
    expect(lines.at(-1)).toMatchObject({ type: 'summary', uploaded: 1, exitCode: 0, again: [] })
    expect(names.map(isStored)).toEqual([true, true, true])
    expect((await readdir(folder.path)).toSorted()).toEqual([...names])
  })

  it('tells a program of which file each line is', async () => {
    const { exitCode, stdout, stderr } = await upload('a.img', 'none', url, '--json')
    expect(exitCode).toBe(1)
    const lines = jsonLines(stdout)
    expect(lines.filter(({ type }) => type === 'progress').map(({ file }) => file)).toContain(
      'a.img',
    )
    expect(lines.at(-1)).toEqual({
      ...{ type: 'summary', uploaded: 1, failed: 1, unfinished: 0, exitCode: 1, again: ['none'] },
      bytes: bytesOf.get('a.img')?.length,
    })
    expect(jsonLines(stderr)).toEqual([
      expect.objectContaining({ type: 'error', file: 'none', exitCode: 1 }),
    ])
  })

  it('is cancelled as one, and the same command continues each', async () => {
    await restartFake({ bytesPerSecondPerConnection: 200_000 })
    await mkdir(join(folder.path, 'state'))
    const argv = [...names, url, '--checkpoint-dir', 'state', '--concurrency', '1']
    const { child, ended } = begin(...argv)
    await until(() => fake.acknowledged.length >= 2)
    child.kill('SIGINT')
    const { exitCode, stdout, stderr } = await ended
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
    expect(stderr.match(/error:/g)).toEqual(['error:'])
    expect(stderr).toMatch(/error: cancelled by SIGINT; run the same command again to resume\n/)
    expect(stderr).toMatch(/note: 0 uploaded, 3 not finished\n$/)
    expect(await readdir(join(folder.path, 'state'))).toHaveLength(2)
    const kept = fake.acknowledged.length
    fake.setFault(() => undefined)
    const again = await upload(...names, url, '--checkpoint-dir', 'state', '--concurrency', '4')
    expect(again.exitCode, again.stderr).toBe(0)
    // 15 parts in all.
    expect(fake.acknowledged.length).toBeLessThanOrEqual(15 + 2)
    expect(kept).toBeGreaterThanOrEqual(2)
    expect(names.map(isStored)).toEqual([true, true, true])
    expect(await readdir(join(folder.path, 'state'))).toEqual([])
  })

  it('refuses what cannot have been meant, before it asks OSS', async () => {
    for (const argv of [
      ['a.img', './a.img', url],
      ['a.img', '-', url],
      ['a.img', 'b.img', url, '--checkpoint', 'c'],
      ['a.img', 'b.img', url, '--manifest', 'm.json'],
      ['a.img', 'b.img', url, '--files', '0'],
      ['a.img', 'b.img', url, '--acl', 'nobody'],
    ]) {
      const { exitCode, stdout, stderr } = await upload(...argv)
      expect({ exitCode, stdout }, argv.join(' ')).toEqual({ exitCode: 2, stdout: '' })
      expect(stderr).toMatch(/^ossup: error: [^\n]*; [^\n]*\n$/)
    }
    expect(fake.requests).toEqual([])
  })
})

describe('a pipe that closes', () => {
  it('ends a listing quietly, and asks for no more', async () => {
    const { pid } = process
    for (let index = 0; index < 60; index++) {
      const key = `${'k'.repeat(200)}-${pid}-${index}`
      await startUpload(key)
    }
    const before = fake.requests.length
    const listing = ['list', 'oss://examplebucket', ...towards(fake)]
    const quoted = [runtimePath, commandPath, ...listing].map((word) => `'${word}'`).join(' ')
    const shell = spawn('bash', ['-c', `${quoted} | head -n 1; echo "\${PIPESTATUS[0]}"`], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    shell.stdout.on('data', (chunk: Buffer) => {
      out += chunk
    })
    shell.stderr.on('data', (chunk: Buffer) => {
      err += chunk
    })
    await new Promise((resolve) => shell.on('close', resolve))
    expect(err).toBe('')
    expect(out).toMatch(/^ .*-0\n0\n$/)
    expect(fake.requests.length - before).toBeLessThan(61)
  })

  async function startUpload(key: string): Promise<void> {
    const { OssClient } = await import('../../src/oss/client.js')
    const { initiateMultipartUpload } = await import('../../src/oss/multipart.js')
    await using client = new OssClient({
      ...{ region: 'cn-hangzhou', endpoint: fake.endpoint, credentials },
    })
    await initiateMultipartUpload(client, { bucket: 'examplebucket', key })
  }
})
