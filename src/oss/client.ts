// OssClient: resolved configuration and a transport; owns what it created and nothing else.

import type { Dispatcher } from 'undici'
import { OssError } from '../primitives/errors.js'
import type { Credentials } from '../signing/credentials.js'
import type { SigningContext } from '../signing/sign-request.js'
import type { Transport, TransportResponse } from '../transport/transport.js'
import { createUndiciTransport } from '../transport/undici-transport.js'
import { defaultCredentials } from './credentials/default-chain.js'
import { type CredentialsProvider, resolveCredentials } from './credentials.js'
import { type Endpoint, type EndpointOptions, resolveEndpoint } from './endpoint.js'
import { assertAdditionalHeaders } from './headers.js'
import { type Connection, type OperationRequest, send } from './send.js'

export interface OssClientOptions extends EndpointOptions {
  /**
   * An AccessKey pair (with `securityToken` for STS), or a function that is asked before each attempt of each request.
   * @default `defaultCredentials()`: the environment (`OSS_ACCESS_KEY_ID`, ...), an OIDC token file, a profile of the Alibaba Cloud
   *   CLI, the RAM role of an ECS instance, a credentials URI
   */
  readonly credentials?: Credentials | CredentialsProvider | undefined
  /**
   * Names of headers to sign in every request that has them, besides those that are always signed; in any case and order.
   * `host` ties a request to the one host that is called, `content-length` to the size of its body. Costs nothing; a proxy that
   * rewrites such a header makes OSS refuse the request.
   * @default []
   * https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
   */
  readonly additionalHeaders?: readonly string[] | undefined
  /**
   * A caller's own undici dispatcher (proxy, mTLS, custom CA). It is never closed. The default credentials use it too, for STS and
   * a credentials URI.
   * @default one of our own
   */
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
  'internal',
  'accelerate',
  'dualStack',
  'cname',
  'credentials',
  'additionalHeaders',
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
  /** Ends what the default credentials are asking. */
  readonly #closing = new AbortController()

  constructor(options: OssClientOptions = {}) {
    for (const name of Object.keys(options)) {
      if (!optionNames.has(name)) throw new TypeError(`unknown client option "${name}"`)
    }
    const connectTimeoutMs = options.connectTimeout ?? 10_000
    if (!Number.isInteger(connectTimeoutMs) || connectTimeoutMs < 1 || connectTimeoutMs > 600_000) {
      throw new RangeError(`connectTimeout must be 1..600000 ms, not ${connectTimeoutMs}`)
    }
    const additionalHeaders = options.additionalHeaders ?? []
    assertAdditionalHeaders(additionalHeaders)
    this.endpoint = resolveEndpoint(options)
    this.#closes = options.transport === undefined
    this.#connection = {
      endpoint: this.endpoint,
      credentials:
        options.credentials ??
        defaultCredentials({ dispatcher: options.dispatcher, signal: this.#closing.signal }),
      additionalHeaders: [...additionalHeaders],
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

  /**
   * Region, credentials and time for one signature, to be used at once: for `signRequest`, `presignUrl` and `explainSignature`.
   * @throws {OssError} `ERR_OSS_CREDENTIALS` when the provider fails or gives nothing usable.
   */
  async signingContext(): Promise<SigningContext> {
    const { endpoint, credentials, now } = this.#connection
    return {
      region: endpoint.region,
      credentials: await resolveCredentials(credentials),
      time: now(),
    }
  }

  /** Closes the connections that this client opened; idempotent. Requests under way fail. */
  async close(): Promise<void> {
    this.#closing.abort(new OssError('the client is closed', { code: 'ERR_OSS_TRANSPORT' }))
    if (this.#closes) await this.#connection.transport.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
