import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type FakeOss,
  type FakeOssOptions,
  type Fault,
  startFakeOss,
} from '../support/fake-oss/index.js'
import { credentials, sentinels, startOssup, temporaryFolder, towards } from './ossup-process.js'

let fake: FakeOss
let folder: Awaited<ReturnType<typeof temporaryFolder>>
const bytes = randomBytes(6 * 100 * 1024 - 7)

async function startFake(options: FakeOssOptions = {}): Promise<void> {
  fake = await startFakeOss({ credentials: [credentials], ...options })
}

beforeEach(async () => {
  folder = await temporaryFolder()
  await writeFile(join(folder.path, 'f.bin'), bytes)
})

afterEach(async () => {
  await fake.close()
  await folder[Symbol.asyncDispose]()
})

async function ossup(argv: readonly string[], env: Record<string, string | undefined> = {}) {
  const command = ['upload', 'f.bin', 'oss://examplebucket/k', '--part-size', '100KiB']
  const { ended } = startOssup([...command, ...towards(fake), ...argv], { cwd: folder.path, env })
  const { exitCode, stdout, stderr } = await ended
  for (const secret of Object.values(sentinels)) expect(stdout + stderr).not.toContain(secret)
  expect(stderr).not.toMatch(/^\s+at /m)
  const words = stderr
    .split('\n')
    .filter((line) => !/^(?:ossup: (?:sending|completing): |$)/.test(line))
  return { exitCode, stdout, words }
}

const stored = () => fake.object('examplebucket', 'k')?.read().equals(bytes)

/** The first `times` requests of an operation meet with a fault. */
const first =
  (times: number, operation: string, fault: Fault): NonNullable<FakeOssOptions['fault']> =>
  (request) =>
    request.operation === operation && times-- > 0 ? fault : undefined

const busy = { type: 'status', status: 503, code: 'ServiceUnavailable', message: 'm' } as const
const failing = { type: 'status', status: 500, code: 'InternalError', message: 'm' } as const

describe('a single failure', () => {
  it('is got over in silence', async () => {
    await startFake({ fault: first(2, 'UploadPart', failing) })
    expect(await ossup([])).toMatchObject({ exitCode: 0, words: [] })
    expect(stored()).toBe(true)
  })

  it('is told with --verbose, as is every request', async () => {
    await startFake({ fault: first(1, 'UploadPart', failing) })
    const { exitCode, words } = await ossup(['--verbose', '--concurrency', '1'])
    expect(exitCode).toBe(0)
    expect(words).toEqual([
      expect.stringMatching(
        /^ossup: note: InitiateMultipartUpload answered 200 in .* \(request id \w+\)$/,
      ),
      expect.stringMatching(
        /^ossup: note: part 1: UploadPart attempt 1 failed after .*: 500 InternalError \(request id .*\); again in \d+ ms$/,
      ),
      ...Array(6).fill(expect.stringMatching(/: part \d: UploadPart answered 200 in /)),
      expect.stringMatching(/: CompleteMultipartUpload answered 200 in /),
    ])
  })

  it('is a JSON line, and the attempts are too with --verbose', async () => {
    await startFake({ fault: first(1, 'UploadPart', failing) })
    const events = (text: string): string[] =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
        .flatMap(({ event }) => event ?? [])
    const calm = await ossup(['--json'])
    expect(events(calm.stdout)).toEqual(['retry'])
    const { stdout } = await ossup(['--json', '--verbose'])
    expect(events(stdout).filter((event) => event === 'attempt')).toHaveLength(8)
  })
})

describe('waiting is explained', () => {
  it('when OSS asks for less', async () => {
    await startFake({ fault: first(4, 'UploadPart', busy) })
    const { exitCode, words } = await ossup(['--concurrency', '4'])
    expect(exitCode).toBe(0)
    expect(words[0]).toBe('ossup: note: OSS asks for less (ServiceUnavailable): 2 parts at a time')
  })

  it.each([
    [125 * 60_000, '2 h 5 min behind'],
    [-3 * 86_400_000, '3 d ahead'],
  ])('when the clock is off by %i ms, which is corrected', async (offset, text) => {
    await startFake({ now: () => new Date(Date.now() + offset + 100) })
    const { exitCode, words } = await ossup([])
    expect({ exitCode, words }).toEqual({
      exitCode: 0,
      words: [
        `ossup: warning: this machine's clock is ${text}: requests are signed with OSS's time`,
      ],
    })
    expect(stored()).toBe(true)
  })

  it('when there is no answer', async () => {
    await startFake({ fault: first(1, 'InitiateMultipartUpload', { type: 'hang' }) })
    const { exitCode, words } = await ossup(['--answer-timeout', '1s'])
    expect(exitCode).toBe(0)
    expect(words).toEqual([expect.stringMatching(/^ossup: note: no answer for 5\d\d ms; waiting$/)])
  })
})

describe('credentials that seem to have expired', () => {
  it('are used, because the clock is likelier to be wrong', async () => {
    const ahead = 2 * 86_400_000
    await startFake({ now: () => new Date(Date.now() - ahead) })
    const server = createServer((_, response) => {
      response.end(
        JSON.stringify({
          ...{ Code: 'Success', AccessKeyId: credentials.accessKeyId },
          ...{ AccessKeySecret: credentials.accessKeySecret },
          SecurityToken: credentials.securityToken,
          Expiration: new Date(Date.now() - ahead + 3_600_000).toISOString(),
        }),
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      const { exitCode, words } = await ossup(['--credentials', 'uri'], {
        ALIBABA_CLOUD_CREDENTIALS_URI: `http://127.0.0.1:${port}/`,
      })
      expect({ exitCode, words }).toEqual({
        exitCode: 0,
        words: [expect.stringContaining("this machine's clock is 2 d ahead")],
      })
    } finally {
      server.close()
    }
  })
})

describe('a failure', () => {
  it('tells of each attempt, and what to do', async () => {
    await startFake({ fault: first(99, 'UploadPart', failing) })
    const { exitCode, words } = await ossup(['--attempts', '3', '--concurrency', '1'])
    expect(exitCode).toBe(3)
    const attempt = String.raw`at \d\d:\d\d:\d\dZ, .*: 500 InternalError \(request id \w+\)`
    expect(words).toEqual([
      expect.stringMatching(/^ossup: error: UploadPart failed: .*; OSS is busy or failing/),
      expect.stringMatching(`^ossup: note: attempt 1 ${attempt}; then waited .*s$`),
      expect.stringMatching(`^ossup: note: attempt 2 ${attempt}; then waited .*s$`),
      expect.stringMatching(`^ossup: note: attempt 3 ${attempt}$`),
      expect.stringMatching(/^ossup: note: more about EC [-\d]+: https:\/\/api\.aliyun\.com\/\S+$/),
      expect.stringMatching(/; run the same command again to resume$/),
    ])
  })

  it('has all of them in its JSON line', async () => {
    await startFake({ fault: first(99, 'UploadPart', failing) })
    const { words } = await ossup(['--attempts', '2', '--concurrency', '1', '--json'])
    const { attempts, recommendDoc } = JSON.parse(words.join('\n'))
    expect(attempts).toMatchObject([
      { code: 'InternalError', status: 500, verdict: 'server' },
      { code: 'InternalError', status: 500, verdict: 'fail' },
    ])
    expect(recommendDoc).toMatch(/^https:\/\/api\.aliyun\.com\//)
  })

  it('names the permission that is missing', async () => {
    await startFake({ denied: ['UploadPart'] })
    const { words } = await ossup([])
    expect(words[0]).toContain('; grant oss:PutObject to the RAM user or role')
  })

  it.each([
    [200, 'InitiateMultipartUpload failed: malformed answer'],
    [511, 'InitiateMultipartUpload failed: the answer has no OSS error document'],
  ])('by a login page with the status %i says so', async (status, text) => {
    const headers = { 'content-type': 'text/html', 'x-oss-request-id': undefined }
    const body = '<!doctype html><title>Welcome to the hotel'
    const page = { type: 'replace', apply: false, status, headers, body } as const
    await startFake({ fault: () => page })
    const { exitCode, words } = await ossup(['--attempts', '1'])
    expect(exitCode).toBe(1)
    expect(words).toEqual([expect.stringContaining(text)])
    expect(words[0]).toContain('; a captive portal or a proxy answered in place of OSS')
  })

  it('by a redirect says that it is not followed, and where it leads', async () => {
    const headers = { location: 'http://login.example/?session=sentinel-session' }
    await startFake({ fault: () => ({ type: 'replace', apply: false, status: 302, headers }) })
    const { words } = await ossup([])
    expect(words[0]).toMatch(/; redirects are not followed: .*login\.example is its login page$/)
    expect(words[0]).not.toContain('sentinel-session')
  })
})

describe('--deadline', () => {
  it('ends an upload that takes too long, and the same command continues it', async () => {
    await startFake({
      fault: ({ operation, query }) =>
        operation === 'UploadPart' && query['partNumber'] === '4' ? { type: 'hang' } : undefined,
    })
    const { exitCode, words } = await ossup(['--deadline', '2s', '--concurrency', '1'])
    expect({ exitCode, words }).toEqual({
      exitCode: 3,
      words: [
        'ossup: error: the upload was not complete within 2 s (deadline); run the same command again to resume',
        'ossup: note: 3 of 6 parts are safe',
      ],
    })
    expect(await readdir(folder.path)).toContain('f.bin.ucp')
    fake.setFault()
    const resumed = await ossup(['--concurrency', '1'])
    expect(resumed.exitCode).toBe(0)
    expect(resumed.words.join('\n')).toContain('of an earlier run kept')
    expect(stored()).toBe(true)
  })
})

describe('--attempts', () => {
  it('1 tries nothing twice', async () => {
    await startFake({ fault: first(1, 'UploadPart', failing) })
    const { exitCode, words } = await ossup(['--attempts', '1', '--concurrency', '1'])
    expect(exitCode).toBe(3)
    expect(words.filter((line) => / attempt /.test(line))).toEqual([])
    const parts = fake.requests.filter(({ operation }) => operation === 'UploadPart')
    expect(parts).toHaveLength(1)
  })
})
