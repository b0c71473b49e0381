/** Owns tiny OSS clients for tests: one sends a raw target and signs with the fake's arithmetic, one calls a URL as written. */

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { canonicalRequest, signatureOf, stringToSign } from './fake-oss/index.js'

export interface RawRequest {
  readonly method?: string
  /** Raw path and query; path-style unless `headers.host` says otherwise. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  /** @default the first bucket segment of the target */
  readonly bucket?: string
  /** Decoded. @default the rest of the path, percent-decoded */
  readonly key?: string
  readonly additional?: readonly string[]
  readonly time?: Date
  readonly region?: string
  readonly accessKeyId?: string
  readonly accessKeySecret?: string
  readonly securityToken?: string
  /** Replaces the Authorization header; '' leaves it out. */
  readonly authorization?: string
  /** Without Content-Length. */
  readonly chunked?: boolean
}

export interface RawResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
}

/** `YYYYMMDDTHHMMSSZ`. */
export function stamp(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}

function addressed(request: RawRequest): { bucket?: string; key?: string } {
  const [, bucket = '', key = ''] =
    /^\/([^/?]*)\/?([^?]*)/.exec(decodeURIComponent(request.target.split('?')[0] ?? '')) ?? []
  const chosen = { bucket: request.bucket ?? bucket, key: request.key ?? key }
  return chosen.key === '' ? { bucket: chosen.bucket } : chosen
}

/** The headers of a signed request. */
export function signedHeaders(request: RawRequest, host: string): Record<string, string> {
  const day = stamp(request.time ?? new Date())
  const scope = `${day.slice(0, 8)}/${request.region ?? 'cn-hangzhou'}/oss/aliyun_v4_request`
  const headers: Record<string, string> = {
    host,
    'x-oss-date': day,
    'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
    ...(request.securityToken === undefined
      ? {}
      : { 'x-oss-security-token': request.securityToken }),
    ...request.headers,
  }
  if (request.body !== undefined && !request.chunked) {
    headers['content-length'] ??= String(Buffer.byteLength(request.body))
  }
  const additional = [...(request.additional ?? [])].sort()
  const canonical = canonicalRequest(
    {
      method: request.method ?? 'GET',
      target: request.target,
      rawHeaders: Object.entries(headers),
      ...addressed(request),
    },
    additional,
  )
  const signature = signatureOf(
    request.accessKeySecret ?? 'test-access-key-secret',
    scope,
    stringToSign(day, scope, canonical),
  )
  const names = additional.length === 0 ? '' : `,AdditionalHeaders=${additional.join(';')}`
  const authorization =
    request.authorization ??
    `OSS4-HMAC-SHA256 Credential=${request.accessKeyId ?? 'test-access-key-id'}/${scope}${names},Signature=${signature}`
  return authorization === '' ? headers : { ...headers, authorization }
}

/** Sends one request on a connection of its own and reads the whole answer. */
export function send(endpoint: string, request: RawRequest): Promise<RawResponse> {
  const { protocol, hostname, port, host } = new URL(endpoint)
  const start = protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const outgoing = start({
      hostname,
      port,
      method: request.method ?? 'GET',
      path: request.target,
      headers: signedHeaders(request, request.headers?.['host'] ?? host),
      agent: false,
      rejectUnauthorized: false,
    })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const body = Buffer.concat(chunks)
        const status = incoming.statusCode ?? 0
        resolve({ status, headers: incoming.headers, body, text: body.toString('utf8') })
      })
    })
    // Two calls, or node:http adds a Content-Length; never a string, or it encodes the headers as UTF-8 again.
    if (request.chunked) outgoing.flushHeaders()
    outgoing.end(request.body === undefined ? undefined : Buffer.from(request.body as string))
  })
}

/**
 * Calls a URL as it is written, on a connection to 127.0.0.1 whatever its host is: nothing of it is parsed, folded or encoded.
 * Only the headers that are given are sent, besides Host and Content-Length.
 */
export function callUrl(
  url: string,
  request: Pick<RawRequest, 'method' | 'headers' | 'body'> = {},
): Promise<RawResponse> {
  const [, host = '', port = '80', target = ''] =
    /^http:\/\/([^/:]+(?::(\d+))?)(\/.*)$/s.exec(url) ?? []
  const body = Buffer.from((request.body ?? '') as string)
  const method = request.method ?? 'GET'
  const length = method === 'GET' ? {} : { 'content-length': String(body.length) }
  const head = Object.entries({ host, connection: 'close', ...length, ...request.headers })
  const lines = head.map(([name, value]) => `${name}: ${value}`)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const end = bytes.indexOf('\r\n\r\n')
      const [status = '', ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n')
      const headers = Object.fromEntries(
        fields.map((field) => {
          const colon = field.indexOf(':')
          return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
        }),
      )
      const answer = bytes.subarray(end + 4)
      const code = Number(status.split(' ')[1])
      resolve({ status: code, headers, body: answer, text: answer.toString('utf8') })
    })
    socket.write(Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`))
    socket.write(body)
  })
}

/** The text of the first element of that name; '' if there is none. */
export function xmlText(document: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(document)?.[1] ?? ''
}
