// Owns the context of one running upload, which every step is given, and the small judgements they share.

import type { OssClient } from '../oss/client.js'
import type { Endpoint } from '../oss/endpoint.js'
import { OssError, OssServiceError } from '../primitives/errors.js'
import type { Checkpoint } from './checkpoint.js'
import type { UploadEnvironment } from './environment.js'
import type { UploadEvent } from './events.js'
import type { UploadSettings } from './options.js'
import type { Source } from './source.js'

export interface UploadRun {
  readonly client: OssClient
  readonly settings: UploadSettings
  readonly environment: UploadEnvironment
  readonly checkpoint: Checkpoint
  /** Where the checkpoint is, for messages; empty without one. */
  readonly location: string
  readonly emit: (event: UploadEvent) => void
  /** Upload ids that could not be aborted and that nobody will touch again. */
  readonly abandoned: Set<string>
}

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
  if (error instanceof OssServiceError) return error.status >= 500 || error.status === 408
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
