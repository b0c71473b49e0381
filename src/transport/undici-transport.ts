// The only user of undici: connection pools, limits on what is read, and errors in the library's own terms.

import { setImmediate } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { isNodeError, OssError } from '../primitives/errors.js'
import type { Transport, TransportRequest, TransportResponse } from './transport.js'

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
  let created: Promise<Dispatcher> | undefined
  let closed = false

  const dispatcher = (): Promise<Dispatcher> => {
    if (options.dispatcher !== undefined) return Promise.resolve(options.dispatcher)
    created ??= import('undici').then(
      ({ Agent }) =>
        new Agent({
          connections: options.maxConnections,
          connect: { timeout: options.connectTimeoutMs },
          // The file is read between two parts of one connection; undici's 4 s would reconnect under a slow disk.
          keepAliveTimeout: 30_000,
        }),
    )
    return created
  }

  return {
    async request(request) {
      if (closed) throw new OssError('the client is closed', { code: 'ERR_OSS_TRANSPORT' })
      request.signal?.throwIfAborted()
      const target = await dispatcher()
      // The client may have been closed, or the caller may have cancelled, while undici was loading.
      request.signal?.throwIfAborted()
      try {
        return await exchange(target, request)
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason
        throw translate(error)
      }
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
  const { EnvHttpProxyAgent } = await import('undici')
  const { httpProxy, httpsProxy, noProxy, maxConnections, connectTimeoutMs } = options
  // All three are given, so that it reads no environment.
  return new EnvHttpProxyAgent({
    ...{ httpProxy, httpsProxy, noProxy, connections: maxConnections },
    connect: { timeout: connectTimeoutMs },
    keepAliveTimeout: 30_000,
  })
}

async function exchange(
  dispatcher: Dispatcher,
  request: TransportRequest,
): Promise<TransportResponse> {
  const answer = dispatcher.request({
    origin: request.origin,
    path: request.path,
    method: request.method,
    headers: { ...request.headers, ...contentLength(request) },
    body: (request.body?.open() ?? null) as Dispatcher.RequestOptions['body'] & object,
    ...(request.signal !== undefined && { signal: request.signal }),
  })
  const response = await orAborted(answer, request.signal)
  const chunks: Uint8Array[] = []
  let received = 0
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      received += chunk.byteLength
      if (received > request.maxResponseBytes) {
        throw new OssError(`the answer is larger than ${request.maxResponseBytes} bytes`, {
          code: 'ERR_OSS_MALFORMED_RESPONSE',
        })
      }
      chunks.push(chunk)
    }
  } finally {
    // Leaving the loop early destroys the body; a late error of it must not become an uncaught one.
    response.body.on('error', () => {})
  }
  // undici lends a connection out again one turn of the event loop after its answer; who asks sooner opens another one.
  await setImmediate()
  return {
    status: response.statusCode,
    headers: flattenHeaders(response.headers),
    body: Buffer.concat(chunks),
  }
}

/**
 * undici hears of a cancellation only once it has a connection, which may take the whole connect timeout. A request
 * that is given up before is dropped by undici as soon as there is one: nothing of it is sent.
 */
async function orAborted<Answer>(
  answer: Promise<Answer>,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  if (signal === undefined) return answer
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    // Called after undici's own listener, which has destroyed the connection by then.
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
  })
  try {
    return await Promise.race([answer, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
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
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

const timeouts: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'no connection within the connect timeout',
  UND_ERR_HEADERS_TIMEOUT:
    'no answer within the headers timeout (undici: 300 s, unless told otherwise)',
  UND_ERR_BODY_TIMEOUT:
    'the answer stopped arriving for the body timeout (undici: 300 s, unless told otherwise)',
}

function translate(error: unknown): OssError {
  if (error instanceof OssError) return error
  const cause = innermost(error)
  const code = isNodeError(cause) ? cause.code : undefined
  const limit = code === undefined ? undefined : timeouts[code]
  if (limit !== undefined) return new OssError(limit, { code: 'ERR_OSS_TIMEOUT', cause })
  return new OssError(`no complete answer from OSS (${describe(cause)})`, {
    code: 'ERR_OSS_TRANSPORT',
    hint: 'check the endpoint and the network',
    cause,
  })
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
