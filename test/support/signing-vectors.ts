// Owns the shared signing vectors: reads them and turns an entry into the arguments of the signer.

import { readFileSync } from 'node:fs'
import type { SignableRequest, SigningContext } from '../../src/signing/index.js'

export interface SigningVector {
  readonly id: string
  readonly form: 'header' | 'presign'
  readonly method: string
  readonly scheme?: string
  readonly host: string
  readonly urlStyle?: string
  readonly bucket: string | null
  readonly key: string | null
  readonly region: string
  readonly product: string
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly securityToken?: string
  readonly time: string
  readonly expires?: number
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly additionalHeaders?: readonly string[]
  readonly expectedCanonicalRequest: string
  readonly expectedStringToSign: string
  readonly expectedSignature: string
  readonly expectedAuthorization?: string
  readonly expectedWireHeaders?: Readonly<Record<string, string>>
  readonly expectedUrl?: string
}

const file = new URL('../../fixtures/signing/vectors.json', import.meta.url)
export const vectors = (
  JSON.parse(readFileSync(file, 'utf8')) as { vectors: readonly SigningVector[] }
).vectors

export function vectorRequest(vector: SigningVector): SignableRequest {
  return {
    method: vector.method,
    bucket: vector.bucket ?? undefined,
    key: vector.key ?? undefined,
    query: vector.query,
    headers: vector.headers,
    additionalHeaders: vector.additionalHeaders,
  }
}

export function vectorContext(vector: SigningVector): SigningContext {
  const { region, product, accessKeyId, accessKeySecret, securityToken } = vector
  const credentials = { accessKeyId, accessKeySecret, securityToken }
  return { region, product, credentials, time: parseTimestamp(vector.time) }
}

/** `YYYYMMDDTHHMMSSZ` as a Date. */
export function parseTimestamp(text: string): Date {
  const iso = text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
  return new Date(iso)
}
