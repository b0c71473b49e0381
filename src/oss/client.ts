// OssClient: resolved configuration and a transport; owns what it created and nothing else.

import type { Dispatcher } from 'undici'
import type { Credentials } from '../signing/credentials.js'
import type { Transport, TransportResponse } from '../transport/transport.js'
import { createUndiciTransport } from '../transport/undici-transport.js'
import { type CredentialsProvider, environmentCredentials } from './credentials.js'
import { type Endpoint, type EndpointOptions, resolveEndpoint } from './endpoint.js'
import { type Connection, type OperationRequest, send } from './send.js'

export interface OssClientOptions extends EndpointOptions {
  /**
   * An AccessKey pair (with `securityToken` for STS), or a function that is asked before each attempt of each request.
   * @default the environment: `OSS_ACCESS_KEY_ID`, `OSS_ACCESS_KEY_SECRET`, `OSS_SESSION_TOKEN`
   */
  readonly credentials?: Credentials | CredentialsProvider | undefined
  /** A caller's own undici dispatcher (proxy, mTLS, custom CA). It is never closed. @default one of our own */
  readonly dispatcher?: Dispatcher | undefined
  /** Milliseconds to establish a connection, 1..600,000. @default 10,000 */
  readonly connectTimeout?: number | undefined
  /** Injection point for tests: the clock that signs. @default () => new Date() */
  readonly now?: (() => Date) | undefined
  /** Injection point for tests: replaces undici altogether; never closed. */
  readonly transport?: Transport | undefined
}

const optionNames: ReadonlySet<string> = new Set<keyof OssClientOptions>([
  'region',
  'endpoint',
  'pathStyle',
  'credentials',
  'dispatcher',
  'connectTimeout',
  'now',
  'transport',
])

/** Connections per origin: the highest `concurrency` that an upload may ask for. */
const maxConnections = 1000

/**
 * Where requests go and who signs them. Immutable; one client may run many uploads at once.
 *
 * @throws {TypeError|RangeError} from the constructor for an option that is unknown or out of range.
 */
export class OssClient implements AsyncDisposable {
  readonly endpoint: Endpoint
  // Private, so that `inspect` and JSON show no credentials.
  readonly #connection: Connection
  readonly #closes: boolean

  constructor(options: OssClientOptions = {}) {
    for (const name of Object.keys(options)) {
      if (!optionNames.has(name)) throw new TypeError(`unknown client option "${name}"`)
    }
    const connectTimeoutMs = options.connectTimeout ?? 10_000
    if (!Number.isInteger(connectTimeoutMs) || connectTimeoutMs < 1 || connectTimeoutMs > 600_000) {
      throw new RangeError(`connectTimeout must be 1..600000 ms, not ${connectTimeoutMs}`)
    }
    this.endpoint = resolveEndpoint(options)
    this.#closes = options.transport === undefined
    this.#connection = {
      endpoint: this.endpoint,
      credentials: options.credentials ?? environmentCredentials(),
      transport:
        options.transport ??
        createUndiciTransport({ dispatcher: options.dispatcher, maxConnections, connectTimeoutMs }),
      now: options.now ?? (() => new Date()),
    }
  }

  /** Sends one signed request; the operations of this library are built on it. */
  send(request: OperationRequest): Promise<TransportResponse> {
    return send(this.#connection, request)
  }

  /** Closes the connections that this client opened; idempotent. Requests under way fail. */
  async close(): Promise<void> {
    if (this.#closes) await this.#connection.transport.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
