// Owns the rule of dependencies: arrows point down, and each module with effects has its one place.

import { describe, expect, it } from 'vitest'
import { folderOf, importedPath, readSource, type SourceFile, sourceFiles } from './source-tree.js'

const files = sourceFiles()

/** An arrow goes from a higher number to a lower one, or stays within its folder. */
const layers: Readonly<Record<string, number>> = {
  primitives: 0,
  signing: 1,
  xml: 1,
  transport: 1,
  oss: 2,
  upload: 3,
  cli: 4,
}

interface ModuleOwners {
  readonly module: RegExp
  /** Files, or folders ending in `/`. */
  readonly owners: readonly string[]
  /** Where `import type` is allowed besides. */
  readonly typeOwners: readonly string[]
  readonly reason: string
}

const everywhere = ['']

const ownedModules: readonly ModuleOwners[] = [
  {
    module: /^undici(\/|$)/,
    // undici-agent: loads its index where the single files are not to be found.
    owners: ['transport/undici-transport.ts', 'transport/undici-agent.ts'],
    typeOwners: ['transport/', 'oss/client.ts'],
    reason:
      'one file knows the HTTP client; a caller may hand in a dispatcher, whose type is named',
  },
  {
    module: /^fast-xml-parser(\/|$)/,
    // load-parser: chooses which of its builds is loaded.
    owners: ['xml/load-parser.ts'],
    typeOwners: ['xml/document.ts'],
    reason: 'one file hardens the parser',
  },
  {
    // What is required passes the rules above by.
    module: /^node:module$/,
    owners: ['transport/undici-files.ts', 'xml/load-parser.ts'],
    typeOwners: everywhere,
    reason: 'packages are loaded where they are owned',
  },
  {
    module: /^node:crypto$/,
    // upload: the MD5 of a part, to be sent with it or where OSS lists no CRC-64, and the nonce of a lock.
    owners: ['signing/', 'upload/'],
    typeOwners: everywhere,
    reason: 'cryptography is in the signer, where it is read',
  },
  {
    module: /^node:fs(\/|$)/,
    // file-system, open-file: the seam at which tests count and break each call; checkpoint, lock and source go through it.
    // environment: reads /proc to tell whether the process that holds a lock still runs.
    // machine: reads the files that credentials are in, a profile and an OIDC token; it writes none.
    owners: [
      'upload/file-system.ts',
      'upload/open-file.ts',
      'upload/environment.ts',
      'oss/credentials/machine.ts',
      'cli/',
    ],
    typeOwners: everywhere,
    reason: 'effects on files pass through one seam',
  },
  {
    module: /^node:process$/,
    owners: ['cli/'],
    typeOwners: everywhere,
    reason: 'only the command line knows the process',
  },
  {
    module: /^node:child_process$/,
    // machine: runs the program that a caller, or a profile, names as the source of credentials.
    owners: ['oss/credentials/machine.ts'],
    typeOwners: everywhere,
    reason: 'no other process is started',
  },
  {
    module: /^node:(?:http|https|http2|tls|dgram|cluster|worker_threads|vm)$/,
    owners: [],
    typeOwners: everywhere,
    reason: 'there is one way to the network, and no other process',
  },
]

/** Globals of the process, and the files outside cli that may name them. */
const globalExceptions: Readonly<
  Record<string, { readonly code: RegExp; readonly reason: string }>
> = {
  'oss/credentials/environment.ts': {
    code: /=\s*process\.env\b/g,
    reason: 'the environment is an argument whose default is process.env',
  },
  'transport/lean-parser.ts': {
    code: /=\s*process\b/g,
    reason: 'what Node was started with is an argument whose default is process',
  },
  'upload/environment.ts': {
    code: /\bprocess\.(?:pid|kill)\b/g,
    reason: 'a lock names the process that holds it, and asks whether that one still runs',
  },
}

const isAmong = (path: string, places: readonly string[]) =>
  places.some(
    (place) => path === place || ((place === '' || place.endsWith('/')) && path.startsWith(place)),
  )

function layerViolations(file: SourceFile): readonly string[] {
  const from = folderOf(file.path)
  if (from !== '' && !(from in layers)) return [`src/${file.path}: "${from}" is not a layer`]
  return file.imports.flatMap(({ specifier }) => {
    const target = importedPath(file.path, specifier)
    if (target === undefined) return []
    const arrow = `src/${file.path} imports ${specifier}`
    const to = folderOf(target)
    if (target.startsWith('..') || (to === '' && target !== 'index.ts'))
      return [`${arrow}: outside the layers`]
    if (target.endsWith('index.ts')) {
      // The package's index may name the signer's; nobody else goes through a list of names.
      return file.path === 'index.ts' && to === 'signing'
        ? []
        : [`${arrow}: nothing imports an index.ts`]
    }
    if (from === '')
      return to === 'cli' ? [`${arrow}: the library does not contain its command line`] : []
    if (from === to || (layers[to] ?? Number.POSITIVE_INFINITY) < (layers[from] ?? -1)) return []
    return [`${arrow}: arrows point down, ${from} -> ${to} does not`]
  })
}

function moduleViolations(file: SourceFile): readonly string[] {
  return file.imports.flatMap(({ specifier, typeOnly }) => {
    if (specifier.startsWith('.')) return []
    const arrow = `src/${file.path} imports ${specifier}`
    const owned = ownedModules.find(({ module }) => module.test(specifier))
    if (owned === undefined) {
      return specifier.startsWith('node:')
        ? []
        : [`${arrow}: neither a dependency nor written node:`]
    }
    const places = typeOnly ? [...owned.owners, ...owned.typeOwners] : owned.owners
    const allowed = places.map((place) => `src/${place}`).join(', ') || 'nowhere'
    return isAmong(file.path, places) ? [] : [`${arrow}: ${owned.reason}; allowed in ${allowed}`]
  })
}

function globalViolations(file: SourceFile): readonly string[] {
  if (folderOf(file.path) === 'cli') return []
  const exception = globalExceptions[file.path]
  const code = exception === undefined ? file.code : file.code.replace(exception.code, '')
  return [
    ...code.matchAll(/(?<![\w$.#])(?:globalThis\s*\.\s*)?(process|console)\s*(?=[.[?])/g),
  ].map(([, name]) => `src/${file.path} uses ${name}: only src/cli/ does`)
}

/** Everything that importing `entry` loads or names: files of src, and packages. */
function closureOf(entry: string): ReadonlySet<string> {
  const seen = new Set<string>()
  const visit = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const { specifier } of files.find((file) => file.path === path)?.imports ?? []) {
      visit(importedPath(path, specifier) ?? specifier)
    }
  }
  visit(entry)
  return seen
}

describe('layers', () => {
  it('arrows point down: cli -> upload -> oss -> signing | xml | transport -> primitives', () => {
    expect(files.flatMap(layerViolations)).toEqual([])
  })

  it('modules with effects are imported where they belong', () => {
    expect(files.flatMap(moduleViolations)).toEqual([])
  })

  it('process and console are left to the command line', () => {
    expect(files.flatMap(globalViolations)).toEqual([])
  })

  it('no file imports itself through others', () => {
    const cycles = files
      .filter(({ path, imports }) =>
        imports.some(({ specifier }) =>
          closureOf(importedPath(path, specifier) ?? specifier).has(path),
        ),
      )
      .map(({ path }) => `src/${path} is in a cycle of imports`)
    expect(cycles).toEqual([])
  })

  it('the signer can be read alone: no client, no parser, only signing and primitives', () => {
    const strangers = [...closureOf('signing/index.ts')].filter(
      (path) => !/^(?:signing|primitives)\/|^node:crypto$/.test(path),
    )
    expect(strangers, 'reachable from src/signing/index.ts').toEqual([])
  })
})

describe('the rules themselves', () => {
  const violations = (path: string, text: string) => {
    const file = readSource(path, text)
    return [layerViolations, moduleViolations, globalViolations].flatMap((rule) => rule(file))
      .length
  }

  it.each([
    ['oss/a.ts', "import { x } from '../upload/x.js'"],
    ['xml/a.ts', "import { x } from '../transport/x.js'"],
    ['primitives/a.ts', "import type { X } from '../oss/x.js'"],
    ['upload/a.ts', "export * from '../cli/x.js'"],
    ['oss/a.ts', "import { x } from '../index.js'"],
    ['oss/a.ts', "import { x } from '../signing/index.js'"],
    ['index.ts', "export { run } from './cli/run.js'"],
    ['other/a.ts', ''],
    ['oss/a.ts', "import {\n  request,\n  type Dispatcher,\n} from 'undici'"],
    ['oss/a.ts', "import 'undici'"],
    ['oss/a.ts', "const undici = await import('undici')"],
    ['upload/a.ts', "import type { Dispatcher } from 'undici'"],
    ['xml/b.ts', "import type { X2jOptions } from 'fast-xml-parser'"],
    ['oss/a.ts', "import { createHash } from 'node:crypto'"],
    ['upload/a.ts', "import { open } from 'node:fs/promises'"],
    ['upload/a.ts', "import { open } from 'fs'"],
    ['oss/a.ts', "import { createRequire } from 'node:module'"],
    ['oss/a.ts', "import x from 'lodash'"],
    ['oss/a.ts', "import https from 'node:https'"],
    ['oss/a.ts', 'const x = `$' + '{process.env.HOME}`'],
    ['oss/a.ts', "const x = /'/; console.log(x) // '"],
    ['oss/a.ts', 'globalThis.process.exit()'],
    ['oss/credentials/environment.ts', 'process.exit()'],
    ['oss/credentials/a.ts', "import { spawn } from 'node:child_process'"],
  ])('%s may not: %s', (path, text) => {
    expect(violations(path, text)).toBe(1)
  })

  it.each([
    ['upload/a.ts', "import { x } from '../primitives/x.js'\nimport { y } from './y.js'"],
    ['index.ts', "export { x } from './upload/x.js'\nexport type { Y } from './signing/index.js'"],
    ['oss/client.ts', "import type { Dispatcher } from 'undici'"],
    [
      'oss/a.ts',
      "type Stats = import('node:fs').Stats\ntype Crypto = typeof import('node:crypto')",
    ],
    ['cli/a.ts', "import { readFile } from 'node:fs/promises'\nprocess.exitCode = 1"],
    [
      'oss/a.ts',
      "// process.env\n/* console.log */ const a = 'process.exit' + `console.log` + /process.env/.source",
    ],
    ['oss/a.ts', "// import x from 'lodash'\nconst a = 1 / 2 / 3, from = 'undici'"],
    ['oss/a.ts', 'this.#process.run(); a.console.log(); process1.x'],
    ['oss/credentials/environment.ts', 'function f(environment = process.env) {}'],
  ])('%s may: %s', (path, text) => {
    expect(violations(path, text)).toBe(0)
  })
})
