// Owns the rules of the package: two dependencies, everything pinned, nothing that runs at install, a tidy top level.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from './source-tree.js'

const readJson = (path: string) => JSON.parse(readFileSync(join(repositoryRoot, path), 'utf8'))

const manifest = readJson('package.json')
const lock = readJson('package-lock.json')

interface LockedPackage {
  readonly version: string
  readonly resolved?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly hasInstallScript?: boolean
}

const locked = (Object.entries(lock.packages) as [string, LockedPackage][]).filter(
  ([path]) => path !== '',
)

const exactVersion = /^(?:npm:[a-z-]+@)?\d+\.\d+\.\d+$/

const topLevel = new Set([
  ...['src', 'test', 'fixtures', 'bench', 'docs', 'examples', '.ci'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
  'tsconfig.signing.json',
  ...['biome.json', 'vitest.config.ts', '.gitignore'],
  ...['README.md', 'README.zh-CN.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
])

describe('package', () => {
  it('has two runtime dependencies', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(['fast-xml-parser', 'undici'])
    for (const kind of [
      'peerDependencies',
      'optionalDependencies',
      'bundleDependencies',
      'bundledDependencies',
    ]) {
      expect(manifest[kind], kind).toBeUndefined()
    }
  })

  it('pins every dependency to one version', () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
      .filter(([, version]) => !exactVersion.test(String(version)))
      .map(([name, version]) => `package.json: ${name} ${version} is not one version`)
    expect(loose).toEqual([])
  })

  it('installs nine packages at run time: undici, fast-xml-parser and the seven that it brings', () => {
    const production = locked.filter(([, { dev, devOptional }]) => !dev && !devOptional)
    expect(production.map(([path]) => path.replace(/^node_modules\//, '')).sort()).toEqual([
      '@nodable/entities',
      'anynum',
      'fast-xml-builder',
      'fast-xml-parser',
      'is-unsafe',
      'path-expression-matcher',
      'strnum',
      'undici',
      'xml-naming',
    ])
  })

  it('runs nothing at install, and nor does what it installs', () => {
    const atInstall = [
      'preinstall',
      'install',
      'postinstall',
      'prepublish',
      'preprepare',
      'prepare',
      'postprepare',
    ]
    expect(Object.keys(manifest.scripts).filter((name) => atInstall.includes(name))).toEqual([])
    const scripted = locked.filter(([, { dev, hasInstallScript }]) => !dev && hasInstallScript)
    expect(scripted.map(([path]) => `${path} has an install script`)).toEqual([])
  })

  it('locks versions by digest, and names no registry', () => {
    const named = locked.filter(([, { resolved }]) => /^[a-z+]+:/i.test(resolved ?? ''))
    expect(named.map(([path]) => `package-lock.json: ${path} names where it came from`)).toEqual([])
    const undigested = locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))
    expect(undigested.map(([path]) => `package-lock.json: ${path} has no digest`)).toEqual([])
    expect(lock.packages[''].version).toBe(manifest.version)
    expect(lock.packages[''].dependencies).toEqual(manifest.dependencies)
    expect(lock.packages[''].devDependencies).toEqual(manifest.devDependencies)
  })

  it('is an ES module for Node 20.18.1 and later that ships its build only', () => {
    expect(manifest).toMatchObject({
      type: 'module',
      engines: { node: '>=20.18.1' },
      sideEffects: false,
      files: ['dist'],
    })
    expect(Object.keys(manifest.exports)).toEqual(['.', './signing', './testing', './package.json'])
  })

  it('has a licence', () => {
    expect(manifest.license).toBe('MIT')
    expect(existsSync(join(repositoryRoot, 'LICENSE'))).toBe(true)
  })

  // An unpacked archive has no list of what belongs to the repository.
  it.skipIf(!existsSync(join(repositoryRoot, '.git')))('keeps its top level tidy', () => {
    const tracked = execFileSync('git', ['ls-files', '-z'], {
      cwd: repositoryRoot,
      encoding: 'utf8',
    })
    const entries = new Set(
      tracked
        .split('\0')
        .filter(Boolean)
        .map((path) => path.split('/')[0] ?? ''),
    )
    const strangers = [...entries].filter((entry) => !topLevel.has(entry))
    expect(strangers.map((entry) => `${entry}: not among the entries of the top level`)).toEqual([])
  })
})
