// Owns the shape of a command, and the answer to a command line that none of them could use.

import { hasFlag } from './args.js'
import { describeFailure, failureJson, failureText } from './failure.js'
import { type Io, wordLine } from './io.js'

export interface Command {
  /** The whole explanation, ending in a line break. */
  readonly usage: string
  /**
   * @param argv what follows the name of the command
   * @returns the exit code
   * @throws {OssError} `ERR_USAGE` before anything was done; everything else is reported by the command itself.
   */
  run(io: Io, argv: readonly string[]): Promise<number>
}

/**
 * One line on stderr for an error that no command has reported otherwise.
 *
 * @param help where the options are explained
 * @param underway false while a TypeError can only be about an option
 * @returns the exit code
 */
export function refuse(
  io: Io,
  error: unknown,
  help = 'see: ossup --help',
  underway = true,
): number {
  const failure = describeFailure(error, help, underway)
  io.stderr.write(
    hasFlag(io.argv, '--json') ? failureJson(failure) : wordLine('error', failureText(failure)),
  )
  return failure.exitCode
}
