/** Owns running the built command as a process of its own, and a folder for what it reads and writes. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { FakeOss } from '../support/fake-oss/index.js'

const root = join(import.meta.dirname, '../..')
export const commandPath = join(root, 'dist/cli/main.js')

/** `npm run test:matrix` names others in turn. */
export const runtimePath = process.env['OSSUP_NODE'] ?? process.execPath
/** What they are called: some things can be seen, or happen, on Node alone. */
export const isNode = /^node(?:\.exe)?$/.test(basename(runtimePath))

/** No other text contains these, so that they can be looked for everywhere. */
export const sentinels = {
  accessKeySecret: 'sentinel-secret-7Qm2',
  wrongSecret: 'sentinel-wrong-9Xk4',
  securityToken: 'sentinel-token-3Vb8',
} as const

export const credentials = {
  accessKeyId: 'test-access-key-id',
  accessKeySecret: sentinels.accessKeySecret,
  securityToken: sentinels.securityToken,
} as const

export const environment = {
  PATH: process.env['PATH'] ?? '',
  OSS_ACCESS_KEY_ID: credentials.accessKeyId,
  OSS_ACCESS_KEY_SECRET: credentials.accessKeySecret,
  OSS_SESSION_TOKEN: credentials.securityToken,
} as const

export interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

export interface StartOptions {
  readonly cwd: string
  /** Undefined leaves a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly nodeOptions?: readonly string[]
  /** @default the built command of this repository */
  readonly main?: string
  /** Runs as this user; only root may ask for it. */
  readonly uid?: number | undefined
}

export function startOssup(argv: readonly string[], options: StartOptions): Running {
  const main = options.main ?? commandPath
  const child = spawn(runtimePath, [...(options.nodeOptions ?? []), main, ...argv], {
    cwd: options.cwd,
    env: { ...environment, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Of its group, too: where a group may write, root's own would hide what the user may not.
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  })
  const streams = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      streams[name] += text
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, ...streams }))
  })
  return { child, ended }
}

/** Options that lead to the fake. */
export const towards = ({ endpoint }: Pick<FakeOss, 'endpoint'>) => [
  '--region',
  'cn-hangzhou',
  '--endpoint',
  endpoint,
]

export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'ossup-e2e-'))
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true })
    },
  }
}

/** The text of every file of a folder whose name shows that it is no source. */
export async function keptTexts(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /\.(?:ucp|tmp|corrupt)/.test(name))
  const texts = names.filter((name) => !name.endsWith('.lock'))
  return (await Promise.all(texts.map((name) => readFile(join(folder, name), 'utf8')))).join('\n')
}

/** Waits for something that happens in another process; a test's time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}
