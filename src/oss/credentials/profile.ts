// Owns credentials in a profile of the Alibaba Cloud CLI's configuration file.

import {
  assertTemporary,
  decodeProfileCredentials,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
} from './credentials-json.js'
import { credentialsUriSource } from './credentials-uri.js'
import { ecsRamRoleSource } from './ecs-ram-role.js'
import { variable, variablesOf } from './environment.js'
import { readSmallFile } from './machine.js'
import { oidcRoleSource } from './oidc-role.js'
import { processSource, splitCommandLine } from './process.js'
import {
  type CredentialsSource,
  credentialsError,
  type EnvironmentVariables,
  type ExpiringCredentials,
} from './provider.js'
import {
  type RefreshingOptions,
  type RefreshingProvider,
  refreshingCredentials,
} from './refreshing.js'
import type { ProviderDispatcher } from './small-request.js'

export interface ProfileOptions extends RefreshingOptions {
  /** @default `ALIBABA_CLOUD_PROFILE`, else the file's `current` profile */
  readonly profile?: string | undefined
  /** @default `ALIBABA_CLOUD_CONFIG_FILE`, else `.aliyun/config.json` in `HOME` (on Windows `USERPROFILE`) */
  readonly configFile?: string | undefined
  /** A caller's own undici dispatcher for STS and a credentials URI; never closed. @default one connection for each call */
  readonly dispatcher?: ProviderDispatcher
  /** @default the environment of the process */
  readonly environment?: EnvironmentVariables | undefined
  /** Injection point for tests: the metadata service. */
  readonly baseUrl?: string | undefined
}

/**
 * Credentials of a profile that `aliyun configure` has written. The file is read again whenever new ones are needed, and never
 * written. Modes: `AK`, `StsToken`, `EcsRamRole`, `OIDC`, `CredentialsURI` and `External`.
 *
 * The provider fails with `ERR_OSS_CREDENTIALS`: without a file or the profile in it, for any other mode, and as the mode's
 * own provider does.
 * https://www.alibabacloud.com/help/en/doc-detail/121258.html
 */
export function profileCredentials(options: ProfileOptions = {}): RefreshingProvider {
  return refreshingCredentials(profileSource(options), options)
}

export function profileSource(options: ProfileOptions = {}): CredentialsSource {
  const variables = variablesOf(options.environment)
  return async () => {
    const path = configPath(options, variables)
    const what = `the configuration file ${path}`
    const config = parseJsonObject(await readSmallFile(path), what)
    const name = options.profile ?? variable(variables, 'ALIBABA_CLOUD_PROFILE')
    return credentialsOf(findProfile(config, name, what), options)
  }
}

function configPath(options: ProfileOptions, variables: EnvironmentVariables): string {
  const path = options.configFile ?? variable(variables, 'ALIBABA_CLOUD_CONFIG_FILE')
  if (path !== undefined) return path
  // Not os.homedir(): it fails for a user without an entry in the password file, as containers have them.
  const home = variable(variables, 'HOME') ?? variable(variables, 'USERPROFILE')
  if (home === undefined) {
    throw credentialsError('there is no configuration file, because HOME is not set')
  }
  return `${home.replace(/\/+$/, '')}/.aliyun/config.json`
}

function findProfile(config: JsonObject, name: string | undefined, what: string): Profile {
  const { current, profiles } = config
  const wanted = name ?? current
  if (typeof wanted !== 'string' || wanted === '') {
    throw credentialsError(`${what} names no current profile`)
  }
  const all = Array.isArray(profiles) ? profiles.filter(isJsonObject) : []
  const settings = all.find((profile) => profile['name'] === wanted)
  if (settings === undefined) throw credentialsError(`${what} has no profile "${wanted}"`)
  return { what: `the profile "${wanted}"`, settings }
}

interface Profile {
  readonly what: string
  readonly settings: JsonObject
}

/** What to use instead of a mode that needs calls of other services, or a browser. */
const alternatives: Readonly<Record<string, string>> = {
  RamRoleArn: 'use a profile of mode External whose program calls AssumeRole',
  ChainableRamRoleArn: 'use a profile of mode External whose program calls AssumeRole',
  RamRoleArnWithRoleName: 'use a profile of mode EcsRamRole or External',
  RsaKeyPair: 'use a profile of mode AK or External',
  CloudSSO: 'use a profile of mode External, or StsToken with what CloudSSO issues',
  OAuth: 'use a profile of mode External, or StsToken',
  BearerToken: 'OSS takes no bearer tokens: use a profile of mode AK',
}

async function credentialsOf(
  profile: Profile,
  options: ProfileOptions,
): Promise<ExpiringCredentials> {
  const { what, settings } = profile
  const { environment, dispatcher, now, baseUrl, signal } = options
  const text = (name: string): string | undefined => {
    const value = settings[name]
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
  }
  const mode = text('mode') ?? 'AK'
  switch (mode) {
    case 'AK': {
      // A token may be left over from another mode.
      const { accessKeyId, accessKeySecret } = decodeProfileCredentials(
        { ...settings, sts_token: undefined, expiration: undefined },
        what,
      )
      return { accessKeyId, accessKeySecret }
    }
    case 'StsToken': {
      const credentials = decodeProfileCredentials({ ...settings, expiration: undefined }, what)
      assertTemporary(credentials, what, 'sts_token')
      return credentials
    }
    case 'EcsRamRole':
      return ecsRamRoleSource({ roleName: text('ram_role_name'), environment, baseUrl, signal })()
    case 'OIDC':
      return oidcRoleSource({
        roleArn: text('ram_role_arn'),
        oidcProviderArn: text('oidc_provider_arn'),
        oidcTokenFile: text('oidc_token_file'),
        roleSessionName: text('ram_session_name'),
        durationSeconds: duration(settings, what),
        stsRegion: text('sts_region'),
        vpc: settings['enable_vpc'] === true ? true : undefined,
        stsEndpoint: text('sts_endpoint'),
        ...{ environment, dispatcher, now, signal },
      })()
    case 'CredentialsURI':
      return credentialsUriSource({
        uri: text('credentials_uri'),
        environment,
        dispatcher,
        signal,
      })()
    case 'External':
      return externalCredentials(text('process_command'), what, signal)
    default:
      throw unsupported(mode, what)
  }
}

function duration(settings: JsonObject, what: string): number | undefined {
  const seconds = settings['duration_seconds'] || settings['expired_seconds']
  if (seconds === undefined || seconds === 0) return undefined
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 900) return seconds
  throw credentialsError(`${what} has an expired_seconds that is not 900 or more`)
}

async function externalCredentials(
  line: string | undefined,
  what: string,
  signal: AbortSignal | undefined,
): Promise<ExpiringCredentials> {
  const words = line === undefined ? undefined : splitCommandLine(line)
  if (words === undefined) {
    throw credentialsError(`${what} has no process_command, or one with an open quote`)
  }
  const [command, ...args] = words
  return processSource({ command, args, signal })()
}

function unsupported(mode: string, what: string): Error {
  // A mode that is none may be anything, a key in the wrong place included.
  const hint = Object.hasOwn(alternatives, mode) ? alternatives[mode] : undefined
  const named = hint === undefined ? 'a mode that' : `the mode ${mode}, which`
  return credentialsError(
    `${what} has ${named} is not supported`,
    hint ?? 'use a profile of mode AK, StsToken, EcsRamRole, OIDC, CredentialsURI or External',
  )
}
