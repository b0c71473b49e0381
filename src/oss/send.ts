// One attempt: target -> sign -> transport -> status check, and the error that an answer means.

import type { OssError } from '../primitives/errors.js'
import { OssServiceError } from '../primitives/errors.js'
import type { SignatureExplanation } from '../primitives/signature-explanation.js'
import type { Credentials } from '../signing/credentials.js'
import { type SignableRequest, type SigningContext, signRequest } from '../signing/sign-request.js'
import { contentLength } from '../transport/exchange.js'
import type {
  RequestBody,
  Timeouts,
  Transport,
  TransportRequest,
  TransportResponse,
} from '../transport/transport.js'
import { decodeErrorBody } from '../xml/error-xml.js'
import { serverTimeOf } from './clock.js'
import {
  assertBucketName,
  assertObjectKey,
  type Endpoint,
  hostOf,
  requestTarget,
} from './endpoint.js'
import { explainSignature, type SignatureAnswer } from './explain-signature.js'
import { hintFor, signatureHint } from './hints.js'
import { parseRetryAfter, type Repetition } from './retry.js'
import type { RequestScope } from './scope.js'

export interface OperationRequest {
  /** OSS's name of the operation, for messages. */
  readonly operation: string
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD'
  readonly bucket: string
  /** Absent for a request to the bucket itself; present and undefined is refused, lest a slip delete a bucket. */
  readonly key?: string
  /** Decoded names and values; '' is a bare name. */
  readonly query?: Readonly<Record<string, string>>
  /** Undefined values are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Opened anew for each attempt. */
  readonly body?: RequestBody | undefined
  /** Of an UploadPart, for events. */
  readonly partNumber?: number | undefined
  /**
   * Whether it may be sent again when it is not known what became of it.
   * @default 'always' for GET, HEAD, PUT and DELETE, 'never' for POST
   */
  readonly repetition?: Repetition | undefined
  readonly signal?: AbortSignal | undefined
  /** What the request is a part of, such as one upload. @default none */
  readonly scope?: RequestScope | undefined
}

/** A page of 1,000 listed parts is about 300 KiB; nothing that is asked for is larger than a few of these. */
const maxResponseBytes = 4 * 1024 * 1024

/** What an attempt needs to know besides its request. */
export interface AttemptContext {
  readonly endpoint: Endpoint
  readonly credentials: Credentials
  /** When it is signed. */
  readonly time: Date
  /** Signed in every request that has them; checked by `assertAdditionalHeaders`. */
  readonly additionalHeaders: readonly string[]
  readonly transport: Transport
  readonly timeouts?: Timeouts | undefined
  readonly onStall?: TransportRequest['onStall']
  readonly cautious?: boolean | undefined
}

/** @throws {TypeError} for a bucket, key or header that cannot be sent. */
export function assertSendable(request: OperationRequest): void {
  assertBucketName(request.bucket)
  if ('key' in request) assertObjectKey(request.key)
  presentHeaders(request.headers ?? {})
}

/**
 * Sends one signed request, once.
 *
 * @throws {OssServiceError} for every status outside 2xx, and for 203.
 * @throws {OssError} as the transport does.
 */
export async function sendOnce(
  attempt: AttemptContext,
  request: OperationRequest,
): Promise<TransportResponse> {
  // Not awaited: each of the many requests that are under way would keep this frame.
  return attempt.transport.request(signed(attempt, request)).then(
    (response) => (isSuccess(response.status) ? response : refused(attempt, request, response)),
    (error: unknown) => {
      throw request.signal?.aborted ? error : nameOperation(error, request.operation)
    },
  )
}

async function refused(
  attempt: AttemptContext,
  request: OperationRequest,
  response: TransportResponse,
): Promise<never> {
  throw await serviceError(request.operation, response, (answer) => {
    const { signable, context } = toSign(attempt, request)
    return explainSignature(signable, context, answer)
  })
}

function signed(attempt: AttemptContext, request: OperationRequest): TransportRequest {
  const { signable, context, target } = toSign(attempt, request)
  const { headers, canonicalRequest } = signRequest(signable, context)
  // Its third line is the query: what is signed is what is sent.
  const search = canonicalRequest.split('\n', 3)[2]
  return {
    origin: target.origin,
    method: request.method,
    path: search ? `${target.path}?${search}` : target.path,
    headers,
    body: request.body,
    signal: request.signal,
    maxResponseBytes,
    timeouts: attempt.timeouts,
    onStall: attempt.onStall,
    cautious: attempt.cautious,
  }
}

/** Computed anew for the explanation of a refusal, which is rare: nothing of it is kept while a request is under way. */
function toSign(
  { endpoint, additionalHeaders, credentials, time }: AttemptContext,
  request: OperationRequest,
): {
  readonly signable: SignableRequest
  readonly context: SigningContext
  readonly target: ReturnType<typeof requestTarget>
} {
  const { method, bucket, key, query = {} } = request
  const target = requestTarget(endpoint, bucket, key)
  const headers = Object.assign(
    presentHeaders(request.headers ?? {}),
    wireHeaders(additionalHeaders, target.origin, request),
  )
  return {
    signable: { method, bucket, key, query, headers, additionalHeaders },
    context: { region: endpoint.region, credentials, time },
    target,
  }
}

/** 203 is how OSS says that the object is stored and the callback failed: an error document in a success status. */
function isSuccess(status: number): boolean {
  return status >= 200 && status < 300 && status !== 203
}

function presentHeaders(
  headers: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const present: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined) continue
    assertHeaderValue(name, value)
    present[name] = value
  }
  return present
}

/**
 * Those of the wanted headers that are added below this layer, with the values they will have there. Given along, because
 * a value that was given is sent as it is, and so what is signed is what is sent.
 */
function wireHeaders(
  wanted: readonly string[],
  origin: string,
  { method, body }: OperationRequest,
): Record<string, string> {
  if (wanted.length === 0) return {}
  const all: Record<string, string> = { host: hostOf(origin), ...contentLength({ method, body }) }
  const names = new Set(wanted.map((name) => name.toLowerCase()))
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name)))
}

/**
 * Header values are visible ASCII, blanks and tabs: what HTTP carries and OSS signs alike through every proxy.
 *
 * @throws {TypeError} naming the header, never its value.
 */
export function assertHeaderValue(name: string, value: string): void {
  if (/[\r\n\0]/.test(value)) throw new TypeError(`header ${name} must not contain line breaks`)
  if (!/^[\t\x20-\x7e]*$/.test(value)) {
    throw new TypeError(
      `header ${name} must be ASCII: encode other characters, for example with encodeURIComponent`,
    )
  }
}

/** Puts the operation into an error of a layer that does not know it. */
export function nameOperation(error: unknown, operation: string): unknown {
  const named = error as OssError
  // Cancellation and programming errors pass untouched.
  if (!(error instanceof Error) || !('code' in error) || named.name !== 'OssError') return error
  if (named.operation === undefined) {
    Object.assign(named, { operation, message: `${operation} failed: ${named.message}` })
  }
  return named
}

/**
 * Decodes an error answer; HEAD has no body, so OSS puts the document into `x-oss-err`, base64.
 *
 * @param explain signs the request once more and compares; asked only when OSS refuses the signature
 */
export async function serviceError(
  operation: string,
  response: TransportResponse,
  explain?: (answer: SignatureAnswer) => SignatureExplanation,
): Promise<OssServiceError> {
  const { status, headers } = response
  const encoded = headers['x-oss-err']
  const document = await decodeErrorBody(
    encoded === undefined ? response.body : Buffer.from(encoded, 'base64'),
  )
  const code = document?.code ?? `HttpStatus${status}`
  const requestId = document?.requestId || headers['x-oss-request-id']
  const ec = document?.ec || headers['x-oss-ec']
  const said = document?.message || `the answer has no OSS error document${notFromOss(headers)}`
  const details = [code, `status ${status}`]
  if (requestId) details.push(`request id ${requestId}`)
  if (ec) details.push(`EC ${ec}`)
  const fields = document?.fields ?? {}
  const explanation = code === 'SignatureDoesNotMatch' ? explain?.(answerOf(fields)) : undefined
  return new OssServiceError(`${operation} failed: ${said} (${details.join(', ')})`, {
    code,
    status,
    operation,
    requestId,
    hostId: document?.hostId,
    ec,
    fields,
    retryAfter: parseRetryAfter(headers['retry-after'], new Date()),
    serverTime: serverTimeOf(fields['ServerTime'], headers['date']),
    hint:
      explanation === undefined
        ? hintFor(code, ec, status, operation, response)
        : signatureHint(explanation),
    explanation,
  })
}

/** What OSS computed, from the fields of its `SignatureDoesNotMatch`. */
export function answerOf(fields: Readonly<Record<string, string>>): SignatureAnswer {
  return { canonicalRequest: fields['CanonicalRequest'], stringToSign: fields['StringToSign'] }
}

function notFromOss(headers: Readonly<Record<string, string>>): string {
  return headers['x-oss-request-id'] === undefined
    ? ': it may come from a proxy or gateway, not from OSS'
    : ''
}
