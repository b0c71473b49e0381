// The standalone file under the conditions that it is made for: an empty environment, a read-only directory, another user, little memory.

import { randomBytes } from 'node:crypto'
import { chmod, chown, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildStandalone } from '../../.ci/build-standalone.js'
import { filesBelow, repositoryRoot } from '../house/source-tree.js'
import { type FakeOss, type FakeOssOptions, startFakeOss } from '../support/fake-oss/index.js'
import {
  credentials,
  isNode,
  type StartOptions,
  startOssup,
  temporaryFolder,
  towards,
  until,
} from './ossup-process.js'

const partSize = 100 * 1024
const bytes = randomBytes(20 * partSize - 7)
const isRoot = process.getuid?.() === 0
/** Nobody. Only root may become somebody else; for the others a directory without write permission is read-only anyway. */
const otherUser = isRoot ? 65_534 : undefined
const users: readonly [string, number | undefined][] = [
  ['the user of the tests', undefined],
  ...(isRoot
    ? [
        ['another user', 65_534] as [string, number],
        // As in a container that was told `USER 10001`.
        ['a user without an entry in the password file', 54_321] as [string, number],
      ]
    : []),
]

/** No PATH, no HOME, nothing but what the request needs. */
const emptyEnvironment = { PATH: undefined }

let built: Awaited<ReturnType<typeof temporaryFolder>>
let main: string

beforeAll(async () => {
  built = await temporaryFolder()
  await chmod(built.path, 0o755)
  await buildStandalone({ root: repositoryRoot, outDir: join(built.path, 'out') })
  main = join(built.path, 'out/ossup.mjs')
})

afterAll(() => built[Symbol.asyncDispose]())

describe('the standalone file', () => {
  const production = async (): Promise<readonly { path: string; version: string }[]> => {
    const lock = JSON.parse(await readFile(join(repositoryRoot, 'package-lock.json'), 'utf8'))
    const all = Object.entries(lock.packages) as [string, { version: string }][]
    return all
      .filter(([path, locked]) => path !== '' && !('dev' in locked) && !('devOptional' in locked))
      .map(([path, { version }]) => ({ path, version }))
  }

  it('has the same bytes when it is built elsewhere', async () => {
    await using elsewhere = await temporaryFolder()
    const root = join(elsewhere.path, 'other name')
    const packages = (await production()).map(({ path }) => path)
    for (const path of ['src', 'package.json', 'LICENSE', 'tsconfig.json', ...packages]) {
      await cp(join(repositoryRoot, path), join(root, path), { recursive: true })
    }
    const outDir = join(elsewhere.path, 'out')
    await buildStandalone({ root, outDir })
    expect((await readdir(outDir)).sort()).toEqual(['THIRD-PARTY.txt', 'ossup.mjs'])
    for (const name of ['ossup.mjs', 'THIRD-PARTY.txt']) {
      const [here, there] = await Promise.all(
        [join(built.path, 'out'), outDir].map((folder) => readFile(join(folder, name))),
      )
      expect(there?.equals(here ?? Buffer.alloc(0)), `${name} is the same`).toBe(true)
      expect(here?.includes(repositoryRoot), `${name} names no folder`).toBe(false)
    }
  })

  it('lists each package that is inside, with its version and licence', async () => {
    const list = await readFile(join(built.path, 'out/THIRD-PARTY.txt'), 'utf8')
    const listed = [...list.matchAll(/^-{80}\n(\S+) (\S+) \(([^)\n]+)\)\n-{80}$/gm)]
    const { version } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8'))
    expect(listed.map(([, name, number]) => `${name} ${number}`)).toEqual([
      `ossup ${version}`,
      ...(await production()).map(({ path, version: number }) =>
        [path.replace('node_modules/', ''), number].join(' '),
      ),
    ])
    expect(new Set(listed.map(([, , , licence]) => licence))).toEqual(new Set(['MIT']))
    expect(list.match(/Permission is hereby granted, free of charge/g)?.length).toBe(
      // One ships no licence text.
      listed.length - 1,
    )
  })

  it('is executable, and one file of less than 2 MiB', async () => {
    const { mode, size } = await stat(main)
    expect(mode & 0o111).toBe(0o111)
    expect(size).toBeLessThan(2 * 1024 * 1024)
    expect((await readFile(main, 'utf8')).startsWith('#!/usr/bin/env node\n')).toBe(true)
  })

  it('contains every command', () => {
    const commands = filesBelow('src/cli').filter((path) => path.endsWith('-command.ts'))
    expect(commands.length).toBeGreaterThan(2)
    return readFile(main, 'utf8').then((text) => {
      for (const path of commands) expect(text).toContain(`// src/cli/${path}`)
    })
  })
})

describe('the standalone command', () => {
  let fake: FakeOss
  let folder: Awaited<ReturnType<typeof temporaryFolder>>

  async function restartFake(options: FakeOssOptions): Promise<void> {
    await fake.close()
    fake = await startFakeOss({ credentials: [credentials], ...options })
  }

  /** What everybody may read and nobody may write, and beside it a folder for the checkpoint. */
  const work = () => join(folder.path, 'work')
  const state = () => join(folder.path, 'state')

  beforeEach(async () => {
    fake = await startFakeOss({ credentials: [credentials] })
    folder = await temporaryFolder()
    await chmod(folder.path, 0o755)
    await mkdir(work())
    await mkdir(state())
    await writeFile(join(work(), 'f.bin'), bytes)
    await chmod(work(), 0o555)
  })

  afterEach(async () => {
    await fake.close()
    await chmod(work(), 0o755)
    await folder[Symbol.asyncDispose]()
  })

  const start = (argv: readonly string[], options: Partial<StartOptions> = {}) =>
    startOssup(argv, { cwd: work(), main, env: emptyEnvironment, ...options })

  const upload = (...more: string[]) => [
    ...['upload', 'f.bin', 'oss://examplebucket/k', ...towards(fake), '--json'],
    ...['--part-size', '100KiB', '--checkpoint', join(state(), 'f.ucp'), ...more],
  ]

  const giveState = async (uid: number | undefined) => {
    if (uid !== undefined) await chown(state(), uid, uid)
  }

  const stored = () => fake.object('examplebucket', 'k')?.read()

  it('knows its version and shows its help', async () => {
    const { version } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8'))
    expect(await start(['--version']).ended).toEqual({
      exitCode: 0,
      signal: null,
      stdout: `${version}\n`,
      stderr: '',
    })
    const help = await start(['upload', '--help']).ended
    expect(help).toMatchObject({ exitCode: 0, stderr: '' })
    expect(help.stdout).toMatch(/^usage: ossup upload /)
  })

  it.each(users)(
    'uploads as %s from a read-only directory, without HOME or PATH, and leaves nothing',
    async (_, uid) => {
      await giveState(uid)
      const { exitCode, stdout, stderr } = await start(upload(), { uid }).ended
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
      expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
        type: 'result',
        outcome: 'completed',
        sent: { parts: 20 },
      })
      expect(stored()?.equals(bytes)).toBe(true)
      expect(await readdir(work())).toEqual(['f.bin'])
      expect(await readdir(state())).toEqual([])
    },
  )

  it.skipIf(!isNode)('uploads 64 MiB in parts with a heap of 64 MiB', async () => {
    const large = Buffer.alloc(64 * 1024 * 1024, bytes)
    await chmod(work(), 0o755)
    await writeFile(join(work(), 'f.bin'), large)
    const { exitCode, stderr } = await start(upload('--part-size', '1MiB'), {
      nodeOptions: ['--max-old-space-size=64'],
    }).ended
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stored()?.equals(large)).toBe(true)
  })

  it('continues after kill -9 from the checkpoint in its own directory', async () => {
    await giveState(otherUser)
    await restartFake({ bytesPerSecondPerConnection: 400_000 })
    const first = start(upload(), { uid: otherUser })
    await until(() => fake.acknowledged.length >= 6)
    first.child.kill('SIGKILL')
    expect((await first.ended).signal).toBe('SIGKILL')
    expect(await readdir(state())).toContain('f.ucp')
    const known = new Set(fake.acknowledged.map(({ partNumber }) => partNumber))
    const before = fake.acknowledged.length

    const second = await start(upload('--concurrency', '9'), { uid: otherUser }).ended
    expect(second).toMatchObject({ exitCode: 0, stderr: '' })
    const again = fake.acknowledged.slice(before).map(({ partNumber }) => partNumber)
    expect(again.filter((partNumber) => known.has(partNumber))).toEqual([])
    expect(stored()?.equals(bytes)).toBe(true)
    expect(await readdir(state())).toEqual([])
  })

  it('runs no package that happens to be near it', async () => {
    const nearby = join(built.path, 'node_modules')
    for (const name of ['undici', 'fast-xml-parser']) {
      await mkdir(join(nearby, name), { recursive: true })
      await writeFile(join(nearby, name, 'index.js'), 'throw new Error("a stranger runs")')
    }
    // An error document is parsed.
    fake.setFault(({ operation }) =>
      operation === 'UploadPart'
        ? { type: 'status', status: 403, code: 'AccessDenied' }
        : undefined,
    )
    const { stderr } = await start(upload()).ended
    expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'error',
      code: 'AccessDenied',
    })
    expect(stderr).not.toContain('stranger')
  })

  it('says where the checkpoint cannot be, and what to do', async () => {
    // For root every directory can be written to.
    const { exitCode, stdout, stderr } = await start(
      ['upload', 'f.bin', 'oss://examplebucket/k', ...towards(fake), '--part-size', '100KiB'],
      { uid: otherUser },
    ).ended
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toMatch(/^ossup: error: .*f\.bin\.ucp/)
    expect(fake.uploads('examplebucket')).toEqual([])
  })

  describe.skipIf(!isNode)('loads', () => {
    /** The modules of Node that a run has loaded by its end: undici brings http2, and nothing else does. */
    const loadedBy = async (argv: readonly string[]) => {
      const log = join(state(), 'loaded.txt')
      const program = `import { writeFileSync } from 'node:fs'
        process.on('exit', () => writeFileSync(${JSON.stringify(log)}, process.moduleLoadList.join('\\n')))`
      const hook = `data:text/javascript,${encodeURIComponent(program)}`
      await start(argv, { nodeOptions: ['--import', hook] }).ended
      return (await readFile(log, 'utf8')).split('\n')
    }

    it.each([[['--version']], [['--help']], [['upload', '--help']], [['uplaod']]])(
      'no HTTP client for %j',
      async (argv) => {
        const loaded = await loadedBy(argv)
        expect(loaded.length).toBeGreaterThan(20)
        expect(loaded).not.toContain('NativeModule http2')
        expect(loaded).not.toContain('NativeModule tls')
      },
    )

    it('it for an upload', async () => {
      expect(await loadedBy(upload())).toContain('NativeModule tls')
    })
  })
})
