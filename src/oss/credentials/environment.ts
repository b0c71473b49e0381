// Owns credentials in environment variables; the one file of the library that names the environment of the process.

import type { Credentials } from '../../signing/credentials.js'
import { credentialsError, type EnvironmentVariables, environmentHint } from './provider.js'

/** The names of the official OSS SDKs, and those of all other SDKs of Alibaba Cloud. */
const families = [
  { id: 'OSS_ACCESS_KEY_ID', secret: 'OSS_ACCESS_KEY_SECRET', token: 'OSS_SESSION_TOKEN' },
  {
    id: 'ALIBABA_CLOUD_ACCESS_KEY_ID',
    secret: 'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    token: 'ALIBABA_CLOUD_SECURITY_TOKEN',
  },
] as const

/**
 * Credentials from `OSS_ACCESS_KEY_ID`, `OSS_ACCESS_KEY_SECRET` and, for STS, `OSS_SESSION_TOKEN`; where neither of the first
 * two is set, from `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and `ALIBABA_CLOUD_SECURITY_TOKEN`. Read
 * each time that it is asked. The two families are never mixed.
 *
 * The provider fails with `ERR_OSS_CREDENTIALS` when an id or a secret is missing, naming it.
 * https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-node-js-access-credentials
 *
 * @param environment default: the environment of the process
 */
export function environmentCredentials(environment?: EnvironmentVariables): () => Credentials {
  const variables = variablesOf(environment)
  return () => {
    const names = familyIn(variables) ?? families[0]
    const accessKeyId = variable(variables, names.id)
    const accessKeySecret = variable(variables, names.secret)
    if (accessKeyId === undefined || accessKeySecret === undefined) {
      const missing = accessKeyId === undefined ? names.id : names.secret
      throw credentialsError(`no credentials: ${missing} is not set`, environmentHint)
    }
    const securityToken = variable(variables, names.token)
    return { accessKeyId, accessKeySecret, ...(securityToken && { securityToken }) }
  }
}

/** True when an id or a secret is set: half a pair is a mistake, and no reason to look elsewhere. */
export function hasEnvironmentCredentials(variables: EnvironmentVariables): boolean {
  return familyIn(variables) !== undefined
}

/** The environment of the process where none is given. */
export function variablesOf(environment: EnvironmentVariables = process.env): EnvironmentVariables {
  return environment
}

/** Without the blanks and line ends that files of variables bring along; undefined when nothing is left. */
export function variable(variables: EnvironmentVariables, name: string): string | undefined {
  return variables[name]?.trim() || undefined
}

/** As the official SDKs read their switches: `true` in any case. */
export function isSwitchedOn(variables: EnvironmentVariables, name: string): boolean {
  return variable(variables, name)?.toLowerCase() === 'true'
}

function familyIn(variables: EnvironmentVariables): (typeof families)[number] | undefined {
  return families.find(
    ({ id, secret }) =>
      variable(variables, id) !== undefined || variable(variables, secret) !== undefined,
  )
}
