// Owns `ossup status`: what a checkpoint records of an upload, without a request and without a change.

import { completedReason } from '../upload/checkpoint.js'
import type {
  CheckpointLock,
  InspectedCheckpoint,
  RecordedProgress,
  SourceState,
} from '../upload/inspect-checkpoint.js'
import type { JournalContent, JournalSuperseded } from '../upload/journal.js'
import { answerFacts, answerJson, formatAge } from './answer.js'
import { type OptionTable, parseOptions, usageError } from './args.js'
import { type Command, refuse } from './command.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'
import { count, formatBytes } from './progress-line.js'

export const statusUsage: string = `usage: ossup status <checkpoint> [options]

Prints what a checkpoint records: which upload it is of, what is done and what is left, whether the file is still the
one that was uploaded (by size, times and inode; ossup plan --verify reads it), and which process has it. Nothing is
sent, nothing is written, and an upload that is running is not disturbed.

options:
  --source <file>  the file that is uploaded; default: the name of the checkpoint without .ucp
  --json           one JSON line; a failure is one JSON line on stderr
  -h, --help       show this text

exit status:
  0    the checkpoint was read
  1    there is none, or it cannot be read
  2    wrong usage
  4    it was written by a later version of ossup

example:
  ossup status ./disk.img.ucp
`

const options = {
  source: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const statusOptions: OptionTable = options

const help = 'see: ossup status --help'

export const statusCommand: Command = { usage: statusUsage, run: runStatus }

/** @param now the clock that ages are told by */
export async function runStatus(
  io: Io,
  argv: readonly string[],
  now: () => Date = () => new Date(),
): Promise<number> {
  const { values, positionals } = parseOptions(argv, options, help)
  const [path, extra] = positionals
  if (path === undefined || path === '') throw usageError('no checkpoint is given', help)
  if (extra !== undefined) throw usageError('more than one checkpoint is given', help)
  try {
    const [inspect, { systemEnvironment }] = await Promise.all([
      import('../upload/inspect-checkpoint.js'),
      import('../upload/environment.js'),
    ])
    const checkpoint = await inspect.inspectCheckpoint(path, systemEnvironment)
    const file = values.source ?? (/^(.*[^/])\.ucp$/s.exec(path)?.[1] || undefined)
    const { content } = checkpoint
    const source = await inspect.inspectSource(content, file, systemEnvironment)
    const size = inspect.recordedSize(content)
    const progress = inspect.recordedProgress(content, size)
    const status: Status = { checkpoint, file, source, size, progress, now: now() }
    if (values.json) answerJson(io, 'status', membersOf(status))
    else answerFacts(io, factsOf(status))
    return exitCodes.done
  } catch (error) {
    return refuse(io, error, help)
  }
}

interface Status {
  readonly checkpoint: InspectedCheckpoint
  readonly file: string | undefined
  readonly source: SourceState
  readonly size: number | undefined
  readonly progress: RecordedProgress
  readonly now: Date
}

function ageOf({ checkpoint, now }: Status): number {
  return now.getTime() - Date.parse(checkpoint.content.header.createdAt)
}

function membersOf(status: Status): object {
  const { checkpoint, file, source, size, progress } = status
  const { content, lock } = checkpoint
  const { bucket, key, service, uploadId, partSize, createdAt } = content.header
  const { done, doneBytes, plan } = progress
  return {
    ...{ bucket, key, service, uploadId, createdAt },
    ageSeconds: Math.round(ageOf(status) / 1000),
    checkpointPath: checkpoint.path,
    state: checkpoint.state,
    partSize,
    size: size ?? null,
    done: { parts: done.length, bytes: doneBytes },
    left: plan
      ? { parts: plan.count - done.length, bytes: plan.size - doneBytes }
      : { parts: null, bytes: null },
    completing: content.completing !== undefined,
    source: { path: file ?? null, ...source },
    lock: lock === undefined ? null : { ...lock.holder, state: lock.state },
    abandonedUploadIds: givenUp(content).map(({ uploadId }) => uploadId),
  }
}

/** What stays of a sharded upload names its id too: that one was completed. */
function givenUp({ superseded }: Pick<JournalContent, 'superseded'>): readonly JournalSuperseded[] {
  return superseded.filter(({ reason }) => reason !== completedReason)
}

function factsOf(status: Status): [string, string][] {
  const { checkpoint, progress } = status
  const { content, lock } = checkpoint
  const { bucket, key, service, uploadId, partSize, createdAt } = content.header
  const { done, doneBytes, plan } = progress
  const facts: [string, string][] = [
    ['destination', `oss://${bucket}/${key} (${service})`],
    ['upload id', uploadId],
    ['begun', `${createdAt}, ${formatAge(ageOf(status))} ago`],
    ['parts', `of ${formatBytes(partSize)}`],
    ['done', doneWords(done.length, doneBytes, plan)],
    ['left', leftWords(status)],
    ['source', sourceWords(status)],
    ['lock', lockWords(lock)],
  ]
  if (content.completing !== undefined) {
    const settle = 'the object may be stored; the next run of ossup upload finds out'
    facts.push(['complete', `was sent: ${settle}`])
  }
  for (const { uploadId: old, reason } of givenUp(content)) {
    facts.push(['given up', `upload ${old} (${reason}); the next run aborts it`])
  }
  if (checkpoint.state === 'torn') {
    facts.push(['damage', 'a crash has cut the last line off, which costs at most that part'])
  } else if (checkpoint.state === 'damaged') {
    facts.push(['damage', 'some lines cannot be read: the next run sets a copy aside'])
  }
  return facts
}

function doneWords(parts: number, bytes: number, plan: RecordedProgress['plan']): string {
  if (plan === undefined) return `${count(parts, 'part')}, ${formatBytes(bytes)}`
  const percent = plan.size === 0 ? 0 : Math.floor((bytes * 100) / plan.size)
  return `${parts} of ${count(plan.count, 'part')}, ${formatBytes(bytes)} of ${formatBytes(plan.size)} (${percent} %)`
}

function leftWords({ checkpoint, size, progress }: Status): string {
  const { done, doneBytes, plan } = progress
  if (plan !== undefined) {
    const parts = count(plan.count - done.length, 'part')
    return `${parts}, ${formatBytes(plan.size - doneBytes)}`
  }
  return size === undefined
    ? 'not known: the end of a stream is known when it is there'
    : `everything: ${size} bytes do not fit ${checkpoint.content.header.partSize} bytes a part`
}

function sourceWords({ file, source }: Status): string {
  const named = file === undefined ? '' : `${file}: `
  switch (source.state) {
    case 'same':
      return `${named}unchanged (size, times, inode)`
    case 'changed':
      return `${named}changed: ${source.how}; the next run compares every part with it`
    case 'missing':
      return `${named}not there; name it with --source <file>`
    case 'unknown': {
      const hint = file === undefined ? '; name it with --source <file>' : ''
      return `unknown: ${source.why}${hint}`
    }
  }
}

function lockWords(lock: CheckpointLock | undefined): string {
  if (lock === undefined) return 'none: no upload is running'
  const { holder, state } = lock
  if (holder === undefined) return 'something else has the name of the lock'
  const who = `process ${holder.pid} on ${holder.host}`
  switch (state) {
    case 'held':
      return `held by ${who}: the upload is running`
    case 'left-behind':
      return `left behind by ${who}, which has ended: the next run takes it over`
    case 'unknown':
      return `of ${who}: from here it cannot be seen whether that still runs`
  }
}
