// Owns the options of `ossup sign explain`: their explanation, which is the usage text, and their types.

import { type OptionTable, parseOptions, usageError } from './args.js'
import {
  type EndpointArgs,
  endpointOptions,
  parseDuration,
  parseEndpointArgs,
  parseHeaders,
  parseParameters,
  parseTime,
} from './request-args.js'

export const signUsage: string = `usage: ossup sign explain [oss://<bucket>[/<key>]] --region <region> [options]

Signs a request as ossup does and prints every step, numbered as in docs/signing.md. Nothing is sent. The secret, the
signing key and the security token are not shown, and of the signature only the first digits.

With the body of OSS's answer SignatureDoesNotMatch it also prints the first line in which OSS saw something else, and
the likely cause. What is not described is then taken from that body, and the output says so: the time, the headers, the
region; and the method, the object and the query when none of these three is given.

options:
  --error-file <path>   the saved body (XML) of OSS's answer, or the value of its header x-oss-err; - reads stdin
  --method <name>       default GET
  --query <name=value>  a parameter of the URL, or only its name; not percent-encoded; may be repeated
  --header <header>     'Name: value' of the request; may be repeated
  --sign-header <name>  a header that is signed although it need not be; may be repeated
  --time <time>         the moment of signing, as in x-oss-date (20250102T030405Z) or in ISO 8601; default now
  --expires <time>      explain a presigned URL that works this long: 1s to 7d, in seconds or with s, m, h, d
  --region <id>         region that is signed, e.g. cn-hangzhou; without it OSS_REGION, or the region in the endpoint
  --endpoint <url>      of a presigned URL; without it OSS_ENDPOINT, or https://oss-<region>.aliyuncs.com
  --path-style          of a presigned URL: the bucket is in its path
  --json                one JSON line; a failure is one JSON line on stderr
  -h, --help            show this text

environment:
  OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET   credentials, always needed
  OSS_SESSION_TOKEN                          needed in addition for temporary (STS) credentials
  OSS_REGION, OSS_ENDPOINT                   used where --region or --endpoint is not given

exit status:
  0    explained, whatever the cause turns out to be
  1    the error file cannot be read or is no error of OSS, or there are no usable credentials
  2    wrong usage

examples:
  ossup sign explain oss://examplebucket/backup/disk.img --method PUT --region cn-hangzhou
  ossup sign explain oss://examplebucket/k --method PUT --region cn-hangzhou --error-file error.xml
`

export interface SignArgs extends EndpointArgs {
  readonly errorFile: string | undefined
  readonly method: string | undefined
  /** Undefined when nothing was said; `bucket` undefined for the service itself. */
  readonly resource:
    | { readonly bucket: string | undefined; readonly key: string | undefined }
    | undefined
  readonly query: Readonly<Record<string, string>> | undefined
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly additionalHeaders: readonly string[] | undefined
  readonly time: Date | undefined
  readonly expiresSeconds: number | undefined
  readonly json: boolean
}

const options = {
  ...endpointOptions,
  'error-file': { type: 'string' },
  method: { type: 'string' },
  query: { type: 'string', multiple: true },
  header: { type: 'string', multiple: true },
  'sign-header': { type: 'string', multiple: true },
  time: { type: 'string' },
  expires: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const signOptions: OptionTable = options

export const signHelp = 'see: ossup sign --help'

/** @throws {OssError} `ERR_USAGE`. What can be signed is left to the library. */
export function parseSignArgs(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SignArgs {
  const { values, positionals } = parseOptions(argv, options, signHelp)
  const [what, url, extra] = positionals
  if (what === undefined) throw usageError('it is not said what to do', signHelp)
  if (what !== 'explain') throw usageError(`cannot sign "${what}"`, signHelp)
  if (extra !== undefined) {
    throw usageError('more than one object is given', 'a request has one; quote blanks')
  }
  const { time, expires, query, header } = values
  return {
    ...parseEndpointArgs(values, env),
    errorFile: values['error-file'],
    method: values.method,
    resource: url === undefined ? undefined : parseResource(url),
    query: query && parseParameters('--query', query),
    headers: header && parseHeaders('--header', header),
    additionalHeaders: values['sign-header'],
    time: time === undefined ? undefined : parseTime('--time', time),
    expiresSeconds: expires === undefined ? undefined : parseDuration('--expires', expires),
    json: values.json,
  }
}

/** `oss://`, `oss://bucket` or `oss://bucket/key`; the key is taken as it stands. */
function parseResource(text: string): NonNullable<SignArgs['resource']> {
  const match = /^oss:\/\/([^/]*)(?:\/(.*))?$/s.exec(text)
  if (match === null) {
    throw usageError(
      `"${text.split('?')[0]}" is not an oss:// URL`,
      'write it as oss://<bucket>/<key>; parameters are given with --query',
    )
  }
  const [, bucket, key] = match
  return { bucket: bucket || undefined, key: key || undefined }
}
