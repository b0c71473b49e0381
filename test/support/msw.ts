/** Owns msw for undici: handlers over the core of the fake OSS, and a dispatcher that answers from msw handlers only. */

import { getResponse, type HttpHandler, http, type RequestHandler } from 'msw'
import { Dispatcher, errors } from 'undici'
import { type FakeOssState, handle } from './fake-oss/index.js'

/** Carries the raw request target past WHATWG URLs, which fold `a/../b`; no handler's answer depends on it else. */
export const rawTargetHeader = 'x-raw-target'

/** The target of a request as it was sent: the raw one if a {@link MswDispatcher} sent it. */
export function rawTargetOf(request: Request): string {
  const { pathname, search } = new URL(request.url)
  return request.headers.get(rawTargetHeader) ?? `${pathname}${search}`
}

/**
 * msw handlers that answer as the fake OSS does.
 * @param endpoint such as 'https://oss-cn-hangzhou.aliyuncs.com'; hosts below it are virtual-hosted buckets
 */
export function ossHandlers(state: FakeOssState, endpoint: string): HttpHandler[] {
  const host = new URL(endpoint).host.replace(/[.[\]]/g, '\\$&')
  return [
    http.all(new RegExp(`^https?://([^/]+\\.)?${host}(/|$)`), async ({ request }) => {
      const headers = [...request.headers].filter(([name]) => name !== rawTargetHeader)
      if (!request.headers.has('host')) headers.push(['host', new URL(request.url).host])
      const response = handle(
        state,
        { method: request.method, target: rawTargetOf(request), rawHeaders: headers },
        Buffer.from(await request.arrayBuffer()),
      )
      const bodyless = request.method === 'HEAD' || response.status === 204
      return new Response(bodyless ? null : new Uint8Array(response.body), {
        status: response.status,
        headers: Object.entries(response.headers),
      })
    }),
  ]
}

type Body = Buffer | string | Uint8Array | AsyncIterable<Uint8Array | string> | null | undefined

/** The flat, object or iterable headers of undici as pairs. */
function headerPairs(headers: Dispatcher.DispatchOptions['headers']): [string, string][] {
  if (headers === null || headers === undefined) return []
  const pairs: [string, string | string[] | undefined][] = []
  if (Array.isArray(headers)) {
    for (let at = 0; at + 1 < headers.length; at += 2) {
      pairs.push([String(headers[at]), String(headers[at + 1])])
    }
  } else if (Symbol.iterator in headers) {
    pairs.push(...(headers as Iterable<[string, string | string[] | undefined]>))
  } else {
    pairs.push(...Object.entries(headers))
  }
  return pairs.flatMap(([name, value]) =>
    value === undefined
      ? []
      : [value].flat().map((single): [string, string] => [name, String(single)]),
  )
}

/** One dispatched request, whose handler may be of undici's old or new kind. */
class Exchange {
  readonly #handler: Dispatcher.DispatchHandler
  readonly #options: Dispatcher.DispatchOptions
  readonly #onEnd: () => void
  #settled = false
  #paused = false
  #wake: () => void = () => {}
  readonly #controller: Dispatcher.DispatchController

  constructor(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    onEnd: () => void,
  ) {
    this.#options = options
    this.#handler = handler
    this.#onEnd = onEnd
    const exchange = this
    this.#controller = {
      get aborted() {
        return exchange.#settled
      },
      get paused() {
        return exchange.#paused
      },
      reason: null,
      abort: (reason) => this.fail(reason),
      pause: () => {
        this.#paused = true
      },
      resume: () => this.#resume(),
    }
  }

  /** Ends the exchange with an error, once. */
  fail(error: Error | undefined): void {
    if (this.#settled) return
    this.#settled = true
    this.#wake()
    this.#onEnd()
    const reason = error ?? new errors.RequestAbortedError()
    if (this.#handler.onResponseError) this.#handler.onResponseError(this.#controller, reason)
    else this.#handler.onError?.(reason)
  }

  async run(handlers: readonly RequestHandler[]): Promise<void> {
    if (this.#handler.onRequestStart) this.#handler.onRequestStart(this.#controller, {})
    else this.#handler.onConnect?.((error) => this.fail(error))
    try {
      const request = await this.#request()
      if (this.#settled) return
      const response = await this.#answer(request, handlers)
      if (!this.#settled) await this.#deliver(response)
    } catch (error) {
      this.fail(error as Error)
    }
  }

  #resume(): void {
    this.#paused = false
    this.#wake()
  }

  async #request(): Promise<Request> {
    const { origin = '', path, method } = this.#options
    const headers = new Headers(headerPairs(this.#options.headers))
    if (!headers.has('host')) headers.set('host', new URL(String(origin)).host)
    headers.set(rawTargetHeader, path)
    const body = await this.#collect(headers.get('content-length'))
    return new Request(`${String(origin).replace(/\/$/, '')}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    })
  }

  /** The whole body; as undici does, refuses one that is not as long as promised. */
  async #collect(contentLength: string | null): Promise<Buffer | undefined> {
    const body = this.#options.body as Body
    if (body === null || body === undefined) return undefined
    const chunks: Buffer[] = []
    if (typeof body === 'string' || body instanceof Uint8Array) {
      chunks.push(Buffer.from(body as string))
    } else if (Symbol.asyncIterator in body) {
      for await (const chunk of body) {
        if (this.#settled) break
        chunks.push(Buffer.from(chunk as string))
        this.#handler.onBodySent?.(
          chunk.length,
          chunks.reduce((sum, { length }) => sum + length, 0),
        )
      }
    } else {
      throw new TypeError('MswDispatcher takes Buffer, string and async iterable bodies only')
    }
    const all = Buffer.concat(chunks)
    if (!this.#settled && contentLength !== null && Number(contentLength) !== all.length) {
      throw new errors.RequestContentLengthMismatchError()
    }
    return all
  }

  async #answer(request: Request, handlers: readonly RequestHandler[]): Promise<Response> {
    const timeoutMs = this.#options.headersTimeout
    const timer = timeoutMs
      ? setTimeout(() => this.fail(new errors.HeadersTimeoutError()), timeoutMs)
      : undefined
    try {
      const response = await getResponse([...handlers], request)
      if (response === undefined) {
        throw new Error(`unhandled request: ${request.method} ${request.url} has no msw handler`)
      }
      if (response.type === 'error') throw new errors.SocketError('network error from msw')
      return response
    } finally {
      clearTimeout(timer)
    }
  }

  async #deliver(response: Response): Promise<void> {
    const { status, statusText } = response
    if (this.#handler.onResponseStart) {
      const headers = Object.fromEntries(response.headers)
      this.#handler.onResponseStart(this.#controller, status, headers, statusText)
    } else {
      const raw = [...response.headers].flat().map((text) => Buffer.from(text, 'latin1'))
      this.#paused =
        this.#handler.onHeaders?.(status, raw, () => this.#resume(), statusText) === false
    }
    if (response.body !== null) {
      for await (const chunk of response.body) {
        await this.#flowing()
        if (this.#settled) return
        this.#deliverChunk(Buffer.from(chunk))
      }
    }
    await this.#flowing()
    if (this.#settled) return
    this.#settled = true
    this.#onEnd()
    if (this.#handler.onResponseEnd) this.#handler.onResponseEnd(this.#controller, {})
    else this.#handler.onComplete?.([])
  }

  #deliverChunk(chunk: Buffer): void {
    if (this.#handler.onResponseData) this.#handler.onResponseData(this.#controller, chunk)
    else if (this.#handler.onData?.(chunk) === false) this.#paused = true
  }

  async #flowing(): Promise<void> {
    while (this.#paused && !this.#settled) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

/**
 * A dispatcher for `undici.request(url, { dispatcher })` and the like. It opens no socket: a request that no handler
 * answers fails. An `HttpResponse.error()` arrives as undici's SocketError.
 */
export class MswDispatcher extends Dispatcher {
  readonly #handlers: readonly RequestHandler[]
  readonly #open = new Set<Exchange>()
  #closed = false

  constructor(...handlers: readonly RequestHandler[]) {
    super()
    this.#handlers = handlers
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (this.#closed) throw new errors.ClientClosedError()
    const exchange: Exchange = new Exchange(options, handler, () => this.#open.delete(exchange))
    this.#open.add(exchange)
    void exchange.run(this.#handlers)
    return true
  }

  override close(callback: () => void): void
  override close(): Promise<void>
  override close(callback?: () => void): Promise<void> {
    this.#closed = true
    callback?.()
    return Promise.resolve()
  }

  override destroy(error: Error | null, callback: () => void): void
  override destroy(callback: () => void): void
  override destroy(error: Error | null): Promise<void>
  override destroy(): Promise<void>
  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> {
    this.#closed = true
    const reason = error instanceof Error ? error : new errors.ClientDestroyedError()
    for (const exchange of this.#open) exchange.fail(reason)
    const done = typeof error === 'function' ? error : callback
    done?.()
    return Promise.resolve()
  }
}
