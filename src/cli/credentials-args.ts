// Owns the options of a command that say where credentials come from, and the provider that they stand for.

import type { OssClientOptions } from '../oss/client.js'
import type { CredentialsProvider } from '../oss/credentials.js'
import { parseChoice, usageError } from './args.js'
import type { Io } from './io.js'

const providers = ['default', 'environment', 'oidc', 'profile', 'ecs', 'uri'] as const

export interface CredentialsArgs {
  /** Undefined is `default`, or `profile` where one is named. */
  readonly credentials: (typeof providers)[number] | undefined
  readonly profile: string | undefined
}

/** For `parseArgs`. */
export const credentialsOptions = {
  credentials: { type: 'string' },
  profile: { type: 'string' },
} as const

/** @throws {OssError} `ERR_USAGE` */
export function parseCredentialsArgs(values: {
  readonly credentials?: string | undefined
  readonly profile?: string | undefined
}): CredentialsArgs {
  const { profile } = values
  const credentials =
    values.credentials === undefined
      ? undefined
      : parseChoice('--credentials', values.credentials, providers)
  if (profile === '') throw usageError('--profile names no profile', 'e.g. --profile default')
  if (profile !== undefined && credentials !== undefined && credentials !== 'profile') {
    throw usageError(
      `--profile and --credentials ${credentials} contradict each other`,
      'leave one of them out',
    )
  }
  return { credentials, profile }
}

/** @param dispatcher what STS and a credentials URI are asked through */
export async function loadCredentials(
  { credentials, profile }: CredentialsArgs,
  { env: environment, signal }: Pick<Io, 'env' | 'signal'>,
  dispatcher?: OssClientOptions['dispatcher'],
): Promise<CredentialsProvider> {
  const options = { environment, dispatcher, signal }
  switch (credentials ?? (profile === undefined ? 'default' : 'profile')) {
    case 'default':
      return (await import('../oss/credentials/default-chain.js')).defaultCredentials(options)
    case 'environment':
      return (await import('../oss/credentials.js')).environmentCredentials(environment)
    case 'oidc':
      return (await import('../oss/credentials/oidc-role.js')).oidcRoleCredentials(options)
    case 'profile': {
      const { profileCredentials } = await import('../oss/credentials/profile.js')
      return profileCredentials({ ...options, profile })
    }
    case 'ecs':
      return (await import('../oss/credentials/ecs-ram-role.js')).ecsRamRoleCredentials({
        environment,
        signal,
      })
    case 'uri':
      return (await import('../oss/credentials/credentials-uri.js')).uriCredentials(options)
  }
}
