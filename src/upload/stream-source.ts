// Reads a stream of any kind, chunk by chunk and no further than asked, and makes it end when nobody wants more of it.

import { setImmediate } from 'node:timers/promises'
import { types } from 'node:util'
import { OssError } from '../primitives/errors.js'
import type { UploadEnvironment } from './environment.js'

/** As much of a web `ReadableStream` as is used; any library's type of it fits. */
export interface WebByteStream {
  readonly locked: boolean
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
    cancel(reason?: unknown): Promise<void>
    releaseLock(): void
  }
}

/** A Node `Readable` is one too. */
export type ByteStream = WebByteStream | AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Milliseconds that a stream gets to end once it was told to: its own code may wait for what never comes. */
const graceMs = 5_000

/** Chunks between two turns of the event loop: a source that never waits must not keep the network waiting. */
const chunksPerTurn = 256

/** One kind of stream; `next` is not called again before it has settled. */
interface Kind {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>
  /** Makes a pending `next` settle where that is possible, and lets the stream clean up. */
  end(reason: unknown): unknown
  /** The stream has ended by itself. */
  release(): void
}

/** Takes a stream over: it is read by nobody else, and it has ended or was told to when the upload is over. */
export class ChunkReader {
  readonly #kind: Kind
  readonly #environment: Pick<UploadEnvironment, 'sleep'>
  #pending: Promise<unknown> | undefined
  #over = false
  #chunks = 0

  constructor(stream: ByteStream, environment: Pick<UploadEnvironment, 'sleep'>) {
    this.#kind = kindOf(stream)
    this.#environment = environment
  }

  /**
   * The next chunk that is not empty; undefined at the end. The chunk is left alone by the stream until the next call.
   *
   * @throws {OssError} `ERR_OSS_SOURCE` when the stream fails, or gives something else than bytes.
   * @throws `signal.reason` when the signal aborted: the stream is then still to be stopped.
   */
  async next(signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#over) return undefined
      if (++this.#chunks % chunksPerTurn === 0) await setImmediate()
      signal?.throwIfAborted()
      const { done, value } = await this.#read(signal)
      if (done) return undefined
      if (!types.isUint8Array(value)) throw notBytes(value)
      if (value.byteLength > 0) return value
    }
  }

  async #read(signal: AbortSignal | undefined): ReturnType<Kind['next']> {
    const pending = this.#kind.next()
    this.#pending = pending
    // After a cancellation nobody waits for it any more.
    pending.catch(() => {})
    try {
      const result = await orAborted(pending, signal)
      if (result.done) this.#ended()
      return result
    } catch (error) {
      signal?.throwIfAborted()
      this.#ended()
      throw failed(error)
    }
  }

  #ended(): void {
    this.#over = true
    this.#kind.release()
  }

  /** Ends a stream that has not ended by itself, and waits for it, some seconds at most. Never throws. */
  async stop(reason: unknown): Promise<void> {
    if (this.#over) return
    this.#over = true
    const finished = new AbortController()
    const ended = Promise.allSettled([this.#pending, invoke(() => this.#kind.end(reason))])
    const late = this.#environment.sleep(graceMs, finished.signal).catch(() => {})
    await Promise.race([ended, late])
    finished.abort()
    await late
  }
}

async function invoke(act: () => unknown): Promise<void> {
  await act()
}

async function orAborted<T>(pending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return pending
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([pending, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Node's streams are told by what they can do: there are copies of the class outside of Node. */
interface NodeStream extends AsyncIterable<unknown> {
  destroy(): unknown
  on(event: 'error', listener: () => void): unknown
  readonly destroyed?: boolean
  readonly errored?: Error | null
  readonly readableEnded?: boolean
  readonly readableEncoding?: string | null
}

export function isNodeStream(value: object): value is NodeStream {
  const { destroy, on } = value as Partial<NodeStream>
  return typeof destroy === 'function' && typeof on === 'function' && Symbol.asyncIterator in value
}

export function isWebStream(value: object): value is WebByteStream {
  return typeof (value as Partial<WebByteStream>).getReader === 'function'
}

export function isIterable(value: object): value is AsyncIterable<unknown> | Iterable<unknown> {
  return Symbol.asyncIterator in value || Symbol.iterator in value
}

function kindOf(stream: ByteStream): Kind {
  if (isWebStream(stream)) {
    const reader = stream.getReader()
    return {
      next: () => reader.read(),
      end: async (reason) => {
        await reader.cancel(reason)
        reader.releaseLock()
      },
      release: () => reader.releaseLock(),
    }
  }
  if (isNodeStream(stream)) {
    // It may fail while nothing is being read, which without a listener would end the process; reading tells of it.
    stream.on('error', () => {})
    const iterator = stream[Symbol.asyncIterator]()
    return {
      next: () => iterator.next(),
      end: () => {
        stream.destroy()
        return iterator.return?.()
      },
      release: () => {},
    }
  }
  const iterator =
    Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]()
  return {
    // What a plain iterator throws is a failure like any other.
    next: async () => iterator.next(),
    end: () => iterator.return?.(),
    release: () => {},
  }
}

function failed(cause: unknown): OssError {
  const reason = cause instanceof Error ? cause.message : 'it gave no reason'
  return new OssError(`the source stream failed: ${reason}`, {
    code: 'ERR_OSS_SOURCE',
    hint: 'nothing was published; run again with a new stream',
    cause,
  })
}

function notBytes(value: unknown): OssError {
  const type = value === null ? 'null' : typeof value
  const given = type === 'object' ? 'an object that is no Uint8Array' : `a value of type ${type}`
  return new OssError(`the source stream gave ${given}, not bytes`, {
    code: 'ERR_OSS_SOURCE',
    hint:
      type === 'string'
        ? 'leave setEncoding out, or encode the text with Buffer.from'
        : 'give chunks of type Uint8Array',
  })
}
