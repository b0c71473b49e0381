// Owns the options of `ossup presign`: their explanation, which is the usage text, and their types.

import {
  type OptionTable,
  parseObjectUrl,
  parseOptions,
  parseWholeNumber,
  usageError,
} from './args.js'
import {
  type EndpointArgs,
  endpointOptions,
  parseDuration,
  parseEndpointArgs,
  parseHeaders,
} from './request-args.js'

export const presignUsage: string = `usage: ossup presign get|put|upload-part oss://<bucket>/<key> --region <region> [options]

Prints a URL with which anybody can make this one request, without credentials, until it expires. Nothing is sent. The
key is taken literally, without percent-decoding. Keep the URL secret, and call it as printed: browsers fold a/../b.

options:
  --region <id>         region of the bucket, e.g. cn-hangzhou; without it OSS_REGION, or the region in the endpoint
  --endpoint <url>      host, or http:// or https:// and host, with an optional port; without it OSS_ENDPOINT, or
                        https://oss-<region>.aliyuncs.com
  --path-style          put the bucket into the path instead of the host name; the default for an IP address
  --cname               the endpoint is a custom domain that stands for the bucket
  --expires <time>      how long the URL works, 1s to 7d, in seconds or with s, m, h, d; default 1h; with temporary
                        credentials no longer than they do
  --part-number <n>     for upload-part: which part, 1 to 10000
  --upload-id <id>      for upload-part: of the multipart upload
  --header <header>     'Name: value' that whoever uses the URL has to send exactly so; may be repeated. Content-Type,
                        Content-MD5 and x-oss-* are signed, and refused when they were not given here
  --sign-header <name>  sign another header too; may be repeated. host is filled in and ties the URL to its host; any
                        other one needs --header
  --json                one JSON line with url, method, headers and expiresAt; a failure is one JSON line on stderr
  -h, --help            show this text

environment:
  OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET   credentials, always needed
  OSS_SESSION_TOKEN                          needed in addition for temporary (STS) credentials
  OSS_REGION, OSS_ENDPOINT                   used where --region or --endpoint is not given

exit status:
  0    the URL is on stdout, and nothing else
  1    there are no usable credentials
  2    wrong usage

examples:
  ossup presign get oss://examplebucket/backup/disk.img --region cn-hangzhou --expires 15m
  curl -T ./photo.png -H 'Content-Type: image/png' \\
    "$(ossup presign put oss://examplebucket/photo.png --region cn-hangzhou --header 'Content-Type: image/png')"
`

export interface PresignArgs extends EndpointArgs {
  readonly method: 'GET' | 'PUT'
  readonly bucket: string
  readonly key: string
  readonly cname: boolean
  readonly expiresSeconds: number | undefined
  readonly partNumber: number | undefined
  readonly uploadId: string | undefined
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly additionalHeaders: readonly string[]
  readonly json: boolean
}

const options = {
  ...endpointOptions,
  cname: { type: 'boolean', default: false },
  expires: { type: 'string' },
  'part-number': { type: 'string' },
  'upload-id': { type: 'string' },
  header: { type: 'string', multiple: true },
  'sign-header': { type: 'string', multiple: true },
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const presignOptions: OptionTable = options

export const presignHelp = 'see: ossup presign --help'

/** @throws {OssError} `ERR_USAGE`. Ranges and the names of bucket and key are left to the library. */
export function parsePresignArgs(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): PresignArgs {
  const { values, positionals } = parseOptions(argv, options, presignHelp)
  const [what, url, extra] = positionals
  if (what === undefined) throw usageError('no kind of request is given', presignHelp)
  if (what !== 'get' && what !== 'put' && what !== 'upload-part') {
    throw usageError(`cannot presign "${what.split('?')[0]}"`, 'give get, put or upload-part')
  }
  if (url === undefined) throw usageError('no object is given', presignHelp)
  if (extra !== undefined) {
    throw usageError('more than one object is given', 'one URL is for one object; quote blanks')
  }
  const { bucket, key } = parseObjectUrl(url)
  const { 'part-number': partNumber, 'upload-id': uploadId, expires } = values
  if (what === 'upload-part') {
    if (partNumber === undefined) throw usageError('no --part-number is given', presignHelp)
    if (uploadId === undefined) throw usageError('no --upload-id is given', presignHelp)
  } else if ((partNumber ?? uploadId) !== undefined) {
    throw usageError('--part-number and --upload-id are for upload-part', presignHelp)
  }
  const headers = parseHeaders('--header', values.header ?? [])
  const additionalHeaders = values['sign-header'] ?? []
  assertSigned(Object.keys(headers), additionalHeaders)
  return {
    ...parseEndpointArgs(values, env),
    method: what === 'get' ? 'GET' : 'PUT',
    bucket,
    key,
    cname: values.cname,
    expiresSeconds: expires === undefined ? undefined : parseDuration('--expires', expires),
    partNumber:
      partNumber === undefined ? undefined : parseWholeNumber('--part-number', partNumber),
    uploadId,
    headers,
    additionalHeaders,
    json: values.json,
  }
}

/** A header that is not signed may as well not be sent: whoever gives one expects more of it. */
function assertSigned(names: readonly string[], additional: readonly string[]): void {
  const wanted = new Set(additional.map((name) => name.toLowerCase()))
  const unsigned = names.find(
    (name) => !/^(?:content-type|content-md5|x-oss-.*)$/.test(name) && !wanted.has(name),
  )
  if (unsigned === undefined) return
  throw usageError(`--header ${unsigned} would not be signed`, `add --sign-header ${unsigned}`)
}
