// Owns `ossup list`: the unfinished uploads of a bucket, one a line as they come, and their sum.

import type { OssClient } from '../oss/client.js'
import type { UnfinishedUpload } from '../upload/unfinished-uploads.js'
import { answerJson, answerLine, formatAge, sayBeside } from './answer.js'
import { type OptionTable, parseOptions, usageError } from './args.js'
import {
  clientEnvironment,
  clientOptions,
  clientUsage,
  parseBucketUrl,
  parseClientArgs,
  withClient,
} from './client-args.js'
import type { Command } from './command.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'
import { count, formatBytes } from './progress-line.js'

export const listUsage: string = `usage: ossup list oss://<bucket>[/<prefix>] --region <region> [options]

Lists uploads that were begun and neither completed nor aborted: OSS bills the parts that they hold. One line for each:
age, bytes and parts held, storage class, upload id, object; by key and then by time. The last line is the sum.

Needs oss:ListMultipartUploads, and oss:ListParts for what is held, which is one request for each upload.

options:
  --no-bytes            do not ask what each upload holds
${clientUsage}
  --json                one JSON line for each upload, the last one with type "result"; a failure is one on stderr
  -h, --help            show this text

${clientEnvironment}

exit status:
  0    listed, be it nothing
  1    failed; the lines before it stand
  2    wrong usage
  130  cancelled by SIGINT (Ctrl-C); 143 by SIGTERM

example:
  ossup list oss://examplebucket/backup/ --region cn-hangzhou
`

const options = {
  ...clientOptions,
  'no-bytes': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const listOptions: OptionTable = options

const help = 'see: ossup list --help'

export const listCommand: Command = { usage: listUsage, run: runList }

/** @param now the clock that ages are told by */
export async function runList(
  io: Io,
  argv: readonly string[],
  now: () => Date = () => new Date(),
): Promise<number> {
  const { values, positionals } = parseOptions(argv, options, help)
  const { bucket, prefix } = parseBucketUrl(positionals[0], help)
  if (positionals.length > 1) throw usageError('more than one bucket is given', help)
  const args = parseClientArgs(values, io.env)
  const { json, 'no-bytes': noBytes } = values
  const { requestPayer } = args
  return await withClient(io, args, help, async (client) => {
    const wanted = { bucket, prefix, requestPayer, signal: io.signal, held: !noBytes }
    const sum = newSum(!noBytes)
    for await (const upload of await held(client, io, json, wanted)) {
      // Nobody reads the rest: each further line would cost a request.
      if (io.stdout.isClosed) return exitCodes.done
      sum.add(upload)
      if (json) answerJson(io, 'upload', uploadMembers(upload, bucket, now()))
      else answerLine(io, uploadLine(upload, bucket, now()))
    }
    if (json) answerJson(io, 'result', { bucket, prefix, ...sum.members() })
    else answerLine(io, `total: ${sum.words()}`)
    return exitCodes.done
  })
}

type Wanted = Omit<
  Parameters<typeof import('../upload/unfinished-uploads.js').unfinishedUploads>[1],
  'onDenied'
>

/** The uploads, with one note when it may not be seen what they hold. */
export async function held(
  client: OssClient,
  io: Io,
  json: boolean,
  wanted: Wanted,
): Promise<AsyncGenerator<UnfinishedUpload, void, undefined>> {
  const { unfinishedUploads } = await import('../upload/unfinished-uploads.js')
  const onDenied = (): void =>
    sayBeside(
      io,
      json,
      'note',
      'ListParts is denied: what each upload holds is not shown; grant oss:ListParts to see it',
    )
  return unfinishedUploads(client, { ...wanted, onDenied })
}

/** What some uploads hold together. */
export interface Sum {
  add(upload: UnfinishedUpload): void
  /** `2 unfinished uploads, 7 parts, 56.0 MiB`. */
  words(): string
  members(): {
    readonly uploads: number
    readonly parts: number | null
    readonly bytes: number | null
  }
}

/** @param isMeasured false where nobody asked what they hold */
export function newSum(isMeasured: boolean): Sum {
  let uploads = 0
  let parts = 0
  let bytes = 0
  let isKnown = isMeasured
  return {
    add(upload) {
      uploads += 1
      parts += upload.held?.parts ?? 0
      bytes += upload.held?.bytes ?? 0
      if (upload.held === undefined) isKnown = false
    },
    words: () =>
      [
        count(uploads, 'unfinished upload'),
        ...(isKnown && uploads > 0 ? [count(parts, 'part'), formatBytes(bytes)] : []),
      ].join(', '),
    members: () => ({ uploads, parts: isKnown ? parts : null, bytes: isKnown ? bytes : null }),
  }
}

export function uploadMembers(upload: UnfinishedUpload, bucket: string, now: Date): object {
  const { key, uploadId, initiated, storageClass } = upload
  return {
    ...{ bucket, key, uploadId, initiated },
    ageSeconds: Math.round((now.getTime() - initiated.getTime()) / 1000),
    storageClass: storageClass ?? null,
    parts: upload.held?.parts ?? null,
    bytes: upload.held?.bytes ?? null,
  }
}

/** What has a width comes first, and the key last: so columns stand below each other without knowing all lines. */
export function uploadLine(upload: UnfinishedUpload, bucket: string, now: Date): string {
  const { key, uploadId, initiated, storageClass = '-' } = upload
  return [
    formatAge(now.getTime() - initiated.getTime()).padStart(8),
    (upload.held ? formatBytes(upload.held.bytes) : '-').padStart(10),
    (upload.held ? count(upload.held.parts, 'part') : '-').padStart(11),
    storageClass.padEnd(11),
    uploadId,
    `oss://${bucket}/${key}`,
  ].join('  ')
}
