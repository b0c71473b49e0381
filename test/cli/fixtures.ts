/** Owns a pretended process for tests of the command line: its streams are strings, its clock is set by hand. */

import { setMaxListeners } from 'node:events'
import type { Io } from '../../src/cli/io.js'

export interface PretendedIo extends Io {
  readonly out: string
  readonly err: string
  readonly controller: AbortController
  /** Moves the clock forward. */
  wait(ms: number): void
}

export interface PretendedOptions {
  readonly argv?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What stands on stdin; without it stdin is a terminal. */
  readonly input?: string
  readonly stdinKind?: 'directory'
  readonly isTTY?: boolean
  readonly columns?: number
}

export function pretendIo(options: PretendedOptions = {}): PretendedIo {
  let out = ''
  let err = ''
  let ms = 1_000
  const controller = new AbortController()
  // As main.ts does.
  setMaxListeners(0, controller.signal)
  const { isTTY = false, columns = 80 } = options
  return {
    argv: options.argv ?? [],
    env: options.env ?? {},
    async *stdin() {
      yield Buffer.from(options.input ?? '')
    },
    stdinKind: () => options.stdinKind ?? (options.input === undefined ? 'terminal' : 'data'),
    stdout: {
      write(text) {
        out += text
      },
      isTTY: false,
      columns: 80,
      isClosed: false,
    },
    stderr: {
      write(text) {
        err += text
      },
      isTTY,
      columns,
      isClosed: false,
    },
    signal: controller.signal,
    now: () => ms,
    controller,
    get out() {
      return out
    },
    get err() {
      return err
    },
    wait(add) {
      ms += add
    },
  }
}

export const progressAt = (transferredBytes: number, more: object = {}) =>
  ({
    phase: 'sending',
    transferredBytes,
    totalBytes: 100 * 1024 * 1024,
    sentBytes: transferredBytes,
    resumedBytes: 0,
    partsDone: Math.floor(transferredBytes / (10 * 1024 * 1024)),
    parts: 10,
    ...more,
  }) as const
