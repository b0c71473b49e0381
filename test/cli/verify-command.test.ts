import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runVerify, verifyCommand, verifyOptions } from '../../src/cli/verify-command.js'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { encodeManifest, type Manifest } from '../../src/upload/manifest.js'
import { randomBytes } from '../support/world.js'
import { useBucket } from './bucket.js'

const bucket = useBucket()
const bytes = randomBytes(300_000)
const edited = Buffer.concat([bytes.subarray(0, 299_999), Buffer.from([~(bytes[299_999] ?? 0)])])
const crcOf = (content: Buffer) => formatCrc64(crc64(content))
const url = 'oss://examplebucket/k'

async function file(content: Buffer = bytes) {
  const path = join(bucket.folder, 'f.bin')
  await writeFile(path, content)
  return path
}

async function manifestOf(change: Partial<Manifest> = {}) {
  const path = join(bucket.folder, 'm.json')
  const part = (number: number, start: number, end: number) => {
    const content = bytes.subarray(start, end)
    return { number, size: content.length, crc64: crcOf(content), etag: 'E' }
  }
  const text = encodeManifest({
    ...{ bucket: 'examplebucket', key: 'k', size: bytes.length, crc64: crcOf(bytes), etag: 'E-2' },
    ...{
      uploadId: 'U',
      outcome: 'completed',
      parts: [part(1, 0, 200_000), part(2, 200_000, 300_000)],
    },
    ...{ startedAt: '2026-01-02T03:04:05Z', completedAt: '2026-01-02T03:04:06Z' },
    ...change,
  })
  await writeFile(path, text)
  return path
}

const verify = (...argv: string[]) => bucket.run((io, args) => runVerify(io, args), argv)

describe('ossup verify', () => {
  it('is content with the same bytes, and downloads none', async () => {
    bucket.fake.put('examplebucket', 'k', bytes)
    const path = await file()
    expect(await verify(path, url)).toEqual({
      exitCode: 0,
      out: `equal: ${path} and ${url}: 300000 bytes, crc64 ${crcOf(bytes)}\n`,
      err: '',
    })
    expect(bucket.fake.requests.map(({ operation }) => operation)).toEqual(['HeadObject'])
  })

  it('compares an empty file too', async () => {
    bucket.fake.put('examplebucket', 'k', Buffer.alloc(0))
    expect(await verify(await file(Buffer.alloc(0)), url)).toMatchObject({ exitCode: 0 })
  })

  it('tells other bytes and other sizes', async () => {
    bucket.fake.put('examplebucket', 'k', bytes)
    const other = await verify(await file(edited), url)
    expect(other).toMatchObject({ exitCode: 1, err: '' })
    expect(other.out).toMatch(/^different: .*: the file has CRC-64 \d+, the object \d+\n$/)
    const shorter = await verify(await file(bytes.subarray(1)), url)
    expect(shorter.out).toMatch(/: the file has 299999 bytes, the object 300000\n$/)
  })

  it('tells an object that is not there from a bucket that is not', async () => {
    const path = await file()
    expect(await verify(path, url)).toMatchObject({
      exitCode: 1,
      out: `missing: ${path} and ${url}: there is no object ${url}\n`,
    })
    const { exitCode, out, err } = await verify(path, 'oss://nobucket/k')
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toContain('NoSuchBucket')
  })

  it('does not take an equal size for equal bytes', async () => {
    bucket.fake.put('examplebucket', 'k', bytes)
    bucket.fake.setFault(() => ({
      type: 'replace',
      headers: { 'x-oss-hash-crc64ecma': undefined },
    }))
    const { exitCode, out } = await verify(await file(), url)
    expect(exitCode).toBe(1)
    expect(out).toMatch(/^unknown: .*OSS tells no CRC-64/)
  })

  it('fails with a hint where HeadObject is denied', async () => {
    bucket.fake.setDenied(['HeadObject'])
    const { exitCode, err } = await verify(await file(), url)
    expect(exitCode).toBe(1)
    expect(err).toMatch(/^ossup: error: HeadObject failed: .*oss:GetObject.*\n$/)
  })

  it('says it in JSON', async () => {
    bucket.fake.put('examplebucket', 'k', bytes)
    const path = await file(edited)
    const { out } = await verify(path, url, '--json')
    expect(JSON.parse(out)).toMatchObject({
      ...{ type: 'result', verdict: 'different', differingParts: [] },
      reasons: [expect.stringContaining('CRC-64')],
      local: { path, size: 300_000, crc64: crcOf(edited) },
      object: { size: 300_000, crc64: crcOf(bytes) },
    })
  })

  it('needs nobody to compare with a manifest, and names the parts that differ', async () => {
    const manifest = await manifestOf()
    expect(await verify(await file(), '--manifest', manifest)).toMatchObject({ exitCode: 0 })
    const { exitCode, out } = await verify(await file(edited), '--manifest', manifest)
    expect(exitCode).toBe(1)
    expect(out).toMatch(/^different: .* and the manifest: .*; 1 part of the manifest differs: 2\n$/)
    expect(bucket.fake.requests).toEqual([])
  })

  it('compares file, object and manifest', async () => {
    bucket.fake.put('examplebucket', 'k', bytes)
    const path = await file()
    const proof = ['--manifest', await manifestOf()]
    expect((await verify(path, url, ...proof)).out).toMatch(/^equal: .* and .* and the manifest: /)
    bucket.fake.put('examplebucket', 'k', edited)
    expect((await verify(path, url, ...proof)).out).toMatch(/^different: .*the object/)
    bucket.fake.put('examplebucket', 'l', bytes)
    const { exitCode, err } = await verify(path, 'oss://examplebucket/l', ...proof)
    expect({ exitCode, err }).toEqual({
      exitCode: 0,
      err: `ossup: note: the manifest is of ${url}, not of oss://examplebucket/l\n`,
    })
  })

  it.each([
    [[], 2, 'no file is given'],
    [['f'], 2, 'no object is given to compare with'],
    [['-', url], 2, 'stdin cannot be verified'],
    [['f', url, 'x'], 2, 'more than a file and an object'],
    [['f', 'oss://Bad/k'], 2, 'bucket must be'],
    [['/none', url], 1, 'there is no such file'],
    [['f', '--manifest', '/none'], 1, 'cannot read the manifest /none'],
    [['f', '--manifest', 'package.json'], 1, 'package.json proves nothing: it is no manifest'],
  ])('%j is refused in one line', async (argv, exitCode, message) => {
    const answer = await verify(...argv)
    expect(answer).toMatchObject({ exitCode, out: '' })
    expect(answer.err).toMatch(/^ossup: error: [^\n]*; [^\n]*\n$/)
    expect(answer.err).toContain(message)
  })

  it('explains its options', () => {
    for (const name of Object.keys(verifyOptions)) {
      expect(verifyCommand.usage).toContain(`  --${name}`)
    }
  })
})
