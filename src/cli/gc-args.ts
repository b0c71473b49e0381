// Owns the options of `ossup gc`: their explanation, which is the usage text, and their types.

import { type OptionTable, parseOptions, usageError } from './args.js'
import {
  type ClientArgs,
  clientEnvironment,
  clientOptions,
  clientUsage,
  parseBucketUrl,
  parseClientArgs,
} from './client-args.js'
import type { Io } from './io.js'
import { parseDuration } from './request-args.js'

export const gcUsage: string = `usage: ossup gc oss://<bucket>[/<prefix>] --older-than <time> --region <region> [options]

Aborts unfinished uploads that were begun longer ago than that: their parts are deleted, and no longer billed. Objects
are not touched, and nor are younger uploads: ages are told by OSS's clock, not by this machine's. An upload that is
still running after that time is lost too, so give more than your longest upload takes. What will be aborted is shown,
and aborted once you have agreed.

Needs oss:ListMultipartUploads and oss:AbortMultipartUpload, and oss:ListParts for what is freed.

options:
  --older-than <time>   age with its unit: a number with s, m, h or d, e.g. 7d; required
  --dry-run             only show what would be aborted
  --yes                 do not ask; needed where stdin is no terminal
  --exclude-checkpoints <dir>
                        keep uploads that a checkpoint (*.ucp) in this directory records; may be repeated
${clientUsage}
  --json                one JSON line for each upload, the last one with type "result"; a failure is one on stderr
  -h, --help            show this text

${clientEnvironment}

exit status:
  0    aborted what was to be aborted, be it nothing
  1    failed, not everything could be aborted, or you did not agree
  2    wrong usage
  130  cancelled by SIGINT (Ctrl-C); 143 by SIGTERM

example:
  ossup gc oss://examplebucket/backup/ --older-than 7d --dry-run --region cn-hangzhou
  ossup gc oss://examplebucket/backup/ --older-than 7d --yes --region cn-hangzhou
`

export interface GcArgs extends ClientArgs {
  readonly bucket: string
  readonly prefix: string
  readonly olderThanMs: number
  /** As it was given, for words. */
  readonly olderThan: string
  readonly dryRun: boolean
  readonly yes: boolean
  readonly checkpointDirs: readonly string[]
  readonly json: boolean
}

const options = {
  ...clientOptions,
  'older-than': { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  'exclude-checkpoints': { type: 'string', multiple: true },
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const gcOptions: OptionTable = options

export const gcHelp = 'see: ossup gc --help'

/** @throws {OssError} `ERR_USAGE`, also where nobody could be asked. */
export function parseGcArgs(
  argv: readonly string[],
  { env, stdinKind }: Pick<Io, 'env' | 'stdinKind'>,
): GcArgs {
  const { values, positionals } = parseOptions(argv, options, gcHelp)
  const { bucket, prefix } = parseBucketUrl(positionals[0], gcHelp)
  if (positionals.length > 1) throw usageError('more than one bucket is given', gcHelp)
  const { 'older-than': olderThan, 'dry-run': dryRun, yes, json } = values
  if (olderThan === undefined) throw usageError('no --older-than is given', 'e.g. --older-than 7d')
  // Seconds, which a bare number means elsewhere, are never what is meant here.
  if (/^\d+$/.test(olderThan)) {
    throw usageError(`--older-than ${olderThan} has no unit`, `e.g. --older-than ${olderThan}d`)
  }
  const olderThanMs = parseDuration('--older-than', olderThan) * 1000
  if (olderThanMs === 0) {
    throw usageError(
      '--older-than must not be 0: uploads that are running would be lost too',
      'e.g. --older-than 7d',
    )
  }
  if (!dryRun && !yes && stdinKind() !== 'terminal') {
    throw usageError(
      'gc aborts uploads, and stdin is no terminal where you could agree',
      'look with --dry-run, then add --yes',
    )
  }
  return {
    ...parseClientArgs(values, env),
    ...{ bucket, prefix, olderThan, olderThanMs, dryRun, yes, json },
    checkpointDirs: values['exclude-checkpoints'] ?? [],
  }
}
