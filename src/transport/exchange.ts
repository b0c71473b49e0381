// Owns one request and its answer, in the terms of undici's dispatchers: what they are given, and what they tell.

import type { Dispatcher } from 'undici'
import { listenForAbort } from '../primitives/abort-listeners.js'
import { OssError } from '../primitives/errors.js'
import { transportFailure } from './failure.js'
import { FlowingBody } from './flowing-body.js'
import type { TransportRequest, TransportResponse } from './transport.js'
import { Watchdog } from './watchdog.js'
import { type Pace, watchedBody } from './watched-body.js'

/** What the exchanges of a transport have in common. */
export interface Surroundings {
  readonly pace: Pace
  /** For a message. */
  readonly connectTimeoutMs: number
}

type Dispatch = Pick<Dispatcher, 'dispatch'>

/** Sends a request by undici's agent, in the dialect that it takes without translation. */
export function exchange(
  agent: Dispatch,
  request: TransportRequest,
  surroundings: Surroundings,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    new Exchange(request, surroundings, resolve, reject).begin(agent)
  })
}

/** Sends a request by somebody else's dispatcher, which may be of another version of undici. */
export function exchangeByAny(
  dispatcher: Dispatch,
  request: TransportRequest,
  surroundings: Surroundings,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    new BilingualExchange(request, surroundings, resolve, reject).begin(dispatcher)
  })
}

/** What is small goes out with its headers at once, and is no matter of progress. */
const smallBytes = 64 * 1024

/** What is larger flows. The chunks of parts up to this size are never read at once, so that there is nothing to gain. */
const flowingBytes = 1024 * 1024

/** As undici gives a header: bytes, or texts; several where it was repeated. */
type RawHeader = Buffer | string | readonly (Buffer | string)[]

/**
 * undici's own `request` does the same with a stream, an AsyncResource and some promises for each answer, which is a fifth of what
 * is in memory of a small part under way (docs/performance.md, "Memory").
 *
 * The methods with `on` are undici's, up to version 7.
 */
class Exchange {
  readonly #request: TransportRequest
  readonly #surroundings: Surroundings
  readonly #resolve: (response: TransportResponse) => void
  readonly #reject: (reason: unknown) => void
  readonly #watchdog: Watchdog
  readonly #unlisten: (() => void) | undefined
  #isOver = false
  #endPause: (() => void) | undefined
  /** Why its connection has to be destroyed, when there is one. */
  #reason: unknown
  /** Destroys the connection. */
  #abort: ((reason: Error) => void) | undefined
  #status = 0
  #headers: Record<string, string> = {}
  #flowing: FlowingBody | undefined
  readonly #chunks: Uint8Array[] = []
  #received = 0

  constructor(
    request: TransportRequest,
    surroundings: Surroundings,
    resolve: (response: TransportResponse) => void,
    reject: (reason: unknown) => void,
  ) {
    const { signal, timeouts = noLimits, onStall } = request
    this.#request = request
    this.#surroundings = surroundings
    this.#resolve = resolve
    this.#reject = reject
    this.#unlisten = signal && listenForAbort(signal, () => this.#giveUp(signal.reason))
    this.#watchdog = new Watchdog(timeouts, onStall, (reason) => this.#giveUp(reason))
  }

  begin(dispatcher: Dispatch): void {
    const { origin, path, method } = this.#request
    try {
      dispatcher.dispatch(
        {
          origin,
          path,
          method,
          headers: Object.assign({}, this.#request.headers, contentLength(this.#request)),
          body: this.#openBody() as Dispatcher.DispatchOptions['body'] & object,
          // undici's own limits see no progress of a body; the watchdog does.
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        this as Dispatcher.DispatchHandler,
      )
    } catch (error) {
      this.onError(error)
    }
  }

  /** Not to a dispatcher that may ask for all that a stream of Node's has. */
  protected get mayFlow(): boolean {
    return true
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Of a body that waits: over after `ms`, or with the request. */
  pause(ms: number): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      // Not assigned as it is written: see FlowingBody.
      const endPause = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#endPause = endPause
    })
  }

  /** There is a connection. A request that was given up before is dropped: nothing of it is sent. */
  onConnect(abort: (reason: Error) => void): void {
    this.#abort = abort
    this.#flowing?.becomeStream()
    if (this.#isOver) abort(this.#reason as Error)
  }

  onHeaders(status: number, headers: readonly RawHeader[]): boolean {
    // An interim answer, or one that nobody waits for.
    if (status < 200 || this.#isOver) return true
    const flat: Record<string, string> = Object.create(null)
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = text(headers[at]).toLowerCase()
      const value = text(headers[at + 1])
      flat[name] = name in flat ? `${flat[name]}, ${value}` : value
    }
    this.#watchdog.answered()
    this.#status = status
    this.#headers = flat
    return true
  }

  onData(chunk: Uint8Array): boolean {
    if (this.#isOver) return true
    this.#watchdog.answered()
    this.#received += chunk.byteLength
    if (this.#received <= this.#request.maxResponseBytes) {
      this.#chunks.push(chunk)
      return true
    }
    const reason = tooLarge(this.#request.maxResponseBytes)
    this.#end()
    this.#destroy(reason)
    // Of an error the status is what counts, however much is said about it.
    if (this.#status >= 300) this.#resolve(this.#response())
    else this.#reject(reason)
    return true
  }

  onComplete(): void {
    if (this.#isOver) return
    this.#end()
    // undici lends a connection out again one turn of the event loop after its answer, and arranges for that when this returns; who
    // asks sooner opens another one.
    queueMicrotask(() => setImmediate(() => this.#resolve(this.#response())))
  }

  onError(error: unknown): void {
    if (this.#isOver) return
    this.#end()
    this.#reject(transportFailure(error, this.#surroundings.connectTimeoutMs))
  }

  #response(): TransportResponse {
    return { status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) }
  }

  #giveUp(reason: unknown): void {
    if (this.#isOver) return
    this.#end()
    this.#destroy(reason)
    this.#reject(reason)
  }

  #end(): void {
    this.#isOver = true
    this.#watchdog.end()
    this.#unlisten?.()
    this.#endPause?.()
  }

  #destroy(reason: unknown): void {
    this.#reason = reason
    this.#abort?.(reason as Error)
  }

  #openBody(): Uint8Array | AsyncIterable<Uint8Array> | FlowingBody | null {
    const { origin, body, cautious = false } = this.#request
    if (body === undefined) return null
    const opened = body.contentLength <= smallBytes ? body.open() : undefined
    if (opened instanceof Uint8Array) return opened
    const { pace } = this.#surroundings
    const secure = origin.startsWith('https:')
    const options = { watchdog: this.#watchdog, pace, cautious, secure, exchange: this }
    const watched = watchedBody(body, opened, options)
    if (!this.mayFlow || body.contentLength <= flowingBytes) return watched
    this.#flowing = new FlowingBody(watched)
    return this.#flowing
  }
}

/** Understands the methods that undici has from version 7 on as well. */
class BilingualExchange extends Exchange {
  protected override get mayFlow(): boolean {
    return false
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.onConnect((reason) => controller.abort(reason))
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, RawHeader>): void {
    this.onHeaders(status, Object.entries(headers).flat() as RawHeader[])
  }

  onResponseData(_: unknown, chunk: Uint8Array): void {
    this.onData(chunk)
  }

  onResponseEnd(): void {
    this.onComplete()
  }

  onResponseError(_: unknown, error: unknown): void {
    this.onError(error)
  }
}

const noLimits = {
  idleTimeout: Number.POSITIVE_INFINITY,
  answerTimeout: Number.POSITIVE_INFINITY,
}

/** The Content-Length that a request is sent with: none without a body, except where a method calls for one. */
export function contentLength({
  method,
  body,
}: Pick<TransportRequest, 'method' | 'body'>): Record<string, string> {
  if (body !== undefined) return { 'content-length': String(body.contentLength) }
  return method === 'PUT' || method === 'POST' ? { 'content-length': '0' } : {}
}

/** Bytes above ASCII as undici itself reads them. */
function text(header: RawHeader = ''): string {
  if (typeof header === 'string') return header
  return Buffer.isBuffer(header) ? header.toString('latin1') : header.map(text).join(', ')
}

function tooLarge(maxBytes: number): OssError {
  const message = `the answer is larger than ${maxBytes} bytes`
  return new OssError(message, { code: 'ERR_OSS_MALFORMED_RESPONSE' })
}
