// Owns `ossup gc`: finds uploads that are old enough, shows them, asks, and aborts them.

import { readdir } from 'node:fs/promises'
import type { OssClient } from '../oss/client.js'
import { OssError } from '../primitives/errors.js'
import type { UnfinishedUpload } from '../upload/unfinished-uploads.js'
import { answerJson, answerLine, sayBeside } from './answer.js'
import { withClient } from './client-args.js'
import type { Command } from './command.js'
import { exitCodes } from './exit-codes.js'
import { describeFailure } from './failure.js'
import { type GcArgs, gcHelp, gcUsage, parseGcArgs } from './gc-args.js'
import type { Io } from './io.js'
import { held, newSum, type Sum, uploadLine, uploadMembers } from './list-command.js'
import { count } from './progress-line.js'

export const gcCommand: Command = { usage: gcUsage, run: runGc }

/** Aborts at a time. */
const batchSize = 8

/** @param now this machine's clock, which is corrected by OSS's */
export async function runGc(
  io: Io,
  argv: readonly string[],
  now: () => Date = () => new Date(),
): Promise<number> {
  const args = parseGcArgs(argv, io)
  return await withClient(io, args, gcHelp, (client) => collect(io, args, client, now))
}

interface Findings {
  readonly old: readonly UnfinishedUpload[]
  readonly younger: number
  readonly excluded: number
  readonly oss: Date
}

async function collect(io: Io, args: GcArgs, client: OssClient, now: () => Date): Promise<number> {
  const { bucket, prefix, json, dryRun } = args
  const findings = await find(io, args, client, now)
  const { old, younger, excluded, oss } = findings
  const found = newSum(true)
  for (const upload of old) {
    found.add(upload)
    if (!json) answerLine(io, uploadLine(upload, bucket, oss))
    else if (dryRun) {
      answerJson(io, 'upload', { action: 'none', ...uploadMembers(upload, bucket, oss) })
    }
  }
  const kept = { younger, excluded }
  const keptWords = wordsOfKept(args, findings)
  if (dryRun || old.length === 0) {
    if (json) answerJson(io, 'result', { bucket, prefix, dryRun, found: found.members(), kept })
    else
      answerLine(
        io,
        `${dryRun ? 'would abort' : 'nothing to abort'}: ${found.words()}; ${keptWords}`,
      )
    return exitCodes.done
  }
  if (!args.yes && !(await agrees(io, `abort ${found.words()}? [y/N] `))) {
    throw new OssError('nothing was aborted: you did not agree', {
      code: 'ERR_CANCELLED',
      hint: 'answer y, or give --yes',
    })
  }
  const { freed, failed, failure } = await abortAll(io, args, client, old, oss)
  if (json) {
    const sums = { found: found.members(), freed: freed.members(), failed, kept }
    answerJson(io, 'result', { bucket, prefix, dryRun, ...sums })
  } else answerLine(io, `aborted: ${freed.words()}; ${keptWords}`)
  if (failure !== undefined) {
    throw new OssError(`${count(failed, 'upload')} could not be aborted`, {
      code: describeFailure(failure, gcHelp, true).code,
      hint: describeFailure(failure, gcHelp, true).hint,
      cause: failure,
    })
  }
  return exitCodes.done
}

async function find(io: Io, args: GcArgs, client: OssClient, now: () => Date): Promise<Findings> {
  const { bucket, prefix, requestPayer, olderThanMs, json } = args
  const { signal } = io
  const excludedIds = await idsToKeep(args)
  const { furthestAheadMs, serverClockOffset } = await import('../upload/server-clock.js')
  const offset = await serverClockOffset(client, { bucket, requestPayer, signal }, now)
  if (offset === undefined) {
    throw new OssError('OSS did not say what time it is: ages cannot be told', {
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      hint: 'something between here and OSS drops the Date header: check the proxy',
    })
  }
  const oss = new Date(now().getTime() + offset)
  const old: UnfinishedUpload[] = []
  let younger = 0
  let excluded = 0
  const wanted = { bucket, prefix, requestPayer, signal, held: true }
  const isOld = ({ initiated }: { initiated: Date }): boolean =>
    // What may be younger counts as younger.
    oss.getTime() - furthestAheadMs - initiated.getTime() > olderThanMs
  const only = (upload: { readonly initiated: Date; readonly uploadId: string }): boolean => {
    if (!isOld(upload)) younger += 1
    else if (excludedIds.has(upload.uploadId)) excluded += 1
    else return true
    return false
  }
  for await (const upload of await held(client, io, json, { ...wanted, only })) old.push(upload)
  return { old, younger, excluded, oss }
}

async function idsToKeep({ checkpointDirs }: GcArgs): Promise<ReadonlySet<string>> {
  const all = new Set<string>()
  const [{ checkpointIds }, { systemEnvironment }] = await Promise.all([
    import('../upload/checkpoint-ids.js'),
    import('../upload/environment.js'),
  ])
  for (const directory of checkpointDirs) {
    const names = await readdir(directory).catch((error: unknown) => {
      throw new OssError(`cannot read ${directory}: ${(error as Error).message}`, {
        code: 'ERR_OSS_CHECKPOINT_IO',
        hint: 'check the name that --exclude-checkpoints gives',
        cause: error,
      })
    })
    for (const id of await checkpointIds(directory, names, systemEnvironment)) all.add(id)
  }
  return all
}

function wordsOfKept({ olderThan }: GcArgs, { younger, excluded }: Findings): string {
  const words = `kept: ${younger} younger than ${olderThan}`
  return excluded === 0 ? words : `${words}, ${excluded} that a checkpoint records`
}

/** Only `y` or `yes` is a yes. */
async function agrees(io: Io, question: string): Promise<boolean> {
  io.stderr.write(question)
  let answer = ''
  try {
    for await (const chunk of io.stdin()) {
      answer += Buffer.from(chunk).toString('utf8')
      if (answer.includes('\n')) break
    }
  } catch (error) {
    io.signal.throwIfAborted()
    throw error
  }
  return /^\s*y(?:es)?\s*$/i.test(answer)
}

function survivor(): OssError {
  return new OssError('a part of it is still being received', {
    code: 'ERR_OSS_AMBIGUOUS',
    hint: 'something goes on sending parts: stop that, and run again',
  })
}

interface Outcome {
  readonly freed: Sum
  readonly failed: number
  /** The first one. */
  readonly failure: Error | undefined
}

async function abortAll(
  io: Io,
  { bucket, requestPayer, json }: GcArgs,
  client: OssClient,
  uploads: readonly UnfinishedUpload[],
  oss: Date,
): Promise<Outcome> {
  const { abortUntilGone } = await import('../upload/abort-until-gone.js')
  const freed = newSum(true)
  const failures: Error[] = []
  const abortOne = async (upload: UnfinishedUpload): Promise<void> => {
    const { key, uploadId } = upload
    let failure: Error | undefined
    try {
      const target = { bucket, key, uploadId, requestPayer, signal: io.signal }
      const outcome = await abortUntilGone(client, target)
      // Completed or aborted by somebody else: nothing was freed by this.
      if (outcome === 'absent') return
      if (outcome === 'survives') failure = survivor()
    } catch (error) {
      io.signal.throwIfAborted()
      failure = error instanceof Error ? error : new Error(String(error))
    }
    if (failure === undefined) freed.add(upload)
    else failures.push(failure)
    if (json) {
      const action = failure === undefined ? 'aborted' : 'failed'
      answerJson(io, 'upload', { action, ...uploadMembers(upload, bucket, oss) })
    } else if (failure !== undefined) {
      const text = `upload ${uploadId} of oss://${bucket}/${key}: ${failure.message}`
      sayBeside(io, json, 'warning', text)
    }
  }
  const [first, ...rest] = uploads
  // One alone: where aborting is denied, the others need not be tried.
  if (first !== undefined) await abortOne(first)
  const isDenied =
    failures[0] !== undefined && 'status' in failures[0] && failures[0].status === 403
  if (isDenied) return { freed, failed: uploads.length, failure: failures[0] }
  for (let start = 0; start < rest.length; start += batchSize) {
    await Promise.all(rest.slice(start, start + batchSize).map(abortOne))
  }
  return { freed, failed: failures.length, failure: failures[0] }
}
