/** Owns the XML documents of the wire: writing replies without a namespace, and reading the list of a Complete. */

import { percentEncode } from './percent.js'

/** Escapes text; control characters, which XML 1.0 does not have, become references. Tabs and newlines stay. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>\p{Cc}\u2028\u2029\ufffe\uffff]/gu, (character) => {
    if (character === '&') return '&amp;'
    if (character === '<') return '&lt;'
    if (character === '>') return '&gt;'
    if (character === '\n' || character === '\t') return character
    return `&#${character.codePointAt(0)};`
  })
}

/** One element with text. */
export function element(name: string, text: string | number | boolean): string {
  return `<${name}>${escapeXml(String(text))}</${name}>`
}

/** A whole document. @param children finished elements */
export function xmlDocument(root: string, children: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n${children.map((child) => `  ${child}\n`).join('')}</${root}>\n`
}

/** How keys are written in one reply: percent-encoded when the request has `encoding-type=url`. */
export function keyWriter(query: Readonly<Record<string, string>>): {
  readonly header: readonly string[]
  readonly encode: (key: string) => string
} {
  return query['encoding-type'] === 'url'
    ? { header: [element('EncodingType', 'url')], encode: (key) => percentEncode(key) }
    : { header: [], encode: (key) => key }
}

function unescapeXml(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9A-Fa-f]+);/g, (_, code: string) =>
      String.fromCodePoint(Number.parseInt(code, 16)),
    )
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

export interface NamedPart {
  readonly partNumber: number
  /** Without quotes. */
  readonly etag: string
}

/**
 * Reads the body of a CompleteMultipartUpload.
 * @returns undefined for anything that is not a list of at least one well-formed part
 */
export function readCompleteList(xml: string): NamedPart[] | undefined {
  const root =
    /^\ufeff?\s*(?:<\?xml[^>]*\?>)?\s*<CompleteMultipartUpload(?:\s[^>]*)?>([\s\S]*)<\/CompleteMultipartUpload>\s*$/.exec(
      xml,
    )
  if (root?.[1] === undefined) return undefined
  const parts: NamedPart[] = []
  let malformed = false
  const rest = root[1].replace(/<Part>([\s\S]*?)<\/Part>/g, (_, inner: string) => {
    const partNumber = /<PartNumber>\s*(\d{1,9})\s*<\/PartNumber>/.exec(inner)?.[1]
    const etag = /<ETag>\s*([^<]*?)\s*<\/ETag>/.exec(inner)?.[1]
    if (partNumber === undefined || etag === undefined) malformed = true
    else
      parts.push({ partNumber: Number(partNumber), etag: unescapeXml(etag).replace(/^"|"$/g, '') })
    return ''
  })
  return malformed || rest.trim() !== '' || parts.length === 0 ? undefined : parts
}
