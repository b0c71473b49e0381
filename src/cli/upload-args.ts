// Owns the options of `ossup upload`: their explanation, which is the usage text, and their types.

import {
  parseChoice,
  parseObjectUrl,
  parseOptions,
  parseSize,
  parseWholeNumber,
  usageError,
} from './args.js'

export const uploadUsage = `usage: ossup upload <file> oss://<bucket>/<key> --region <region> [options]

Uploads a file. If the upload is interrupted in any way, the same command continues it: what OSS has acknowledged is
compared with the file and not sent again. The key is taken literally, without percent-decoding.

options:
  --region <id>         region of the bucket, e.g. cn-hangzhou; without it OSS_REGION, or the region in the endpoint
  --endpoint <url>      host, or http:// or https:// and host, with an optional port; without it OSS_ENDPOINT, or
                        https://oss-<region>.aliyuncs.com
  --path-style          put the bucket into the path instead of the host name; the default for an IP address
  --part-size <size>    100KiB to 5GiB, in bytes or with KiB, MiB, GiB (K, M, G mean the same); default 8MiB, or what
                        keeps the number of parts at 10,000
  --concurrency <n>     parts in flight, 1 to 1000; default 4
  --checkpoint <path>   where the state of the upload is kept; default <file>.ucp
  --no-checkpoint       keep no state: a failed upload is aborted and starts over
  --verify <how>        how parts of an earlier run are compared with the file: content (default) reads them again,
                        stat trusts size, times and inode
  --adopt               without a checkpoint, look on OSS for an unfinished upload of this key and continue it
  --restart             give up the upload that the checkpoint records, abort it, and start over
  --on-abort <what>     what a cancelled upload leaves: keep (default) its parts and checkpoint, or discard both
  --json                JSON lines on stdout, the last one with type "result"; a failure is one JSON line on stderr
  --quiet               no progress and no notes on stderr, only errors
  -h, --help            show this text

environment:
  OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET   credentials, always needed
  OSS_SESSION_TOKEN                          needed in addition for temporary (STS) credentials
  OSS_REGION, OSS_ENDPOINT                   used where --region or --endpoint is not given

exit status:
  0    uploaded
  1    failed; running the command again does not resume
  2    wrong usage
  3    failed; running the same command again resumes
  4    refused: the checkpoint belongs to another upload
  130  cancelled by SIGINT (Ctrl-C); running the same command again resumes
  143  cancelled by SIGTERM; running the same command again resumes
  Take any other status as a failure.

example:
  export OSS_ACCESS_KEY_ID=... OSS_ACCESS_KEY_SECRET=...
  ossup upload ./disk.img oss://examplebucket/backup/disk.img --region cn-hangzhou --part-size 16MiB
`

export interface UploadArgs {
  readonly path: string
  readonly bucket: string
  readonly key: string
  readonly region: string | undefined
  readonly endpoint: string | undefined
  /** Undefined leaves the choice to the library. */
  readonly pathStyle: boolean | undefined
  /** Bytes. */
  readonly partSize: number | undefined
  readonly concurrency: number | undefined
  readonly checkpoint: boolean
  readonly checkpointPath: string | undefined
  readonly verify: 'content' | 'stat' | undefined
  readonly adopt: boolean
  readonly restart: boolean
  readonly onAbort: 'keep' | 'discard' | undefined
  readonly json: boolean
  readonly quiet: boolean
}

const options = {
  region: { type: 'string' },
  endpoint: { type: 'string' },
  'path-style': { type: 'boolean', default: false },
  'part-size': { type: 'string' },
  concurrency: { type: 'string' },
  checkpoint: { type: 'string' },
  'no-checkpoint': { type: 'boolean', default: false },
  verify: { type: 'string' },
  adopt: { type: 'boolean', default: false },
  restart: { type: 'boolean', default: false },
  'on-abort': { type: 'string' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
} as const

const help = 'see: ossup upload --help'

/** @throws {OssError} `ERR_USAGE`. Ranges and the names of bucket and key are left to the library. */
export function parseUploadArgs(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): UploadArgs {
  const { values, positionals } = parseOptions(argv, options, help)
  const [path, url, extra] = positionals
  if (path === undefined || path === '') throw usageError('no file is given', help)
  if (url === undefined) throw usageError('no destination is given', help)
  if (extra !== undefined) {
    throw usageError(
      'more than a file and a destination are given',
      'one command uploads one file; quote names that contain blanks',
    )
  }
  const { bucket, key } = parseObjectUrl(url)
  const { checkpoint, verify, json, quiet, adopt, restart } = values
  if (checkpoint !== undefined && values['no-checkpoint']) {
    throw usageError('--checkpoint and --no-checkpoint contradict each other', 'give one of them')
  }
  if (restart && values['no-checkpoint']) {
    throw usageError(
      '--restart and --no-checkpoint contradict each other',
      'without a checkpoint every upload starts over: leave --restart out',
    )
  }
  const region = values.region ?? (env['OSS_REGION']?.trim() || undefined)
  const endpoint = values.endpoint ?? (env['OSS_ENDPOINT']?.trim() || undefined)
  if (region === undefined && endpoint === undefined) {
    throw usageError(
      'no region is given',
      'add --region, e.g. --region cn-hangzhou, or set OSS_REGION',
    )
  }
  const { 'part-size': partSize, concurrency, 'on-abort': onAbort } = values
  return {
    path,
    bucket,
    key,
    region,
    endpoint,
    pathStyle: values['path-style'] || undefined,
    partSize: partSize === undefined ? undefined : parseSize('--part-size', partSize),
    concurrency:
      concurrency === undefined ? undefined : parseWholeNumber('--concurrency', concurrency),
    checkpoint: !values['no-checkpoint'],
    checkpointPath: checkpoint,
    verify: verify === undefined ? undefined : parseChoice('--verify', verify, ['content', 'stat']),
    adopt,
    restart,
    onAbort:
      onAbort === undefined ? undefined : parseChoice('--on-abort', onAbort, ['keep', 'discard']),
    json,
    quiet,
  }
}
