// Owns credentials of the RAM role of an ECS instance, from its metadata service.

import type { TransportResponse } from '../../transport/transport.js'
import { assertTemporary, decodeServiceCredentials, parseJsonObject } from './credentials-json.js'
import { isSwitchedOn, variable, variablesOf } from './environment.js'
import {
  type CredentialsSource,
  credentialsError,
  type EnvironmentVariables,
  isHeaderText,
} from './provider.js'
import {
  type RefreshingOptions,
  type RefreshingProvider,
  refreshingCredentials,
} from './refreshing.js'
import { type SmallRequest, smallRequest, trySmallRequest } from './small-request.js'

export interface EcsRamRoleOptions extends RefreshingOptions {
  /** Name of the role. @default `ALIBABA_CLOUD_ECS_METADATA`, else what the metadata service says that is attached */
  readonly roleName?: string | undefined
  /**
   * True refuses the plain mode, in which every process that can make this machine send a GET gets the credentials.
   * @default `ALIBABA_CLOUD_IMDSV1_DISABLED`, else false: the plain mode is used where the hardened one is not answered
   */
  readonly disableIMDSv1?: boolean | undefined
  /** @default the environment of the process */
  readonly environment?: EnvironmentVariables | undefined
  /** Injection point for tests: the metadata service. @default http://100.100.100.200 */
  readonly baseUrl?: string | undefined
}

const what = 'the metadata service'
/** On an ECS instance it answers within milliseconds; elsewhere nobody should wait for it. */
const limits = { what, connectTimeoutMs: 1_000, timeoutMs: 3_000 }
/** The token is used at once, twice at most. 1 to 21,600 is accepted. */
const tokenLifetimeSeconds = 60
const rolesPath = '/latest/meta-data/ram/security-credentials/'

/**
 * Credentials of the RAM role that is attached to this ECS instance, refreshed before they end.
 *
 * The hardened mode (a token from a PUT, sent with each GET) is tried first. The metadata service is never asked through a
 * proxy. The provider fails with `ERR_OSS_CREDENTIALS`: without an answer within 1 s to connect and 3 s in all for each request,
 * without a role, and always if `ALIBABA_CLOUD_ECS_METADATA_DISABLED` is `true`.
 * https://www.alibabacloud.com/help/en/ecs/user-guide/obtain-a-temporary-authorization-token
 *
 * @throws {TypeError} for a role name that cannot be one.
 */
export function ecsRamRoleCredentials(options: EcsRamRoleOptions = {}): RefreshingProvider {
  const { roleName } = options
  if (roleName !== undefined && !isRoleName(roleName)) {
    throw new TypeError('roleName must be the name of a RAM role, not its ARN')
  }
  return refreshingCredentials(ecsRamRoleSource(options), options)
}

export function ecsRamRoleSource(options: EcsRamRoleOptions = {}): CredentialsSource {
  const variables = variablesOf(options.environment)
  const origin = (options.baseUrl ?? 'http://100.100.100.200').replace(/\/$/, '')
  return async () => {
    if (isSwitchedOn(variables, 'ALIBABA_CLOUD_ECS_METADATA_DISABLED')) {
      throw credentialsError('ALIBABA_CLOUD_ECS_METADATA_DISABLED is true')
    }
    const hardenedOnly =
      options.disableIMDSv1 ?? isSwitchedOn(variables, 'ALIBABA_CLOUD_IMDSV1_DISABLED')
    const service = { ...limits, origin, signal: options.signal }
    const token = await metadataToken(service, hardenedOnly)
    const get = (path: string) => metadata(service, path, token)
    const role =
      options.roleName ?? variable(variables, 'ALIBABA_CLOUD_ECS_METADATA') ?? (await theRole(get))
    if (!isRoleName(role)) {
      throw credentialsError('ALIBABA_CLOUD_ECS_METADATA is not the name of a RAM role')
    }
    const { body } = await get(`${rolesPath}${role}`)
    const credentials = decodeServiceCredentials(parseJsonObject(body, what), what)
    assertTemporary(credentials, what)
    return credentials
  }
}

type Service = Omit<SmallRequest, 'method' | 'path'>

/** @returns undefined where the plain mode is to be used */
async function metadataToken(service: Service, hardenedOnly: boolean): Promise<string | undefined> {
  const response = await trySmallRequest({
    ...service,
    method: 'PUT',
    path: '/latest/api/token',
    headers: { 'x-aliyun-ecs-metadata-token-ttl-seconds': String(tokenLifetimeSeconds) },
  })
  if (response?.status === 200) {
    const token = Buffer.from(response.body).toString('latin1').trim()
    if (isHeaderText(token)) return token
    throw credentialsError(`${what} gave a token that cannot be used`)
  }
  if (!hardenedOnly) return undefined
  const outcome = response === undefined ? 'no answer in time' : `status ${response.status}`
  throw credentialsError(`${what} gave no token (${outcome}), and the plain mode is disabled`)
}

async function metadata(
  service: Service,
  path: string,
  token: string | undefined,
): Promise<TransportResponse> {
  const headers = token === undefined ? {} : { 'x-aliyun-ecs-metadata-token': token }
  const response = await smallRequest({ ...service, method: 'GET', path, headers })
  if (response.status === 200) return response
  const hint = response.status === 404 ? 'attach a RAM role to the ECS instance' : undefined
  throw credentialsError(`${what} answered with status ${response.status}`, hint)
}

async function theRole(get: (path: string) => Promise<TransportResponse>): Promise<string> {
  const { body } = await get(rolesPath)
  const role = Buffer.from(body).toString('latin1').trim()
  if (!isRoleName(role)) throw credentialsError(`${what} did not give the name of a RAM role`)
  return role
}

/** It becomes a part of a path. */
function isRoleName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/.test(name)
}
