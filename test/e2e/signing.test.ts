// The built command and its signatures: presigned URLs that work, uploads that bind more, refusals that say why.

import { createHash, randomBytes } from 'node:crypto'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { callUrl, xmlText } from '../support/raw-client.js'
import {
  commandPath,
  credentials,
  sentinels,
  startOssup,
  temporaryFolder,
  towards,
} from './ossup-process.js'

let fake: FakeOss
let folder: Awaited<ReturnType<typeof temporaryFolder>>

const partSize = 100 * 1024
const bytes = randomBytes(3 * partSize - 7)
const object = 'oss://examplebucket/dir/a/../b +%2F?#é'
const key = object.slice('oss://examplebucket/'.length)

beforeEach(async () => {
  fake = await startFakeOss({ credentials: [credentials] })
  folder = await temporaryFolder()
  await writeFile(join(folder.path, 'f.bin'), bytes)
})

afterEach(async () => {
  await fake.close()
  await folder[Symbol.asyncDispose]()
})

const ossup = (...argv: string[]) => startOssup(argv, { cwd: folder.path }).ended

/** The one line that `ossup presign` prints. */
async function presigned(...argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await ossup('presign', ...argv, ...towards(fake))
  expect({ exitCode, stderr, lines: stdout.split('\n').length }).toEqual({
    ...{ exitCode: 0, stderr: '', lines: 2 },
  })
  return stdout.trimEnd()
}

describe('ossup presign', () => {
  it('prints URLs that work without credentials: PUT, GET and each part of an upload', async () => {
    const headers = { 'Content-Type': 'text/plain' }
    const put = await presigned('put', object, '--header', 'Content-Type: text/plain')
    expect((await callUrl(put, { method: 'PUT', body: bytes, headers })).status).toBe(200)
    expect(fake.object('examplebucket', key)?.headers['content-type']).toBe('text/plain')
    const got = await callUrl(await presigned('get', object, '--expires', '60s'))
    expect(got.body.equals(bytes)).toBe(true)

    fake.setFault(({ operation }) => (operation === 'UploadPart' ? { type: 'reset' } : undefined))
    await ossup('upload', 'f.bin', object, '--part-size', '100KiB', ...towards(fake))
    fake.setFault()
    const uploadId = fake.uploads('examplebucket')[0]?.uploadId ?? ''
    const part = ['--part-number', '2', '--upload-id', uploadId]
    const answer = await callUrl(await presigned('upload-part', object, ...part), {
      ...{ method: 'PUT', body: bytes.subarray(0, partSize) },
    })
    expect(answer.status).toBe(200)
    expect(fake.acknowledged.at(-1)).toMatchObject({ uploadId, partNumber: 2 })
  })

  it('needs neither the HTTP client nor the parser: it works where neither is installed', async () => {
    const root = join(folder.path, 'bare')
    await cp(join(commandPath, '../..'), join(root, 'dist'), { recursive: true })
    await writeFile(join(root, 'package.json'), '{"type":"module","version":"0"}')
    const main = join(root, 'dist/cli/main.js')
    const run = (...argv: string[]) => startOssup(argv, { cwd: root, main }).ended
    const get = await run('presign', 'get', object, '--region', 'cn-hangzhou')
    expect(get).toMatchObject({ exitCode: 0, stderr: '' })
    const steps = await run('sign', 'explain', object, '--region', 'cn-hangzhou')
    expect(steps).toMatchObject({ exitCode: 0, stderr: '' })
    // An error file is XML: that needs the parser, and still no HTTP client.
    await mkdir(join(root, 'node_modules'))
    const parser = 'node_modules/fast-xml-parser'
    await symlink(join(commandPath, '../../..', parser), join(root, parser))
    await writeFile(join(root, 'e.xml'), '<Error><Code>SignatureDoesNotMatch</Code></Error>')
    const file = ['--region', 'cn-hangzhou', '--error-file', 'e.xml']
    expect(await run('sign', 'explain', ...file)).toMatchObject({ exitCode: 0, stderr: '' })
  })
})

describe('ossup upload', () => {
  it('binds bytes, host and length to every signature when it is told to', async () => {
    const more = ['--content-md5', '--sign-header', 'host', '--sign-header', 'Content-Length']
    const parts = ['--part-size', '100KiB', ...more]
    const { exitCode } = await ossup('upload', 'f.bin', object, ...parts, ...towards(fake))
    expect(exitCode).toBe(0)
    const sent = fake.requests.filter(({ operation }) => operation === 'UploadPart')
    const md5 = (number: number) =>
      createHash('md5')
        .update(bytes.subarray((number - 1) * partSize, number * partSize))
        .digest('base64')
    expect(sent).toHaveLength(3)
    for (const { headers, partNumber = 0 } of sent) {
      expect(headers['content-md5']).toBe(md5(partNumber))
      expect(headers['authorization']).toContain(',AdditionalHeaders=content-length;host,')
    }
    expect(fake.object('examplebucket', key)?.read().equals(bytes)).toBe(true)
  })

  it('refuses a header that cannot be signed before anything is sent', async () => {
    const more = ['--sign-header', 'a_b', ...towards(fake)]
    const { exitCode, stderr } = await ossup('upload', 'f.bin', object, ...more)
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/^ossup: error: --sign-header must be names of headers without "_"/)
    expect(fake.requests).toEqual([])
  })

  it('says by itself which header a proxy has changed, and ossup sign explain says it again', async () => {
    let body = ''
    const { port } = new URL(fake.endpoint)
    // As in the wild: it means well, and breaks the signature.
    const proxy = createServer((incoming, outgoing) => {
      const headers = { ...incoming.headers, 'x-oss-traced-by': 'proxy' }
      const { url: path, method } = incoming
      const onward = forward({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.on('data', (chunk) => {
          body += String(chunk)
        })
        answer.pipe(outgoing)
      })
      incoming.pipe(onward)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const upload = await ossup('upload', 'f.bin', object, ...towards({ endpoint }))
    proxy.closeAllConnections()
    await new Promise((resolve) => proxy.close(resolve))
    expect(upload.exitCode).toBe(1)
    const cause = /likely cause: the header x-oss-traced-by was added after signing/
    expect(upload.stderr).toMatch(cause)

    await writeFile(join(folder.path, 'error.xml'), body)
    const described = ['sign', 'explain', object, '--method', 'PUT']
    const type = ['--header', 'Content-Type: application/octet-stream']
    const file = [...type, '--error-file', 'error.xml', ...towards(fake)]
    const { exitCode, stdout, stderr } = await ossup(...described, ...file)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(
      /^note: taken from the error file: time \d{8}T\d{6}Z\n1\. Time and scope/,
    )
    expect(stdout).toMatch(cause)
    for (const secret of Object.values(sentinels)) {
      expect(upload.stdout + upload.stderr + stdout).not.toContain(secret)
    }
  })

  it('explains a presigned URL that was used with a header it does not know', async () => {
    const headers = { 'content-type': 'image/png' }
    const url = await presigned('put', object)
    const refused = await callUrl(url, { method: 'PUT', body: bytes, headers })
    expect(xmlText(refused.text, 'Code')).toBe('SignatureDoesNotMatch')
    await writeFile(join(folder.path, 'error.xml'), refused.text)
    // --header describes what the signer knew: nothing that is signed.
    const described = ['--method', 'PUT', '--header', 'accept: x', '--error-file', 'error.xml']
    const { stdout } = await ossup('sign', 'explain', object, ...described, ...towards(fake))
    expect(stdout).toMatch(/^note: taken from the error file: time .*; expiry 3600 s\n/)
    expect(stdout).toMatch(/likely cause: the header content-type was added after signing/)
    expect(stdout).not.toMatch(/x-oss-signature=[0-9a-f]{9}/)
    for (const secret of Object.values(sentinels)) expect(stdout).not.toContain(secret)
  })
})
