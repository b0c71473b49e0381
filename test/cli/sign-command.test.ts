import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runSign } from '../../src/cli/sign-command.js'
import { signRequest } from '../../src/signing/index.js'
import { pretendIo } from './fixtures.js'

vi.mock('undici', () => {
  throw new Error('no HTTP client is needed to explain')
})

const env = {
  OSS_ACCESS_KEY_ID: 'EXAMPLEKEYID',
  OSS_ACCESS_KEY_SECRET: 'SENTINEL-secret',
  OSS_SESSION_TOKEN: 'SENTINEL-token/+=',
  OSS_REGION: 'cn-hangzhou',
}
const credentials = {
  accessKeyId: env.OSS_ACCESS_KEY_ID,
  accessKeySecret: env.OSS_ACCESS_KEY_SECRET,
  securityToken: env.OSS_SESSION_TOKEN,
}
const time = new Date('2025-01-02T03:04:05Z')
const context = { region: 'cn-hangzhou', credentials, time }
const request = {
  method: 'PUT',
  bucket: 'examplebucket',
  key: 'a&b <c>',
  query: { partNumber: '1', uploadId: 'U' },
  headers: { 'content-type': 'text/plain' },
}
const described = [
  ...['explain', 'oss://examplebucket/a&b <c>', '--method', 'PUT'],
  ...['--query', 'partNumber=1', '--query', 'uploadId=U'],
]

const escaped = (text: string) =>
  text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c)

/** What OSS answers to a request that arrives so. */
function errorBody(received: object = {}, how: object = {}, more = ''): string {
  const signed = signRequest({ ...request, ...received }, { ...context, ...how })
  return `<?xml version="1.0" encoding="UTF-8"?>
<Error>
  <Code>SignatureDoesNotMatch</Code>
  <Message>The request signature we calculated does not match the signature you provided.</Message>
  <OSSAccessKeyId>EXAMPLEKEYID</OSSAccessKeyId>
  <SignatureProvided>${signed.signature}</SignatureProvided>
  <StringToSign>${escaped(signed.stringToSign)}</StringToSign>
  <CanonicalRequest>${escaped(signed.canonicalRequest)}</CanonicalRequest>${more}
</Error>`
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ossup-sign-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function sign(argv: readonly string[], input = '', variables: Record<string, string> = env) {
  const io = pretendIo({ argv: ['sign', ...argv], env: variables, input })
  const exitCode = await runSign(io, argv, () => new Date('2030-01-01T00:00:00Z'))
  expect(io.out + io.err).not.toMatch(/SENTINEL|[0-9a-f]{64}"?,?Signature|Signature=[0-9a-f]{9}/)
  return { exitCode, out: io.out, err: io.err }
}

describe('runSign', () => {
  it('prints every step of a request, signed now', async () => {
    const { exitCode, out, err } = await sign([
      ...described,
      '--header',
      'Content-Type: text/plain',
    ])
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect([...out.matchAll(/^\d\. .*/gm)].map(([line]) => line)).toEqual([
      '1. Time and scope',
      '2. Canonical URI',
      '3. Canonical query',
      '4. Canonical headers',
      '5. Additional headers',
      '6. Canonical request',
      '7. String to sign',
      '8. Signing key',
      '9. Authorization',
    ])
    expect(out).toContain('x-oss-security-token:[redacted]')
    expect(out).toContain('x-oss-date:20300101T000000Z')
    expect(out).not.toMatch(/note:|likely cause/)
  })

  it('explains a presigned URL', async () => {
    const more = ['--expires', '1h', '--endpoint', 'http://127.0.0.1:9000', '--time']
    const { out } = await sign([...described, ...more, '20250102T030405Z'])
    expect(out).toContain('\n9. URL\n   http://127.0.0.1:9000/examplebucket/a%26b%20%3Cc%3E?')
    expect(out).toContain('x-oss-expires=3600')
  })

  it('explains a request to the service', async () => {
    const { out } = await sign(['explain', 'oss://'])
    expect(out).toContain('2. Canonical URI\n   /\n')
  })

  it.each([
    [
      'nothing',
      {},
      {},
      'what was described agrees, so the AccessKey secret is wrong, or something',
    ],
    ['a wrong region', {}, { region: 'cn-beijing' }, 'wrong region: signed for cn-hangzhou'],
    ['a rewritten path', { key: 'a&b' }, {}, 'the path was rewritten'],
    ['an added parameter', { query: { ...request.query, x: '' } }, {}, 'parameter x was added'],
  ])('finds %s in a saved answer', async (_, received, how, cause) => {
    const path = join(folder, 'error.xml')
    await writeFile(path, errorBody(received, how))
    const { exitCode, out } = await sign([...described, '--error-file', path])
    expect(exitCode).toBe(0)
    expect(out).toContain(
      'note: taken from the error file: time 20250102T030405Z; headers content-type\n',
    )
    expect(out).toContain(`likely cause: `)
    expect(out).toContain(cause)
  })

  it('finds a wrong secret when the whole request is described', async () => {
    const headers = ['--header', 'Content-Type: text/plain', '--error-file', '-']
    const { out } = await sign([...described, ...headers], errorBody())
    expect(out).toContain('likely cause: every line agrees, so the secret is what differs')
  })

  it('finds a rewritten header when the headers are described', async () => {
    const received = { headers: { 'content-type': 'text/html' } }
    const headers = ['--header', 'Content-Type: text/plain', '--error-file', '-']
    const { out } = await sign([...described, ...headers], errorBody(received))
    expect(out).toContain(
      'first difference: CanonicalRequest, line 4\n   ours:   content-type:text/plain\n   theirs: content-type:text/html\nlikely cause: the header content-type was rewritten',
    )
  })

  it('takes the whole request from stdin when nothing is described', async () => {
    const { OSS_REGION: _, ...nowhere } = env
    const { out } = await sign(['explain', '--error-file', '-'], errorBody(), nowhere)
    expect(out).toContain(
      'note: taken from the error file: method PUT; bucket and key; query; time 20250102T030405Z; headers content-type; region cn-hangzhou\n',
    )
    expect(out).toContain('likely cause: what was described agrees')
  })

  it('reads the document of a HEAD from x-oss-err', async () => {
    const encoded = Buffer.from(errorBody()).toString('base64')
    const { exitCode, out } = await sign(['explain', '--error-file', '-'], `${encoded}\n`)
    expect(exitCode).toBe(0)
    expect(out).toContain('likely cause: what was described agrees')
  })

  it('says what the comparison cannot know', async () => {
    const other = errorBody().replace('<OSSAccessKeyId>E', '<OSSAccessKeyId>F')
    const { out } = await sign(['explain', '--error-file', '-'], other)
    expect(out).toContain('note: the error file is about another AccessKey ID than')
    const denied = '<Error><Code>AccessDenied</Code></Error>'
    const said = await sign(['explain', '--error-file', '-'], denied)
    expect(said.out).toContain('note: the error file is about AccessDenied, not')
    expect(said.out).toContain('note: the error file has neither CanonicalRequest nor')
    expect(said.out).not.toContain('likely cause')
  })

  it('is one JSON line with --json', async () => {
    const argv = [...described, '--error-file', '-', '--json']
    const { out } = await sign(argv, errorBody({}, { region: 'cn-beijing' }))
    expect(out.split('\n')).toHaveLength(2)
    expect(JSON.parse(out)).toMatchObject({
      type: 'explanation',
      taken: ['time 20250102T030405Z', 'headers content-type'],
      notes: [],
      steps: expect.arrayContaining([{ number: 8, title: 'Signing key', value: '[redacted]' }]),
      difference: { text: 'StringToSign', line: 3 },
      likelyCause: expect.stringContaining('wrong region'),
    })
  })

  it.each([
    ['nothing', '', 'stdin has no error document of OSS; save the body'],
    ['HTML', '<html><body>502</body></html>', 'stdin has no error document of OSS'],
    ['a cut document', errorBody().slice(0, 300), 'stdin has no error document of OSS'],
    ['too much', `${errorBody()}${' '.repeat(2_000_000)}`, 'stdin has no error document of OSS'],
  ])('%s on stdin is a failure', async (_, input, message) => {
    const { exitCode, out, err } = await sign(['explain', '--error-file', '-'], input)
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toContain(message)
  })

  it('a file that is not there is a failure', async () => {
    const { exitCode, err } = await sign(['explain', '--error-file', join(folder, 'none')])
    expect(exitCode).toBe(1)
    expect(err).toMatch(/^ossup: error: cannot read .*none: .*ENOENT.*; check the path/)
  })

  it('needs credentials and a region, and tells a wrong option', async () => {
    expect(await sign(['explain', 'oss://b/k'], '', { OSS_REGION: 'r' })).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('OSS_ACCESS_KEY_ID is not set'),
    })
    const { OSS_REGION: _, ...nowhere } = env
    expect(await sign(['explain', 'oss://b/k'], '', nowhere)).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('--region is required'),
    })
    expect(await sign(['explain', 'oss://b/k', '--expires', '8d'])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('--expires must be'),
    })
  })

  it('stops reading stdin when it is cancelled', async () => {
    const io = pretendIo({ env })
    const interruption = { signal: 'SIGINT', exitCode: 130 }
    const cancelled = {
      ...io,
      signal: io.controller.signal,
      async *stdin(): AsyncGenerator<Uint8Array> {
        io.controller.abort(interruption)
        yield Promise.reject(new Error('aborted'))
      },
    }
    expect(await runSign(cancelled, ['explain', '--error-file', '-'])).toBe(130)
  })
})
