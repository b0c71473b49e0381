// Owns the documents of multipart uploads: decodes what OSS answers, encodes the list of parts that completes one.

import type { XmlElement } from './document.js'

/** https://www.alibabacloud.com/help/en/oss/user-guide/limits: parts are numbered from 1 to 10,000. */
const maxPartNumber = 10_000

const maxCrc64 = 2n ** 64n - 1n

export interface InitiatedUpload {
  readonly bucket: string
  readonly key: string
  /** Opaque, even when it is all digits. */
  readonly uploadId: string
}

export interface ListedPart {
  /** 1..10,000. */
  readonly partNumber: number
  /** Bytes. */
  readonly size: number
  /** Without quotes, in the case OSS sent. */
  readonly etag: string
  /** CRC-64/XZ of the part. Not every server lists it. */
  readonly crc64?: bigint
  readonly lastModified?: Date
}

export interface ListPartsPage extends InitiatedUpload {
  /** True when there are more parts. Whether {@link nextPartNumberMarker} then leads on is for the caller to check. */
  readonly isTruncated: boolean
  readonly nextPartNumberMarker?: number
  readonly maxParts?: number
  readonly storageClass?: string
  /** Part numbers strictly ascending. */
  readonly parts: readonly ListedPart[]
}

export interface CompletedUpload {
  readonly location?: string
  readonly bucket: string
  readonly key: string
  /** Without quotes; ends in `-<number of parts>` and is not an MD5. */
  readonly etag: string
}

export interface ListedUpload {
  readonly key: string
  readonly uploadId: string
  readonly initiated: Date
  readonly storageClass?: string
}

export interface ListMultipartUploadsPage {
  /** True when there are more uploads. Whether the two markers then lead on is for the caller to check. */
  readonly isTruncated: boolean
  readonly nextKeyMarker?: string
  readonly nextUploadIdMarker?: string
  readonly prefix?: string
  readonly uploads: readonly ListedUpload[]
}

/**
 * Decodes `<InitiateMultipartUploadResult>`.
 *
 * https://www.alibabacloud.com/help/en/oss/developer-reference/initiatemultipartupload
 *
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE`
 */
export function decodeInitiateMultipartUpload(root: XmlElement): InitiatedUpload {
  const { text } = keyDecoder(root)
  return {
    bucket: filledText(root, 'Bucket'),
    key: text(root, 'Key'),
    uploadId: filledText(root, 'UploadId'),
  }
}

/**
 * Decodes `<ListPartsResult>`.
 *
 * https://www.alibabacloud.com/help/en/oss/developer-reference/listparts
 *
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE`, also when part numbers do not ascend: a list that repeats or
 *   shuffles parts is no ground to decide which to send again.
 */
export function decodeListParts(root: XmlElement): ListPartsPage {
  let previous = 0
  const parts = root.elements('Part').map((part): ListedPart => {
    const partNumber = part.integer('PartNumber', { min: 1, max: maxPartNumber })
    if (partNumber <= previous) part.fail('PartNumber', 'to be greater than the one before')
    previous = partNumber
    return {
      partNumber,
      size: part.integer('Size'),
      etag: etag(part),
      ...present({
        crc64: optionalCrc64(part, 'HashCrc64ecma'),
        lastModified: part.optionalText('LastModified') ? part.date('LastModified') : undefined,
      }),
    }
  })
  return {
    ...decodeInitiateMultipartUpload(root),
    isTruncated: root.boolean('IsTruncated'),
    ...present({
      nextPartNumberMarker: root.optionalInteger('NextPartNumberMarker', { max: maxPartNumber }),
      maxParts: root.optionalInteger('MaxParts'),
      storageClass: filledOrAbsent(root.optionalText('StorageClass')),
    }),
    parts,
  }
}

/**
 * Decodes `<CompleteMultipartUploadResult>`. With a callback the answer is the callback server's and not this.
 *
 * https://www.alibabacloud.com/help/en/oss/developer-reference/completemultipartupload
 *
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE`
 */
export function decodeCompleteMultipartUpload(root: XmlElement): CompletedUpload {
  const { text } = keyDecoder(root)
  return {
    ...present({ location: filledOrAbsent(root.optionalText('Location')) }),
    bucket: filledText(root, 'Bucket'),
    key: text(root, 'Key'),
    etag: etag(root),
  }
}

/**
 * Decodes `<ListMultipartUploadsResult>`.
 *
 * https://www.alibabacloud.com/help/en/oss/developer-reference/listmultipartuploads
 *
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE`
 */
export function decodeListMultipartUploads(root: XmlElement): ListMultipartUploadsPage {
  const { text, optionalText } = keyDecoder(root)
  return {
    isTruncated: root.boolean('IsTruncated'),
    ...present({
      nextKeyMarker: optionalText(root, 'NextKeyMarker'),
      nextUploadIdMarker: filledOrAbsent(root.optionalText('NextUploadIdMarker')),
      prefix: optionalText(root, 'Prefix'),
    }),
    uploads: root.elements('Upload').map((upload) => ({
      key: text(upload, 'Key'),
      uploadId: filledText(upload, 'UploadId'),
      initiated: upload.date('Initiated'),
      ...present({ storageClass: filledOrAbsent(upload.optionalText('StorageClass')) }),
    })),
  }
}

export interface CompletePart {
  /** 1..10,000. */
  readonly partNumber: number
  /** As OSS sent it, with or without quotes. */
  readonly etag: string
}

/**
 * Encodes the `<CompleteMultipartUpload>` request body, as UTF-8.
 *
 * @param parts At least one, part numbers ascending; gaps are allowed. None at all would ask for something else.
 * @throws {RangeError} for part numbers out of range or order.
 * @throws {TypeError} for an ETag that is empty or has characters that XML 1.0 cannot carry.
 */
export function encodeCompleteMultipartUpload(parts: readonly CompletePart[]): Buffer {
  if (parts.length === 0)
    throw new RangeError('a multipart upload is completed with at least one part')
  // Written where it will be sent from: as text first, the list of 10,000 parts would be there twice, with 1 MB each.
  const body = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + mostBytesOf(part), frameBytes))
  let end = body.write('<CompleteMultipartUpload>')
  let previous = 0
  for (const { partNumber, etag } of parts) {
    if (!Number.isInteger(partNumber) || partNumber <= previous || partNumber > maxPartNumber) {
      throw new RangeError(
        `part numbers ascend from 1 to ${maxPartNumber}: ${partNumber} after ${previous}`,
      )
    }
    previous = partNumber
    const tag = encodeEtag(etag, partNumber)
    const element = `<Part><PartNumber>${partNumber}</PartNumber><ETag>${tag}</ETag></Part>`
    end += body.write(element, end)
  }
  end += body.write('</CompleteMultipartUpload>', end)
  return body.subarray(0, end)
}

/** Of a part without its ETag, and of what is around all parts: more than either has. */
const frameBytes = 64
/** Of a character, as UTF-8 or escaped (`&amp;`). */
const mostBytesPerCharacter = 5

function mostBytesOf({ etag }: CompletePart): number {
  return frameBytes + mostBytesPerCharacter * etag.length
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  // Written plainly, the reader would take it for a line end and make it a line feed.
  '\r': '&#13;',
}

/** https://www.w3.org/TR/xml/#charsets */
const notXml = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u

/** Whether {@link encodeCompleteMultipartUpload} takes this ETag: a part with another one could never be completed. */
export function isEncodableEtag(etag: string): boolean {
  const bare = unquote(etag)
  return bare !== '' && !notXml.test(bare)
}

function encodeEtag(etag: string, partNumber: number): string {
  if (!isEncodableEtag(etag)) {
    throw new TypeError(`the ETag of part ${partNumber} is not text that XML can carry`)
  }
  return `"${unquote(etag).replace(/[&<>\r]/g, (character) => escapes[character] ?? character)}"`
}

/** Removes one pair of double quotes around `etag`. */
function unquote(etag: string): string {
  return /^"(.*)"$/s.exec(etag)?.[1] ?? etag
}

function etag(element: XmlElement): string {
  const text = unquote(element.text('ETag')) || element.fail('ETag', 'not to be empty')
  return isEncodableEtag(text) ? text : element.fail('ETag', 'to be text that XML can carry')
}

function optionalCrc64(element: XmlElement, name: string): bigint | undefined {
  const text = filledOrAbsent(element.optionalText(name))
  if (text === undefined) return undefined
  const value = /^[0-9]{1,20}$/.test(text) ? BigInt(text) : maxCrc64 + 1n
  return value > maxCrc64 ? element.fail(name, 'to be an integer from 0 to 2^64 - 1') : value
}

function filledText(element: XmlElement, name: string): string {
  return element.text(name) || element.fail(name, 'not to be empty')
}

/** OSS writes some elements empty that have nothing to say. */
function filledOrAbsent(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** Leaves out what is undefined, so that absent and undefined are not two things. */
function present<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>
  }
}

/**
 * Readers for the elements that `<EncodingType>url</EncodingType>` declares percent-encoded, which is how keys with
 * control characters travel. `+` stands for itself: half of the official SDKs would read it as a blank, the other
 * half not, so that a server both can talk to sends neither.
 */
function keyDecoder(root: XmlElement): {
  readonly text: (element: XmlElement, name: string) => string
  readonly optionalText: (element: XmlElement, name: string) => string | undefined
} {
  const encodingType = root.optionalText('EncodingType') ?? ''
  if (encodingType !== '' && encodingType !== 'url') root.fail('EncodingType', 'to be url')

  const optionalText = (element: XmlElement, name: string): string | undefined => {
    const text = filledOrAbsent(element.optionalText(name))
    if (text === undefined || encodingType === '') return text
    try {
      return decodeURIComponent(text)
    } catch {
      return element.fail(name, 'to be percent-encoded UTF-8')
    }
  }
  const text = (element: XmlElement, name: string): string =>
    optionalText(element, name) ?? element.fail(name, 'to be there and not empty')
  return { text, optionalText }
}
