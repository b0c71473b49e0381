// Owns credentials from a URI: a service beside the program, or in its cluster, that hands them out.

import { decodeServiceCredentials, parseJsonObject } from './credentials-json.js'
import { variable, variablesOf } from './environment.js'
import { type CredentialsSource, credentialsError, type EnvironmentVariables } from './provider.js'
import {
  type RefreshingOptions,
  type RefreshingProvider,
  refreshingCredentials,
} from './refreshing.js'
import { type ProviderDispatcher, smallRequest } from './small-request.js'

export interface CredentialsUriOptions extends RefreshingOptions {
  /** `http://` or `https://`; it may itself be a secret, and no message repeats it. @default `ALIBABA_CLOUD_CREDENTIALS_URI` */
  readonly uri?: string | undefined
  /** A caller's own undici dispatcher (proxy, custom CA); never closed. @default one connection for each call */
  readonly dispatcher?: ProviderDispatcher
  /** @default the environment of the process */
  readonly environment?: EnvironmentVariables | undefined
}

const what = 'the credentials URI'
const limits = { what, connectTimeoutMs: 5_000, timeoutMs: 10_000 }

/**
 * Credentials that a GET of a URI answers with, as JSON: `AccessKeyId`, `AccessKeySecret`, and where they are temporary
 * `SecurityToken` and `Expiration`; a `Code`, if there is one, must be `Success`. Refreshed before they end.
 *
 * The provider fails with `ERR_OSS_CREDENTIALS`. A service on this machine is never asked through a proxy.
 * https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-node-js-access-credentials
 *
 * @throws {TypeError} for a `uri` that is none.
 */
export function uriCredentials(options: CredentialsUriOptions = {}): RefreshingProvider {
  if (options.uri !== undefined && parseUri(options.uri) === undefined) {
    throw new TypeError('uri must be an http:// or https:// URI without a user name')
  }
  return refreshingCredentials(credentialsUriSource(options), options)
}

export function credentialsUriSource(options: CredentialsUriOptions = {}): CredentialsSource {
  const variables = variablesOf(options.environment)
  return async () => {
    const text = options.uri ?? variable(variables, 'ALIBABA_CLOUD_CREDENTIALS_URI')
    if (text === undefined) throw credentialsError('ALIBABA_CLOUD_CREDENTIALS_URI is not set')
    const uri = parseUri(text)
    if (uri === undefined) {
      throw credentialsError(`${what} is not an http:// or https:// URI without a user name`)
    }
    const { status, body } = await smallRequest({
      ...limits,
      origin: uri.origin,
      method: 'GET',
      path: `${uri.pathname}${uri.search}`,
      headers: { accept: 'application/json' },
      dispatcher: isLoopback(uri.hostname) ? undefined : options.dispatcher,
      signal: options.signal,
    })
    if (status !== 200) throw credentialsError(`${what} answered with status ${status}`)
    return decodeServiceCredentials(parseJsonObject(body, what), what)
  }
}

/** A user name would need a header that nobody documents. */
function parseUri(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const uri = new URL(text)
  const isHttp = uri.protocol === 'http:' || uri.protocol === 'https:'
  return isHttp && uri.username === '' && uri.password === '' ? uri : undefined
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
