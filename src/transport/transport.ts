// Owns the seam to the network: what a transport is given, what it answers, and what it must guarantee.

/** A request body that can be opened once for each attempt, always from its first byte. */
export interface RequestBody {
  /** Bytes; sent as Content-Length. The chunks must add up to exactly this. */
  readonly contentLength: number
  /** A chunk may be reused by its producer as soon as the next one is asked for. */
  open(): Uint8Array | AsyncIterable<Uint8Array>
  /**
   * CRC-64 of the bytes that the latest opening has handed out, decimal; undefined until those are all. Where there is such a
   * member, what OSS has stored is compared with it.
   */
  readonly crc64?: string | undefined
}

/** The chunks of a body on their way, some of which may be there at once. */
export interface ChunkIterator extends AsyncIterator<Uint8Array> {
  /**
   * The next chunk where nothing has to be waited for, else undefined: then `next` has to be asked. What is handed on in the same moment is
   * still in the processor's caches.
   */
  nextNow?(): IteratorResult<Uint8Array> | undefined
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
  /** Bytes of response body that are read: a success with more is refused as malformed, an error is cut off there. */
  readonly maxResponseBytes: number
  /** @default none */
  readonly timeouts?: Timeouts | undefined
  /** Called once for each stretch without progress, when half of its time limit has passed. */
  readonly onStall?: ((stall: Stall) => void) | undefined
  /**
   * Sends the headers and one byte, and the rest half a second later: an answer that refuses the request arrives then, and is not
   * lost in the reset of a connection on which nobody reads any more.
   */
  readonly cautious?: boolean | undefined
}

/** Limits to times without progress, in milliseconds; none of them grows with the size of a body. */
export interface Timeouts {
  /** No byte of the body was taken by the network, while there is one to send. */
  readonly idleTimeout: number
  /** No byte of the answer came, once the request is sent. */
  readonly answerTimeout: number
}

export interface Stall {
  /** `sending` the body, or waiting for the `answer`. */
  readonly phase: 'sending' | 'answer'
  /** Milliseconds without progress. */
  readonly idleMs: number
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
