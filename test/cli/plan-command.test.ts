import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { planCommand, planOptions, runPlan } from '../../src/cli/plan-command.js'
import { runUpload } from '../../src/cli/upload-command.js'
import { randomBytes } from '../support/world.js'
import { useBucket } from './bucket.js'

const bucket = useBucket()
const url = 'oss://examplebucket/k'
const bytes = randomBytes(4 * 102_400 + 5)

async function file(content: Buffer = bytes) {
  const path = join(bucket.folder, 'f.bin')
  await writeFile(path, content)
  return path
}

const plan = (...argv: string[]) => bucket.run((io, args) => runPlan(io, args), argv)

async function facts(...argv: string[]) {
  const { exitCode, out, err } = await plan(...argv)
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
  const lines = out.trimEnd().split('\n')
  return Object.fromEntries(lines.map((line) => line.split(/ {2,}(.*)/).slice(0, 2)))
}

/** An upload of which parts 1 and 2 are done, and its checkpoint. */
async function interrupted() {
  const path = await file()
  bucket.fake.setFault(({ operation, query }) =>
    operation === 'UploadPart' && Number(query['partNumber']) > 2
      ? { type: 'status', status: 400, code: 'Nothing' }
      : undefined,
  )
  const argv = [path, url, '--part-size', '100KiB', '--concurrency', '1', '--quiet']
  expect((await bucket.run((io, args) => runUpload(io, args), argv)).exitCode).toBe(3)
  bucket.fake.setFault()
  return path
}

describe('ossup plan', () => {
  it('counts parts and requests, and asks nobody', async () => {
    const path = await file()
    expect(await facts(path, url, '--part-size', '100KiB')).toEqual({
      source: `${path}, 409605 bytes (400.0 KiB)`,
      destination: url,
      parts: '5 of 100.0 KiB, the last of 5 B',
      requests: '7: 1 InitiateMultipartUpload, 5 UploadPart, 1 CompleteMultipartUpload',
      checkpoint: 'none',
      'to send': '5 parts, 400.0 KiB',
    })
    expect(bucket.fake.requests).toEqual([])
  })

  it.each([0, 1, 409_605])('%i bytes in one part are one request', async (size) => {
    const path = await file(bytes.subarray(0, size))
    expect(await facts(path, url)).toMatchObject({
      parts: '1, in one request',
      requests: '1: 1 PutObject',
    })
  })

  it('is right about the requests of the upload', async () => {
    const path = await file()
    const { out } = await plan(path, url, '--part-size', '100KiB', '--json')
    const argv = [path, url, '--part-size', '100KiB', '--quiet']
    await bucket.run((io, args) => runUpload(io, args), argv)
    const sent: Record<string, number> = {}
    for (const { operation } of bucket.fake.requests) sent[operation] = (sent[operation] ?? 0) + 1
    expect(JSON.parse(out).requests).toEqual(sent)
  })

  it('counts what the checkpoint saves, and changes nothing', async () => {
    const path = await interrupted()
    const before = [await readdir(bucket.folder), await readFile(`${path}.ucp`, 'utf8')]
    const { uploadId } = bucket.fake.uploads('examplebucket')[0] ?? { uploadId: '' }
    expect(await facts(path, url)).toMatchObject({
      parts: '5 of 100.0 KiB, the last of 5 B',
      requests: '5: 1 ListParts, 3 UploadPart, 1 CompleteMultipartUpload',
      checkpoint: `${path}.ucp, upload ${uploadId}`,
      done: '2 parts, 200.0 KiB, as recorded; --verify reads them again',
      'to send': '3 parts, 200.0 KiB',
    })
    expect(await facts(path, url, '--no-checkpoint')).toMatchObject({ checkpoint: 'none' })
    expect([await readdir(bucket.folder), await readFile(`${path}.ucp`, 'utf8')]).toEqual(before)
  })

  it('reads what is recorded again with --verify', async () => {
    const path = await interrupted()
    expect((await facts(path, url, '--verify'))['done']).toBe(
      '2 parts, 200.0 KiB, read again and the same',
    )
    const edited = Buffer.from(bytes)
    edited[150_000] = (edited[150_000] ?? 0) ^ 1
    await file(edited)
    const { out } = await plan(path, url, '--verify', '--json')
    expect(JSON.parse(out)).toMatchObject({
      type: 'plan',
      requests: { ListParts: 1, UploadPart: 4, CompleteMultipartUpload: 1 },
      checkpoint: { verified: true, parts: 1, bytes: 102_400, differing: [2] },
      send: { parts: 4, bytes: 3 * 102_400 + 5 },
    })
    expect((await facts(path, url, '--verify'))['done']).toContain('1 part no longer the same: 2')
  })

  it('refuses a checkpoint as the upload would', async () => {
    const path = await interrupted()
    for (const argv of [
      [path, 'oss://examplebucket/other'],
      [path, url, '--part-size', '200KiB'],
    ]) {
      const { exitCode, err } = await plan(...argv)
      expect(exitCode).toBe(4)
      expect(err).toContain('belongs to another upload')
    }
  })

  it.each([
    [[], 2, 'no file is given'],
    [['f'], 2, 'no destination is given'],
    [['-', url], 2, 'stdin has no size'],
    [['f', url, 'x'], 2, 'more than a file and a destination'],
    [['f', 'oss://examplebucket//k'], 2, 'key must not start'],
    [['f', url, '--checkpoint', 'a', '--no-checkpoint'], 2, 'more than one of --checkpoint'],
    [['/none', url], 1, 'there is no such file'],
    [['FILE', url, '--part-size', '1KiB'], 2, '--part-size must be'],
    [['FILE', url, '--checkpoint', '/none'], 1, 'there is no checkpoint /none'],
  ])('%j is refused in one line', async (argv, exitCode, message) => {
    const path = await file()
    const answer = await plan(...argv.map((word) => (word === 'FILE' ? path : word)))
    expect(answer).toMatchObject({ exitCode, out: '' })
    expect(answer.err).toMatch(/^ossup: error: [^\n]*; [^\n]*\n$/)
    expect(answer.err).toContain(message)
  })

  it('explains its options', () => {
    for (const name of Object.keys(planOptions)) expect(planCommand.usage).toContain(`  --${name}`)
  })
})
