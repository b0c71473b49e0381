// Owns the rules of what npm would publish: its files, its size when installed, and types that resolve for everybody.

import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytesBelow, installInto, type Packed, pack } from '../support/packed.js'
import { filesBelow, repositoryRoot } from './source-tree.js'

const run = promisify(execFile)
const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
const mib = 1024 * 1024

let folder: string
let packed: Packed

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ossup-packed-'))
  packed = await pack(folder)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const installed = () => join(folder, 'node_modules')

/** What is loaded for `entry` of the build: itself, and all that it imports by a relative path. */
function loadedFor(entry: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(entry)) return seen
  seen.add(entry)
  for (const path of importsOf(entry)) {
    if (path.startsWith('.')) loadedFor(join(entry, '..', path), seen)
  }
  return seen
}

const importsOf = (file: string): readonly string[] => {
  const text = readFileSync(join(repositoryRoot, file), 'utf8')
  return [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*(['"])([^'"\n]+)\1/g)].map(
    ([, , path = '']) => path,
  )
}

describe('what is packed', () => {
  it('is the build of src and of ossup/testing, and what npm always takes', () => {
    const types = filesBelow('src')
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
      .flatMap((path) => ['.d.ts', '.d.ts.map'].map((end) => `dist/${path.replace(/\.ts$/, end)}`))
    const bundles = ['index', 'cli/main', 'cli/commands']
    // An auditor of the package reads these: they are what the bundles import, a file for each of src.
    const signing = ['index', 'v4', 'sign-request', 'presign-url', 'credentials']
    const scripts = [
      ...bundles,
      ...signing.map((name) => `signing/${name}`),
      'primitives/uri-encode',
    ].flatMap((name) => [`dist/${name}.js`, `dist/${name}.js.map`])
    const expected = [...types, ...scripts]
    const inTesting = (path: string) => path.startsWith('dist/testing/')
    // Other tests may be writing theirs below dist at this moment.
    const found = packed.files.filter((path) => !/^dist\/[a-z]+-\w{6}\//.test(path))
    const always = ['LICENSE', 'README.md', 'README.zh-CN.md', 'package.json']
    const wanted = [...expected, ...always].sort()
    expect(
      found.filter((path) => !inTesting(path)),
      'rm -rf dist: an earlier build may have left files whose sources are gone',
    ).toEqual(wanted)
    const testing = found.filter(inTesting)
    expect(testing).toContain('dist/testing/testing.js')
    expect(testing.filter((path) => !/\.(?:js|d\.ts)$/.test(path))).toEqual([])
  })

  it('has an entry for each path that it exports', () => {
    for (const entry of Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target as object),
    )) {
      expect(existsSync(join(repositoryRoot, entry)), entry).toBe(true)
    }
  })

  it('installs as ten packages of less than 8 MiB, of which its own is less than 4 MiB', async () => {
    await installInto(folder, packed)
    const names = readdirSync(installed()).flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(installed(), name)).map((inner) => `${name}/${inner}`)
        : [name],
    )
    expect(names).toHaveLength(10)
    expect(await bytesBelow(join(installed(), 'ossup'))).toBeLessThan(4 * mib)
    expect(await bytesBelow(installed())).toBeLessThan(8 * mib)
  })
})

describe('the types and entries', () => {
  it('have nothing that publint would mention', async () => {
    const bytes = await readFile(packed.path)
    const tarball = new Uint8Array(bytes).buffer
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  it('resolve in every mode, says are-the-types-wrong', async () => {
    const attw = join(repositoryRoot, 'node_modules/@arethetypeswrong/cli/dist/index.js')
    // There is no CommonJS in the package: require() of it is for a Node that can require ES modules.
    const ignored = ['--ignore-rules', 'cjs-resolves-to-esm']
    const argv = [attw, packed.path, '--format', 'json', ...ignored]
    const { stdout } = await run(process.execPath, argv).catch((error) => error)
    const { analysis, problems } = JSON.parse(stdout)
    expect(Object.keys(analysis.entrypoints)).toEqual(Object.keys(manifest.exports))
    expect(Object.keys(problems ?? {}).filter((kind) => kind !== 'CJSResolvesToESM')).toEqual([])
  })
})

describe('ossup/signing', () => {
  it('loads the files that tsc has made of src/signing, and nothing but those and node:crypto', () => {
    const loaded = [...loadedFor('dist/signing/index.js')]
    const expected = ['index', 'presign-url', 'sign-request', 'v4'].map(
      (name) => `dist/signing/${name}.js`,
    )
    expect(loaded.sort()).toEqual(['dist/primitives/uri-encode.js', ...expected])
    const others = loaded.flatMap(importsOf).filter((path) => !path.startsWith('.'))
    expect(others).toEqual(['node:crypto'])
  })

  it.each(['dist/index.js', 'dist/cli/commands.js'])('is what signs for %s', (bundle) => {
    expect([...loadedFor(bundle)]).toContain('dist/signing/v4.js')
    // What is looked for is there where it should be.
    const mark = 'OSS4-HMAC-SHA256'
    expect(readFileSync(join(repositoryRoot, 'dist/signing/v4.js'), 'utf8')).toContain(mark)
    expect(readFileSync(join(repositoryRoot, bundle), 'utf8')).not.toContain(mark)
  })
})

describe('the command', () => {
  it('is two files: help and version take the smaller one alone', () => {
    const loaded = [...loadedFor('dist/cli/main.js')].filter((path) => path.includes('/cli/'))
    expect(loaded).toEqual(['dist/cli/main.js', 'dist/cli/commands.js'])
    expect(importsOf('dist/cli/main.js').filter((path) => !path.startsWith('node:'))).toContain(
      './commands.js',
    )
    const text = readFileSync(join(repositoryRoot, 'dist/cli/main.js'), 'utf8')
    expect(text).not.toMatch(/^import .*commands/m)
    expect(text.length).toBeLessThan(24 * 1024)
  })
})

describe('ossup/testing', () => {
  it('is not loaded by the main entry, the signer or the command', () => {
    for (const entry of ['dist/index.js', 'dist/signing/index.js', 'dist/cli/main.js']) {
      const loaded = [...loadedFor(entry)]
      expect(loaded.filter((path) => path.startsWith('dist/testing/'))).toEqual([])
    }
  })

  it('loads nothing of the library: what checks it is independent of it', () => {
    const loaded = [...loadedFor('dist/testing/testing.js')]
    expect(loaded.filter((path) => !path.startsWith('dist/testing/'))).toEqual([])
    expect(loaded.length).toBeGreaterThan(10)
  })
})
