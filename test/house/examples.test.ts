// Owns the rule that every example runs and does what it says, against the fake OSS, and that README leads to it.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { randomBytes, testCredentials } from '../support/world.js'
import { repositoryRoot } from './source-tree.js'

const run = promisify(execFile)
const example = (name: string): string => join(repositoryRoot, 'examples', name)
const tsx = join(repositoryRoot, 'node_modules/tsx/dist/cli.mjs')
const main = join(repositoryRoot, 'dist/cli/main.js')
const bytes = randomBytes(20 * 1024 * 1024)

let fake: FakeOss
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ossup-examples-'))
  await writeFile(join(folder, 'disk.img'), bytes)
})
beforeEach(async () => {
  fake = await startFakeOss()
  return () => fake.close()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const environment = (endpoint: string) => ({
  PATH: process.env['PATH'] ?? '',
  OSS_REGION: 'cn-hangzhou',
  OSS_ENDPOINT: endpoint,
  OSS_ACCESS_KEY_ID: testCredentials.accessKeyId,
  OSS_ACCESS_KEY_SECRET: testCredentials.accessKeySecret,
})

async function runExample(name: string): Promise<string> {
  const argv = [tsx, example(name), 'disk.img', 'examplebucket', 'backup/disk.img']
  const { stdout } = await run(process.execPath, argv, {
    cwd: folder,
    env: environment(fake.endpoint),
  })
  return stdout
}

function expectStored(): void {
  const object = fake.object('examplebucket', 'backup/disk.img')
  expect(Buffer.compare(object?.read() ?? Buffer.alloc(0), bytes)).toBe(0)
  expect(fake.uploads('examplebucket')).toEqual([])
}

describe('examples', () => {
  it('embed.ts shows progress, pauses half-way, and resumes without sending anything twice', async () => {
    const said = await runExample('embed.ts')
    expect(said).toMatch(/^sending: \d+ of 20971520 bytes, \d\/3 parts$/m)
    expect(said).toContain('paused: nothing of the upload runs any more')
    const [, kept = '', sent = ''] = /^resumed: (\d) parts kept, (\d) sent$/m.exec(said) ?? []
    expect(Number(kept)).toBeGreaterThan(0)
    expect(Number(kept) + Number(sent)).toBe(3)
    expect(said).toMatch(/^completed: 20971520 bytes, crc64 \d+\n1 \d+\n2 \d+\n3 \d+$/m)
    expectStored()
  })

  it('presign-browser-part.ts has every part sent without credentials', async () => {
    const said = await runExample('presign-browser-part.ts')
    const parts = fake.requests.filter(({ operation }) => operation === 'UploadPart')
    expect(parts).toHaveLength(20)
    for (const { headers } of parts) expect(headers).not.toHaveProperty('authorization')
    expect(said).toMatch(/^stored: 20971520 bytes, crc64 \d+, etag [0-9A-F]{32}-20$/m)
    expectStored()
  })

  it('fake-oss.ts leads the command to a fake OSS, as README says', async () => {
    const child: ChildProcess = spawn(process.execPath, [tsx, example('fake-oss.ts')])
    try {
      const variables = await new Promise<string>((resolve, reject) => {
        let text = ''
        child.on('error', reject)
        child.on('exit', (exitCode) => reject(new Error(`fake-oss.ts ended with ${exitCode}`)))
        child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
          if (text.trimEnd().split('\n').length === 3) resolve(text)
        })
      })
      const env = Object.fromEntries(
        [...variables.matchAll(/(OSS_\w+)=(\S+)/g)].map(([, name = '', value]) => [name, value]),
      )
      const argv = [main, 'upload', 'disk.img', 'oss://examplebucket/backup/disk.img', '--quiet']
      const { stdout } = await run(process.execPath, argv, { cwd: folder, env })
      expect(stdout).toMatch(/^oss:\/\/examplebucket\/backup\/disk\.img {2}20971520 bytes/)
    } finally {
      child.removeAllListeners('exit')
      const ended = new Promise((resolve) => child.on('exit', resolve))
      child.kill('SIGTERM')
      expect(await ended).toBe(0)
    }
  })

  it('terminal-picture.ts draws the kill, the resume and the proof', async () => {
    const path = join(folder, 'picture.svg')
    await run(process.execPath, [tsx, example('terminal-picture.ts'), path])
    for (const svg of [
      await readFile(path, 'utf8'),
      await readFile(join(repositoryRoot, 'docs/kill-and-resume.svg'), 'utf8'),
    ]) {
      const texts = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text)
      const shown = texts.join('\n')
      expect(shown).toMatch(/^\$ ossup upload disk\.img oss:\/\/\S+\nsending .* parts\nKilled\n/)
      expect(shown).toMatch(/^done +\d+ of 64 parts/m)
      expect(shown).toMatch(/^ossup: note: continuing upload [0-9A-F]{32}, which has \d+ parts$/m)
      expect(shown).toMatch(/^completed +\[#+\] +100 %/m)
      expect(shown).toMatch(/^equal: disk\.img and oss:\S+: 536870912 bytes, crc64 \d+$/m)
      // Nothing is loaded, nothing runs, nothing but the name space has an address.
      expect(svg).not.toMatch(/<(?:image|script|style|use|a|foreignObject)\b|url\(|@import|href/)
      expect(svg.length).toBeLessThan(10_000)
    }
  })

  it('are named by README or the demo, each of them', async () => {
    const [readme, manifest] = await Promise.all(
      ['README.md', 'package.json'].map((name) => readFile(join(repositoryRoot, name), 'utf8')),
    )
    const texts = `${readme}${manifest}`
    for (const name of (await readdir(example('.'))).filter((name) => name.endsWith('.ts'))) {
      // Its script is named after what it draws.
      if (name === 'terminal-picture.ts') expect(readme).toContain('`npm run picture`')
      else expect(texts).toContain(`examples/${name}`)
    }
  })
})
