// Owns whose connections requests go by, and how many there may be.

import type { Dispatcher } from 'undici'
import { OssError } from '../primitives/errors.js'
import { exchange, exchangeByAny, type Surroundings } from './exchange.js'
import { compileParserLean } from './lean-parser.js'
import type { Transport } from './transport.js'
import { createAgent, type OwnAgent } from './undici-agent.js'

export interface UndiciTransportOptions {
  /** A caller's own dispatcher (proxy, mTLS, custom CA); it is used and never closed. */
  readonly dispatcher?: Dispatcher | undefined
  /** Connections per origin at most. */
  readonly maxConnections: number
  /** Milliseconds to establish a connection. */
  readonly connectTimeoutMs: number
}

/** undici is loaded by the first request: `--help` and argument errors should not pay its 100 ms. */
export function createUndiciTransport(options: UndiciTransportOptions): Transport {
  const { connectTimeoutMs, dispatcher } = options
  const surroundings: Surroundings = { pace: { quick: false }, connectTimeoutMs }
  let created: Promise<OwnAgent> | undefined
  let closed = false

  return {
    async request(request) {
      if (closed) throw new OssError('the client is closed', { code: 'ERR_OSS_TRANSPORT' })
      request.signal?.throwIfAborted()
      // Not awaited: nothing of this has to be kept while the request is under way.
      if (dispatcher !== undefined) return exchangeByAny(dispatcher, request, surroundings)
      created ??= createAgent({
        connections: options.maxConnections,
        connect: { timeout: connectTimeoutMs },
        // The file is read between two parts of one connection; undici's 4 s would reconnect under a slow disk.
        keepAliveTimeout: 30_000,
      })
      const agent = await created
      // The client may have been closed, or the caller may have cancelled, while undici was loading.
      request.signal?.throwIfAborted()
      return exchange(agent, request, surroundings)
    },
    async close() {
      closed = true
      await (await created)?.destroy()
    },
  }
}

export interface ProxyOptions
  extends Pick<UndiciTransportOptions, 'maxConnections' | 'connectTimeoutMs'> {
  /** Proxy for http, and for https where `httpsProxy` is empty; '' for none. */
  readonly httpProxy: string
  readonly httpsProxy: string
  /** Hosts that are called directly: names with an optional port, `.suffix`, or `*`; separated by commas or blanks. */
  readonly noProxy: string
}

/**
 * A dispatcher that goes through proxies, for {@link UndiciTransportOptions.dispatcher}; who creates it closes it.
 * @throws {TypeError} for a proxy that is no URL.
 */
export async function createProxyDispatcher(options: ProxyOptions): Promise<Dispatcher> {
  compileParserLean()
  const { EnvHttpProxyAgent } = await import('undici/index.js')
  const { httpProxy, httpsProxy, noProxy, maxConnections, connectTimeoutMs } = options
  // All three are given, so that it reads no environment.
  return new EnvHttpProxyAgent({
    ...{ httpProxy, httpsProxy, noProxy, connections: maxConnections },
    // To hosts that are called directly, to the proxy, and through it.
    connect: { timeout: connectTimeoutMs },
    proxyTls: { timeout: connectTimeoutMs },
    requestTls: { timeout: connectTimeoutMs },
    keepAliveTimeout: 30_000,
  })
}
