// Measures this project beside others: npm run bench -- --help
//
// Everything runs on this machine: one sink on loopback, and each client as a process of its own.

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describeMachine } from './harness/machine.js'
import { measureMemory } from './harness/memory.js'
import { formatSize, readOptions, usage } from './harness/options.js'
import type { Comparison } from './harness/pairs.js'
import type { Results } from './harness/results.js'
import {
  checkVerification,
  compareCheckpoint,
  compareCommand,
  compareConcurrency,
  comparePeers,
} from './harness/sections.js'
import { startSink } from './harness/sink-process.js'
import { measureStartup } from './harness/startup.js'
import { renderResults } from './harness/tables.js'
import { judge, renderVerdicts } from './harness/targets.js'
import { makeRandomFile } from './harness/test-file.js'
import { makeWorkspace } from './harness/workspace.js'

const say = (line: string): void => console.error(line)

/** bench/crc64.ts measures in a process of its own; its last lines say how it compares. */
async function measureCrc64(): Promise<number> {
  const tsx = createRequire(import.meta.url).resolve('tsx/cli')
  const argv = [tsx, join(import.meta.dirname, 'crc64.ts')]
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  return Number(/([\d.]+)x wasm slicing-by-8/.exec(stdout)?.[1])
}

/** @returns the exit code */
async function main(): Promise<number> {
  const table = join(import.meta.dirname, '../docs/performance-table.md')
  const options = readOptions(process.argv.slice(2), table)
  if (options === undefined) {
    console.log(usage)
    return 0
  }
  const { sections, checks } = options
  const workspace = await makeWorkspace()
  const machine = describeMachine()
  await using sink = await startSink(workspace)
  const bench = { workspace, sink }
  if (options.vias.includes('https')) await checkVerification(bench, options)

  const peers: Comparison[] = []
  const concurrency: Comparison[] = []
  const command: Comparison[] = []
  for (const [index, size] of options.sizes.entries()) {
    say(`Making a file of ${formatSize(size)} ...`)
    const file = await makeRandomFile(join(workspace.folder, 'data.bin'), size)
    peers.push(...(await comparePeers(bench, options, file, say)))
    if (index === 0 && sections.includes('concurrency')) {
      concurrency.push(...(await compareConcurrency(bench, options, file, say)))
    }
    if (index === 0 && sections.includes('command')) {
      command.push(...(await compareCommand(bench, options, file, say)))
    }
  }
  const results: Results = {
    machine,
    peers,
    concurrency,
    command,
    ...(sections.includes('checkpoint') && {
      checkpoint: await compareCheckpoint(bench, options, say),
    }),
    ...(sections.includes('memory') && { memory: await measureMemory(bench) }),
    ...(sections.includes('startup') && { startup: await measureStartup(workspace) }),
    ...(sections.includes('crc64') && { crc64Factor: await measureCrc64() }),
  }

  const text = renderResults(results)
  console.log(text)
  if (options.table !== undefined) await writeFile(options.table, text)
  const json = options.json ?? join(tmpdir(), 'ossup-bench.json')
  await writeFile(json, `${JSON.stringify(results, undefined, 2)}\n`)
  say(`Measurements: ${json}`)
  if (!checks) return 0
  const verdicts = judge(results)
  console.log(renderVerdicts(verdicts))
  return verdicts.some(({ measured, met }) => measured !== undefined && !met) ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
