// Owns the rule that docs/commands.md is true: it lists every command, and shows what the commands print.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.js'
import { credentials, startOssup, towards, until } from '../e2e/ossup-process.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { randomBytes } from '../support/world.js'
import { filesBelow, repositoryRoot } from './source-tree.js'

const document = await readFile(join(repositoryRoot, 'docs/commands.md'), 'utf8')
const url = 'oss://examplebucket/backup/disk.img'

let fake: FakeOss
let folder: string

beforeAll(async () => {
  fake = await startFakeOss({ credentials: [credentials] })
  folder = await mkdtemp(join(tmpdir(), 'ossup-commands-'))
  const bytes = randomBytes(20_000_000)
  await writeFile(join(folder, 'disk.img'), bytes)
  bytes.fill(0, 9_000_000, 9_000_100)
  await writeFile(join(folder, 'edited.img'), bytes)
})
afterAll(async () => {
  await fake.close()
  await rm(folder, { recursive: true, force: true })
})

const ossup = (argv: readonly string[]) => startOssup(argv, { cwd: folder })

/** Leaves an upload with so many parts, as a process that is killed does. */
async function killUpload(key: string, parts: number, ...options: string[]): Promise<void> {
  fake.setFault(({ operation, partNumber = 0 }) =>
    operation === 'UploadPart' && partNumber > parts ? { type: 'hang' } : undefined,
  )
  const argv = ['upload', 'disk.img', `oss://examplebucket/${key}`, '--part-size', '1MiB']
  const before = fake.acknowledged.length
  const { child, ended } = ossup([...argv, ...options, '--quiet', ...towards(fake)])
  await until(() => fake.acknowledged.length === before + parts)
  const checkpoint = join(folder, 'disk.img.ucp')
  // One line says what it is of, one is of each part.
  for (let lines = 0; lines <= parts && !options.includes('--no-checkpoint'); ) {
    lines = (await readFile(checkpoint, 'utf8')).trimEnd().split('\n').length
  }
  child.kill('SIGKILL')
  await ended
  fake.setFault()
}

function age(key: string, ms: number): void {
  const upload = fake.uploads('examplebucket').find((one) => one.key === key)
  if (upload) Object.assign(upload, { initiated: new Date(Date.now() - ms) })
}

/** What is there before the commands of a block are typed. */
const worlds: Readonly<Record<string, () => Promise<void>>> = {
  killed: () => killUpload('backup/disk.img', 7),
  async stored() {
    const argv = ['upload', 'disk.img', url, '--quiet', ...towards(fake)]
    expect(await ossup(argv).ended).toMatchObject({ exitCode: 0 })
  },
  async manifest() {},
  async several() {
    await writeFile(join(folder, 'a.img'), randomBytes(3_000_000))
    await writeFile(join(folder, 'b.img'), randomBytes(4_000_000))
  },
  async unfinished() {
    await killUpload('backup/disk.img', 8, '--no-checkpoint')
    await killUpload('backup/new.img', 3, '--no-checkpoint', '--storage-class', 'IA')
    age('backup/disk.img', (8 * 24 + 3.5) * 3_600_000)
    age('backup/new.img', 72.5 * 60_000)
  },
  async denied() {
    fake.setDenied(['ListParts', 'AbortMultipartUpload'])
  },
}

/** With all that differs from one run to the next, or is of this machine. */
function anonymous(text: string): string {
  return text
    .replaceAll(/\b[0-9A-F]{32}\b/g, '<id>')
    .replaceAll(/\b[0-9A-F]{24}\b/g, '<request>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/<time>, .* ago/g, '<time>')
    .replaceAll(/\b\d{12,20}\b/g, '<crc64>')
    .replaceAll(/process \d+ on \S+,/g, '<process>,')
    .replaceAll(/https?:\/\/[a-z0-9.:-]+/g, '<endpoint>')
    .replaceAll(/region cn-hangzhou/g, '<endpoint>')
    .replaceAll('<endpoint>, <endpoint>', '<endpoint>')
}

describe('docs/commands.md', () => {
  it('lists every command', () => {
    const table = document.split('\n## ')[0] ?? ''
    const listed = [...table.matchAll(/^\| `(\w+)(?: (explain))?/gm)].map(([, name = '']) => name)
    expect(listed.toSorted()).toEqual([...commands.keys(), 'completion'].toSorted())
  })

  it('lists every code that is the command line’s own', async () => {
    const files = filesBelow('src/cli').filter((path) => path.endsWith('.ts'))
    const texts = await Promise.all(
      files.map((path) => readFile(join(repositoryRoot, 'src/cli', path), 'utf8')),
    )
    const own = new Set(texts.join('\n').match(/(?<=')ERR_(?!OSS_|PARSE_)[A-Z_]+(?=')/g))
    const [, listed = ''] = document.split('\n## Codes\n')
    expect((listed.match(/\bERR_[A-Z_]+\b/g) ?? []).toSorted()).toEqual([...own].toSorted())
  })

  const blocks = [...document.matchAll(/<!-- run: (\w+) -->\n```(\w+)\n([\s\S]*?)```/g)]

  it('has blocks of every kind', () => {
    expect(new Set(blocks.map(([, world]) => world))).toEqual(new Set(Object.keys(worlds)))
  })

  // They follow each other, as they would on a terminal.
  it.each(
    blocks.map(([, world = '', language = '', text = ''], n) => ({ n, world, language, text })),
  )('shows what is printed: block $n, $world, $language', async ({ world, language, text }) => {
    if (language === 'json') {
      const written = JSON.parse(await readFile(join(folder, 'm.json'), 'utf8'))
      const shown = JSON.parse(text)
      const shape = (value: object) => anonymous(JSON.stringify(value))
      expect(shape(shown)).toBe(shape(written))
      return
    }
    await worlds[world]?.()
    let printed = ''
    for (const [line, typed = '', status] of text.matchAll(/^\$ ossup (.*?)(; echo \$\?)?$/gm)) {
      const needsNetwork = typed.includes('--region')
      const ids = fake.uploads('examplebucket').map(({ uploadId }) => uploadId)
      const words = typed
        .split(' ')
        .map((word, n, all) => (all[n - 1] === '--upload-id' ? (ids[0] ?? '') : word))
      const argv = [...words, ...(needsNetwork ? ['--endpoint', fake.endpoint] : [])]
      const { stdout, stderr, exitCode } = await ossup(argv).ended
      if (status === undefined) expect(exitCode, stderr).toBe(0)
      printed += `${line}\n${stdout}${status === undefined ? '' : `${exitCode}\n`}\n`
    }
    expect(anonymous(text).trimEnd()).toBe(anonymous(printed).trimEnd())
  })

  it('has a completion script for each shell', async () => {
    const shown = [...document.matchAll(/ossup (completion \w+)/g)].map(([, argv = '']) => argv)
    expect(new Set(shown).size).toBe(3)
    for (const argv of new Set(shown)) {
      const main = join(repositoryRoot, 'dist/cli/main.js')
      const { stdout } = await promisify(execFile)(process.execPath, [main, ...argv.split(' ')])
      expect(stdout).toContain('ossup')
    }
  })
})
