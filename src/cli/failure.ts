// Owns what a failure means on the command line: its exit code, its one line, and its JSON form.

import { type FailedAttempt, OssError, OssServiceError } from '../primitives/errors.js'
import { usageCode } from './args.js'
import { recommendedDoc } from './attempt-history.js'
import { exitCodes } from './exit-codes.js'
import { isInterruption } from './io.js'

export const resumeHint = 'run the same command again to resume'

/** The members are those of the JSON line, in its order. */
export interface Failure {
  /** OSS's code, a library code, `ERR_USAGE`, `ERR_INTERNAL`, `SIGINT` or `SIGTERM`. */
  readonly code: string
  readonly message: string
  readonly hint: string
  readonly exitCode: number
  /** The same command, run again, continues. */
  readonly resumable: boolean
  readonly requestId?: string
  readonly ec?: string
  readonly status?: number
  readonly uploadId?: string
  readonly checkpointPath?: string
  /** Upload ids that could not be aborted and that OSS bills until somebody does. */
  readonly abandonedUploadIds?: readonly string[]
  /** OSS's page about this error. */
  readonly recommendDoc?: string
  /** Every attempt at the request that failed, the last of which is this failure. */
  readonly attempts?: readonly FailedAttempt[]
}

/** Options of the library by the names that a person has typed. */
const flags: Readonly<Record<string, string>> = {
  region: '--region',
  endpoint: '--endpoint',
  pathStyle: '--path-style',
  partSize: '--part-size',
  concurrency: '--concurrency',
  maxConcurrency: '--max-concurrency',
  checkpointPath: '--checkpoint',
  checkpointDir: '--checkpoint-dir',
  internal: '--internal',
  accelerate: '--accelerate',
  dualStack: '--dual-stack',
  'headers["Content-Type"]': '--content-type',
  'headers["Cache-Control"]': '--cache-control',
  'headers["Content-Disposition"]': '--content-disposition',
  'headers["Content-Encoding"]': '--content-encoding',
  'headers["Expires"]': '--expires',
  metadata: '--meta',
  acl: '--acl',
  storageClass: '--storage-class',
  tagging: '--tagging',
  'serverSideEncryption.algorithm': '--sse',
  'serverSideEncryption.keyId': '--sse-key-id',
  'serverSideEncryption.dataEncryption': '--sse-data-encryption',
  callback: '--callback',
  trafficLimit: '--traffic-limit',
  sequential: '--sequential',
  additionalHeaders: '--sign-header',
  'retry.attempts': '--attempts',
  connectTimeout: '--connect-timeout',
  idleTimeout: '--idle-timeout',
  answerTimeout: '--answer-timeout',
  deadline: '--deadline',
  cname: '--cname',
  expiresSeconds: '--expires',
  headers: '--header',
  partNumber: '--part-number',
  query: '--query',
  uploadId: '--upload-id',
}

/**
 * @param help where the command's options are explained
 * @param underway true once the upload has begun: a TypeError is then no longer the caller's mistake
 */
export function describeFailure(error: unknown, help: string, underway = false): Failure {
  if (isInterruption(error)) {
    return {
      code: error.signal,
      message: `cancelled by ${error.signal}`,
      hint: 'nothing is kept: running again starts over',
      exitCode: error.exitCode,
      resumable: false,
    }
  }
  if (error instanceof OssError) return describeOssError(error)
  if (!underway && (error instanceof TypeError || error instanceof RangeError)) {
    const message = error.message.replace(
      /^(\w+)((?:\.\w+|\["[\w-]+"\])?)/,
      (option, name: string, member: string) => flags[option] ?? `${flags[name] ?? name}${member}`,
    )
    return { ...plain(usageCode, message, help), exitCode: exitCodes.usage }
  }
  const message = error instanceof Error ? error.message : String(error)
  return plain('ERR_INTERNAL', `internal error: ${message}`, 'this is a bug in ossup: report it')
}

function plain(code: string, message: string, hint: string): Failure {
  return { code, message, hint, exitCode: exitCodes.failed, resumable: false }
}

function describeOssError(error: OssError): Failure {
  const { code, message, hint, upload, attempts = [] } = error
  const resumable = upload?.resumable === true
  const { requestId, ec, status, fields } = error instanceof OssServiceError ? error : noService
  const recommendDoc = recommendedDoc(fields['RecommendDoc'])
  return {
    ...plain(code, message, hint ?? (resumable ? resumeHint : (otherwise[code] ?? 'run again'))),
    exitCode: exitCodeOf(code, resumable),
    resumable,
    ...(requestId !== '' && { requestId }),
    ...(ec !== '' && { ec }),
    ...(status !== undefined && { status }),
    ...(upload?.uploadId !== undefined && { uploadId: upload.uploadId }),
    ...(upload?.checkpointPath !== undefined && { checkpointPath: upload.checkpointPath }),
    ...(recommendDoc !== undefined && { recommendDoc }),
    ...(attempts.length > 0 && { attempts }),
  }
}

/** Where running again changes nothing by itself. */
const otherwise: Readonly<Record<string, string>> = {
  ERR_OSS_CREDENTIALS:
    'set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, or repair what --credentials or --profile names',
  // A time limit without a hint of its own is the one to the whole upload.
  ERR_OSS_TIMEOUT: 'run again with a longer --deadline',
}

const noService: Pick<OssServiceError, 'requestId' | 'ec' | 'fields'> & {
  readonly status?: number
} = { requestId: '', ec: '', fields: {} }

function exitCodeOf(code: string, resumable: boolean): number {
  if (code === usageCode) return exitCodes.usage
  if (code === 'ERR_OSS_CHECKPOINT_MISMATCH') return exitCodes.refused
  return resumable ? exitCodes.resumable : exitCodes.failed
}

/** The text of the error line. */
export function failureText({ message, hint }: Failure): string {
  return hint === '' ? message : `${message}; ${hint}`
}

export function failureJson(failure: Failure): string {
  return `${JSON.stringify({ type: 'error', ...failure })}\n`
}
