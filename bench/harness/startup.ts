// Measures what it takes to start: the command without work and the import of the library, beside Node alone.

import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runMeasured, type Usage } from './measured-process.js'
import { median } from './pairs.js'
import type { Workspace } from './workspace.js'

export interface StartupRow {
  readonly name: string
  readonly milliseconds: number
  readonly cpuMilliseconds: number
  readonly peakMib: number
  /** Medians of the ratios to Node alone, started right before. */
  readonly timesWall: number
  readonly timesCpu: number
  /** Those of our dependencies that were loaded. */
  readonly loaded: readonly string[]
}

const dependencies = ['undici', 'fast-xml-parser'] as const

export async function measureStartup(
  workspace: Workspace,
  rounds = 21,
): Promise<readonly StartupRow[]> {
  const importing = (url: string | undefined): readonly string[] => [
    ...['--input-type=module', '-e', `await import(${JSON.stringify(url)})`],
  ]
  const bare = ['-e', '0']
  const programs: Readonly<Record<string, readonly string[]>> = {
    'Node alone': bare,
    'Node alone, as a module': ['--input-type=module', '-e', '0'],
    'ossup --version': [workspace.command, '--version'],
    'ossup --help': [workspace.command, '--help'],
    "import 'ossup'": importing(workspace.modules['ossup']),
  }
  const measured = new Map<string, { readonly usage: Usage; readonly base: Usage }[]>()
  for (let round = 0; round < rounds; round++) {
    for (const [name, argv] of Object.entries(programs)) {
      const base = await runMeasured(workspace, bare)
      const usage = await runMeasured(workspace, argv)
      measured.set(name, [...(measured.get(name) ?? []), { usage, base }])
    }
  }
  const rows: StartupRow[] = []
  for (const [name, argv] of Object.entries(programs)) {
    const pairs = measured.get(name) ?? []
    rows.push({
      name,
      milliseconds: median(pairs.map(({ usage }) => usage.wallSeconds * 1000)),
      cpuMilliseconds: median(pairs.map(({ usage }) => usage.cpuSeconds * 1000)),
      peakMib: median(pairs.map(({ usage }) => usage.peakMib)),
      timesWall: median(pairs.map(({ usage, base }) => usage.wallSeconds / base.wallSeconds)),
      timesCpu: median(pairs.map(({ usage, base }) => usage.cpuSeconds / base.cpuSeconds)),
      loaded: await loadedDependencies(workspace, name, argv),
    })
  }
  return rows
}

/** V8's coverage names every script that was loaded, of both module systems, and needs no hook that would change it. */
async function loadedDependencies(
  workspace: Workspace,
  name: string,
  argv: readonly string[],
): Promise<readonly string[]> {
  const folder = join(workspace.folder, 'coverage', encodeURIComponent(name))
  const env = { ...process.env, NODE_V8_COVERAGE: folder }
  await promisify(execFile)(process.execPath, [...argv], { env })
  const files = await readdir(folder)
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  return dependencies.filter((dependency) =>
    texts.some((text) => text.includes(`/node_modules/${dependency}/`)),
  )
}
