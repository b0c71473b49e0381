#!/usr/bin/env node
// The entry of the command: joins the process to run() and its answer to the exit code. Nothing else names the process.

import { setMaxListeners } from 'node:events'
import { fstatSync } from 'node:fs'
import { type Interruption, type Output, wordLine } from './io.js'
import { run } from './run.js'

const numbers = { SIGINT: 2, SIGTERM: 15 } as const

/**
 * A terminal sends Ctrl-C to every process of the foreground, and npm hands its own on to the child: what comes this soon
 * after the first is the same key.
 */
const samePressMs = 200

const controller = new AbortController()
// Each request that is under way listens to it: many at once are no leak, and Node would warn of one.
setMaxListeners(0, controller.signal)
let interruptedAt = 0

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    const exitCode = 128 + numbers[signal]
    if (!controller.signal.aborted) {
      interruptedAt = performance.now()
      controller.abort({ signal, exitCode } satisfies Interruption)
    } else if (performance.now() - interruptedAt > samePressMs) {
      // The checkpoint is complete at every instant; only the lock stays, and the next run takes it over.
      process.exit(exitCode)
    }
  })
}

/** Made when it is asked for: the streams that `--help` and `--version` do not use are a tenth of what those take. */
let madeStderr: Output | undefined

function stderr(): Output {
  madeStderr ??= output(process.stderr)
  return madeStderr
}

function output(stream: NodeJS.WriteStream): Output {
  let isOpen = true
  stream.on('error', (error: NodeJS.ErrnoException) => {
    isOpen = false
    // Nobody reads any more. What was asked for is the upload, and it goes on.
    if (error.code === 'EPIPE') return
    process.exitCode = 1
    if (stream === process.stdout) {
      const text = `cannot write to stdout: ${error.message}; free some space or write elsewhere`
      stderr().write(wordLine('error', text))
    }
  })
  return {
    write(text) {
      if (isOpen) stream.write(text)
    },
    isTTY: stream.isTTY === true,
    get isClosed() {
      return !isOpen
    },
    get columns() {
      return stream.columns ?? 80
    },
  }
}

function stdinKind(): 'data' | 'directory' | 'terminal' {
  if (process.getBuiltinModule('node:tty').isatty(0)) return 'terminal'
  try {
    // Node reads a directory as if it were empty.
    return fstatSync(0).isDirectory() ? 'directory' : 'data'
  } catch {
    return 'data'
  }
}

const exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: () =>
    process.getBuiltinModule('node:stream').addAbortSignal(controller.signal, process.stdin),
  stdinKind,
  stdout: output(process.stdout),
  get stderr() {
    return stderr()
  },
  signal: controller.signal,
  now: () => performance.now(),
})
process.exitCode ||= exitCode
