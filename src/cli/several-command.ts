// Owns the upload of several files by one command: through one client, some at a time, each with its own checkpoint.

import { stat } from 'node:fs/promises'
import type { Io } from './io.js'
import { isInterruption } from './io.js'
import type { Several, Target } from './several-args.js'
import { SeveralReport } from './several-report.js'
import type { UploadArgs } from './upload-args.js'
import { type LoadLibrary, uploadOne, uploadOptions, withSession } from './upload-run.js'

/** One that fails does not stop the others; only a signal does. */
export async function runSeveral(
  io: Io,
  args: UploadArgs,
  { targets, atOnce, leftOut }: Several,
  load: LoadLibrary,
): Promise<number> {
  const files = await Promise.all(
    targets.map(async ({ path }) => ({ path, size: await sizeOf(path) })),
  )
  const report = new SeveralReport(io, args, files)
  report.leftOut(leftOut)
  const argsOf = ({ path, bucket, key }: Target): UploadArgs => ({ ...args, path, bucket, key })
  return await withSession(io, args, load, report, async (session) => {
    // What the library would refuse of any of them is refused before the first is begun.
    const { resolveOptions } = await import('../upload/options.js')
    for (const target of targets) {
      const { path } = target
      resolveOptions({ ...uploadOptions(argsOf(target)), path, callback: session.callback })
    }
    const queue = targets.entries()
    const worker = async (): Promise<void> => {
      for (const [index, target] of queue) {
        if (io.signal.aborted) return
        const { path } = target
        await uploadOne(session, argsOf(target), { path }, report.ofFile(index))
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, targets.length) }, worker))
    const reason: unknown = io.signal.reason
    return report.summary(isInterruption(reason) ? reason : undefined)
  })
}

/** Only for the progress: what is wrong with a file is told when it is uploaded. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}
