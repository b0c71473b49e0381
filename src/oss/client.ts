// OssClient: resolved configuration and a transport; owns what it created and nothing else.

import { setMaxListeners } from 'node:events'
import type { Dispatcher } from 'undici'
import { OssError } from '../primitives/errors.js'
import type { Credentials } from '../signing/credentials.js'
import type { SigningContext } from '../signing/sign-request.js'
import type { Transport, TransportResponse } from '../transport/transport.js'
import { createUndiciTransport } from '../transport/undici-transport.js'
import { attemptRequest } from './attempts.js'
import { Connection } from './connection.js'
import { defaultCredentials } from './credentials/default-chain.js'
import type { CredentialsProvider } from './credentials.js'
import { type Endpoint, type EndpointOptions, resolveEndpoint } from './endpoint.js'
import { assertAdditionalHeaders } from './headers.js'
import {
  assertRetryOptions,
  defaultRetryPolicy,
  type RetryOptions,
  type RetryPolicy,
  retryPolicy,
} from './retry.js'
import type { RequestEvent, RequestScope } from './scope.js'
import type { OperationRequest } from './send.js'

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
   * A caller's own undici dispatcher (proxy, mTLS, custom CA), of undici 6, 7 or 8. It is never closed. The default credentials use
   * it too, for STS and a credentials URI.
   * @default one of our own
   */
  readonly dispatcher?: Dispatcher | undefined
  /** Milliseconds to establish a connection, TLS included, 1..600,000. Not with a `dispatcher`, which has its own. @default 10,000 */
  readonly connectTimeout?: number | undefined
  /**
   * Milliseconds, 1..86,400,000, for which the network may take no byte of a body that is being sent. As long as bytes move, a
   * request may take as long as it needs.
   * @default 60,000
   */
  readonly idleTimeout?: number | undefined
  /**
   * Milliseconds, 1..86,400,000, to wait for the answer to a request that is sent, and between two pieces of it; after a body, longer by
   * what its end (up to 4 MiB, which the machine may still hold) takes at 32 KiB/s.
   * @default 120,000
   */
  readonly answerTimeout?: number | undefined
  /**
   * How requests that fail are repeated: `attempts`, `baseDelay`, `maxDelay`, `budget`, `throttleTime`.
   * @default { attempts: 10, baseDelay: 200, maxDelay: 20_000, budget: 200, throttleTime: 600_000 }
   */
  readonly retry?: RetryOptions | undefined
  /** Called with each attempt, retry, stall, refresh of credentials and correction of the clock, of all requests. @default none */
  readonly onEvent?: ((event: RequestEvent) => void) | undefined
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
  'idleTimeout',
  'answerTimeout',
  'retry',
  'onEvent',
  'now',
  'transport',
])

/** Connections per origin: the highest `concurrency` that an upload may ask for. */
const maxConnections = 1000

/** What operations need of a client: {@link OssClient} is one. */
export interface OperationClient {
  readonly endpoint: Endpoint
  /** How requests that fail are repeated, unless their scope says otherwise. */
  readonly retry: RetryPolicy
  readonly isClosed: boolean
  /** Sends a request and makes a result out of the answer; what `read` throws is a failure of the attempt, and may be retried. */
  call<Result>(
    request: OperationRequest,
    read: (response: TransportResponse) => Result | Promise<Result>,
  ): Promise<Result>
}

/** The same client, with all of its requests in one scope. */
export function scopedClient(client: OperationClient, scope: RequestScope): OperationClient {
  return {
    endpoint: client.endpoint,
    retry: client.retry,
    get isClosed() {
      return client.isClosed
    },
    call: (request, read) => client.call(Object.assign({}, request, { scope }), read),
  }
}

/**
 * Where requests go and who signs them. One client may run many uploads at once: they share its connections, its credentials
 * and what it has learned of OSS's clock.
 *
 * @throws {TypeError|RangeError} from the constructor for an option that is unknown or out of range.
 */
export class OssClient implements OperationClient, AsyncDisposable {
  readonly endpoint: Endpoint
  readonly retry: RetryPolicy
  // Private, so that `inspect` and JSON show no credentials.
  readonly #connection: Connection
  readonly #closes: boolean
  /** Ends what the default credentials are asking, and pauses between attempts. */
  readonly #closing = new AbortController()

  constructor(options: OssClientOptions = {}) {
    for (const name of Object.keys(options)) {
      if (!optionNames.has(name)) throw new TypeError(`unknown client option "${name}"`)
    }
    const connectTimeoutMs = milliseconds(options, 'connectTimeout', 10_000, 600_000)
    const idleTimeout = milliseconds(options, 'idleTimeout', 60_000, dayMs)
    const answerTimeout = milliseconds(options, 'answerTimeout', 120_000, dayMs)
    const additionalHeaders = options.additionalHeaders ?? []
    assertAdditionalHeaders(additionalHeaders)
    if (options.retry !== undefined) assertRetryOptions(options.retry)
    if (options.onEvent !== undefined && typeof options.onEvent !== 'function') {
      throw new TypeError('onEvent must be a function')
    }
    // Every pause listens; Node takes more than ten listeners for a leak and warns.
    setMaxListeners(0, this.#closing.signal)
    this.endpoint = resolveEndpoint(options)
    this.retry = retryPolicy(defaultRetryPolicy, options.retry)
    this.#closes = options.transport === undefined
    this.#connection = new Connection({
      endpoint: this.endpoint,
      credentials:
        options.credentials ??
        defaultCredentials({ dispatcher: options.dispatcher, signal: this.#closing.signal }),
      additionalHeaders: [...additionalHeaders],
      transport:
        options.transport ??
        createUndiciTransport({ dispatcher: options.dispatcher, maxConnections, connectTimeoutMs }),
      retry: this.retry,
      timeouts: { idleTimeout, answerTimeout },
      now: options.now ?? (() => new Date()),
      onEvent: options.onEvent,
      closed: this.#closing.signal,
    })
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  call<Result>(
    request: OperationRequest,
    read: (response: TransportResponse) => Result | Promise<Result>,
  ): Promise<Result> {
    return attemptRequest(this.#connection, request, read)
  }

  /** Sends one signed request, with retries; the operations of this library are built on {@link OssClient.call}. */
  send(request: OperationRequest): Promise<TransportResponse> {
    return this.call(request, (response) => response)
  }

  /**
   * Region, credentials and time for one signature, to be used at once: for `signRequest`, `presignUrl` and `explainSignature`.
   * @throws {OssError} `ERR_OSS_CREDENTIALS` when the provider fails or gives nothing usable.
   */
  async signingContext(): Promise<SigningContext> {
    return {
      region: this.endpoint.region,
      credentials: await this.#connection.credentials(),
      time: this.#connection.time(),
    }
  }

  /** Closes the connections that this client opened; idempotent. Requests under way fail. */
  async close(): Promise<void> {
    this.#closing.abort(new OssError('the client is closed', { code: 'ERR_OSS_TRANSPORT' }))
    if (this.#closes) await this.#connection.options.transport.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

const dayMs = 86_400_000

function milliseconds(
  options: OssClientOptions,
  name: 'connectTimeout' | 'idleTimeout' | 'answerTimeout',
  usual: number,
  most: number,
): number {
  const value = options[name] ?? usual
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new RangeError(`${name} must be 1..${most} ms, not ${String(value)}`)
}
