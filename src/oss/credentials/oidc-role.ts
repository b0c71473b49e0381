// Owns credentials of a RAM role for an OIDC token in a file: RRSA in Kubernetes, and CI systems that issue such tokens.

import {
  assertTemporary,
  decodeServiceCredentials,
  isJsonObject,
  parseJsonObject,
} from './credentials-json.js'
import { isSwitchedOn, variable, variablesOf } from './environment.js'
import { readSmallFile } from './machine.js'
import { type CredentialsSource, credentialsError, type EnvironmentVariables } from './provider.js'
import {
  type RefreshingOptions,
  type RefreshingProvider,
  refreshingCredentials,
} from './refreshing.js'
import { type ProviderDispatcher, smallRequest } from './small-request.js'

export interface OidcRoleOptions extends RefreshingOptions {
  /** ARN of the RAM role. @default `ALIBABA_CLOUD_ROLE_ARN` */
  readonly roleArn?: string | undefined
  /** ARN of the OIDC identity provider in RAM. @default `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` */
  readonly oidcProviderArn?: string | undefined
  /** The file with the token; read again for each call of STS. @default `ALIBABA_CLOUD_OIDC_TOKEN_FILE` */
  readonly oidcTokenFile?: string | undefined
  /** 2 to 64 characters for audits. @default `ALIBABA_CLOUD_ROLE_SESSION_NAME`, else `ossup-` and the time */
  readonly roleSessionName?: string | undefined
  /** Seconds that credentials are valid, 900 to 43,200 and at most what the role allows. @default 3600 */
  readonly durationSeconds?: number | undefined
  /** Region whose STS is asked. @default `ALIBABA_CLOUD_STS_REGION`, else the central STS */
  readonly stsRegion?: string | undefined
  /** Asks the STS in the VPC of the region. @default `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`, else false */
  readonly vpc?: boolean | undefined
  /** Host of STS, with an optional port; `http://` only for 127.0.0.1 and localhost. @default from `stsRegion` and `vpc` */
  readonly stsEndpoint?: string | undefined
  /** A caller's own undici dispatcher (proxy, custom CA); never closed. @default one connection for each call */
  readonly dispatcher?: ProviderDispatcher
  /** @default the environment of the process */
  readonly environment?: EnvironmentVariables | undefined
}

const what = 'STS'
const limits = { what, connectTimeoutMs: 5_000, timeoutMs: 10_000 }

/**
 * Credentials of a RAM role from STS (AssumeRoleWithOIDC), refreshed before they end. The call needs no signature: the token in
 * the file is what STS believes.
 *
 * The provider fails with `ERR_OSS_CREDENTIALS`: when an ARN or the file is not configured, and when STS refuses, with the
 * error code of STS.
 * https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc
 *
 * @throws {RangeError} for a `durationSeconds` out of range.
 * @throws {TypeError} for an `stsEndpoint` that is none.
 */
export function oidcRoleCredentials(options: OidcRoleOptions = {}): RefreshingProvider {
  const { durationSeconds = 3600, stsEndpoint } = options
  if (!Number.isInteger(durationSeconds) || durationSeconds < 900 || durationSeconds > 43_200) {
    throw new RangeError(`durationSeconds must be 900..43200, not ${durationSeconds}`)
  }
  if (stsEndpoint !== undefined && originOf(stsEndpoint) === undefined) {
    throw new TypeError('stsEndpoint must be a host name, with an optional port')
  }
  return refreshingCredentials(oidcRoleSource(options), options)
}

export function oidcRoleSource(options: OidcRoleOptions = {}): CredentialsSource {
  const variables = variablesOf(options.environment)
  const needed = (given: string | undefined, name: string): string => {
    const value = given ?? variable(variables, name)
    if (value === undefined) throw credentialsError(`${name} is not set`)
    return value
  }
  return async () => {
    const roleArn = needed(options.roleArn, 'ALIBABA_CLOUD_ROLE_ARN')
    const providerArn = needed(options.oidcProviderArn, 'ALIBABA_CLOUD_OIDC_PROVIDER_ARN')
    const tokenFile = needed(options.oidcTokenFile, 'ALIBABA_CLOUD_OIDC_TOKEN_FILE')
    const origin = stsOrigin(options, variables)
    const time = options.now?.() ?? new Date()
    const token = (await readSmallFile(tokenFile)).toString('utf8').trim()
    if (token === '') throw credentialsError(`the OIDC token file ${tokenFile} is empty`)
    const sessionName =
      options.roleSessionName ??
      variable(variables, 'ALIBABA_CLOUD_ROLE_SESSION_NAME') ??
      `ossup-${time.getTime()}`
    // The token goes into the body, since servers and proxies log what stands in a URL.
    const query = new URLSearchParams({
      Action: 'AssumeRoleWithOIDC',
      Format: 'JSON',
      Version: '2015-04-01',
      Timestamp: time.toISOString().replace(/\.\d+Z$/, 'Z'),
    })
    const form = new URLSearchParams({
      RoleArn: roleArn,
      OIDCProviderArn: providerArn,
      OIDCToken: token,
      RoleSessionName: sessionName,
      DurationSeconds: String(options.durationSeconds ?? 3600),
    })
    const { status, body } = await smallRequest({
      ...limits,
      origin,
      method: 'POST',
      path: `/?${query}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: Buffer.from(form.toString()),
      dispatcher: options.dispatcher,
      signal: options.signal,
    })
    if (status !== 200) throw refusal(status, body)
    const { Credentials: found } = parseJsonObject(body, what)
    if (!isJsonObject(found)) throw credentialsError(`${what} gave no usable Credentials`)
    const credentials = decodeServiceCredentials(found, what)
    assertTemporary(credentials, what)
    return credentials
  }
}

/** The code is the one thing that is repeated of an answer, and only where it looks like one of STS's. */
function refusal(status: number, body: Uint8Array): Error {
  let code: unknown
  try {
    code = parseJsonObject(body, what)['Code']
  } catch {
    // A proxy's page: the status says what is known.
  }
  const known =
    typeof code === 'string' && /^[A-Z][A-Za-z]{1,40}(?:\.[A-Za-z]{1,40}){0,4}$/.test(code)
  return credentialsError(
    `${what} refused AssumeRoleWithOIDC (${known ? `${code}, ` : ''}status ${status})`,
    'check the trust policy of the role, the identity provider, and the age of the token',
  )
}

/** SDK behaviour: the hosts are those of credentials-nodejs, `src/providers/oidc_role_arn.ts`. */
function stsOrigin(options: OidcRoleOptions, variables: EnvironmentVariables): string {
  const region = options.stsRegion ?? variable(variables, 'ALIBABA_CLOUD_STS_REGION')
  if (region !== undefined && !/^[a-z0-9-]{2,40}$/.test(region)) {
    throw credentialsError('the region of STS is not the id of a region')
  }
  const vpc = options.vpc ?? isSwitchedOn(variables, 'ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED')
  const host =
    region === undefined ? 'sts.aliyuncs.com' : `${vpc ? 'sts-vpc' : 'sts'}.${region}.aliyuncs.com`
  const origin = originOf(options.stsEndpoint ?? host)
  if (origin === undefined) throw credentialsError('the endpoint of STS is not a host name')
  return origin
}

/** Without TLS only on this machine: whoever reads the token can use it. */
function originOf(endpoint: string): string | undefined {
  const [, scheme = 'https://', host = ''] =
    /^(https?:\/\/)?([A-Za-z0-9.-]+(?::\d{1,5})?)\/?$/.exec(endpoint) ?? []
  const isAllowed = scheme === 'https://' || /^(?:127\.0\.0\.1|localhost)(?::|$)/.test(host)
  return host !== '' && isAllowed ? `${scheme}${host}` : undefined
}
