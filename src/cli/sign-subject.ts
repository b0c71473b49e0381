// Owns what a signature is explained for: the request that was described, completed from OSS's own account of it.

import type { ExplainedRequest, SignatureAnswer } from '../oss/explain-signature.js'
import type { SignArgs } from './sign-args.js'

export interface SignSubject {
  readonly request: Pick<
    ExplainedRequest,
    'method' | 'bucket' | 'key' | 'query' | 'headers' | 'additionalHeaders'
  >
  readonly time: Date
  /** Undefined for the header form. */
  readonly expiresSeconds: number | undefined
  /** Undefined when neither the description nor the answer names one. */
  readonly region: string | undefined
  /** What was not described and comes from OSS's answer, for people. There, nothing can differ. */
  readonly taken: readonly string[]
  /** False when more than time, expiry and region was taken: then agreement proves little. */
  readonly isDescribed: boolean
}

/** What OSS's CanonicalRequest and StringToSign say of the request. Everything that they do not say is undefined. */
interface Account {
  readonly method?: string
  readonly resource?: { readonly bucket: string | undefined; readonly key: string | undefined }
  /** Without the parameters that carry a signature. */
  readonly query?: Readonly<Record<string, string>>
  /** Without the headers that the signer adds. */
  readonly headers?: Readonly<Record<string, string>>
  readonly additionalHeaders?: readonly string[]
  /** As in x-oss-date. */
  readonly timestamp?: string | undefined
  readonly expiresSeconds?: number | undefined
  readonly region?: string | undefined
}

/** @param now the time of a request that says none */
export function subjectOf(args: SignArgs, answer: SignatureAnswer, now: Date): SignSubject {
  const account = accountOf(answer)
  const taken: string[] = []
  const take = <T>(described: T | undefined, told: T | undefined, what: string): T | undefined => {
    if (described !== undefined || told === undefined) return described
    taken.push(what)
    return told
  }
  const { method, resource, query } = args
  // One of them describes the target: what it leaves out is not there, and its absence can be compared.
  const target = (method ?? resource ?? query) === undefined ? account : {}
  const chosen = {
    method: take(method, target.method, `method ${target.method}`),
    resource: take(resource, target.resource, 'bucket and key'),
    query: take(query, target.query, 'query'),
  }
  const { timestamp, expiresSeconds, region } = account
  const time = args.time ?? timeOf(timestamp)
  if (args.time === undefined && time !== undefined) taken.push(`time ${timestamp}`)
  const names = Object.keys(account.headers ?? {})
  const told = args.headers === undefined ? account : {}
  const headers = take(args.headers, names.length > 0 ? told.headers : undefined, namesOf(names))
  const additional = told.additionalHeaders?.length ? told.additionalHeaders : undefined
  const additionalNames = `additional headers ${additional?.join(', ')}`
  const request = {
    method: chosen.method ?? 'GET',
    ...chosen.resource,
    query: chosen.query,
    headers,
    additionalHeaders: take(args.additionalHeaders, additional, additionalNames),
  }
  return {
    request,
    isDescribed: taken.every((what) => what.startsWith('time ')),
    time: time ?? now,
    expiresSeconds: take(args.expiresSeconds, expiresSeconds, `expiry ${expiresSeconds} s`),
    region: take(args.region, args.endpoint === undefined ? region : undefined, `region ${region}`),
    taken,
  }
}

function namesOf(headers: readonly string[]): string {
  return `headers ${headers.join(', ')}`
}

const signingParameter = /^x-oss-(?:signature|credential|date|expires|additional-headers|security)/
const signingHeader = /^(?:x-oss-(?:date|content-sha256|security-token)|authorization)$/

function accountOf({ canonicalRequest, stringToSign }: SignatureAnswer): Account {
  const signed = stringToSign === undefined ? {} : accountOfStringToSign(stringToSign)
  if (canonicalRequest === undefined) return signed
  const [method = '', uri = '', query = '', ...rest] = linesOf(canonicalRequest)
  const end = rest.indexOf('')
  // OSS's account of something else than a request; the comparison will show it.
  if (!/^[A-Z]+$/.test(method) || !uri.startsWith('/') || end < 0) return signed
  const headers = pairsOf(rest.slice(0, end), ':', (text) => text)
  const parameters = pairsOf(query === '' ? [] : query.split('&'), '=', decoded)
  const [bucket, ...key] = decoded(uri).slice(1).split('/')
  const expires = parameters['x-oss-expires']
  return {
    ...signed,
    method,
    resource: { bucket: bucket || undefined, key: key.join('/') || undefined },
    query: without(parameters, signingParameter),
    headers: without(headers, signingHeader),
    additionalHeaders: (rest[end + 1] ?? '').split(';').filter((name) => name in headers),
    timestamp: headers['x-oss-date'] ?? parameters['x-oss-date'] ?? signed.timestamp,
    expiresSeconds:
      expires !== undefined && /^\d{1,9}$/.test(expires) ? Number(expires) : undefined,
  }
}

function accountOfStringToSign(text: string): Account {
  const [, timestamp, scope = ''] = linesOf(text)
  const region = /^\d{8}\/([a-z0-9-]+)\/[^/]+\/aliyun_v4_request$/.exec(scope)?.[1]
  return { timestamp, region }
}

function timeOf(timestamp: string | undefined): Date | undefined {
  const iso = timestamp?.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  if (iso === undefined || iso === timestamp) return undefined
  const time = new Date(iso)
  return Number.isNaN(time.getTime()) ? undefined : time
}

/** As the comparison reads it: no blank lines around, one kind of line break. */
function linesOf(text: string): string[] {
  return text.replaceAll('\r\n', '\n').trim().split('\n')
}

function pairsOf(
  texts: readonly string[],
  separator: string,
  read: (text: string) => string,
): Record<string, string> {
  const record: Record<string, string> = Object.create(null)
  for (const text of texts) {
    const [name = '', ...value] = text.split(separator)
    if (name !== '') record[read(name)] = read(value.join(separator))
  }
  return record
}

function without(
  record: Readonly<Record<string, string>>,
  pattern: RegExp,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !pattern.test(name)))
}

/** As given when it cannot be decoded: the text came over the network. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
