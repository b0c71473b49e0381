// Owns the rule that what README says is true: its names exist, its tables are complete, its code runs.

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

  it('links to files that exist', () => {
    for (const [, target = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      expect(() => read(target), target).not.toThrow()
    }
  })
})

describe('the code in README', () => {
  let oss: FakeOss
  let directory: string
  const blocks = [...readme.matchAll(/<!-- run -->\n```(\w+)\n([\s\S]*?)```/g)]

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
    presign: '/examplebucket/backup/disk.img?x-oss-credential=',
    sign: 'likely cause: wrong region: signed for cn-hangzhou, but OSS expects cn-beijing.',
  }

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
          const main = join(root, 'dist/cli/main.js')
          const { stdout } = await run(
            process.execPath,
            [main, name, ...words, '--endpoint', oss.endpoint],
            { cwd: directory, env },
          )
          expect(stdout).toContain(outcomes[name])
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
