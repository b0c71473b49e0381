// Owns the one HTTP request that a provider makes: its own connection, closed at the end, and little time and space.

import { isNodeError, OssError } from '../../primitives/errors.js'
import type { TransportRequest, TransportResponse } from '../../transport/transport.js'
import {
  createUndiciTransport,
  type UndiciTransportOptions,
} from '../../transport/undici-transport.js'
import { credentialsError } from './provider.js'

/** A caller's own undici dispatcher, e.g. a proxy's; it is never closed. */
export type ProviderDispatcher = UndiciTransportOptions['dispatcher']

export interface SmallRequest extends Pick<TransportRequest, 'origin' | 'method' | 'path'> {
  /** Who is asked, for messages: `the metadata service`. */
  readonly what: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly connectTimeoutMs: number
  /** From the first byte of the request to the last of the answer, connecting included. */
  readonly timeoutMs: number
  readonly dispatcher?: ProviderDispatcher
  readonly signal?: AbortSignal | undefined
}

/** Credentials with a token take about 2 KiB. */
const maxResponseBytes = 64 * 1024

/**
 * @throws the signal's reason, or {OssError} `ERR_OSS_CREDENTIALS` without an answer, naming `what` and the code of the failure: messages of HTTP
 *   parsers quote what was received.
 */
export async function smallRequest(request: SmallRequest): Promise<TransportResponse> {
  const response = await trySmallRequest(request)
  if (response !== undefined) return response
  throw credentialsError(`${request.what} gave no answer within ${request.timeoutMs / 1000} s`)
}

/** @returns undefined when there is a connection, and no answer in time. Everything else fails as {@link smallRequest} does. */
export async function trySmallRequest(
  request: SmallRequest,
): Promise<TransportResponse | undefined> {
  const { what, origin, method, path, headers = {}, body, dispatcher } = request
  const { connectTimeoutMs, timeoutMs } = request
  const transport = createUndiciTransport({ dispatcher, maxConnections: 1, connectTimeoutMs })
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal])
  try {
    return await transport.request({
      ...{ origin, method, path, headers, signal, maxResponseBytes },
      ...(body !== undefined && { body: { contentLength: body.byteLength, open: () => body } }),
    })
  } catch (error) {
    request.signal?.throwIfAborted()
    if (timeout.aborted) return undefined
    throw credentialsError(`${what} gave no answer (${reason(error)})`)
  } finally {
    await transport.close()
  }
}

function reason(error: unknown): string {
  const cause = error instanceof OssError ? error.cause : error
  if (isNodeError(cause) && cause.code !== undefined) return cause.code
  return error instanceof OssError ? error.code : 'unknown error'
}
