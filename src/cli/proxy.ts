// Owns the proxies that the environment names for the command; the library never reads those variables.

import type { OssClientOptions } from '../oss/client.js'
import { usageError } from './args.js'
import type { Io } from './io.js'

/** The client's own number, as is the default below. */
const maxConnections = 1000

export type Proxy = NonNullable<OssClientOptions['dispatcher']>

/**
 * `HTTP_PROXY` and `HTTPS_PROXY`, except for the hosts in `NO_PROXY`; the lower-case names come first, as in other programs.
 *
 * @param connectTimeoutMs limit to connecting to a proxy, and to what is called without one
 * @returns undefined where no proxy is named; who gets one destroys it
 * @throws {OssError} `ERR_USAGE` naming the variable, not its value, which may have a password.
 */
export async function openProxy(
  { env }: Pick<Io, 'env'>,
  connectTimeoutMs = 10_000,
): Promise<Proxy | undefined> {
  const value = (name: string): string => env[name.toLowerCase()]?.trim() || env[name]?.trim() || ''
  const named = {
    HTTP_PROXY: value('HTTP_PROXY'),
    HTTPS_PROXY: value('HTTPS_PROXY'),
  }
  for (const [name, url] of Object.entries(named)) {
    if (url !== '' && !isProxyUrl(url)) {
      throw usageError(
        `${name} is not the URL of a proxy`,
        `write it as http://<host>:<port>, or unset ${name}`,
      )
    }
  }
  if (named.HTTP_PROXY === '' && named.HTTPS_PROXY === '') return undefined
  // Where no proxy is named nothing of the library is loaded, as for `--help`.
  const { createProxyDispatcher } = await import('../transport/undici-transport.js')
  return createProxyDispatcher({
    maxConnections,
    connectTimeoutMs,
    httpProxy: named.HTTP_PROXY,
    httpsProxy: named.HTTPS_PROXY,
    noProxy: value('NO_PROXY'),
  })
}

function isProxyUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
