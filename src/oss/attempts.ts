// The loop around one request: attempts, what is learned from each failure, and the pauses between them.

import { setTimeout as delay } from 'node:timers/promises'
import {
  type FailedAttempt,
  isNodeError,
  type OssError,
  OssServiceError,
} from '../primitives/errors.js'
import type { Credentials } from '../signing/credentials.js'
import type { TransportResponse } from '../transport/transport.js'
import type { Connection } from './connection.js'
import { judge, Retries, retryPolicy } from './retry.js'
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
  const { signal, scope, operation, partNumber } = request
  const { options } = connection
  const policy = retryPolicy(options.retry, scope?.retry)
  const repetition = request.repetition ?? (request.method === 'POST' ? 'never' : 'always')
  const details = { operation, ...(partNumber !== undefined && { partNumber }) }
  const emit = (event: RequestEvent): void => {
    for (const listener of [options.onEvent, scope?.onEvent]) {
      // A listener that throws must break neither the request nor the other one; what it threw is its own affair.
      try {
        listener?.(event)
      } catch {
        // Deliberately dropped: there is no one to tell.
      }
    }
  }
  const history: FailedAttempt[] = []
  const retries = new Retries(policy)
  const corrections = { refresh: 0, skew: 0 }
  let cautious = false
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    connection.assertOpen(operation)
    const leave = partNumber === undefined ? undefined : await scope?.admit?.(signal)
    const startedAt = options.now().toISOString()
    const start = performance.now()
    let used: Credentials | undefined
    let time = connection.time()
    let failure: unknown
    try {
      used = await connection.credentials(signal)
      time = connection.time()
      const response = await sendOnce(
        {
          ...options,
          credentials: used,
          time,
          cautious,
          onStall: (stall) => emit({ type: 'stall', ...details, ...stall }),
        },
        request,
      )
      connection.reached = true
      const result = await read(response)
      scope?.budget?.give()
      emit({ type: 'attempt', ...details, attempt, ...answered(response, start) })
      return result
    } catch (error) {
      // What has kept it from being sent, and the reason of a cancellation, are of no operation and may be shared with others.
      const isOwn = used !== undefined && signal?.aborted !== true
      failure = isOwn ? nameOperation(error, operation) : error
    } finally {
      leave?.()
    }
    if (signal?.aborted || !isOssError(failure) || used === undefined) throw failure
    if (failure instanceof OssServiceError) connection.reached = true
    const facts = { ...factsOf(failure), durationMs: Math.round(performance.now() - start) }
    emit({ type: 'attempt', ...details, attempt, ...facts })
    const verdict = options.closed.aborted
      ? ({ kind: 'fail' } as const)
      : judge(failure, repetition, connection.reached)
    const record = (known: Pick<FailedAttempt, 'verdict' | 'waitMs'>): FailedAttempt => {
      const failed = { startedAt, ...facts, ...known }
      history.push(failed)
      if (history.length > maxHistory) history.shift()
      return failed
    }
    const giveUp = (): never => {
      record({ verdict: 'fail' })
      failure.attempts = history
      throw failure
    }
    switch (verdict.kind) {
      case 'fail':
        return giveUp()
      case 'refresh': {
        if (++corrections.refresh > maxCorrections) return giveUp()
        const { result, error } = await renew(connection, used, signal)
        if (typeof options.credentials === 'function' && connection.isNews(used)) {
          emit({ type: 'refresh', code: failure.code, result })
        }
        if (error !== undefined) {
          const why = isOssError(error) ? error.message : 'the provider failed'
          addHint(failure, `new credentials could not be got (${why})`)
        }
        if (result !== 'refreshed') return giveUp()
        record({ verdict: 'refresh' })
        continue
      }
      case 'skew': {
        const correction =
          failure instanceof OssServiceError && ++corrections.skew <= maxCorrections
            ? connection.correctClock(failure, time)
            : undefined
        if (correction === undefined) return giveUp()
        if (correction !== 'corrected') emit({ type: 'skew', ...correction })
        record({ verdict: 'skew' })
        continue
      }
    }
    const { reason } = verdict
    const waitMs = retries.after(verdict, start, performance.now(), Math.random())
    if (waitMs === undefined) return giveUp()
    if (reason !== 'throttle' && scope?.budget?.take() === false) {
      addHint(failure, 'the retries of this upload are used up: the network or OSS fails too often')
      return giveUp()
    }
    // On a connection that was reset under a body a refusal may have been lost: look before all of it is sent again.
    cautious = failure.code === 'ERR_OSS_TRANSPORT' && request.body !== undefined
    const failed = record({ verdict: reason, waitMs })
    if (reason === 'throttle') scope?.throttled?.(start, failed)
    else if (reason === 'network' && partNumber !== undefined) scope?.lost?.(start)
    const { code, cause } = failed
    const why = { reason, code, ...(cause !== undefined && { cause }) }
    emit({ type: 'retry', ...details, attempt, ...why, waitMs })
    await pause(waitMs, signal, options.closed)
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
