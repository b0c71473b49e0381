// Owns what the requests of a client share and learn: whom to ask, who signs, what time it is there, and new credentials.

import { OssError, type OssServiceError } from '../primitives/errors.js'
import type { Credentials } from '../signing/credentials.js'
import type { Timeouts, Transport } from '../transport/transport.js'
import type { CredentialsProvider } from './credentials/provider.js'
import type { RefreshingProvider } from './credentials/refreshing.js'
import { resolveCredentials } from './credentials.js'
import type { Endpoint } from './endpoint.js'
import type { RetryPolicy } from './retry.js'
import type { RequestEvent } from './scope.js'

export interface ConnectionOptions {
  readonly endpoint: Endpoint
  readonly credentials: Credentials | CredentialsProvider
  readonly additionalHeaders: readonly string[]
  readonly transport: Transport
  readonly retry: RetryPolicy
  readonly timeouts: Timeouts
  readonly now: () => Date
  readonly onEvent?: ((event: RequestEvent) => void) | undefined
  /** Aborted when the client is closed: nothing is tried again then. */
  readonly closed: AbortSignal
}

/** Below this a correction changes nothing that OSS would notice. */
const leastSkewMs = 60_000

export class Connection {
  readonly options: ConnectionOptions
  /** OSS has answered. */
  reached = false
  #offsetMs = 0
  #refreshing: Promise<Credentials> | undefined
  #refused: Credentials | undefined

  constructor(options: ConnectionOptions) {
    this.options = options
  }

  /** The time to sign with. */
  time(): Date {
    return new Date(this.options.now().getTime() + this.#offsetMs)
  }

  credentials(signal?: AbortSignal): Promise<Credentials> {
    return resolveCredentials(this.options.credentials, signal)
  }

  /**
   * Takes OSS's clock for the right one. Many requests may be refused before the first of them is corrected: those that were
   * signed with the time that is no longer in use need no further correction.
   *
   * @param signedAt what OSS has refused
   * @returns undefined when nothing is known that would be better.
   */
  correctClock(
    error: OssServiceError,
    signedAt: Date,
  ):
    | { readonly offsetMs: number; readonly source: 'ServerTime' | 'Date' }
    | 'corrected'
    | undefined {
    const { serverTime } = error
    if (serverTime === undefined) return undefined
    if (Math.abs(serverTime.time.getTime() - signedAt.getTime()) < leastSkewMs) return undefined
    const offsetMs = serverTime.time.getTime() - this.options.now().getTime()
    if (Math.abs(offsetMs - this.#offsetMs) < leastSkewMs) return 'corrected'
    this.#offsetMs = offsetMs
    return { offsetMs, source: serverTime.source }
  }

  /**
   * Other credentials than the refused ones: those that another request has got meanwhile, or new ones. All who ask at the
   * same time wait for one refresh.
   *
   * @returns false when there are none.
   * @throws {OssError} `ERR_OSS_CREDENTIALS` when getting them failed.
   */
  async renewCredentials(refused: Credentials, signal: AbortSignal | undefined): Promise<boolean> {
    const { credentials: source } = this.options
    if (typeof source !== 'function') return false
    if (!isSame(await this.credentials(signal), refused)) return true
    if (!isRefreshing(source)) return false
    this.#refreshing ??= resolveCredentials(() => source.refresh({ force: true })).finally(() => {
      this.#refreshing = undefined
    })
    return !isSame(await this.#refreshing, refused)
  }

  /** @param operation what is refused once the client is closed */
  /** False when it was told before that OSS refuses these: many requests may have been under way with them. */
  isNews(refused: Credentials): boolean {
    const isKnown = this.#refused !== undefined && isSame(this.#refused, refused)
    this.#refused = refused
    return !isKnown
  }

  assertOpen(operation: string): void {
    if (!this.options.closed.aborted) return
    const message = `${operation} failed: the client is closed`
    throw new OssError(message, { code: 'ERR_OSS_TRANSPORT', operation })
  }
}

function isRefreshing(source: CredentialsProvider): source is RefreshingProvider {
  return typeof (source as Partial<RefreshingProvider>).refresh === 'function'
}

function isSame(a: Credentials, b: Credentials): boolean {
  return (
    a.accessKeyId === b.accessKeyId &&
    a.accessKeySecret === b.accessKeySecret &&
    a.securityToken === b.securityToken
  )
}
