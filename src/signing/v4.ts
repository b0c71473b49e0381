// Owns OSS's V4 signature: the nine steps of the specification in its order, without clock, I/O, cache or environment.

import { createHash, createHmac } from 'node:crypto'
import { encodeUriComponent, encodeUriPath } from '../primitives/uri-encode.js'

/** The algorithm's name, as it is signed and as it is sent. */
export const algorithm = 'OSS4-HMAC-SHA256'

/** Stands where AWS has the hash of the body. OSS accepts nothing else, so a V4 signature never covers the body. */
export const unsignedPayload = 'UNSIGNED-PAYLOAD'

/** Names and values as plain text: nothing is percent-encoded yet. */
export type TextRecord = Readonly<Record<string, string>>

// 1. Time and scope: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/**
 * The moment of signing as `YYYYMMDDTHHMMSSZ`, UTC, fraction dropped. Every later step uses this one string.
 * @throws {RangeError} when `time` is no valid date within the years 0 to 9999
 */
export function timestampOf(time: Date): string {
  const year = time.getUTCFullYear()
  if (!(year >= 0 && year <= 9999)) {
    throw new RangeError('time must be a valid Date within the years 0 to 9999')
  }
  return time.toISOString().replace(/[-:]|\.\d{3}/g, '')
}

/**
 * What the signature is good for, `YYYYMMDD/region/product/aliyun_v4_request`; the day is that of the timestamp.
 * @throws {TypeError} when region or product is empty or would blur the parts
 */
export function credentialScope(timestamp: string, region: string, product: string): string {
  const place = `${unambiguous('region', region)}/${unambiguous('product', product)}`
  return `${timestamp.slice(0, 8)}/${place}/aliyun_v4_request`
}

// 2. Canonical URI: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/**
 * The resource, `/`, `/bucket/` or `/bucket/key`, encoded once with `/` kept.
 *
 * It is not the request path: the bucket is here even when the host names it or, with a custom domain, nothing does.
 * Dot segments and empty segments stay, because keys are names and not paths.
 * @throws {TypeError} when there is a key without a bucket, or a lone surrogate
 */
export function canonicalUri(bucket?: string | undefined, key?: string | undefined): string {
  if (bucket) return `/${encodeUriComponent(bucket, 'bucket')}/${encodeUriPath(key ?? '', 'key')}`
  if (key) throw new TypeError('bucket is required when there is a key')
  return '/'
}

// 3. Canonical query: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/**
 * Every parameter as `name=value`, or `name` alone when the value is empty, sorted by the encoded name.
 *
 * A record cannot hold a name twice and the encoding is one-to-one, so no two parameters compare equal.
 * @throws {TypeError} when a name is empty, a value is no string, or there is a lone surrogate
 */
export function canonicalQuery(query: TextRecord): string {
  return Object.entries(query)
    .map(([name, value]): Pair => {
      if (name === '') throw new TypeError('query must not have an empty name')
      if (typeof value !== 'string') throw new TypeError(`query ${name} must be a string`)
      return [encodeUriComponent(name, 'query'), encodeUriComponent(value, `query ${name}`)]
    })
    .sort(byName)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join('&')
}

// 4. Canonical headers: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/**
 * One `name:value\n` for each signed header, names in lower case and sorted, values without outer blanks.
 *
 * Signed are `content-type`, `content-md5`, every `x-oss-*`, and what `additional` names. `host` is not, unless named.
 * @throws {TypeError} when two names differ only in case, or a name or value cannot be sent
 */
export function canonicalHeaders(headers: TextRecord, additional: readonly string[]): string {
  const wanted = new Set(additional.map((name) => name.toLowerCase()))
  return sendableHeaders(headers)
    .filter(([name]) => alwaysSigned.test(name) || wanted.has(name))
    .map(([name, value]) => `${name}:${value}\n`)
    .join('')
}

/** The headers that OSS signs without being asked. */
const alwaysSigned = /^(content-type$|content-md5$|x-oss-)/

// 5. Additional headers: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/**
 * The names that are signed only because `additional` asks for them: lower case, sorted, joined with `;`.
 *
 * Names without a header are left out (OSS answers EC 0002-00000211), and names that are signed anyway.
 * @throws {TypeError} when a name that is left has an underscore, which OSS refuses with the same EC
 */
export function additionalHeaderNames(headers: TextRecord, additional: readonly string[]): string {
  if (additional.length === 0) return ''
  const wanted = new Set(additional.map((name) => name.toLowerCase()))
  const names = sendableHeaders(headers)
    .map(([name]) => name)
    .filter((name) => wanted.has(name) && !alwaysSigned.test(name))
  const refused = names.find((name) => name.includes('_'))
  if (refused) throw new TypeError(`additionalHeaders: OSS refuses the underscore in ${refused}`)
  return names.join(';')
}

// 6. Canonical request: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/**
 * The request as it is signed: the method in upper case and five more parts, joined by line feeds.
 *
 * `headers` ends with a line feed of its own, so an empty line always follows the headers.
 * @throws {TypeError} when the method is not made of letters
 */
export function canonicalRequest(
  method: string,
  uri: string,
  query: string,
  headers: string,
  additionalNames: string,
): string {
  if (!/^[A-Za-z]+$/.test(method)) throw new TypeError('method must be made of letters')
  const verb = method.toUpperCase()
  return [verb, uri, query, headers, additionalNames, unsignedPayload].join('\n')
}

// 7. String to sign: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/** Algorithm, time, scope and the SHA-256 of the canonical request (as UTF-8) in lower-case hex, a line each. */
export function stringToSign(timestamp: string, scope: string, canonicalRequest: string): string {
  const hash = createHash('sha256').update(canonicalRequest, 'utf8').digest('hex')
  return [algorithm, timestamp, scope, hash].join('\n')
}

// 8. Signing key: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/**
 * Four chained HMACs, each keyed with the raw bytes of the one before. `date` is the timestamp's first eight characters.
 *
 * A secret: it signs anything for this day, region and product. Tens of microseconds, so computed anew and never kept.
 */
export function signingKey(secret: string, date: string, region: string, product: string): Buffer {
  if (!secret) throw new TypeError('accessKeySecret must not be empty')
  const dateKey = hmac(`aliyun_v4${secret}`, date)
  const regionKey = hmac(dateKey, region)
  const productKey = hmac(regionKey, product)
  return hmac(productKey, 'aliyun_v4_request')
}

// 9. Authorization: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/** The signature as 64 lower-case hex digits. */
export function signature(key: Uint8Array, stringToSign: string): string {
  return hmac(key, stringToSign).toString('hex')
}

/** Who signed, for what: `AccessKeyId/scope`. */
export function credential(accessKeyId: string, scope: string): string {
  return `${unambiguous('accessKeyId', accessKeyId)}/${scope}`
}

/**
 * The `Authorization` header. `AdditionalHeaders=` is left out when empty (else EC 0002-00000209).
 *
 * The documentation prints a blank after the commas; the official SDKs send none, and so do we.
 */
export function authorization(credential: string, names: string, signature: string): string {
  const additional = names === '' ? '' : `AdditionalHeaders=${names},`
  return `${algorithm} Credential=${credential},${additional}Signature=${signature}`
}

// Shared by the steps above

type Pair = [name: string, value: string]

/** Byte order: both names are ASCII by the time they are compared. */
const byName = ([a]: Pair, [b]: Pair): number => (a < b ? -1 : 1)

/** Headers as the wire will carry them: sorted lower-case names, values without outer blanks. No message shows a value. */
function sendableHeaders(headers: TextRecord): Pair[] {
  const pairs = Object.entries(headers).map(([given, value]): Pair => {
    // RFC 9110 section 5.6.2: the characters of a name.
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(given)) throw new TypeError('headers: invalid name')
    if (typeof value !== 'string' || /[\r\n\0]/.test(value) || !value.isWellFormed()) {
      throw new TypeError(`headers: ${given} must be text without CR, LF, NUL or lone surrogate`)
    }
    return [given.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, '')]
  })
  pairs.sort(byName)
  const twice = pairs.find(([name], index) => name === pairs[index + 1]?.[0])
  if (twice) throw new TypeError(`headers: ${twice[0]} is there twice, in different case`)
  return pairs
}

/** Scope and credential are split at slashes and commas again by OSS. */
function unambiguous(option: string, value: string): string {
  if (/^[^\s/,]+$/.test(value ?? '')) return value
  throw new TypeError(`${option} must not be empty, nor have a blank, slash or comma`)
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest()
}
