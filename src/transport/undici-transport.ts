// The only user of undici: connection pools, limits on what is read, and errors in the library's own terms.

import { setImmediate } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { listenForAbort } from '../primitives/abort-listeners.js'
import { isNodeError, OssError } from '../primitives/errors.js'
import { Ending } from './ending.js'
import { compileParserLean } from './lean-parser.js'
import { isTlsFailure } from './tls-failure.js'
import type { Transport, TransportRequest, TransportResponse } from './transport.js'
import { createAgent, type Requester } from './undici-agent.js'
import { Watchdog } from './watchdog.js'
import { type Pace, watchedBody } from './watched-body.js'

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
  const { connectTimeoutMs } = options
  let created: Promise<Requester> | undefined
  let closed = false
  const pace: Pace = { quick: false }

  const requester = async (): Promise<Pick<Requester, 'request'>> => {
    if (options.dispatcher !== undefined) return options.dispatcher
    created ??= createAgent({
      connections: options.maxConnections,
      connect: { timeout: connectTimeoutMs },
      // The file is read between two parts of one connection; undici's 4 s would reconnect under a slow disk.
      keepAliveTimeout: 30_000,
    })
    return created
  }

  return {
    async request(request) {
      if (closed) throw new OssError('the client is closed', { code: 'ERR_OSS_TRANSPORT' })
      request.signal?.throwIfAborted()
      const target = await requester()
      // The client may have been closed, or the caller may have cancelled, while undici was loading.
      request.signal?.throwIfAborted()
      // Not awaited: nothing of this has to be kept while the request is under way.
      return watched(request, connectTimeoutMs, (over, watchdog) =>
        exchange(target, request, over, watchdog, pace),
      )
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

/** Runs one request under the caller's signal and its own time limits; what comes out of it is in the library's terms. */
async function watched(
  { signal, timeouts = noLimits, onStall }: TransportRequest,
  connectTimeoutMs: number,
  run: (over: Ending, watchdog: Watchdog) => Promise<TransportResponse>,
): Promise<TransportResponse> {
  const over = new Ending()
  const unlisten = signal && listenForAbort(signal, () => over.abort(signal.reason))
  const watchdog = new Watchdog(timeouts, onStall, (reason) => over.abort(reason))
  try {
    return await run(over, watchdog)
  } catch (error) {
    throw over.aborted ? over.reason : translate(error, connectTimeoutMs)
  } finally {
    watchdog.end()
    unlisten?.()
    // What is left of the body, which may be waiting, ends too; undici has let go of the signal.
    over.abort(settled)
  }
}

/** One for all requests: without a reason, each `abort` would make an error of its own, with a stack, and nobody reads it. */
const settled = new Error('the request has settled')

const noLimits = {
  idleTimeout: Number.POSITIVE_INFINITY,
  answerTimeout: Number.POSITIVE_INFINITY,
}

async function exchange(
  requester: Pick<Requester, 'request'>,
  request: TransportRequest,
  over: Ending,
  watchdog: Watchdog,
  pace: Pace,
): Promise<TransportResponse> {
  const answer = requester.request({
    origin: request.origin,
    path: request.path,
    method: request.method,
    headers: Object.assign({}, request.headers, contentLength(request)),
    body: openBody(request, over, watchdog, pace) as Dispatcher.RequestOptions['body'] & object,
    // undici's own limits see no progress of a body; the watchdog does.
    headersTimeout: 0,
    bodyTimeout: 0,
    signal: over,
  })
  const response = await orAborted(answer, over)
  watchdog.answered()
  const body = await readAnswer(response, request.maxResponseBytes, watchdog)
  // undici lends a connection out again one turn of the event loop after its answer; who asks sooner opens another one.
  await setImmediate()
  return {
    status: response.statusCode,
    headers: flattenHeaders(response.headers),
    body,
  }
}

/** By its events: an iterator of it would leave 4 KB behind for each answer, most of which have no body at all. */
function readAnswer(
  { statusCode, body }: Dispatcher.ResponseData,
  maxBytes: number,
  watchdog: Watchdog,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let received = 0
  return new Promise((resolve, reject) => {
    const finish = (): void => resolve(Buffer.concat(chunks))
    body.on('data', (chunk: Uint8Array) => {
      watchdog.answered()
      received += chunk.byteLength
      if (received <= maxBytes) {
        chunks.push(chunk)
        return
      }
      // Of an error the status is what counts, however much is said about it.
      if (statusCode >= 300) finish()
      else reject(tooLarge(maxBytes))
      body.destroy()
    })
    body.on('end', finish)
    // It stays: a late error must not become an uncaught one.
    body.on('error', reject)
    body.on('close', () => {
      if (!body.readableEnded) reject(new Error('the answer ended early'))
    })
  })
}

function tooLarge(maxBytes: number): OssError {
  const message = `the answer is larger than ${maxBytes} bytes`
  return new OssError(message, { code: 'ERR_OSS_MALFORMED_RESPONSE' })
}

/** What is small goes out with its headers at once, and is no matter of progress. */
const smallBytes = 64 * 1024

function openBody(
  { body, cautious = false }: TransportRequest,
  over: Ending,
  watchdog: Watchdog,
  pace: Pace,
): Uint8Array | AsyncIterable<Uint8Array> | null {
  if (body === undefined) return null
  if (body.contentLength <= smallBytes) {
    const opened = body.open()
    if (opened instanceof Uint8Array) return opened
  }
  return watchedBody(body, { watchdog, pace, cautious, over })
}

/**
 * undici hears of a cancellation only once it has a connection, which may take the whole connect timeout. A request
 * that is given up before is dropped by undici as soon as there is one: nothing of it is sent.
 */
function orAborted<Answer>(answer: Promise<Answer>, over: Ending): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Called after undici's own listener, which has destroyed the connection by then.
    over.once('abort', () => reject(over.reason))
    answer.then(resolve, reject)
  })
}

/** The Content-Length that a request is sent with: none without a body, except where a method calls for one. */
export function contentLength({
  method,
  body,
}: Pick<TransportRequest, 'method' | 'body'>): Record<string, string> {
  if (body !== undefined) return { 'content-length': String(body.contentLength) }
  return method === 'PUT' || method === 'POST' ? { 'content-length': '0' } : {}
}

function flattenHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string> {
  const flat: Record<string, string> = Object.create(null)
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

function translate(error: unknown, connectTimeoutMs: number): OssError {
  if (error instanceof OssError) return error
  const cause = innermost(error)
  const code = isNodeError(cause) ? cause.code : undefined
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    const seconds = connectTimeoutMs / 1000
    return new OssError(`no connection within ${seconds} s (connectTimeout)`, {
      code: 'ERR_OSS_TIMEOUT',
      hint: 'check the endpoint and the network',
      cause,
    })
  }
  const hint = hintFor(code ?? '')
  return new OssError(`no complete answer from OSS (${describe(cause)})`, {
    code: 'ERR_OSS_TRANSPORT',
    hint,
    cause,
  })
}

function hintFor(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return 'the name of the endpoint was not found: check region or endpoint, and DNS'
  }
  if (code === 'ECONNREFUSED')
    return 'nobody listens there: check the endpoint, its port and proxies'
  if (isTlsFailure(code)) {
    return 'the connection is not trusted: if a proxy with its own certificate authority is meant to be there, name that in NODE_EXTRA_CA_CERTS'
  }
  return 'check the endpoint and the network'
}

/** With several addresses for a name, Node wraps one error per address into an AggregateError. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0])
  return error
}

function describe(cause: unknown): string {
  if (!isNodeError(cause)) return cause instanceof Error ? cause.message : 'unknown error'
  return cause.message.includes(cause.code ?? '')
    ? cause.message
    : `${cause.code}: ${cause.message}`
}
