// Owns the rule that what README says is true: its names exist, its tables are complete, its code runs.

import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.js'
import { uploadUsage } from '../../src/cli/upload-args.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { randomBytes, testCredentials } from '../support/world.js'
import { memberNames } from './option-types.js'
import { filesBelow } from './source-tree.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const readme = read('README.md')

function section(heading: string): string {
  const [, text = ''] = readme.split(`\n## ${heading}\n`)
  return text.split('\n## ')[0] ?? ''
}

/** The cells of every table row of a text, without the heading and the line under it. */
function rows(text: string): string[][] {
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-|\s]+\|$/.test(line))
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const codes = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

describe('README', () => {
  it('names a test that exists for every invariant', () => {
    const tests = filesBelow('test')
      .filter((path) => path.endsWith('.test.ts'))
      .map((path) => read(`test/${path}`))
      .join('\n')
    const guarantees = rows(section('What is guaranteed')).slice(1)
    expect(guarantees.map(([name]) => name)).toEqual(
      Array.from({ length: 11 }, (_, index) => `I${index + 1}`),
    )
    for (const [name, , provenBy = ''] of guarantees) {
      // A name may itself contain backquotes' content such as ${...}, never a backquote.
      const proofs = codes(provenBy)
      expect(proofs.length, name).toBeGreaterThan(0)
      for (const proof of proofs) expect(tests, `${name} is proven by "${proof}"`).toContain(proof)
    }
  })

  it('lists every option of uploadFile, and the flag of each', () => {
    const listed = rows(section('Options of `uploadFile`'))
      .slice(1)
      .flatMap(([option]) => codes(option))
    expect(listed.toSorted()).toEqual(memberNames('UploadFileOptions'))
    const flags = rows(section('Options of `uploadFile`')).flatMap((cells) => codes(cells.at(-1)))
    for (const flag of flags.filter((name) => name.startsWith('--'))) {
      expect(uploadUsage).toContain(`  ${flag}`)
    }
  })

  it('lists every error code and every exit code', () => {
    const declared = [...read('src/primitives/errors.ts').matchAll(/\| '(ERR_OSS_\w+)'/g)].map(
      ([, code]) => code,
    )
    const listed = rows(section('Errors and exit codes')).flatMap(([code]) =>
      codes(code).filter((name) => name.startsWith('ERR_')),
    )
    expect(listed.toSorted()).toEqual(declared.toSorted())
    for (const [code = ''] of rows(section('Errors and exit codes'))) {
      for (const number of code.match(/^\d+|\d{3}/g) ?? []) {
        expect(uploadUsage).toMatch(new RegExp(`^  ${number} `, 'm'))
      }
    }
  })

  it('states two commands that are what they say', () => {
    const { scripts } = JSON.parse(read('package.json'))
    expect(readme).toContain('```sh\nnpm run demo\n```')
    expect(scripts.demo).toMatch(/^npm ci .*npm run build.*kill-and-resume/)
    expect(readme).toContain('```sh\nnpm cit\n```')
    expect(scripts.test).toContain('vitest run')
  })

  it('lists every command, each with what it says of itself', () => {
    const listed = rows(section('Quick start')).slice(1)
    const names = listed.map(([name]) => codes(name)[0]?.split(' ')[0] ?? '')
    expect(names.toSorted()).toEqual([...commands.keys(), 'completion'].toSorted())
  })

  it('names scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const known = Object.keys(scripts)
    for (const [, name = ''] of readme.matchAll(/`npm run ([\w:]+)`/g))
      expect(known).toContain(name)
    const listed = rows(section('Development')).slice(1)
    expect(listed.length).toBeGreaterThan(5)
    // What is there for users; the rest is for those who read CONTRIBUTING.md.
    for (const name of ['test:soak', 'test:matrix', 'test:live', 'bench', 'build:standalone']) {
      expect(listed.map(([cell]) => cell)).toContain(`\`npm run ${name}\``)
    }
  })

  it('can be read at a sitting, in an order that a newcomer needs', () => {
    expect(readme.split('\n').length).toBeLessThan(520)
    expect([...readme.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual([
      ...['Quick start', 'What is guaranteed', 'When things go wrong', 'Options of `uploadFile`'],
      ...['Credentials', 'Errors and exit codes', 'How a request is signed', 'In a container'],
      ...['Compared with other uploaders', 'Limits', 'Development'],
    ])
  })

  it('links to files that exist', () => {
    for (const [, target = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      expect(() => read(target), target).not.toThrow()
    }
  })
})

describe('the container of README', () => {
  const dockerfile = /```dockerfile\n([\s\S]*?)```/.exec(section('In a container'))?.[1] ?? ''
  let context: string

  beforeAll(() => {
    context = mkdtempSync(join(tmpdir(), 'ossup-image-'))
  })
  afterAll(() => rmSync(context, { recursive: true, force: true }))

  it('is built of what the Dockerfile copies', async () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)]
    const names = copied.flatMap(([, list = '']) => list.split(' '))
    expect(names.length).toBeGreaterThan(4)
    for (const name of names) cpSync(join(root, name), join(context, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(context, 'node_modules'))
    const [, name = ''] = /npm ci --ignore-scripts && npm run (\S+)/.exec(dockerfile) ?? []
    expect(name).toBe('build:standalone')
    const { stderr } = await run('npm', ['run', name], { cwd: context })
    expect(stderr).not.toContain('rror')
    const built = readdirSync(join(context, 'dist-standalone'))
    // Of both images.
    const taken = [...readme.matchAll(/^COPY --from=build (\S+) (\S+)$/gm)]
    expect(taken.map(([, from, to]) => [from, to])).toEqual(
      Array(2).fill(['/src/dist-standalone/', '/app/']),
    )
    const entries = [...readme.matchAll(/^ENTRYPOINT \[.*"\/app\/(\S+)"\]$/gm)]
    expect(entries).toHaveLength(2)
    for (const [, name = ''] of entries) expect(built).toContain(name)
  })

  it('uploads with the command of `docker run`, in what the image holds', async () => {
    const [, line = ''] = /docker run [\s\S]*?\n {2}(ossup upload .*)\n/.exec(readme) ?? []
    await using oss = await startFakeOss()
    mkdirSync(join(context, 'data'))
    mkdirSync(join(context, 'state'))
    writeFileSync(join(context, 'data/disk.img'), randomBytes(9_000_000))
    // The places of the volumes are the one thing that differs.
    const words = line
      .split(' ')
      .slice(1)
      .map((word) => word.replace(/^\/(?=data|state)/, './'))
    const argv = [join(context, 'dist-standalone/ossup.mjs'), ...words, '--endpoint', oss.endpoint]
    const { stdout } = await run(process.execPath, ['--max-old-space-size=64', ...argv], {
      cwd: context,
      env: {
        OSS_ACCESS_KEY_ID: testCredentials.accessKeyId,
        OSS_ACCESS_KEY_SECRET: testCredentials.accessKeySecret,
      },
    })
    expect(stdout).toContain('oss://examplebucket/backup/disk.img  9000000 bytes')
    expect(readdirSync(join(context, 'state'))).toEqual([])
  })
})

describe('the code in README', () => {
  let oss: FakeOss
  let directory: string
  const texts = `${readme}\n${read('docs/streams.md')}`
  const blocks = [...texts.matchAll(/<!-- run -->\n```(\w+)\n([\s\S]*?)```/g)]

  beforeAll(async () => {
    oss = await startFakeOss()
    // Inside the package, where the name "ossup" leads to its own build.
    mkdirSync(join(root, 'dist'), { recursive: true })
    directory = mkdtempSync(join(root, 'dist', 'readme-'))
    writeFileSync(join(directory, 'disk.img'), randomBytes(20 * 1024 * 1024))
    // What somebody may have saved.
    writeFileSync(
      join(directory, 'error.xml'),
      '<Error><Code>SignatureDoesNotMatch</Code><StringToSign>OSS4-HMAC-SHA256\n20250102T030405Z\n20250102/cn-beijing/oss/aliyun_v4_request\nhash</StringToSign></Error>',
    )
  })
  afterAll(async () => {
    await oss?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: tmpdir(),
    OSS_ACCESS_KEY_ID: testCredentials.accessKeyId,
    OSS_ACCESS_KEY_SECRET: testCredentials.accessKeySecret,
  }

  /** What each command that README shows says, among others. */
  const outcomes: Readonly<Record<string, string>> = {
    upload: 'oss://examplebucket/backup/disk.img',
    status: 'done         2 of 3 parts',
    verify: 'equal: ./disk.img and oss://examplebucket/backup/disk.img: 20971520 bytes',
    presign: '/examplebucket/backup/disk.img?x-oss-credential=',
    sign: 'likely cause: wrong region: signed for cn-hangzhou, but OSS expects cn-beijing.',
  }

  const main = join(root, 'dist/cli/main.js')

  /** What a block begins with that shows how to go on: an upload that lacks its last part. */
  async function interruptUpload(): Promise<void> {
    oss.setFault(({ partNumber }) => (partNumber === 3 ? { type: 'hang' } : undefined))
    const argv = [main, 'upload', './disk.img', 'oss://examplebucket/backup/disk.img']
    const where = ['--region', 'cn-hangzhou', '--endpoint', oss.endpoint, '--deadline', '3s']
    await expect(
      run(process.execPath, [...argv, ...where], { cwd: directory, env }),
    ).rejects.toMatchObject({ code: 3 })
    oss.setFault()
  }

  it('continues the pipe that it shows, when that is run again', async () => {
    const [, pipe = ''] = /```sh\n(tar .*)\n```/.exec(readme) ?? []
    expect(read('docs/streams.md')).toContain(pipe)
    mkdirSync(join(directory, 'photos'))
    writeFileSync(join(directory, 'photos/1.jpg'), randomBytes(20 * 1024 * 1024))
    const command = [process.execPath, main].map((word) => `'${word}'`).join(' ')
    const shell = `ossup() { ${command} "$@" --endpoint ${oss.endpoint}; }\n`
    const again = `${shell}${pipe}`
    oss.setFault(({ partNumber }) => (partNumber === 3 ? { type: 'hang' } : undefined))
    const interrupted = run('sh', ['-c', `${again} --deadline 3s`], { cwd: directory, env })
    await expect(interrupted).rejects.toMatchObject({ code: 3 })
    oss.setFault()
    const { stdout, stderr } = await run('sh', ['-c', again], { cwd: directory, env })
    expect(stdout).toContain('oss://examplebucket/photos.tar')
    expect(stderr).toContain('2 parts (16.0 MiB) of an earlier run kept')
  })

  it('has no block that nothing proves', () => {
    const unmarked = [...readme.matchAll(/(?<!<!-- run -->\n)^```(\w+)\n(.*)/gm)]
    expect(unmarked.map(([, , first]) => first)).toEqual([
      // The two commands, then what is too much for a test: it installs for the whole machine.
      ...['npm run demo', 'npm cit'],
      'npm ci --ignore-scripts && npm run build && npm install --global .',
      'tar c ./photos | ossup upload - oss://examplebucket/photos.tar --region cn-hangzhou --checkpoint photos.ucp',
      // The container's.
      ...['FROM node:22-alpine AS build', 'FROM node:22-alpine'],
      'docker run --rm --read-only --user 10001:10001 \\',
    ])
    expect(JSON.parse(read('package.json')).bin).toHaveProperty('ossup')
  })

  it('has blocks to run', () => expect(blocks.length).toBeGreaterThan(2))

  it.each(blocks.map(([, language = '', code = ''], index) => ({ index, language, code })))(
    'runs: block $index ($language)',
    async ({ index, language, code }) => {
      // The one thing that is replaced is where OSS is.
      if (language === 'sh') {
        const lines = code.split('\n').filter((text) => text.startsWith('ossup '))
        expect(lines).not.toEqual([])
        for (const line of lines) {
          const [, name = '', ...words] = line.split(' ')
          const isOffline = name === 'status'
          if (isOffline) await interruptUpload()
          const argv = [main, name, ...words, ...(isOffline ? [] : ['--endpoint', oss.endpoint])]
          const { stdout, stderr } = await run(process.execPath, argv, { cwd: directory, env })
          expect(stdout).toContain(outcomes[name])
          const hasFailed = name === 'upload' && lines.some((text) => text.includes(' status '))
          if (hasFailed)
            expect(stderr).toContain('2 parts (16.0 MiB) of an earlier run kept, 1 part ')
        }
        return
      }
      const isTypeScript = language === 'ts'
      const file = join(directory, `block-${index}.${isTypeScript ? 'mts' : 'mjs'}`)
      writeFileSync(file, code)
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023']
      const types = ['--lib', 'es2023,esnext.disposable', '--types', 'node', '--skipLibCheck']
      const check = [tsc, ...strict, ...types, '--ignoreConfig', file]
      if (isTypeScript) await run(process.execPath, check, { cwd: root })
      writeFileSync(
        file,
        // All of them: a client that was overlooked would ask the network.
        code.replaceAll('new OssClient({', `new OssClient({ endpoint: '${oss.endpoint}',`),
      )
      const tsx = join(root, 'node_modules/tsx/dist/cli.mjs')
      // Plain JavaScript has to run as it is, without anything that would translate it.
      const words = isTypeScript ? [tsx, file] : [file]
      const { stdout } = await run(process.execPath, words, { cwd: directory, env })
      expect(stdout.trim()).not.toBe('')
    },
  )
})
