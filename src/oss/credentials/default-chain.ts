// Owns where credentials are looked for when nobody says where: which places, in which order, and the error when none has any.

import { OssError } from '../../primitives/errors.js'
import { credentialsUriSource } from './credentials-uri.js'
import { ecsRamRoleSource } from './ecs-ram-role.js'
import {
  environmentCredentials,
  hasEnvironmentCredentials,
  isSwitchedOn,
  variable,
  variablesOf,
} from './environment.js'
import { readSmallFile } from './machine.js'
import { oidcRoleSource } from './oidc-role.js'
import { profileSource } from './profile.js'
import {
  type CredentialsSource,
  credentialsError,
  type EnvironmentVariables,
  environmentHint,
} from './provider.js'
import {
  type RefreshingOptions,
  type RefreshingProvider,
  refreshingCredentials,
} from './refreshing.js'
import type { ProviderDispatcher } from './small-request.js'

export interface DefaultCredentialsOptions extends RefreshingOptions {
  /** A caller's own undici dispatcher for STS and a credentials URI; never closed. @default one connection for each call */
  readonly dispatcher?: ProviderDispatcher
  /** @default the environment of the process */
  readonly environment?: EnvironmentVariables | undefined
  /** Injection point for tests: the metadata service. */
  readonly baseUrl?: string | undefined
  /** Injection point for tests: the folder that tells who made this machine. @default /sys/class/dmi/id */
  readonly machineFolder?: string | undefined
}

/**
 * Credentials from the first of these places that has some: the environment ({@link environmentCredentials}), an OIDC token file,
 * a profile of `~/.aliyun/config.json`, the RAM role of this ECS instance, `ALIBABA_CLOUD_CREDENTIALS_URI`. That is the order of
 * the official SDKs. The place that had some is the one that is asked again: a later failure does not change who uploads.
 *
 * The environment ends the search as soon as an id or a secret is set, so that half a pair is reported instead of another identity
 * used. `ALIBABA_CLOUD_CLI_PROFILE_DISABLED` and `ALIBABA_CLOUD_ECS_METADATA_DISABLED`, when `true`, leave a place out.
 *
 * The provider fails with `ERR_OSS_CREDENTIALS`, saying of each place why it has none.
 * https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-node-js-access-credentials
 */
export function defaultCredentials(options: DefaultCredentialsOptions = {}): RefreshingProvider {
  const variables = variablesOf(options.environment)
  const environment = environmentCredentials(variables)
  let elsewhere: RefreshingProvider | undefined
  let isEnvironment = false

  const refresh: RefreshingProvider['refresh'] = async (how) => {
    isEnvironment ||= elsewhere === undefined && hasEnvironmentCredentials(variables)
    // Read each time: it costs nothing, and whoever changes a variable means it.
    if (isEnvironment) return environment()
    elsewhere ??= refreshingCredentials(
      firstOf(placesOf(options, variables), options.signal),
      options,
    )
    return elsewhere.refresh(how)
  }
  return Object.assign(() => refresh(), { refresh })
}

interface Place {
  readonly name: string
  readonly source: CredentialsSource
}

function placesOf(
  options: DefaultCredentialsOptions,
  variables: EnvironmentVariables,
): readonly Place[] {
  const { dispatcher, baseUrl, now, signal } = options
  const common = { environment: variables, dispatcher, now, signal }
  return [
    { name: 'environment', source: environmentCredentials(variables) },
    { name: 'OIDC', source: oidcRoleSource(common) },
    {
      name: 'profile',
      source: () => {
        if (isSwitchedOn(variables, 'ALIBABA_CLOUD_CLI_PROFILE_DISABLED')) {
          throw credentialsError('ALIBABA_CLOUD_CLI_PROFILE_DISABLED is true')
        }
        return profileSource({ ...common, baseUrl })()
      },
    },
    {
      name: 'ECS RAM role',
      source: async () => {
        if (!(await mayBeEcs(options, variables))) {
          throw credentialsError(
            'this is not known to be an ECS instance, and ALIBABA_CLOUD_ECS_METADATA is not set',
          )
        }
        return ecsRamRoleSource({ environment: variables, baseUrl, signal })()
      },
    },
    { name: 'credentials URI', source: credentialsUriSource(common) },
  ]
}

/**
 * The metadata service is asked only where it can be expected. Elsewhere its address leads to whoever has it there, and mostly
 * to nobody: the official SDKs wait for the connection to time out, twice, before they say that nothing is configured. An ECS
 * instance tells its maker in its firmware, which containers see too; `ALIBABA_CLOUD_ECS_METADATA` is for those that do not.
 */
async function mayBeEcs(
  { machineFolder = '/sys/class/dmi/id' }: DefaultCredentialsOptions,
  variables: EnvironmentVariables,
): Promise<boolean> {
  if (
    variable(variables, 'ALIBABA_CLOUD_ECS_METADATA') !== undefined ||
    isSwitchedOn(variables, 'ALIBABA_CLOUD_ECS_METADATA_DISABLED')
  ) {
    return true
  }
  for (const name of ['sys_vendor', 'product_name']) {
    try {
      const text = await readSmallFile(`${machineFolder}/${name}`)
      if (text.includes('Alibaba Cloud')) return true
    } catch {
      // No such firmware, or not readable: not known to be one.
    }
  }
  return false
}

/** Asks one place after the other, and from then on the one that answered. */
function firstOf(places: readonly Place[], signal: AbortSignal | undefined): CredentialsSource {
  let chosen: CredentialsSource | undefined
  return async () => {
    if (chosen !== undefined) return chosen()
    const reasons: string[] = []
    for (const { name, source } of places) {
      try {
        const credentials = await source()
        chosen = source
        return credentials
      } catch (error) {
        signal?.throwIfAborted()
        // Only our own messages are known to have no secret in them.
        const reason = error instanceof OssError ? error.message : 'internal error'
        reasons.push(`${name} (${reason.replace(/^no credentials: /, '')})`)
      }
    }
    throw credentialsError(`no credentials: tried ${reasons.join(', ')}`, environmentHint)
  }
}
