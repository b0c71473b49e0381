// Owns the context of one running upload, which every step is given, and the small judgements they share.

import { type OperationClient, scopedClient } from '../oss/client.js'
import type { Endpoint } from '../oss/endpoint.js'
import { isServerTrouble, RetryBudget, type RetryPolicy, retryPolicy } from '../oss/retry.js'
import type { RequestScope } from '../oss/scope.js'
import { OssError, OssServiceError } from '../primitives/errors.js'
import type { Checkpoint } from './checkpoint.js'
import { ConcurrencyLimit } from './concurrency.js'
import type { UploadEnvironment } from './environment.js'
import { tell, type UploadEvent } from './events.js'
import type { UploadSettings } from './options.js'
import type { Source } from './source.js'

/** What an upload is given before it has a checkpoint. */
export interface UploadContext {
  /** All of whose requests belong to this upload. */
  readonly client: OperationClient
  readonly settings: UploadSettings
  readonly environment: UploadEnvironment
  readonly emit: (event: UploadEvent) => void
  /** How many parts may be in flight. */
  readonly limit: ConcurrencyLimit
  readonly retry: RetryPolicy
  /** An answer to Initiate may have been lost: an upload may be open of which nobody knows. */
  readonly lost: { initiate: boolean }
  /** ISO 8601. */
  readonly startedAt: string
  /** Of the parts that this run has sent, by their number; kept for a manifest alone. */
  readonly requestIds: Map<number, string>
}

export interface UploadRun extends UploadContext {
  readonly checkpoint: Checkpoint
  /** Where the checkpoint is, for messages; empty without one. */
  readonly location: string
  /** Upload ids that could not be aborted and that nobody will touch again. */
  readonly abandoned: Set<string>
}

export function uploadContext(
  environment: UploadEnvironment,
  client: OperationClient,
  settings: UploadSettings,
): UploadContext {
  const emit: UploadContext['emit'] = (event) => tell(settings.onEvent, event)
  const { concurrency, maxConcurrency } = settings
  const limit =
    concurrency === 'auto'
      ? new ConcurrencyLimit(maxConcurrency, undefined, 'search')
      : new ConcurrencyLimit(concurrency)
  const retry = retryPolicy(client.retry, settings.retry)
  const lost = { initiate: false }
  const scope: RequestScope = {
    retry: settings.retry,
    budget: new RetryBudget(retry.budget),
    admit: (signal) => limit.enter(signal),
    throttled(startedAt, { code, status }) {
      if (!limit.throttled(startedAt)) return
      emit({
        type: 'throttle',
        concurrency: limit.current,
        code,
        ...(status !== undefined && { status }),
      })
    },
    lost: (startedAt) => limit.lost(startedAt),
    onEvent(event) {
      const isLost = event.type === 'retry' && ['network', 'server'].includes(event.reason)
      if (isLost && event.operation === 'InitiateMultipartUpload') lost.initiate = true
      emit(event)
    },
  }
  return {
    ...{ client: scopedClient(client, scope), settings, environment, emit, limit, retry, lost },
    startedAt: environment.now().toISOString(),
    requestIds: new Map(),
  }
}

/** Errors after which the same call may find out by itself what happened. */
export const settlesLater: WeakSet<OssError> = new WeakSet()

/** The upload of a source that can be read at any place, and again. */
export interface SourceRun extends UploadRun {
  readonly source: Source
}

export function isServiceError(
  error: unknown,
  ...codes: readonly string[]
): error is OssServiceError {
  return error instanceof OssServiceError && codes.includes(error.code)
}

/** 403: the operation is not allowed. HEAD's answer may lack the document that names the code. */
export function isDenied(error: unknown): boolean {
  return (
    error instanceof OssServiceError &&
    error.status === 403 &&
    (error.code === 'AccessDenied' || error.code === 'HttpStatus403')
  )
}

/** No verdict of OSS on the request: it may or may not have been carried out. */
export function isUnsettled(error: unknown): boolean {
  if (error instanceof OssServiceError) return isServerTrouble(error)
  if (!(error instanceof OssError)) return false
  return ['ERR_OSS_TRANSPORT', 'ERR_OSS_TIMEOUT', 'ERR_OSS_MALFORMED_RESPONSE'].includes(error.code)
}

/**
 * What an upload id belongs to besides its bucket. Alibaba's own hosts of a region (public, internal, accelerate) lead to
 * the same uploads; any other host is its own service.
 */
export function serviceOf(endpoint: Endpoint): string {
  const { hostname } = new URL(endpoint.origin)
  return hostname.endsWith('.aliyuncs.com') ? `region ${endpoint.region}` : endpoint.origin
}
