// Owns `ossup plan`: what an upload would send, and what of it a checkpoint saves; nothing is sent or written.

import { assertObjectKey } from '../oss/endpoint.js'
import { OssError } from '../primitives/errors.js'
import type { InspectedCheckpoint } from '../upload/inspect-checkpoint.js'
import type { PartPlan } from '../upload/plan.js'
import type { Source } from '../upload/source.js'
import { answerFacts, answerJson } from './answer.js'
import { type OptionTable, parseObjectUrl, parseOptions, parseSize, usageError } from './args.js'
import { assertName, parseBucketUrl } from './client-args.js'
import { type Command, refuse } from './command.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'
import { count, formatBytes } from './progress-line.js'

export const planUsage: string = `usage: ossup plan <file> oss://<bucket>/<key> [options]

Prints what ossup upload would do: parts, their size, requests, and with a checkpoint what of it is done already and
what would be sent. Nothing is sent, nothing is written. Give the options that the upload would have.

options:
  --part-size <size>    as for ossup upload; default 8MiB, or what keeps the number of parts at 10,000
  --checkpoint <path>   as for ossup upload; default <file>.ucp
  --checkpoint-dir <d>  as for ossup upload
  --no-checkpoint       plan an upload that starts over
  --verify              read the parts that the checkpoint records again, and count only those that are still the same;
                        the upload does so in any case
  --json                one JSON line; a failure is one JSON line on stderr
  -h, --help            show this text

exit status:
  0    planned
  1    the file or the checkpoint cannot be read
  2    wrong usage
  4    the checkpoint belongs to another upload: ossup upload would refuse it
  130  cancelled by SIGINT (Ctrl-C); 143 by SIGTERM

example:
  ossup plan ./disk.img oss://examplebucket/backup/disk.img --part-size 16MiB
`

const options = {
  'part-size': { type: 'string' },
  checkpoint: { type: 'string' },
  'checkpoint-dir': { type: 'string' },
  'no-checkpoint': { type: 'boolean', default: false },
  verify: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const planOptions: OptionTable = options

const help = 'see: ossup plan --help'

export const planCommand: Command = { usage: planUsage, run: runPlan }

export async function runPlan(io: Io, argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, options, help)
  const [path, url, extra] = positionals
  if (path === undefined || path === '') throw usageError('no file is given', help)
  if (path === '-') throw usageError('stdin has no size to plan with', 'give the path of a file')
  if (url === undefined) throw usageError('no destination is given', help)
  if (extra !== undefined) throw usageError('more than a file and a destination are given', help)
  const { bucket, key } = parseObjectUrl(url)
  parseBucketUrl(url, help)
  assertName(() => assertObjectKey(key), help)
  const { checkpoint, 'checkpoint-dir': checkpointDir, 'no-checkpoint': none, json } = values
  if ([checkpoint, checkpointDir, none || undefined].filter((v) => v !== undefined).length > 1) {
    throw usageError('more than one of --checkpoint, --checkpoint-dir and --no-checkpoint', help)
  }
  const partSize = values['part-size'] && parseSize('--part-size', values['part-size'])
  const [{ openSource }, { planParts }, { systemEnvironment }] = await Promise.all([
    import('../upload/source.js'),
    import('../upload/plan.js'),
    import('../upload/environment.js'),
  ])
  let source: Source | undefined
  try {
    const opened = await openSource(path, systemEnvironment.fs)
    source = opened
    const { checkpointPathOf } = await import('../upload/checkpoint-path.js')
    const place = { path, bucket, key, checkpointPath: checkpoint, checkpointDir }
    const found = none
      ? undefined
      : await checkpointIfAny(checkpointPathOf(place), checkpoint !== undefined)
    const wanted = typeof partSize === 'number' ? partSize : undefined
    if (found !== undefined) assertSameUpload(found, { bucket, key, partSize: wanted })
    const plan = planParts(opened.size, found?.content.header.partSize ?? wanted)
    const kept = found && (await keptParts(found, opened, plan, values.verify, io.signal))
    const planned = { path, bucket, key, plan, found, kept, verified: values.verify }
    if (json) answerJson(io, 'plan', membersOf(planned))
    else answerFacts(io, factsOf(planned))
    return exitCodes.done
  } catch (error) {
    // What the library says of the part size is about the option.
    return refuse(io, error, help, !(error instanceof RangeError))
  } finally {
    await source?.close()
  }
}

async function checkpointIfAny(
  path: string,
  isNamed: boolean,
): Promise<InspectedCheckpoint | undefined> {
  const [{ inspectCheckpoint }, { systemEnvironment }] = await Promise.all([
    import('../upload/inspect-checkpoint.js'),
    import('../upload/environment.js'),
  ])
  const missing = await systemEnvironment.fs.lstat(path).then(
    () => false,
    () => true,
  )
  return missing && !isNamed ? undefined : await inspectCheckpoint(path, systemEnvironment)
}

function assertSameUpload(
  { path, content: { header } }: InspectedCheckpoint,
  wanted: { readonly bucket: string; readonly key: string; readonly partSize: number | undefined },
): void {
  const { bucket, key, partSize } = wanted
  const differences = [
    ...(header.bucket === bucket && header.key === key
      ? []
      : [`it is for oss://${header.bucket}/${header.key}, not oss://${bucket}/${key}`]),
    ...(partSize === undefined || partSize === header.partSize
      ? []
      : [`its part size is ${header.partSize}, not ${partSize}`]),
  ]
  if (differences.length === 0) return
  throw new OssError(
    `the checkpoint ${path} belongs to another upload: ${differences.join('; ')}`,
    {
      code: 'ERR_OSS_CHECKPOINT_MISMATCH',
      hint: 'give another --checkpoint, or plan with --no-checkpoint what --restart would do',
    },
  )
}

interface Kept {
  readonly parts: number
  readonly bytes: number
  /** Numbers of recorded parts whose local bytes are no longer the same. */
  readonly differing: readonly number[]
}

async function keptParts(
  { content }: InspectedCheckpoint,
  source: Source,
  plan: PartPlan,
  verify: boolean,
  signal: AbortSignal,
): Promise<Kept> {
  const [{ recordedProgress }, { verifyPart }, { PartBuffers }, { partRange }] = await Promise.all([
    import('../upload/inspect-checkpoint.js'),
    import('../upload/verify-part.js'),
    import('../upload/part-reader.js'),
    import('../upload/plan.js'),
  ])
  const { done, doneBytes } = recordedProgress(content, source.size)
  if (!verify) return { parts: done.length, bytes: doneBytes, differing: [] }
  const buffers = new PartBuffers()
  const differing: number[] = []
  let bytes = 0
  for (const { number, crc64, size } of done) {
    const range = partRange(plan, number)
    const { matches } = await verifyPart(source, range, { crc64 }, buffers, signal)
    if (matches) bytes += size
    else differing.push(number)
  }
  return { parts: done.length - differing.length, bytes, differing }
}

interface Planned {
  readonly path: string
  readonly bucket: string
  readonly key: string
  readonly plan: PartPlan
  readonly found: InspectedCheckpoint | undefined
  readonly kept: Kept | undefined
  readonly verified: boolean
}

/** By OSS's name of each; what fails and is repeated, and abandoned uploads, are not foreseen. */
function requestsOf({ plan, kept }: Planned): Readonly<Record<string, number>> {
  if (kept !== undefined) {
    return {
      ListParts: Math.max(1, Math.ceil(kept.parts / 1000)),
      UploadPart: plan.count - kept.parts,
      CompleteMultipartUpload: 1,
    }
  }
  if (plan.count <= 1) return { PutObject: 1 }
  return { InitiateMultipartUpload: 1, UploadPart: plan.count, CompleteMultipartUpload: 1 }
}

function sendOf({ plan, kept }: Planned): { readonly parts: number; readonly bytes: number } {
  return {
    parts: Math.max(1, plan.count) - (kept?.parts ?? 0),
    bytes: plan.size - (kept?.bytes ?? 0),
  }
}

function membersOf(planned: Planned): object {
  const { path, bucket, key, plan, found, kept, verified } = planned
  return {
    ...{ path, bucket, key, size: plan.size, partSize: plan.partSize },
    parts: Math.max(1, plan.count),
    requests: requestsOf(planned),
    checkpoint:
      found && kept
        ? { path: found.path, uploadId: found.content.header.uploadId, verified, ...kept }
        : null,
    send: sendOf(planned),
  }
}

function factsOf(planned: Planned): [string, string][] {
  const { path, bucket, key, plan, found, kept, verified } = planned
  const requests = Object.entries(requestsOf(planned))
  const total = requests.reduce((sum, [, number]) => sum + number, 0)
  const send = sendOf(planned)
  return [
    ['source', `${path}, ${plan.size} bytes (${formatBytes(plan.size)})`],
    ['destination', `oss://${bucket}/${key}`],
    ['parts', partsWords(planned)],
    ['requests', `${total}: ${requests.map(([name, number]) => `${number} ${name}`).join(', ')}`],
    ['checkpoint', found ? `${found.path}, upload ${found.content.header.uploadId}` : 'none'],
    ...(kept ? [['done', doneWords(kept, verified)] as [string, string]] : []),
    ['to send', `${count(send.parts, 'part')}, ${formatBytes(send.bytes)}`],
  ]
}

function partsWords({ plan, found }: Planned): string {
  const { size, partSize, count: number } = plan
  if (number <= 1 && found === undefined) return '1, in one request'
  const last = size - (number - 1) * partSize
  const each = `${number} of ${formatBytes(partSize)}`
  return last === partSize || number === 0 ? each : `${each}, the last of ${formatBytes(last)}`
}

function doneWords({ parts, bytes, differing }: Kept, verified: boolean): string {
  const words = `${count(parts, 'part')}, ${formatBytes(bytes)}`
  if (!verified) return `${words}, as recorded; --verify reads them again`
  if (differing.length === 0) return `${words}, read again and the same`
  const shown = differing.slice(0, 8).join(', ') + (differing.length > 8 ? ', ...' : '')
  return `${words}; ${count(differing.length, 'part')} no longer the same: ${shown}`
}
