/** Owns the way from a request to its answer without sockets: refuse by headers, then operate with the body. */

import { memoryBodies, type StoredBody } from './bodies.js'
import { readCallback } from './callback.js'
import { errorResponse, type FakeResponse, invalidArgument, OssFailure } from './failure.js'
import { listMultipartUploads, listParts } from './listings.js'
import {
  abortMultipartUpload,
  checkUploadPart,
  completeMultipartUpload,
  initiateMultipartUpload,
  uploadPart,
} from './multipart.js'
import { checkPutObject, getObject, headObject, putObject } from './objects.js'
import type { FakeRequest, RawMessage } from './request.js'
import type { FakeOssState } from './state.js'
import { verifyV4 } from './verify-v4.js'

const noContent = Buffer.alloc(0)

/** Adds what every answer of OSS carries. `Connection` is left to whoever owns the connection. */
function signed(state: FakeOssState, request: FakeRequest, response: FakeResponse): FakeResponse {
  return {
    ...response,
    headers: {
      Server: 'AliyunOSS',
      Date: state.now().toUTCString(),
      ...(request.method === 'HEAD' || response.status === 204
        ? {}
        : { 'Content-Length': String(response.body.length) }),
      'x-oss-request-id': request.requestId,
      ...response.headers,
    },
  }
}

/** Runs one step and makes an answer of a refusal; any other error is a fault of the fake and passes. */
function guarded<T>(state: FakeOssState, request: FakeRequest, step: () => T): T | FakeResponse {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof OssFailure)) throw error
    return failureResponse(state, request, error)
  }
}

/** The answer for an error, as a fault plan or a failed check wants it. */
export function failureResponse(
  state: FakeOssState,
  request: FakeRequest,
  failure: OssFailure,
): FakeResponse {
  const host = request.headers['host'] ?? ''
  return signed(
    state,
    request,
    errorResponse(failure, { method: request.method, requestId: request.requestId, host }),
  )
}

/** Whether the body of a request is the content of a part or of an object. */
export function carriesContent(request: FakeRequest): boolean {
  return request.operation === 'UploadPart' || request.operation === 'PutObject'
}

/** The checks that need only the headers. @returns the refusal, or undefined if the body is wanted */
export function refuse(state: FakeOssState, request: FakeRequest): FakeResponse | undefined {
  return guarded(state, request, () => {
    verifyV4(request, {
      region: state.region,
      product: state.product,
      credentials: state.credentials,
      now: state.now(),
    })
    if (state.denied.has(request.operation)) {
      throw new OssFailure(
        403,
        'AccessDenied',
        'You have no right to access this object because of bucket acl.',
      )
    }
    if (request.operation === 'Unknown') {
      throw new OssFailure(501, 'NotImplemented', 'This fake OSS does not have that operation.')
    }
    state.bucketOf(request)
    const key = request.key ?? ''
    if (/^[/\\]/.test(key) || Buffer.byteLength(key) > 1023) {
      throw new OssFailure(400, 'InvalidObjectName', 'The specified object is not valid.', {
        fields: { ObjectName: key },
      })
    }
    if (request.operation === 'UploadPart') checkUploadPart(state, request)
    if (request.operation === 'PutObject') {
      checkPutObject(state, request)
      readCallback(request)
    }
    return undefined
  })
}

function operation(state: FakeOssState, request: FakeRequest, body: StoredBody): FakeResponse {
  switch (request.operation) {
    case 'InitiateMultipartUpload':
      return initiateMultipartUpload(state, request)
    case 'UploadPart':
      return uploadPart(state, request, body)
    case 'ListParts':
      return listParts(state, request)
    case 'CompleteMultipartUpload':
      return completeMultipartUpload(state, request, body)
    case 'AbortMultipartUpload':
      return abortMultipartUpload(state, request)
    case 'ListMultipartUploads':
      return listMultipartUploads(state, request)
    case 'PutObject':
      return putObject(state, request, body)
    case 'HeadObject':
      return headObject(state, request)
    case 'GetObject':
      return getObject(state, request)
    default:
      throw invalidArgument(`unknown operation ${request.operation}`)
  }
}

/** Applies a request that was not refused; a body that no part or object came of is dropped. */
export function operate(state: FakeOssState, request: FakeRequest, body: StoredBody): FakeResponse {
  return guarded(state, request, () => {
    try {
      return signed(state, request, operation(state, request, body))
    } catch (error) {
      body.drop()
      throw error
    }
  })
}

/**
 * Serves one whole message; the same core that the sockets use, without faults, latency or throttling.
 * @param message raw target and headers, which are what the signature is checked against
 */
export function handle(state: FakeOssState, message: RawMessage, content: Buffer): FakeResponse {
  const logged = state.accept(message, 0)
  logged.bodyBytes = content.length
  if (!carriesContent(logged)) logged.body = content
  let response = refuse(state, logged)
  if (response === undefined) {
    const receiver = carriesContent(logged) ? state.bodies.receive() : memoryBodies().receive()
    receiver.write(content)
    response = operate(state, logged, receiver.end())
  }
  state.answered(logged, response.status)
  return logged.method === 'HEAD' ? { ...response, body: noContent } : response
}
