/** Owns the computation of a V4 signature from a raw message: canonical request, string to sign, key, signature. */

import { createHash, createHmac } from 'node:crypto'
import { invalidArgument } from './failure.js'
import { headerText, percentEncode, queryPairs } from './percent.js'
import { splitTarget } from './request.js'

/** What is needed to judge one request. */
export interface SignedMessage {
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly (readonly [string, string])[]
  /** What the request addresses, decoded; absent for service requests. */
  readonly bucket?: string
  readonly key?: string
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest()
}

/** The canonical request of a message that claims these additional headers. */
export function canonicalRequest(message: SignedMessage, additional: readonly string[]): string {
  const headers = readHeaders(message)
  const resource = message.bucket === undefined ? '/' : `/${message.bucket}/${message.key ?? ''}`
  const pairs = queryPairs(splitTarget(message.target).query)
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .filter(([name]) => name !== 'x-oss-signature')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
  const signed = [...headers.keys()]
    .filter((name) => isSignedAnyway(name) || additional.includes(name))
    .sort()
    .map((name) => `${name}:${headers.get(name)}\n`)
  return [
    message.method.toUpperCase(),
    percentEncode(resource, true),
    pairs.join('&'),
    signed.join(''),
    [...additional].sort().join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n')
}

/** @param scope `YYYYMMDD/region/product/aliyun_v4_request` */
export function stringToSign(timestamp: string, scope: string, canonical: string): string {
  return ['OSS4-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n')
}

export function signatureOf(secret: string, scope: string, text: string): string {
  const [day = '', region = '', product = '', terminator = ''] = scope.split('/')
  const key = hmac(hmac(hmac(hmac(`aliyun_v4${secret}`, day), region), product), terminator)
  return hmac(key, text).toString('hex')
}

/** Headers that are signed without being named. */
export function isSignedAnyway(name: string): boolean {
  return name === 'content-type' || name === 'content-md5' || name.startsWith('x-oss-')
}

/** Lower-case names; the same signed header twice is refused, because nobody agrees on what it means. */
export function readHeaders(message: SignedMessage): Map<string, string> {
  const headers = new Map<string, string>()
  for (const [name, value] of message.rawHeaders) {
    const lower = name.toLowerCase()
    if (headers.has(lower) && isSignedAnyway(lower)) {
      throw invalidArgument(`The header ${lower} is there twice.`, { name: lower })
    }
    headers.set(lower, headerText(value).trim())
  }
  return headers
}

/** Decoded parameters; the same one twice is refused. */
export function readQuery(message: SignedMessage): Map<string, string> {
  const query = new Map<string, string>()
  for (const [nameBytes, value] of queryPairs(splitTarget(message.target).query)) {
    const name = nameBytes.toString('utf8')
    if (query.has(name)) throw invalidArgument(`The parameter ${name} is there twice.`, { name })
    query.set(name, value.toString('utf8'))
  }
  return query
}

/** `YYYYMMDDTHHMMSSZ` of a date. */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}
