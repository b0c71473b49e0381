// Owns the options of the commands that talk to a bucket: where OSS is, who asks, and the client that they stand for.

import type { OssClient, OssClientOptions } from '../oss/client.js'
import { assertBucketName } from '../oss/endpoint.js'
import { usageError } from './args.js'
import { refuse } from './command.js'
import { type CredentialsArgs, loadCredentials, parseCredentialsArgs } from './credentials-args.js'
import type { Io } from './io.js'
import { parseNetworkArgs, type RequestArgs, requestUsage } from './network-args.js'
import { openProxy } from './proxy.js'
import { type EndpointArgs, parseEndpointArgs } from './request-args.js'

/** The part of a usage text that explains {@link clientOptions}. */
export const clientUsage: string = `\
  --region <id>         region of the bucket, e.g. cn-hangzhou; without it OSS_REGION, or the region in the endpoint
  --endpoint <url>      host, or http:// or https:// and host, with an optional port; without it OSS_ENDPOINT, or
                        https://oss-<region>.aliyuncs.com
  --path-style          put the bucket into the path instead of the host name; the default for an IP address
  --internal            call the region from within Alibaba Cloud; instead of --endpoint
  --accelerate          call the nearest entry of Alibaba Cloud; instead of --endpoint; the bucket must allow it
  --dual-stack          call the region by IPv6 or IPv4; instead of --endpoint
  --cname               --endpoint is a custom domain that stands for the bucket
  --credentials <from>  where credentials come from: environment, oidc, profile, ecs or uri; default (default) is the
                        first of these that has some; ossup upload --help says what each is
  --profile <name>      profile of the Alibaba Cloud CLI to take credentials from
  --request-payer       accept the cost of requests to somebody else's pay-by-requester bucket
${requestUsage}
                        each <t> in seconds, or a number with s, m, h or d, e.g. 90s`

/** The part of a usage text that says what is taken from the environment. */
export const clientEnvironment = `\
environment:
  OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET   credentials, unless --credentials has others
  OSS_SESSION_TOKEN                          needed in addition for temporary (STS) credentials
  OSS_REGION, OSS_ENDPOINT                   used where --region or --endpoint is not given
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY          proxies, and hosts to call without; HTTP_PROXY alone is for both`

/** For `parseArgs`. */
export const clientOptions = {
  region: { type: 'string' },
  endpoint: { type: 'string' },
  'path-style': { type: 'boolean', default: false },
  credentials: { type: 'string' },
  profile: { type: 'string' },
  internal: { type: 'boolean', default: false },
  accelerate: { type: 'boolean', default: false },
  'dual-stack': { type: 'boolean', default: false },
  cname: { type: 'boolean', default: false },
  'request-payer': { type: 'boolean', default: false },
  attempts: { type: 'string' },
  'connect-timeout': { type: 'string' },
  'idle-timeout': { type: 'string' },
  'answer-timeout': { type: 'string' },
} as const

export interface ClientArgs extends EndpointArgs, CredentialsArgs, RequestArgs {
  readonly internal: boolean | undefined
  readonly accelerate: boolean | undefined
  readonly dualStack: boolean | undefined
  readonly cname: boolean | undefined
  readonly requestPayer: 'requester' | undefined
}

type Values = { readonly [K in keyof typeof clientOptions]?: string | boolean | undefined }

/** @throws {OssError} `ERR_USAGE` */
export function parseClientArgs(values: Values, env: Io['env']): ClientArgs {
  const given = values as Parameters<typeof parseEndpointArgs>[0] &
    Parameters<typeof parseCredentialsArgs>[0] &
    Parameters<typeof parseNetworkArgs>[0]
  const { internal, accelerate, cname, 'dual-stack': dualStack } = values
  // The environment's endpoint gives way to an option that names a host of Alibaba's own.
  const hasOwnHost = [internal, accelerate, dualStack].includes(true)
  const place = parseEndpointArgs(given, hasOwnHost ? { ...env, OSS_ENDPOINT: undefined } : env)
  if (place.region === undefined && place.endpoint === undefined) {
    throw usageError(
      'no region is given',
      'add --region, e.g. --region cn-hangzhou, or set OSS_REGION',
    )
  }
  const { retry, connectTimeout, idleTimeout, answerTimeout } = parseNetworkArgs(given)
  return {
    ...place,
    ...parseCredentialsArgs(given),
    ...{ retry, connectTimeout, idleTimeout, answerTimeout },
    internal: internal === true || undefined,
    accelerate: accelerate === true || undefined,
    dualStack: dualStack === true || undefined,
    cname: cname === true || undefined,
    requestPayer: values['request-payer'] === true ? 'requester' : undefined,
  }
}

/**
 * `oss://<bucket>` or `oss://<bucket>/<prefix>`; the prefix is taken as it stands.
 *
 * @param help where the command is explained
 * @throws {OssError} `ERR_USAGE`
 */
export function parseBucketUrl(
  text: string | undefined,
  help: string,
): { readonly bucket: string; readonly prefix: string } {
  if (text === undefined) throw usageError('no bucket is given', help)
  const [, bucket = '', prefix = ''] = /^oss:\/\/([^/]*)(?:\/(.*))?$/s.exec(text) ?? []
  const form = 'write it as oss://<bucket> or oss://<bucket>/<prefix>'
  if (!text.startsWith('oss://')) {
    throw usageError(`"${text.split('?')[0]}" is not an oss:// URL`, form)
  }
  if (bucket === '') throw usageError('the URL names no bucket', form)
  assertName(() => assertBucketName(bucket), help)
  return { bucket, prefix }
}

/** What a check of the library refuses before anything is done is a mistake on the command line. */
export function assertName(check: () => void, help: string): void {
  try {
    check()
  } catch (error) {
    throw usageError((error as Error).message, help)
  }
}

/**
 * Opens a client, lets the command use it, and closes it; a failure becomes one line on stderr.
 *
 * @param help where the command is explained
 * @param more what holds where no option says otherwise
 * @returns the exit code
 */
export async function withClient(
  io: Io,
  args: ClientArgs,
  help: string,
  use: (client: OssClient) => Promise<number>,
  more: Pick<OssClientOptions, 'retry'> = {},
): Promise<number> {
  let client: OssClient | undefined
  let dispatcher: Awaited<ReturnType<typeof openProxy>>
  try {
    // Loaded only now: neither --help nor a mistake needs it.
    const { OssClient } = await import('../oss/client.js')
    dispatcher = await openProxy(io, args.connectTimeout)
    const credentials = await loadCredentials(args, io, dispatcher)
    const { region, endpoint, pathStyle, internal, accelerate, dualStack, cname } = args
    const { retry = more.retry, connectTimeout, idleTimeout, answerTimeout } = args
    client = new OssClient({
      ...{ region, endpoint, pathStyle, internal, accelerate, dualStack, cname },
      ...{ retry, connectTimeout, idleTimeout, answerTimeout, credentials, dispatcher },
    })
    return await use(client)
  } catch (error) {
    // Until there is a client, a TypeError is about an option.
    return refuse(io, error, help, client !== undefined)
  } finally {
    // What was to be said has been said: closing cannot change it.
    await client?.close().catch(() => {})
    await dispatcher?.destroy().catch(() => {})
  }
}
