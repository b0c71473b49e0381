/** Owns reading a raw request: which bucket and key it addresses, and which OSS operation it asks for. */

import { isIP } from 'node:net'
import { headerText, percentDecode, queryPairs } from './percent.js'

/** What came over the wire, byte for byte; strings hold one character per byte (latin1), as node:http gives them. */
export interface RawMessage {
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly [string, string][]
}

export interface FakeRequest extends RawMessage {
  /**
   * 'InitiateMultipartUpload' | 'UploadPart' | 'ListParts' | 'CompleteMultipartUpload' | 'AbortMultipartUpload' |
   * 'ListMultipartUploads' | 'PutObject' | 'HeadObject' | 'GetObject' | 'Unknown'
   */
  readonly operation: string
  /** Lower-case names, UTF-8 values. */
  readonly headers: Readonly<Record<string, string>>
  readonly bucket?: string
  readonly key?: string
  /** Decoded; '' stands for a bare name. */
  readonly query: Readonly<Record<string, string>>
  readonly partNumber?: number
  readonly uploadId?: string
  /** What the answer says in x-oss-request-id. */
  readonly requestId: string
  /** 1-based, over all requests. */
  readonly sequence: number
  /** Which socket, 1-based; 0 without sockets. */
  readonly connection: number
}

/** A request as the log keeps it; the fields below are filled in while it is being served. */
export interface LoggedRequest extends FakeRequest {
  /** Absent while unanswered and for answers that were cut off. */
  status?: number
  /** Body bytes read so far. */
  bodyBytes: number
  /** Kept only where it is no part and no object. */
  body?: Buffer
  responded: boolean
  /** Of an endless answer: body bytes handed to the socket so far. */
  endlessBytes?: number
  /** Milliseconds since the epoch, by the real clock. */
  startedAt: number
  endedAt?: number
}

/** What the server knows that decides how a host is read. */
export interface Addressing {
  readonly buckets: ReadonlySet<string>
  readonly cnames: Readonly<Record<string, string>>
}

interface Address {
  readonly bucket?: string
  readonly key?: string
}

/** Path of a target in origin or absolute form, and its query text, both raw. */
export function splitTarget(target: string): { path: string; query: string } {
  const origin = target.replace(/^https?:\/\/[^/?]*/i, '')
  const mark = origin.indexOf('?')
  return mark < 0
    ? { path: origin, query: '' }
    : { path: origin.slice(0, mark), query: origin.slice(mark + 1) }
}

/** The bucket a host name stands for, or undefined if the bucket is in the path. */
function bucketOfHost(host: string, addressing: Addressing): string | undefined {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  if (Object.hasOwn(addressing.cnames, name)) return addressing.cnames[name]
  if (name.startsWith('[') || isIP(name) !== 0) return undefined
  const [label, ...rest] = name.split('.')
  if (label === undefined || rest.length === 0) return undefined
  if (!addressing.buckets.has(label) && /^(oss|s3)(-|$)/.test(label)) return undefined
  return label
}

function addressOf(host: string, path: string, addressing: Addressing): Address {
  const decoded = percentDecode(path, false).toString('utf8').replace(/^\//, '')
  const bucket = bucketOfHost(host, addressing)
  if (bucket !== undefined) return decoded === '' ? { bucket } : { bucket, key: decoded }
  const slash = decoded.indexOf('/')
  if (decoded === '') return {}
  if (slash < 0) return { bucket: decoded }
  const key = decoded.slice(slash + 1)
  return key === '' ? { bucket: decoded.slice(0, slash) } : { bucket: decoded.slice(0, slash), key }
}

// Sub-resources that turn a plain object request into an operation the fake does not have.
const foreign = /^(acl|tagging|append|symlink|restore|objectMeta|callback|x-oss-process|versions)$/

function operationOf(method: string, hasKey: boolean, query: Record<string, string>): string {
  const has = (name: string) => Object.hasOwn(query, name)
  if (!hasKey) return method === 'GET' && has('uploads') ? 'ListMultipartUploads' : 'Unknown'
  if (Object.keys(query).some((name) => foreign.test(name))) return 'Unknown'
  if (method === 'POST' && has('uploads')) return 'InitiateMultipartUpload'
  if (method === 'PUT' && (has('uploadId') || has('partNumber'))) return 'UploadPart'
  if (method === 'GET' && has('uploadId')) return 'ListParts'
  if (method === 'POST' && has('uploadId')) return 'CompleteMultipartUpload'
  if (method === 'DELETE' && has('uploadId')) return 'AbortMultipartUpload'
  if (method === 'PUT') return 'PutObject'
  if (method === 'HEAD') return 'HeadObject'
  return method === 'GET' ? 'GetObject' : 'Unknown'
}

/** Reads a raw message; never throws, whatever the client sent. */
export function readRequest(
  message: RawMessage,
  addressing: Addressing,
  identity: { requestId: string; sequence: number; connection: number },
): FakeRequest {
  const joined = new Map<string, string>()
  for (const [name, value] of message.rawHeaders) {
    const before = joined.get(name.toLowerCase())
    const text = headerText(value).trim()
    joined.set(name.toLowerCase(), before === undefined ? text : `${before}, ${text}`)
  }
  const headers = Object.fromEntries(joined)
  const { path, query: rawQuery } = splitTarget(message.target)
  const query = Object.fromEntries(
    queryPairs(rawQuery).map(([name, value]) => [name.toString('utf8'), value.toString('utf8')]),
  )
  const address = addressOf(headers['host'] ?? '', path, addressing)
  const partNumber = /^\d+$/.test(query['partNumber'] ?? '')
    ? Number(query['partNumber'])
    : undefined
  return {
    ...message,
    ...identity,
    ...address,
    operation:
      'x-oss-copy-source' in headers
        ? 'Unknown'
        : operationOf(message.method, address.key !== undefined, query),
    headers,
    query,
    ...(partNumber === undefined ? {} : { partNumber }),
    ...(query['uploadId'] === undefined ? {} : { uploadId: query['uploadId'] }),
  }
}
