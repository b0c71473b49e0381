// Owns the reading of fixtures/xml: every case of a document, as bytes and as the value expected of them.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { XmlElement } from '../../src/xml/document.js'
import {
  decodeCompleteMultipartUpload,
  decodeInitiateMultipartUpload,
  decodeListMultipartUploads,
  decodeListParts,
} from '../../src/xml/multipart-xml.js'

export interface XmlFixture {
  readonly name: string
  readonly bytes: Uint8Array
  /** JSON: CRC-64 and dates are strings. */
  readonly expected: unknown
}

export function xmlFixtures(document: string): readonly XmlFixture[] {
  const folder = join(import.meta.dirname, '../../fixtures/xml', document)
  const names = readdirSync(folder).map((file) => file.replace(/\.(xml|json)$/, ''))
  return [...new Set(names)].map((name) => ({
    name,
    bytes: readFileSync(join(folder, `${name}.xml`)),
    expected: JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')),
  }))
}

/** A decoded value as the fixtures write it. */
export function asJson(value: unknown): unknown {
  if (value === undefined) return null
  return JSON.parse(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v)))
}

/** Every decoder of a result, by the folder of its fixtures. */
export const decoders: Readonly<
  Record<string, { readonly root: string; readonly decode: (root: XmlElement) => unknown }>
> = {
  'initiate-multipart-upload': {
    root: 'InitiateMultipartUploadResult',
    decode: decodeInitiateMultipartUpload,
  },
  'list-parts': { root: 'ListPartsResult', decode: decodeListParts },
  'complete-multipart-upload': {
    root: 'CompleteMultipartUploadResult',
    decode: decodeCompleteMultipartUpload,
  },
  'list-multipart-uploads': {
    root: 'ListMultipartUploadsResult',
    decode: decodeListMultipartUploads,
  },
}
