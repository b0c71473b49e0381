// Owns upload callbacks: what OSS is asked to call, how that is written into headers, and what came of it.

import type { OssServiceError } from '../primitives/errors.js'

/**
 * A request that OSS makes to the caller's own server once the object is stored.
 *
 * OSS waits 5 seconds for the answer, follows up to five URLs in order until one succeeds, and does not try again.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/callback
 */
export interface UploadCallback {
  /** http:// or https://, reachable from OSS; up to five, tried in order until one answers with success. */
  readonly url: string | readonly string[]
  /** Host header of OSS's request. @default that of the URL */
  readonly host?: string | undefined
  /**
   * What OSS posts, with `${bucket}`, `${object}`, `${etag}`, `${size}`, `${mimeType}`, `${crc64}`, ... and each `${x:name}` of
   * `vars` filled in. Not empty.
   */
  readonly body: string
  /** `url` posts `body` as a form, `json` as JSON. @default 'url' */
  readonly bodyType?: 'url' | 'json' | undefined
  /** Sends the server name in the TLS handshake; needs an https URL. @default false */
  readonly sni?: boolean | undefined
  /** Values of the variables that `body` names; the names begin with `x:` and are lower case. @default {} */
  readonly vars?: Readonly<Record<`x:${string}`, string>> | undefined
}

/** What came of a callback. The object is stored in any case. */
export interface CallbackReply {
  /** 200: the callback server accepted it. 203: it did not, or could not be reached. */
  readonly status: number
  /** What the callback server answered, at most 4 MiB; empty when it failed. */
  readonly body: string
  /** `body`, where it is JSON. */
  readonly json?: unknown
  /** Of a failure: OSS's code, `CallbackFailed`. */
  readonly code?: string
  /** Of a failure: what OSS says of it. */
  readonly message?: string
  /** Of a failure: OSS's documented error number. */
  readonly ec?: string
}

const maxUrls = 5
/**
 * Characters of the base64 text, of either header.
 * https://www.alibabacloud.com/help/en/oss/support/0007-00000001
 * https://www.alibabacloud.com/help/en/oss/support/0007-00000101
 */
const maxHeaderLength = 5 * 1024

const members = new Set(['url', 'host', 'body', 'bodyType', 'sni', 'vars'])

const bodyTypes = { url: 'application/x-www-form-urlencoded', json: 'application/json' } as const

/** @throws {TypeError|RangeError} naming the member of `callback` that OSS would not take, or that contradicts another. */
export function assertCallback(value: unknown): asserts value is UploadCallback {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('callback must be an object with url and body')
  }
  const unknown = Object.keys(value).find((name) => !members.has(name))
  if (unknown !== undefined) {
    throw new TypeError(`callback has no ${JSON.stringify(unknown)}: ${[...members].join(', ')}`)
  }
  const { url, host, body, bodyType = 'url', sni = false, vars = {} } = value as UploadCallback
  const urls = assertUrls(url)
  assertFilled('callback.body', body)
  if (host !== undefined) {
    assertFilled('callback.host', host)
    if (!/^[\x21-\x7e]+$/.test(host) || host.includes('/')) {
      throw new TypeError('callback.host must be a host name, without scheme and path')
    }
  }
  if (!Object.hasOwn(bodyTypes, bodyType)) {
    throw new TypeError('callback.bodyType must be "url" or "json"')
  }
  if (typeof sni !== 'boolean') throw new TypeError('callback.sni must be true or false')
  if (sni && !urls.some(({ protocol }) => protocol === 'https:')) {
    throw new TypeError('callback.sni must be false without an https URL: it is part of TLS')
  }
  assertVars(vars, body)
  if (bodyType === 'json' && !isJsonTemplate(body)) {
    throw new TypeError('callback.body must be JSON once its variables are filled in')
  }
  for (const [name, text] of Object.entries(encode(value as UploadCallback))) {
    const length = text?.length ?? 0
    if (length > maxHeaderLength) {
      const limit = `at most ${maxHeaderLength} characters of base64`
      throw new RangeError(`callback must make an ${name} of ${limit}, not ${length}`)
    }
  }
}

/** For CompleteMultipartUpload and PutObject, which alone take them. */
export function callbackHeaders(
  callback: UploadCallback | undefined,
): Readonly<Record<string, string | undefined>> {
  if (callback === undefined) return {}
  assertCallback(callback)
  return encode(callback)
}

/** The answer of the callback server, which OSS passes on as the body of its own. */
export function callbackReply(answer: {
  readonly status: number
  readonly body: Uint8Array
}): CallbackReply {
  const body = Buffer.from(answer.body).toString('utf8')
  return { status: answer.status, body, ...parseJson(body) }
}

/** 203: OSS's own error document, because there is no answer that it could pass on. */
export function failedCallback({ status, code, message, ec }: OssServiceError): CallbackReply {
  return { status, body: '', code, message: message.replace(/^\w+ failed: /, ''), ec }
}

function encode(callback: UploadCallback): Record<string, string | undefined> {
  const { url, host, body, bodyType, sni, vars = {} } = callback
  const settings = {
    callbackUrl: typeof url === 'string' ? url : url.join(';'),
    ...(host !== undefined && { callbackHost: host }),
    callbackBody: body,
    ...(bodyType !== undefined && { callbackBodyType: bodyTypes[bodyType] }),
    ...(sni !== undefined && { callbackSNI: sni }),
  }
  return {
    'x-oss-callback': base64Json(settings),
    'x-oss-callback-var': Object.keys(vars).length === 0 ? undefined : base64Json(vars),
  }
}

function base64Json(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64')
}

function assertUrls(url: unknown): readonly URL[] {
  const urls: readonly unknown[] = Array.isArray(url) ? url : [url]
  if (urls.length < 1 || urls.length > maxUrls) {
    throw new RangeError(`callback.url must be 1..${maxUrls} URLs, not ${urls.length}`)
  }
  return urls.map((text) => {
    // Semicolons separate URLs on the wire, and a scheme that is left out would mean cleartext.
    const usable =
      typeof text === 'string' &&
      /^https?:\/\/[\x21-\x7e]+$/i.test(text) &&
      !text.includes(';') &&
      URL.canParse(text)
    if (usable) return new URL(text)
    throw new TypeError('callback.url must be http:// or https://, percent-encoded, without ";"')
  })
}

function assertVars(vars: unknown, body: string): void {
  if (typeof vars !== 'object' || vars === null || Array.isArray(vars)) {
    throw new TypeError('callback.vars must be an object of names and values')
  }
  for (const [name, value] of Object.entries(vars)) {
    if (!/^x:[^\sA-Z{}]+$/.test(name)) {
      throw new TypeError(
        `callback.vars ${JSON.stringify(name)} must be "x:" and a name in lower case`,
      )
    }
    if (typeof value !== 'string' || !value.isWellFormed()) {
      throw new TypeError(`callback.vars ${JSON.stringify(name)} must be a string`)
    }
  }
  for (const [, name = ''] of body.matchAll(/\$\{(x:[^}]*)\}/g)) {
    if (!Object.hasOwn(vars, name)) {
      throw new TypeError(`callback.body names ${JSON.stringify(name)}, and callback.vars does not`)
    }
  }
}

/** OSS fills variables in with their quotes where they are texts, and some people quote them on their own. */
function isJsonTemplate(body: string): boolean {
  return ['0', '"0"'].some((filled) => 'json' in parseJson(body.replace(/\$\{[^}]*\}/g, filled)))
}

function parseJson(text: string): { readonly json?: unknown } {
  try {
    return { json: JSON.parse(text) as unknown }
  } catch {
    return {}
  }
}

function assertFilled(option: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '' || !value.isWellFormed()) {
    throw new TypeError(`${option} must be a text that is not empty`)
  }
}
