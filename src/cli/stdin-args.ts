// Owns what it takes to upload stdin: options that have no meaning for it, and what cannot have been meant, as a terminal.

import { usageError } from './args.js'
import type { Io } from './io.js'

/** What stands for stdin in place of a file name. */
export const stdinName = '-'

/** @throws {OssError} `ERR_USAGE` for what needs a file that can be read again. */
export function assertStdinArgs(values: {
  readonly verify?: string | undefined
  readonly adopt: boolean
  readonly restart: boolean
  readonly hasCheckpoint: boolean
}): void {
  const { verify, adopt, restart, hasCheckpoint } = values
  if (verify === 'stat') {
    const hint = 'leave --verify out: what is read is always compared'
    throw usageError('--verify stat needs a file: stdin has no times', hint)
  }
  if (adopt) {
    const hint = 'continue an upload of stdin with --checkpoint <path>'
    throw usageError('--adopt needs a file: stdin can be read only once', hint)
  }
  if (restart && !hasCheckpoint) {
    const hint = 'without a checkpoint every upload starts over: leave --restart out'
    throw usageError('--restart needs --checkpoint where stdin is uploaded', hint)
  }
}

/** @throws {OssError} `ERR_USAGE` when a person would have to type the object, or nothing can be read. */
export function openStdin(io: Io): AsyncIterable<Uint8Array> {
  const kind = io.stdinKind()
  if (kind === 'data') return io.stdin()
  throw usageError(
    `stdin is a ${kind}, and - uploads what comes through stdin`,
    'pipe something into it, e.g. tar c dir | ossup upload - oss://<bucket>/<key>; a file of that name is ./-',
  )
}
