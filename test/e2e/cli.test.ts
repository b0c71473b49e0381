import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeOss, type FakeOssOptions, startFakeOss } from '../support/fake-oss/index.js'
import {
  commandPath,
  credentials,
  type Ended,
  keptTexts,
  runtimePath,
  type StartOptions,
  sentinels,
  startOssup,
  temporaryFolder,
  towards,
  until,
} from './ossup-process.js'

let fake: FakeOss
let folder: Awaited<ReturnType<typeof temporaryFolder>>

/** 20 parts; at this speed they take 5 s with one connection. */
const slow = { bytesPerSecondPerConnection: 400_000 }
const partSize = 100 * 1024
const bytes = randomBytes(20 * partSize - 7)

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

const begin = (argv: readonly string[], options: Partial<StartOptions> = {}) => {
  const { child, ended } = startOssup(argv, { cwd: folder.path, ...options })
  return { child, ended: ended.then(checked) }
}

/** What holds for every run, however it ends. */
async function checked(ended: Ended): Promise<Ended> {
  const everything = ended.stdout + ended.stderr + (await keptTexts(folder.path))
  for (const secret of Object.values(sentinels)) expect(everything).not.toContain(secret)
  expect(everything).not.toMatch(/^\s+at .*:\d+:\d+/m)
  expect(everything).not.toMatch(/x-oss-signature|Authorization|\?partNumber/i)
  return ended
}

const ossup = (argv: readonly string[], options: Partial<StartOptions> = {}) =>
  begin(argv, options).ended

const upload = (...more: string[]) => [
  'upload',
  'f.bin',
  'oss://examplebucket/dir/k',
  ...towards(fake),
  ...more,
]
const inParts = (...more: string[]) => upload('--part-size', '100KiB', ...more)

const jsonLines = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))

const stored = () => fake.object('examplebucket', 'dir/k')?.read()

describe('success', () => {
  it('is one line on stdout', async () => {
    const { exitCode, stdout, stderr } = await ossup(inParts())
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(
      /^oss:\/\/examplebucket\/dir\/k {2}2047993 bytes {2}crc64 \d+ {2}etag [0-9A-F]{32}-20\n$/,
    )
    expect(stderr).toMatch(/^(?:ossup: (?:sending|completing): .*\n)*$/)
    expect(stored()?.equals(bytes)).toBe(true)
    expect(await readdir(folder.path)).toEqual(['f.bin'])
  })

  it('is the last of the JSON lines', async () => {
    const { exitCode, stdout, stderr } = await ossup(inParts('--json'))
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const lines = jsonLines(stdout)
    expect(new Set(lines.map(({ type }) => type))).toEqual(new Set(['progress', 'result']))
    expect(lines.at(-1)).toEqual({
      type: 'result',
      etag: fake.object('examplebucket', 'dir/k')?.etag.replaceAll('"', ''),
      crc64: fake.object('examplebucket', 'dir/k')?.crc64,
      size: bytes.length,
      uploadId: fake.completed[0]?.uploadId,
      outcome: 'completed',
      resumed: { parts: 0, bytes: 0 },
      sent: { parts: 20, bytes: bytes.length },
      parts: 20,
      bucket: 'examplebucket',
      key: 'dir/k',
      abandonedUploadIds: [],
    })
  })

  it.each([0, 1, 5])('a file of %i bytes is stored in one request', async (size) => {
    await writeFile(join(folder.path, 'f.bin'), bytes.subarray(0, size))
    const { exitCode, stdout } = await ossup(upload('--json', '--quiet'))
    expect(exitCode).toBe(0)
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({ type: 'result', size, uploadId: null }),
    ])
    expect(stored()?.equals(bytes.subarray(0, size))).toBe(true)
    expect(fake.requests.map(({ operation }) => operation)).toEqual(['PutObject'])
  })

  it('quiet says nothing on stderr', async () => {
    expect(await ossup(inParts('--quiet'))).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('region and endpoint may come from the environment', async () => {
    const env = { OSS_REGION: 'cn-hangzhou', OSS_ENDPOINT: fake.endpoint }
    const { exitCode } = await ossup(['upload', 'f.bin', 'oss://examplebucket/dir/k'], { env })
    expect(exitCode).toBe(0)
  })

  it('the key is taken literally', async () => {
    const key = 'a%20b c?d#e/../é'
    const { exitCode } = await ossup([
      'upload',
      'f.bin',
      `oss://examplebucket/${key}`,
      ...towards(fake),
    ])
    expect(exitCode).toBe(0)
    expect(fake.object('examplebucket', key)?.size).toBe(bytes.length)
  })

  it('nobody reading stdout does not break it', async () => {
    const { child, ended } = begin(inParts('--json'))
    child.stdout?.destroy()
    expect(await ended).toMatchObject({ exitCode: 0, signal: null, stderr: '' })
    expect(stored()?.equals(bytes)).toBe(true)
  })
})

describe('failure', () => {
  const refused = async (
    argv: readonly string[],
    exitCode: number,
    said: RegExp,
    env: Readonly<Record<string, string | undefined>> = {},
  ) => {
    // Two at once need two checkpoints.
    const twin = join(folder.path, 'twin')
    await mkdir(twin)
    await writeFile(join(twin, 'f.bin'), bytes)
    const [words, json] = await Promise.all([
      ossup(argv, { env }),
      ossup([...argv, '--json'], { env, cwd: twin }),
    ])
    expect(words.stderr).toMatch(/^ossup: error: [^\n]*; [^\n]*\n(?:ossup: note: [^\n]*\n)*$/)
    expect(words.stderr).toMatch(said)
    expect(words).toMatchObject({ exitCode, signal: null, stdout: '' })
    expect(json.exitCode).toBe(exitCode)
    expect(jsonLines(json.stderr)).toEqual([
      expect.objectContaining({ type: 'error', exitCode, resumable: false }),
    ])
    expect(fake.uploads('examplebucket')).toEqual([])
  }

  it('a missing file', () =>
    refused(
      ['upload', 'none', 'oss://examplebucket/k', ...towards(fake)],
      1,
      /none: there is no such file/,
    ))

  it('a directory', async () => {
    await mkdir(join(folder.path, 'd'))
    await refused(
      ['upload', 'd', 'oss://examplebucket/k', ...towards(fake)],
      1,
      /d: it is not a regular file/,
    )
  })

  it('an unreadable file', async () => {
    // root may read everything: then somebody else tries, with a copy of the command where anybody may read it.
    const isRoot = process.getuid?.() === 0
    await cp(join(commandPath, '../..'), join(folder.path, 'dist'), { recursive: true })
    await writeFile(join(folder.path, 'package.json'), '{"type":"module","version":"0.0.0"}')
    await chmod(folder.path, 0o755)
    await writeFile(join(folder.path, 'locked'), 'x', { mode: 0 })
    const argv = ['upload', 'locked', 'oss://examplebucket/k', ...towards(fake)]
    const { exitCode, stdout, stderr } = await startOssup(argv, {
      cwd: folder.path,
      main: join(folder.path, 'dist/cli/main.js'),
      uid: isRoot ? 65_534 : undefined,
    }).ended
    expect(stderr).toBe(
      'ossup: error: cannot read locked: permission denied (EACCES); check the path and its permissions\n',
    )
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  })

  it.each([
    ['99KiB', /--part-size must be .* 102400 \(100 KiB\)/],
    ['6GiB', /--part-size must be .* 5368709120 \(5 GiB\)/],
    ['1MB', /--part-size "1MB" is not a size; give bytes or a number with KiB/],
    ['0.3KiB', /not a whole number of bytes/],
  ])('a part size of %s', (size, said) => refused(upload('--part-size', size), 2, said))

  it('a concurrency out of range', () =>
    refused(upload('--concurrency', '0'), 2, /--concurrency must be a whole number, 1 to 1000/))

  it.each([
    [
      'https://b.example/k?x-oss-signature=1',
      /not an oss:\/\/ URL.*write it as oss:\/\/<bucket>\/<key>/,
    ],
    ['oss://examplebucket', /names no key/],
    ['oss://Example_Bucket/k', /bucket must be 3\.\.63 lower-case letters/],
    ['oss://examplebucket//k', /key must not start with/],
  ])('the destination %s', (url, said) =>
    refused(['upload', 'f.bin', url, ...towards(fake)], 2, said),
  )

  it('a bad endpoint', () =>
    refused(
      ['upload', 'f.bin', 'oss://examplebucket/k', '--region', 'r', '--endpoint', 'http://h/path'],
      2,
      /--endpoint must be/,
    ))

  it('an endpoint where nobody listens', () =>
    refused(
      [
        'upload',
        'f.bin',
        'oss://examplebucket/k',
        '--region',
        'r',
        '--endpoint',
        'http://127.0.0.1:1',
      ],
      1,
      /ECONNREFUSED.*check the endpoint, its port and proxies/,
    ))

  it('a missing region', () =>
    refused(['upload', 'f.bin', 'oss://examplebucket/k'], 2, /no region is given; add --region/))

  it('an unknown option', () =>
    refused(upload('--fast'), 2, /unknown option --fast; see: ossup upload --help/))

  it('a wrong secret', () =>
    refused(inParts(), 1, /SignatureDoesNotMatch.*check that OSS_ACCESS_KEY_SECRET/, {
      OSS_ACCESS_KEY_SECRET: sentinels.wrongSecret,
    }))

  it('a wrong access key id', () =>
    refused(inParts(), 1, /InvalidAccessKeyId.*check OSS_ACCESS_KEY_ID/, {
      OSS_ACCESS_KEY_ID: 'nobody',
    }))

  it.each(['OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET'])('%s is missing', (name) =>
    refused(inParts(), 1, new RegExp(`${name} is not set; set OSS_ACCESS_KEY_ID and`), {
      [name]: undefined,
    }),
  )

  it('a missing bucket', () =>
    refused(
      ['upload', 'f.bin', 'oss://nobucket/k', ...towards(fake), '--part-size', '100KiB'],
      1,
      /NoSuchBucket.*check the bucket name/,
    ))

  it('a key that would forge a line', async () => {
    const key = 'k\nossup: note: all is well'
    await refused(
      ['upload', 'none\nossup: x', `oss://examplebucket/${key}`, ...towards(fake)],
      1,
      /none\\nossup: x/,
    )
  })

  it('an upload that failed in the middle is resumed by the same command', async () => {
    fake.setFault(({ operation, partNumber }) =>
      operation === 'UploadPart' && partNumber === 7
        ? { type: 'status', status: 403, code: 'AccessDenied' }
        : undefined,
    )
    const failed = await ossup(inParts('--concurrency', '2'))
    expect(failed.exitCode).toBe(3)
    const [error, more, note, end] = failed.stderr
      .split('\n')
      .filter((line) => !line.includes('sending:'))
    expect(error).toMatch(/^ossup: error: UploadPart failed: .*AccessDenied/)
    expect(more).toMatch(/^ossup: note: more about EC /)
    expect(note).toMatch(
      /^ossup: note: \d+ of 20 parts are safe; run the same command again to resume$/,
    )
    expect(end).toBe('')

    const denied = await ossup(inParts('--json'), {
      env: { OSS_ACCESS_KEY_SECRET: sentinels.wrongSecret },
    })
    expect(denied.exitCode).toBe(3)
    expect(jsonLines(denied.stderr)).toEqual([
      {
        type: 'error',
        code: 'SignatureDoesNotMatch',
        message: expect.any(String),
        hint: expect.any(String),
        exitCode: 3,
        resumable: true,
        requestId: expect.any(String),
        ec: expect.any(String),
        status: 403,
        uploadId: fake.uploads('examplebucket')[0]?.uploadId,
        checkpointPath: 'f.bin.ucp',
        recommendDoc: expect.stringMatching(/^https:\/\/api\.aliyun\.com\//),
        attempts: [expect.objectContaining({ code: 'SignatureDoesNotMatch', verdict: 'fail' })],
        abandonedUploadIds: [],
      },
    ])

    fake.setFault()
    const acknowledged = fake.acknowledged.length
    expect(acknowledged).toBeGreaterThan(0)
    const resumed = await ossup(inParts())
    expect(resumed.exitCode).toBe(0)
    expect(resumed.stderr).toMatch(/^ossup: note: continuing upload \S+, which has \d+ parts?$/m)
    expect(fake.acknowledged.length).toBe(20)
    expect(stored()?.equals(bytes)).toBe(true)
  })

  it('a checkpoint of another upload is refused, and given up only when told', async () => {
    fake.setFault(({ partNumber }) =>
      partNumber === 7 ? { type: 'status', status: 403, code: 'AccessDenied' } : undefined,
    )
    await ossup(inParts())
    fake.setFault()
    const other = [
      'upload',
      'f.bin',
      'oss://examplebucket/other',
      ...towards(fake),
      '--part-size',
      '100KiB',
    ]
    const refusal = await ossup(other)
    expect(refusal).toMatchObject({ exitCode: 4, stdout: '' })
    expect(refusal.stderr).toMatch(
      /^ossup: error: [^\n]*belongs to another upload[^\n]*--restart[^\n]*\n$/,
    )
    expect((await ossup([...other, '--restart'])).exitCode).toBe(0)
    expect(fake.uploads('examplebucket')).toEqual([])
  })
})

describe('signals', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s stops the upload, and the same command resumes it', async (signal, exitCode) => {
    await restartFake(slow)
    const { child, ended } = begin(inParts('--concurrency', '2'))
    await until(() => fake.acknowledged.length >= 4)
    child.kill(signal)
    const { stderr, ...cancelled } = await ended
    expect(cancelled).toEqual({ exitCode, signal: null, stdout: '' })
    const lines = stderr.split('\n').filter((line) => !line.includes('sending:'))
    expect(lines).toEqual([
      `ossup: error: cancelled by ${signal}; run the same command again to resume`,
      expect.stringMatching(/^ossup: note: \d+ of 20 parts are safe$/),
      '',
    ])
    expect((await readdir(folder.path)).sort()).toEqual(['f.bin', 'f.bin.ucp'])
    const acknowledged = new Set(fake.acknowledged.map(({ partNumber }) => partNumber))
    const before = fake.acknowledged.length
    expect((await ossup(inParts('--concurrency', '8'))).exitCode).toBe(0)
    const again = fake.acknowledged
      .slice(before)
      .filter(({ partNumber }) => acknowledged.has(partNumber))
    expect(again).toEqual([])
    expect(stored()?.equals(bytes)).toBe(true)
    expect(await readdir(folder.path)).toEqual(['f.bin'])
  })

  it('with --on-abort discard nothing is kept', async () => {
    await restartFake(slow)
    const { child, ended } = begin(inParts('--on-abort', 'discard'))
    await until(() => fake.acknowledged.length >= 2)
    child.kill('SIGINT')
    const { exitCode, stderr } = await ended
    expect(exitCode).toBe(130)
    expect(stderr).toContain('cancelled by SIGINT; nothing is kept: running again starts over\n')
    expect(await readdir(folder.path)).toEqual(['f.bin'])
    expect(fake.uploads('examplebucket')).toEqual([])
  })

  it('a second SIGINT exits at once', async () => {
    await restartFake(slow)
    fake.setFault(({ operation }) =>
      operation === 'AbortMultipartUpload' ? { type: 'hang' } : undefined,
    )
    const { child, ended } = begin(inParts('--on-abort', 'discard'))
    await until(() => fake.acknowledged.length >= 2)
    child.kill('SIGINT')
    await until(() => fake.requests.some(({ operation }) => operation === 'AbortMultipartUpload'))
    // One press of a key may arrive twice; what comes later is another.
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(child.exitCode).toBeNull()
    const pressedAt = performance.now()
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ exitCode: 130, signal: null })
    expect(performance.now() - pressedAt).toBeLessThan(2_000)
  })

  it('a second process is told that the checkpoint is in use', async () => {
    await restartFake(slow)
    const { child, ended } = begin(inParts())
    await until(() => fake.acknowledged.length >= 2)
    const second = await ossup(inParts())
    expect(second).toMatchObject({ exitCode: 3, stdout: '' })
    expect(second.stderr).toMatch(/^ossup: error: the checkpoint is in use by process \d+ on .*\n/)
    child.kill('SIGTERM')
    expect((await ended).exitCode).toBe(143)
  })
})

describe('what is loaded', () => {
  /** Runs with a hook that writes down every module as it is resolved. */
  const loadedBy = async (...argv: string[]) => {
    const log = join(folder.path, 'loaded.txt')
    const hooks = join(folder.path, 'hooks.mjs')
    const hook = join(folder.path, 'hook.mjs')
    await writeFile(
      hooks,
      `import { appendFileSync } from 'node:fs'
       export async function resolve(specifier, context, next) {
         const found = await next(specifier, context)
         appendFileSync(${JSON.stringify(log)}, found.url + '\\n')
         return found
       }`,
    )
    await writeFile(
      hook,
      `import { appendFileSync } from 'node:fs'
       import { createRequire, register } from 'node:module'
       register('./hooks.mjs', import.meta.url)
       // What is required passes no hook.
       const { cache } = createRequire(import.meta.url)
       process.on('exit', () => appendFileSync(${JSON.stringify(log)}, Object.keys(cache).join('\\n')))`,
    )
    const ended = await ossup(argv, { nodeOptions: ['--import', hook] })
    return { ...ended, loaded: await readFile(log, 'utf8') }
  }

  it.each(['--version', '--help'])('%s loads nothing but its own file', async (option) => {
    const { exitCode, loaded } = await loadedBy(option)
    expect(exitCode).toBe(0)
    const files = loaded.split('\n').filter((url) => url.startsWith('file:'))
    expect(files.map((url) => url.replace(/.*\/dist\//, ''))).toEqual(['cli/main.js'])
  })

  it.each([
    [['upload', '--help'], 0],
    [[], 2],
    [['uplaod'], 2],
    [['upload', 'f.bin'], 2],
    [['upload', 'f.bin', 'oss://examplebucket/k', '--region', 'r', '--part-size', '1MB'], 2],
  ] as const)('%j loads no package', async (argv, exitCode) => {
    const ended = await loadedBy(...argv)
    expect(ended.exitCode).toBe(exitCode)
    expect(ended.loaded).toContain('/dist/cli/commands.js')
    expect(ended.loaded).not.toContain('node_modules')
  })

  it('an upload loads what it needs', async () => {
    const { exitCode, loaded } = await loadedBy(...upload())
    expect(exitCode).toBe(0)
    expect(loaded).toContain('/node_modules/undici/')
  })
})

describe('a stdout that takes nothing', () => {
  it('is told of on stderr, with exit code 1', () => {
    const readOnly = openSync(commandPath, 'r')
    const { status, stderr } = spawnSync(runtimePath, [commandPath, '--version'], {
      stdio: ['ignore', readOnly, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(readOnly)
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^ossup: error: cannot write to stdout: E[A-Z]+: .*; free some space or write elsewhere\n$/,
    )
  })
})
