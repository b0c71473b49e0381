/** Owns upload callbacks: reading the headers, filling in the variables, and the two answers a callback can lead to. */

import { errorResponse, type FakeResponse, invalidArgument, OssFailure } from './failure.js'
import type { FakeCallback } from './options.js'
import type { FakeRequest } from './request.js'
import type { FakeOssState, StoredObject } from './state.js'

function readHeader(request: FakeRequest, name: string): Record<string, string> | undefined {
  const value = request.headers[name]
  if (value === undefined) return undefined
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value, 'base64').toString('utf8'))
    if (typeof parsed === 'object' && parsed !== null) {
      return Object.fromEntries(Object.entries(parsed).map(([key, text]) => [key, String(text)]))
    }
  } catch {
    // Falls through: not base64, or not JSON, is the same mistake.
  }
  throw invalidArgument('The callback configuration is not base64 of JSON.', {
    name,
    value,
    ec: '0007-00000001',
  })
}

/** @throws {OssFailure} 400 InvalidArgument for a callback that cannot be read */
export function readCallback(
  request: FakeRequest,
): { settings: Record<string, string>; vars: Record<string, string> } | undefined {
  const settings = readHeader(request, 'x-oss-callback')
  if (settings === undefined) return undefined
  if (!settings['callbackUrl'] || !settings['callbackBody']) {
    throw invalidArgument('A callback needs callbackUrl and callbackBody.', {
      name: 'x-oss-callback',
      ec: '0007-00000002',
    })
  }
  return { settings, vars: readHeader(request, 'x-oss-callback-var') ?? {} }
}

function callbackOf(request: FakeRequest, object: StoredObject): FakeCallback | undefined {
  const read = readCallback(request)
  if (read === undefined) return undefined
  const known: Record<string, string> = {
    bucket: request.bucket ?? '',
    object: request.key ?? '',
    etag: object.etag.replaceAll('"', ''),
    size: String(object.size),
    mimeType: object.headers['content-type'] ?? '',
    crc64: object.crc64,
    ...read.vars,
  }
  return {
    url: read.settings['callbackUrl'] ?? '',
    body: (read.settings['callbackBody'] ?? '').replace(
      /\$\{([^}]+)\}/g,
      (_, name: string) => known[name] ?? '',
    ),
    contentType: read.settings['callbackBodyType'] ?? 'application/x-www-form-urlencoded',
    vars: read.vars,
  }
}

/**
 * The answer to an upload that asked for a callback: the application server's own reply, or 203 CallbackFailed.
 * The object is stored either way.
 * @returns undefined if no callback was asked for
 */
export function answerWithCallback(
  state: FakeOssState,
  request: FakeRequest,
  object: StoredObject,
  headers: Readonly<Record<string, string>>,
): FakeResponse | undefined {
  const callback = callbackOf(request, object)
  if (callback === undefined) return undefined
  const reply = state.options.callback?.(callback)
  if (reply?.status === 200) {
    return {
      status: 200,
      headers: { ...headers, 'Content-Type': 'application/json' },
      body: Buffer.from(reply.body),
    }
  }
  const reason =
    reply === undefined
      ? 'Private address is forbidden to callback.'
      : `Error status : ${reply.status}.`
  const failed = errorResponse(new OssFailure(203, 'CallbackFailed', reason), {
    method: request.method,
    requestId: request.requestId,
    host: request.headers['host'] ?? '',
  })
  return { ...failed, headers: { ...headers, ...failed.headers } }
}
