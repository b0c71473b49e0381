// The loop around one request: attempts, what is learned from each failure, and the pauses between them.

import { setTimeout as delay } from 'node:timers/promises'
import {
  type FailedAttempt,
  isNodeError,
  type OssError,
  OssServiceError,
} from '../primitives/errors.js'
import type { Credentials } from '../signing/credentials.js'
import type { Stall, TransportResponse } from '../transport/transport.js'
import type { Connection } from './connection.js'
import { judge, Retries, retryPolicy, type Verdict } from './retry.js'
import type { RequestEvent } from './scope.js'
import { assertSendable, nameOperation, type OperationRequest, sendOnce } from './send.js'

/** A ticket with more than these is not read. */
const maxHistory = 50
/** New credentials, or a corrected clock, that are refused as well are not the cure. */
const maxCorrections = 2

/**
 * Sends a request until it is answered, or until another attempt would be of no use; each attempt is signed anew, with the
 * credentials and the time of that moment, and sends its body from the first byte.
 *
 * @param read makes the result out of an answer; its failures are those of the attempt
 * @throws {TypeError} before any I/O for a bucket, key or header that cannot be sent.
 * @throws {OssServiceError|OssError} the last failure, with all of them in its `attempts`.
 */
export async function attemptRequest<Result>(
  connection: Connection,
  request: OperationRequest,
  read: (response: TransportResponse) => Result | Promise<Result>,
): Promise<Result> {
  assertSendable(request)
  // Not awaited, like the next attempt below: each of the many that are under way would keep a frame more.
  return new Attempts(connection, request).make(read)
}

interface Failed {
  readonly failure: OssError
  /** What it was signed with. */
  readonly used: Credentials
  readonly time: Date
  /** On the clock of `performance`. */
  readonly start: number
  readonly startedAt: string
  readonly facts: Omit<FailedAttempt, 'startedAt' | 'verdict' | 'waitMs'>
}

/** What was tried of one request, and what was learned from it. */
class Attempts {
  readonly #connection: Connection
  readonly #request: OperationRequest
  readonly #details: { readonly operation: string; readonly partNumber?: number }
  /** Made for the first failure: most requests have none. */
  #retries: Retries | undefined
  readonly #history: FailedAttempt[] = []
  #count = 0
  #refreshes = 0
  #skews = 0
  #cautious = false

  constructor(connection: Connection, request: OperationRequest) {
    const { operation, partNumber } = request
    this.#connection = connection
    this.#request = request
    this.#details = { operation, ...(partNumber !== undefined && { partNumber }) }
  }

  /**
   * Makes one attempt, and the next one after it where there is to be one.
   *
   * @throws besides failures of the request: a cancellation, a client that is closed, no credentials, a mistake.
   */
  async make<Result>(
    read: (response: TransportResponse) => Result | Promise<Result>,
  ): Promise<Result> {
    const { operation, partNumber, signal, scope } = this.#request
    const { options } = this.#connection
    signal?.throwIfAborted()
    this.#connection.assertOpen(operation)
    this.#count += 1
    const leave = partNumber === undefined ? undefined : await scope?.admit?.(signal)
    const startedAt = options.now()
    const start = performance.now()
    let used: Credentials | undefined
    let time = startedAt
    let failure: unknown
    try {
      used = await this.#connection.credentials(signal)
      time = this.#connection.time()
      const onStall = (stall: Stall): void =>
        this.#emit({ type: 'stall', ...this.#details, ...stall })
      const { endpoint, additionalHeaders, transport, timeouts } = options
      // No spread, here and on the way of a request: docs/performance.md, "Memory".
      const attempt = {
        endpoint,
        additionalHeaders,
        transport,
        timeouts,
        credentials: used,
        time,
        cautious: this.#cautious,
        onStall,
      }
      const response = await sendOnce(attempt, this.#request)
      this.#connection.reached = true
      const result = await read(response)
      scope?.budget?.give()
      this.#tell(answered(response, start))
      return result
    } catch (error) {
      // What has kept it from being sent, and the reason of a cancellation, are of no operation and may be shared with others.
      const isOwn = used !== undefined && signal?.aborted !== true
      failure = isOwn ? nameOperation(error, operation) : error
    } finally {
      leave?.()
    }
    if (signal?.aborted || !isOssError(failure) || used === undefined) throw failure
    if (failure instanceof OssServiceError) this.#connection.reached = true
    const durationMs = Math.round(performance.now() - start)
    const facts = { ...factsOf(failure), durationMs }
    this.#tell(facts)
    await this.#goOn({ failure, used, time, start, startedAt: startedAt.toISOString(), facts })
    return this.make(read)
  }

  /**
   * Does what has to be done, and waits as long as it has to be, before the next attempt.
   * @throws the failure, when there is to be none.
   */
  async #goOn(failed: Failed): Promise<void> {
    const { failure } = failed
    const { options, reached } = this.#connection
    const { method, repetition = method === 'POST' ? 'never' : 'always' } = this.#request
    if (options.closed.aborted) throw this.#last(failed)
    const verdict = judge(failure, repetition, reached)
    switch (verdict.kind) {
      case 'fail':
        throw this.#last(failed)
      case 'refresh':
        return await this.#refresh(failed)
      case 'skew':
        return this.#correctClock(failed)
      case 'retry':
        return await this.#retry(failed, verdict)
    }
  }

  async #refresh(failed: Failed): Promise<void> {
    const { failure, used } = failed
    const connection = this.#connection
    this.#refreshes += 1
    if (this.#refreshes > maxCorrections) throw this.#last(failed)
    const { result, error } = await renew(connection, used, this.#request.signal)
    if (typeof connection.options.credentials === 'function' && connection.isNews(used)) {
      this.#emit({ type: 'refresh', code: failure.code, result })
    }
    if (error !== undefined) {
      const why = isOssError(error) ? error.message : 'the provider failed'
      addHint(failure, `new credentials could not be got (${why})`)
    }
    if (result !== 'refreshed') throw this.#last(failed)
    this.#record(failed, { verdict: 'refresh' })
  }

  #correctClock(failed: Failed): void {
    const { failure, time } = failed
    this.#skews += 1
    const correction =
      failure instanceof OssServiceError && this.#skews <= maxCorrections
        ? this.#connection.correctClock(failure, time)
        : undefined
    if (correction === undefined) throw this.#last(failed)
    if (correction !== 'corrected') this.#emit({ type: 'skew', ...correction })
    this.#record(failed, { verdict: 'skew' })
  }

  async #retry(failed: Failed, verdict: Verdict & { readonly kind: 'retry' }): Promise<void> {
    const { failure, start } = failed
    const { signal, scope, body, partNumber } = this.#request
    const { reason } = verdict
    this.#retries ??= new Retries(retryPolicy(this.#connection.options.retry, scope?.retry))
    const waitMs = this.#retries.after(verdict, start, performance.now(), Math.random())
    if (waitMs === undefined) throw this.#last(failed)
    if (reason !== 'throttle' && scope?.budget?.take() === false) {
      addHint(failure, 'the retries of this upload are used up: the network or OSS fails too often')
      throw this.#last(failed)
    }
    // On a connection that was reset under a body a refusal may have been lost: look before all of it is sent again.
    this.#cautious = failure.code === 'ERR_OSS_TRANSPORT' && body !== undefined
    const recorded = this.#record(failed, { verdict: reason, waitMs })
    if (reason === 'throttle') scope?.throttled?.(start, recorded)
    else if (reason === 'network' && partNumber !== undefined) scope?.lost?.(start)
    const { code, cause } = recorded
    const why = { reason, code, ...(cause !== undefined && { cause }) }
    this.#emit({ type: 'retry', ...this.#details, attempt: this.#count, ...why, waitMs })
    await pause(waitMs, signal, this.#connection.options.closed)
  }

  /** The failure that ends the request, with all that were before it. */
  #last(failed: Failed): OssError {
    const { failure } = failed
    this.#record(failed, { verdict: 'fail' })
    failure.attempts = this.#history
    return failure
  }

  #record(
    { startedAt, facts }: Failed,
    what: Pick<FailedAttempt, 'verdict' | 'waitMs'>,
  ): FailedAttempt {
    const recorded = { startedAt, ...facts, ...what }
    this.#history.push(recorded)
    if (this.#history.length > maxHistory) this.#history.shift()
    return recorded
  }

  #tell(
    facts: Omit<RequestEvent & { readonly type: 'attempt' }, 'type' | 'operation' | 'attempt'>,
  ): void {
    this.#emit({ type: 'attempt', ...this.#details, attempt: this.#count, ...facts })
  }

  #emit(event: RequestEvent): void {
    for (const listener of [this.#connection.options.onEvent, this.#request.scope?.onEvent]) {
      // A listener that throws must break neither the request nor the other one; what it threw is its own affair.
      try {
        listener?.(event)
      } catch {
        // Deliberately dropped: there is no one to tell.
      }
    }
  }
}

async function renew(
  connection: Connection,
  used: Credentials,
  signal: AbortSignal | undefined,
): Promise<{ readonly result: 'refreshed' | 'unchanged' | 'failed'; readonly error?: unknown }> {
  try {
    return { result: (await connection.renewCredentials(used, signal)) ? 'refreshed' : 'unchanged' }
  } catch (error) {
    signal?.throwIfAborted()
    return { result: 'failed', error }
  }
}

/** The first failure stays the one that is thrown; what was tried against it is said beside. */
function addHint(failure: OssError, said: string): void {
  Object.assign(failure, { hint: failure.hint === undefined ? said : `${said}; ${failure.hint}` })
}

/** @throws `signal.reason` when the signal aborted. */
async function pause(
  ms: number,
  signal: AbortSignal | undefined,
  closed: AbortSignal,
): Promise<void> {
  // Not AbortSignal.any: Node 20 lets a signal that lives as long as the client remember each one that was made of it.
  const over = new AbortController()
  const onAbort = (): void => over.abort()
  const sources = signal === undefined ? [closed] : [closed, signal]
  for (const source of sources) source.addEventListener('abort', onAbort)
  if (sources.some(({ aborted }) => aborted)) onAbort()
  await delay(ms, undefined, { signal: over.signal }).catch(() => {})
  for (const source of sources) source.removeEventListener('abort', onAbort)
  signal?.throwIfAborted()
}

function answered(
  response: TransportResponse,
  start: number,
): { status: number; durationMs: number; requestId?: string } {
  const requestId = response.headers['x-oss-request-id']
  return {
    durationMs: Math.round(performance.now() - start),
    status: response.status,
    ...(requestId !== undefined && { requestId }),
  }
}

function factsOf(
  error: OssError,
): Pick<FailedAttempt, 'code' | 'cause' | 'status' | 'requestId' | 'ec'> {
  const cause = isNodeError(error.cause) ? error.cause.code : undefined
  const { code } = error
  if (!(error instanceof OssServiceError)) return { code, ...(cause !== undefined && { cause }) }
  const { status, requestId, ec } = error
  return { code, status, ...(requestId && { requestId }), ...(ec && { ec }) }
}

/** By name: an embedder's transport may throw the class of another copy of this library. */
function isOssError(error: unknown): error is OssError {
  return error instanceof Error && (error.name === 'OssError' || error.name === 'OssServiceError')
}
