// A short run against a real bucket: what a fake cannot prove. It stores some 8 MiB for a minute, and removes them.
// `npm run test:live` runs it, and `npm test` does not.

import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  headObject,
  initiateMultipartUpload,
  listParts,
  OssClient,
  OssServiceError,
  presign,
  uploadFile,
  uploadPart,
} from '../../src/index.js'
import { startOssup, temporaryFolder, until } from '../e2e/ossup-process.js'
import { Crc64 } from '../support/fake-oss/index.js'
import { bucket, cleanUp, clientOptions, liveKey, missing, prefix, region } from './bucket.js'

if (missing.length > 0) {
  process.stderr.write(
    `\n*** LIVE TESTS SKIPPED, nothing was tested: set ${missing.join(', ')} to run them against a real bucket ***\n\n`,
  )
}

const partSize = 100 * 1024
const bytes = randomBytes(10 * partSize - 7)

describe.skipIf(missing.length > 0)(`a real bucket (${bucket}, ${region})`, () => {
  const client = missing.length > 0 ? undefined! : new OssClient(clientOptions)

  afterAll(async () => {
    const stays = await cleanUp()
    await client.close()
    for (const what of stays) process.stderr.write(`*** remains in ${bucket}: ${what}\n`)
  }, 60_000)

  const fetched = async (key: string): Promise<Buffer> => {
    const { url } = await presign(client, { method: 'GET', bucket, key, expiresSeconds: 300 })
    const answer = await fetch(url)
    expect(answer.status).toBe(200)
    return Buffer.from(await answer.arrayBuffer())
  }

  it('stores a small object by PutObject, with its settings, under a hostile key', async () => {
    const key = liveKey("a%20b +c?d#e&f='é中.txt")
    const { outcome, crc64 } = await uploadFile(client, {
      source: bytes.subarray(0, 1000),
      bucket,
      key,
      headers: { 'Cache-Control': 'no-cache' },
      metadata: { origin: 'ossup live test' },
    })
    expect(outcome).toBe('completed')
    const head = await headObject(client, { bucket, key })
    expect(head).toMatchObject({ size: 1000, crc64 })
    expect(head.headers['cache-control']).toBe('no-cache')
    expect(head.headers['x-oss-meta-origin']).toBe('ossup live test')
    expect((await fetched(key)).equals(bytes.subarray(0, 1000))).toBe(true)
  })

  it('stores a file in parts, whose CRC-64 OSS computes as we do', async () => {
    const key = liveKey('parts.bin')
    const result = await uploadFile(client, { source: bytes, bucket, key, partSize })
    expect(result).toMatchObject({ outcome: 'completed', size: bytes.length, sent: { parts: 10 } })
    expect(result.crc64).toBe(String(new Crc64().update(bytes).value))
    expect((await headObject(client, { bucket, key })).crc64).toBe(result.crc64)
    expect((await fetched(key)).equals(bytes)).toBe(true)
  })

  it('continues an upload that was killed with kill -9', async () => {
    const key = liveKey('killed.bin')
    await using folder = await temporaryFolder()
    const large = randomBytes(40 * partSize - 7)
    await writeFile(join(folder.path, 'f.bin'), large)
    const names = ['OSS_REGION', 'OSS_ENDPOINT', 'OSS_SESSION_TOKEN', 'HTTPS_PROXY', 'NO_PROXY']
    const env = Object.fromEntries(
      ['OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET', ...names].map((name) => [
        name,
        process.env[name],
      ]),
    )
    const argv = ['upload', 'f.bin', `oss://${bucket}/${key}`, '--json', '--part-size', '100KiB']
    // The least that OSS limits a connection to: a part takes a second.
    const slowly = ['--traffic-limit', '819200', '--concurrency', '4']
    const first = startOssup([...argv, ...slowly], { cwd: folder.path, env })
    let said = ''
    first.child.stdout?.on('data', (text: string) => {
      said += text
    })
    await until(() => /"partsDone":(?:[5-9]|\d\d)/.test(said) || first.child.exitCode !== null)
    first.child.kill('SIGKILL')
    expect((await first.ended).signal).toBe('SIGKILL')
    const second = await startOssup(argv, { cwd: folder.path, env }).ended
    expect(second).toMatchObject({ exitCode: 0, stderr: '' })
    const result = JSON.parse(second.stdout.trim().split('\n').at(-1) ?? '')
    expect(result.resumed.parts).toBeGreaterThanOrEqual(5)
    expect(result.resumed.parts + result.sent.parts).toBe(40)
    expect(await readdir(folder.path)).toEqual(['f.bin'])
    expect((await fetched(key)).equals(large)).toBe(true)
  })

  it('lists what was sent, with MD5 and CRC-64', async () => {
    const key = liveKey('unfinished.bin')
    const { uploadId } = await initiateMultipartUpload(client, { bucket, key })
    const part = bytes.subarray(0, partSize)
    const upload = { bucket, key, uploadId }
    const { etag } = await uploadPart(client, { ...upload, partNumber: 1, body: part })
    const parts = []
    for await (const listed of listParts(client, upload)) parts.push(listed)
    expect(parts).toMatchObject([{ partNumber: 1, size: partSize, etag }])
  })

  it('explains a signature that was made with a wrong secret', async () => {
    const wrong = new OssClient({
      ...clientOptions,
      credentials: {
        accessKeyId: process.env['OSS_ACCESS_KEY_ID'] ?? '',
        accessKeySecret: 'not-the-secret',
        securityToken: process.env['OSS_SESSION_TOKEN'] || undefined,
      },
    })
    const source = bytes.subarray(0, 10)
    const refused = uploadFile(wrong, { source, bucket, key: `${prefix}never` })
    const error = await refused.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    await wrong.close()
    expect(error).toBeInstanceOf(OssServiceError)
    const { code, explanation } = error as OssServiceError
    expect(code).toBe('SignatureDoesNotMatch')
    // OSS sends what it has signed itself: every line agrees, so that only the secret is left.
    expect(explanation?.difference).toBeUndefined()
    expect(explanation?.likelyCause).toMatch(/secret/)
  })
})
