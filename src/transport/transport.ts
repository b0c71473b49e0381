// Owns the seam to the network: what a transport is given, what it answers, and what it must guarantee.

/** A request body that can be opened once for each attempt, always from its first byte. */
export interface RequestBody {
  /** Bytes; sent as Content-Length. The chunks must add up to exactly this. */
  readonly contentLength: number
  /** A chunk may be reused by its producer as soon as the next one is asked for. */
  open(): Uint8Array | AsyncIterable<Uint8Array>
}

export interface TransportRequest {
  /** Scheme, host and port, without a final slash. */
  readonly origin: string
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD'
  /**
   * Encoded path and query, sent byte for byte as given: it is what was signed. A `URL` would not do, because parsing one
   * folds `a/../b` into `b`.
   */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: RequestBody | undefined
  readonly signal?: AbortSignal | undefined
  /** Bytes of response body that are read before the answer is refused as malformed. */
  readonly maxResponseBytes: number
}

export interface TransportResponse {
  readonly status: number
  /** Lower-case names; a repeated header is joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * Sends one request and reads its whole answer.
 *
 * An implementation follows no redirect, decodes no content, keeps no cookies, retries nothing, and when `request` settles
 * the connection is idle or destroyed. It fails with `OssError` (`ERR_OSS_TRANSPORT`, `ERR_OSS_TIMEOUT`,
 * `ERR_OSS_MALFORMED_RESPONSE`), or with `signal.reason` when the signal aborted.
 */
export interface Transport {
  request(request: TransportRequest): Promise<TransportResponse>
  /** Closes what the transport created; idempotent. */
  close(): Promise<void>
}
