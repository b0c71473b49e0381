// Owns `ossup upload`: one file or stdin, from its options to its exit code; several files are handed on.

import type { Command } from './command.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'
import { createReport } from './report.js'
import { runSeveral } from './several-command.js'
import { openStdin } from './stdin-args.js'
import { parseUploadArgs, uploadUsage } from './upload-args.js'
import { type LoadLibrary, loadLibrary, uploadOne, withSession } from './upload-run.js'

export const uploadCommand: Command = { usage: uploadUsage, run: runUpload }

export async function runUpload(
  io: Io,
  argv: readonly string[],
  load: LoadLibrary = loadLibrary,
): Promise<number> {
  const args = parseUploadArgs(argv, io.env)
  if (args.several !== undefined) return await runSeveral(io, args, args.several, load)
  const input = args.path === undefined ? { source: openStdin(io) } : { path: args.path }
  const report = createReport(io, args)
  return await withSession(io, args, load, report, async (session) => {
    const failure = await uploadOne(session, args, input, report)
    return failure?.exitCode ?? exitCodes.done
  })
}
