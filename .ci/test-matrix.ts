// Owns the runtime matrix: installs each runtime from npm into a temporary folder and has it run the built package's e2e tests.
// The tests themselves stay on the Node at hand; OSSUP_NODE names the binary that runs the command.
// usage: tsx .ci/test-matrix.ts [<runtime>...], such as `node@22` or `bun`; all of them without arguments

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Runtime {
  readonly name: string
  /** Packages that carry a binary as a plain file: nothing has to run at install. */
  readonly spec: string
  /** The binary within the folder that the package was installed into. */
  binary(folder: string): string
  /** What vitest is asked to run. */
  readonly tests: readonly string[]
}

/** The others are no Node, and promise less: the package in a project, and the command in one file with kill and resume. */
const essentials = ['test/e2e/consumer.test.ts', 'test/e2e/standalone.test.ts']

const machine = `${process.platform}-${process.arch}`

/** The oldest that package.json allows, and the newest of each line. */
const nodes = ['20.18.1', '20', '22', '24', '26'].map(
  (version): Runtime => ({
    name: `node@${version}`,
    spec: `node-${machine}@${version}`,
    binary: (folder) => join(folder, `node_modules/node-${machine}/bin/node`),
    tests: ['test/e2e'],
  }),
)

/** The one platform package that npm chose among those of a scope. */
const onlyPackage = (folder: string, scope: string): string => {
  const [name, ...others] = readdirSync(join(folder, 'node_modules', scope))
  if (name === undefined || others.length > 0) throw new Error(`${scope} has no single package`)
  return join(folder, 'node_modules', scope, name)
}

const bun: Runtime = {
  name: 'bun',
  spec: 'bun',
  binary: (folder) => join(onlyPackage(folder, '@oven'), 'bin/bun'),
  tests: essentials,
}

const deno: Runtime = {
  name: 'deno',
  spec: 'deno',
  binary(folder) {
    // Deno wants a word before the file, and a place for its cache even where HOME is missing. exec keeps the process id,
    // which the tests send signals to.
    const path = join(folder, 'deno')
    const binary = join(onlyPackage(folder, '@deno'), 'deno')
    const words = `DENO_DIR='${join(folder, 'cache')}' exec '${binary}' run --allow-all --quiet`
    const script = `#!/bin/sh\n[ "$1" = --version ] && exec '${binary}' --version\n${words} "$@"\n`
    writeFileSync(path, script, { mode: 0o755 })
    return path
  },
  tests: essentials,
}

const root = join(import.meta.dirname, '..')
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const say = (text: string) => process.stdout.write(`${text}\n`)

function install(runtime: Runtime, cache: string): string {
  const folder = mkdtempSync(join(cache, `${runtime.name.replace('@', '-')}-`))
  // Other users, as whom some tests run the command, have to reach it.
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--loglevel=error']
  execFileSync('npm', ['install', ...options, runtime.spec], { cwd: folder, stdio: 'inherit' })
  return runtime.binary(folder)
}

interface Outcome {
  readonly name: string
  readonly version: string
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly string[]
}

function test(runtime: Runtime, cache: string): Outcome {
  const binary = install(runtime, cache)
  const printed = execFileSync(binary, ['--version'], { encoding: 'utf8' })
  const version = /\d+\.\d+\.\d+/.exec(printed)?.[0] ?? printed.trim()
  say(`\n== ${runtime.name}: ${version}`)
  const report = join(cache, 'report.json')
  rmSync(report, { force: true })
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...runtime.tests, ...reporters], {
    cwd: root,
    env: { ...process.env, OSSUP_NODE: binary },
    stdio: 'inherit',
  })
  const { numPassedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const failures = (testResults as FileReport[]).flatMap(failuresOf)
  if (status !== 0 && failures.length === 0) failures.push(`vitest ended with ${status}`)
  return {
    name: runtime.name,
    version,
    passed: numPassedTests,
    skipped: numPendingTests,
    failures,
  }
}

interface FileReport {
  readonly name: string
  readonly status: string
  readonly message: string
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

function failuresOf({ name, status, message, assertionResults }: FileReport): string[] {
  const failed = assertionResults.filter((result) => result.status === 'failed')
  // A file that could not be read has no tests.
  if (failed.length === 0 && status === 'failed') return [`${name}: ${message}`]
  return failed.map(({ fullName }) => fullName)
}

const all = [...nodes, bun, deno]
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !all.some((runtime) => runtime.name === name))
if (unknown.length > 0) {
  say(`${unknown.join(', ')}: not among ${all.map(({ name }) => name).join(', ')}`)
  process.exitCode = 2
} else {
  // Other users have to be able to run what is in it.
  process.umask(0o022)
  const cache = mkdtempSync(join(tmpdir(), 'ossup-runtimes-'))
  chmodSync(cache, 0o755)
  const outcomes: Outcome[] = []
  try {
    for (const runtime of all) {
      if (asked.length === 0 || asked.includes(runtime.name)) outcomes.push(test(runtime, cache))
    }
  } finally {
    rmSync(cache, { recursive: true, force: true })
  }
  say('')
  for (const { name, version, passed, skipped, failures } of outcomes) {
    say(`${name} ${version}: ${passed} passed, ${skipped} skipped, ${failures.length} failed`)
    for (const failure of failures) say(`  failed: ${failure}`)
  }
  process.exitCode = outcomes.some(({ failures }) => failures.length > 0) ? 1 : 0
}
