// Runs a Node program as a process of its own, and reads what the whole of it has used.

import { spawn } from 'node:child_process'
import type { Workspace } from './workspace.js'

export interface Usage {
  /** User and system, start-up and every thread included. */
  readonly cpuSeconds: number
  readonly peakMib: number
  readonly wallSeconds: number
}

/** @throws {Error} with what it wrote to stderr, when it fails */
export function runMeasured(
  workspace: Workspace,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Usage> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const child = spawn(process.execPath, ['--require', workspace.reportUsage, ...argv], {
      cwd: workspace.folder,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...neutralEnvironment(), ...env },
    })
    const killChild = (): void => void child.kill('SIGKILL')
    process.on('exit', killChild)
    let wallSeconds = 0
    child.on('exit', () => {
      wallSeconds = (performance.now() - startedAt) / 1000
      process.off('exit', killChild)
    })
    const [, , stderr, report] = child.stdio
    let said = ''
    let reported = ''
    stderr?.on('data', (data: Buffer) => {
      said += data.toString()
    })
    report?.on('data', (data: Buffer) => {
      reported += data.toString()
    })
    child.on('error', reject)
    child.on('close', (exitCode, signal) => {
      if (exitCode !== 0 || reported === '') {
        reject(new Error(`${argv[0]} ended with ${signal ?? exitCode}: ${said}`))
        return
      }
      const { cpuMicroseconds, peakKib } = JSON.parse(reported) as Record<string, number>
      resolve({
        cpuSeconds: (cpuMicroseconds ?? 0) / 1e6,
        peakMib: (peakKib ?? 0) / 1024,
        wallSeconds,
      })
    })
  })
}

/** What the shell of whoever measures may have set, and what would count for or against a client. */
function neutralEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env
  return { PATH, HOME, TMPDIR }
}
