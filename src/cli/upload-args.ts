// Owns the options of `ossup upload`: their explanation, which is the usage text, and their types.

import {
  parseChoice,
  parseOptions,
  parseShard,
  parseSize,
  parseWholeNumber,
  usageError,
} from './args.js'

import {
  type CredentialsArgs,
  credentialsOptions,
  parseCredentialsArgs,
} from './credentials-args.js'
import { type NetworkArgs, networkOptions, parseNetworkArgs, requestUsage } from './network-args.js'
import { type ObjectArgs, objectOptions, parseObjectArgs } from './object-args.js'
import { parseTargets, type Several } from './several-args.js'
import { assertStdinArgs, stdinName } from './stdin-args.js'

export const uploadUsage: string = `usage: ossup upload <file> oss://<bucket>/<key> --region <region> [options]
       ossup upload <file>... oss://<bucket>/<prefix>/ --region <region> [options]

Uploads a file. If the upload is interrupted in any way, the same command continues it: what OSS has acknowledged is
compared with the file and not sent again. The key is taken literally, without percent-decoding.

A <file> of - is stdin, of any length: tar c dir | ossup upload - oss://examplebucket/dir.tar --checkpoint dir.ucp
With --checkpoint the same command continues that too: parts that are the same are not sent again. Each part in flight
is in memory.

Several files, or a destination that ends in /: each is stored under its base name below the prefix, and has its own
checkpoint. When one fails, the others go on. Files that are stored already are sent again when they are named again.

options:
  --region <id>         region of the bucket, e.g. cn-hangzhou; without it OSS_REGION, or the region in the endpoint
  --endpoint <url>      host, or http:// or https:// and host, with an optional port; without it OSS_ENDPOINT, or
                        https://oss-<region>.aliyuncs.com
  --credentials <from>  where credentials come from: environment, oidc (ALIBABA_CLOUD_OIDC_TOKEN_FILE and the like),
                        profile (~/.aliyun/config.json), ecs (RAM role of the ECS instance) or uri
                        (ALIBABA_CLOUD_CREDENTIALS_URI); default (default) is the first of these that has some
  --profile <name>      profile of the Alibaba Cloud CLI to take credentials from
  --path-style          put the bucket into the path instead of the host name; the default for an IP address
  --internal            call the region from within Alibaba Cloud; instead of --endpoint
  --accelerate          call the nearest entry of Alibaba Cloud; instead of --endpoint; the bucket must allow it
  --dual-stack          call the region by IPv6 or IPv4; instead of --endpoint
  --cname               --endpoint is a custom domain that stands for the bucket
  --part-size <size>    100KiB to 5GiB, in bytes or with KiB, MiB, GiB (K, M, G mean the same); default 8MiB, or what
                        keeps the number of parts at 10,000; stdin may have 10,000 parts, 78 GiB with the default
  --concurrency <n>     parts in flight, 1 to 1000; default auto: as many as the link can use
  --max-concurrency <n> the most that auto goes to, 1 to 1000; default 32
  --files <n>           of several files, how many at once, 1 to 16; default 2; many small ones profit from more; other
                        options are for each file
  --checkpoint <path>   where the state of the upload is kept; default <file>.ucp, for stdin none
  --checkpoint-dir <d>  an existing directory that keeps the state: one file for each source and destination
  --no-checkpoint       keep no state: a failed upload is aborted and starts over
  --verify <how>        how parts of an earlier run are compared with the file: content (default) reads them again,
                        stat trusts size, times and inode
  --shard <i>/<n>       this is worker i, from 0 on, of n, up to 1000, that send one file together: each its own parts,
                        with the same file, --checkpoint or --checkpoint-dir and options; whoever is last completes
  --adopt               without a checkpoint, look on OSS for an unfinished upload of this key and continue it
  --restart             give up the upload that the checkpoint records, abort it, and start over
${requestUsage}
  --deadline <t>        time for the whole upload, 1s to 24d; what it has sent by then is kept; default none
                        each <t> in seconds, or a number with s, m, h or d, e.g. 90s
  --content-md5         send the MD5 of each part, which is signed: OSS refuses other bytes; every part is read twice
  --manifest <file>     write what was stored to this file: CRC-64, ETag and request id of each part, for ossup verify
  --sign-header <name>  sign another header in every request, e.g. host or content-length; may be repeated
  --content-type <type> Content-Type of the object; without it the name of the file tells, else that of the key
  --cache-control <v>   Cache-Control of the object
  --content-disposition <v>
                        Content-Disposition of the object, e.g. 'attachment; filename="disk.img"'
  --content-encoding <v>
                        Content-Encoding of the object, e.g. gzip
  --expires <date>      Expires of the object, e.g. 'Wed, 21 Oct 2026 07:28:00 GMT'
  --meta <name>=<value> x-oss-meta-<name> of the object, ASCII; may be repeated
  --acl <acl>           private, public-read, public-read-write or default
  --storage-class <c>   Standard, IA, Archive, ColdArchive or DeepColdArchive
  --tagging <key>=<v>   a tag of the object; may be repeated, up to 10
  --sse <algorithm>     encrypt on OSS: AES256, KMS or SM4
  --sse-key-id <id>     with --sse KMS: the key to encrypt with
  --sse-data-encryption <algorithm>
                        with --sse KMS: SM4 in place of AES256
  --forbid-overwrite    fail where the key is taken; a bucket with versioning ignores this
  --request-payer       accept the cost of requests to somebody else's pay-by-requester bucket
  --callback <json>     what OSS calls once the object is stored, e.g. {"url":"https://...","body":"key=\${object}"},
                        or @ and the name of a file that has it; members: url, host, body, bodyType, sni, vars
  --traffic-limit <n>   bit/s of each connection, 819200 to 838860800
  --sequential          send the parts one after another, in order
  --on-abort <what>     what a cancelled upload leaves: keep (default) its parts and checkpoint, or discard both
  --json                JSON lines on stdout, the last one with type "result", or with several files, or a destination
                        that ends in /, "summary"; a failure is one JSON line on stderr
  --quiet               no progress and no notes on stderr, only errors
  --verbose             a line on stderr for each request, retry and wait; with --json a line on stdout for each request
  -h, --help            show this text

environment:
  OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET   credentials, unless --credentials has others; the names of all SDKs,
                                             ALIBABA_CLOUD_ACCESS_KEY_ID and so on, are taken too
  OSS_SESSION_TOKEN                          needed in addition for temporary (STS) credentials
  OSS_REGION, OSS_ENDPOINT                   used where --region or --endpoint is not given
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY          proxies, and hosts to call without; HTTP_PROXY alone is for both

exit status:
  0    uploaded; with --shard also: the share of this worker is done
  1    failed; running the command again does not resume
  2    wrong usage
  3    failed; running the same command again resumes
  4    refused: the checkpoint belongs to another upload
  130  cancelled by SIGINT (Ctrl-C); running the same command again resumes
  143  cancelled by SIGTERM; running the same command again resumes
  Of several files the first of 130, 143, 2, 1, 4, 3 that one of them has. Take any other status as a failure.

example:
  export OSS_ACCESS_KEY_ID=... OSS_ACCESS_KEY_SECRET=...
  ossup upload ./disk.img oss://examplebucket/backup/disk.img --region cn-hangzhou --part-size 16MiB
  ossup upload ./*.img oss://examplebucket/backup/ --region cn-hangzhou
`

export interface UploadArgs extends CredentialsArgs, NetworkArgs {
  /** With it, path, bucket and key are those of the first file. */
  readonly several: Several | undefined
  /** Undefined for stdin. */
  readonly path: string | undefined
  readonly bucket: string
  readonly key: string
  readonly region: string | undefined
  readonly endpoint: string | undefined
  /** Undefined leaves the choice to the library. */
  readonly pathStyle: boolean | undefined
  readonly internal: boolean | undefined
  readonly accelerate: boolean | undefined
  readonly dualStack: boolean | undefined
  readonly cname: boolean | undefined
  /** Bytes. */
  readonly partSize: number | undefined
  readonly concurrency: number | 'auto' | undefined
  readonly maxConcurrency: number | undefined
  readonly checkpoint: boolean
  readonly checkpointPath: string | undefined
  readonly checkpointDir: string | undefined
  readonly verify: 'content' | 'stat' | undefined
  readonly shard: { readonly index: number; readonly count: number } | undefined
  readonly adopt: boolean
  readonly restart: boolean
  readonly contentMd5: boolean
  readonly manifest: string | undefined
  /** Undefined signs no more than has to be signed. */
  readonly additionalHeaders: readonly string[] | undefined
  readonly object: ObjectArgs
  readonly onAbort: 'keep' | 'discard' | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

const options = {
  ...credentialsOptions,
  ...objectOptions,
  ...networkOptions,
  region: { type: 'string' },
  endpoint: { type: 'string' },
  'path-style': { type: 'boolean', default: false },
  internal: { type: 'boolean', default: false },
  accelerate: { type: 'boolean', default: false },
  'dual-stack': { type: 'boolean', default: false },
  cname: { type: 'boolean', default: false },
  'part-size': { type: 'string' },
  concurrency: { type: 'string' },
  'max-concurrency': { type: 'string' },
  files: { type: 'string' },
  checkpoint: { type: 'string' },
  'checkpoint-dir': { type: 'string' },
  'no-checkpoint': { type: 'boolean', default: false },
  verify: { type: 'string' },
  shard: { type: 'string' },
  adopt: { type: 'boolean', default: false },
  restart: { type: 'boolean', default: false },
  'content-md5': { type: 'boolean', default: false },
  manifest: { type: 'string' },
  'sign-header': { type: 'string', multiple: true },
  'on-abort': { type: 'string' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
} as const

/** Names of all options, without their hyphens. */
export const uploadFlags: readonly string[] = Object.keys(options)

const help = 'see: ossup upload --help'

/** @throws {OssError} `ERR_USAGE`. Ranges and the names of bucket and key are left to the library. */
export function parseUploadArgs(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): UploadArgs {
  const { values, positionals } = parseOptions(argv, options, help)
  const { first, several } = parseTargets(positionals, values, help)
  const { path, bucket, key } = first
  const { checkpoint, verify, json, quiet, verbose, adopt, restart } = values
  if (quiet && verbose) {
    throw usageError('--quiet and --verbose contradict each other', 'give one of them')
  }
  const places = (['checkpoint', 'checkpoint-dir', 'no-checkpoint'] as const).filter(
    (name) => values[name] !== undefined && values[name] !== false,
  )
  if (places.length > 1) {
    const named = places.map((name) => `--${name}`).join(' and ')
    throw usageError(`${named} contradict each other`, 'give one of them')
  }
  if (restart && values['no-checkpoint']) {
    throw usageError(
      '--restart and --no-checkpoint contradict each other',
      'without a checkpoint every upload starts over: leave --restart out',
    )
  }
  const isStdin = path === stdinName
  const hasCheckpoint = (checkpoint ?? values['checkpoint-dir']) !== undefined
  if (isStdin) assertStdinArgs({ verify, adopt, restart, hasCheckpoint })
  const region = values.region ?? (env['OSS_REGION']?.trim() || undefined)
  // The environment's endpoint gives way to an option that names a host of Alibaba's own.
  const ownHost = values.internal || values.accelerate || values['dual-stack']
  const fallback = ownHost ? undefined : env['OSS_ENDPOINT']?.trim()
  const endpoint = values.endpoint ?? (fallback || undefined)
  if (region === undefined && endpoint === undefined) {
    throw usageError(
      'no region is given',
      'add --region, e.g. --region cn-hangzhou, or set OSS_REGION',
    )
  }
  const { 'part-size': partSize, concurrency, 'on-abort': onAbort } = values
  const { 'max-concurrency': maxConcurrency } = values
  return {
    several,
    path: isStdin ? undefined : path,
    bucket,
    key,
    region,
    endpoint,
    ...parseCredentialsArgs(values),
    ...parseNetworkArgs(values),
    pathStyle: values['path-style'] || undefined,
    internal: values.internal || undefined,
    accelerate: values.accelerate || undefined,
    dualStack: values['dual-stack'] || undefined,
    cname: values.cname || undefined,
    partSize: partSize === undefined ? undefined : parseSize('--part-size', partSize),
    concurrency:
      concurrency === undefined || concurrency === 'auto'
        ? concurrency
        : parseWholeNumber('--concurrency', concurrency),
    maxConcurrency:
      maxConcurrency === undefined
        ? undefined
        : parseWholeNumber('--max-concurrency', maxConcurrency),
    checkpoint: isStdin ? hasCheckpoint : !values['no-checkpoint'],
    checkpointPath: checkpoint,
    checkpointDir: values['checkpoint-dir'],
    verify: verify === undefined ? undefined : parseChoice('--verify', verify, ['content', 'stat']),
    shard: values.shard === undefined ? undefined : parseShard('--shard', values.shard),
    adopt,
    restart,
    contentMd5: values['content-md5'],
    manifest: values.manifest,
    additionalHeaders: values['sign-header'],
    object: parseObjectArgs(values),
    onAbort:
      onAbort === undefined ? undefined : parseChoice('--on-abort', onAbort, ['keep', 'discard']),
    json,
    quiet,
    verbose,
  }
}
