// Owns the reading of XML documents: what fast-xml-parser is asked, and the elements that the codecs ask for values.

import type { X2jOptions } from 'fast-xml-parser'
import { OssError } from '../primitives/errors.js'
import { loadParser } from './load-parser.js'

/**
 * 4 MiB. A full page of ListParts is about 300 KiB. The largest answer there is, 1000 uploads whose keys are
 * 1023 bytes long and percent-encoded three for one, is 3.3 MiB.
 */
const defaultMaxBytes = 4 * 1024 * 1024

/** Elements within elements, the root included. OSS's own documents are at most four deep. */
const maxDepth = 16

const parserOptions: X2jOptions = {
  // One object for each node, in document order: text, CDATA and elements stay apart, and no element name is ever
  // a key beside others, so that `__proto__` and repeated names have nothing to overwrite.
  preserveOrder: true,
  cdataPropName: '#cdata',
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // Numbers would lose the leading zeros and the low digits of an upload id that is all digits.
  parseTagValue: false,
  // A key may begin or end with blanks.
  trimValues: false,
  // Off, because the parser knows two settings only: without numeric references, or with all of HTML's names. And
  // it keeps what it does not know, or drops it. See decodeReferences.
  processEntities: false,
  // It would rename elements such as `valueOf`; with preserveOrder there is no need to.
  onDangerousProperty: (name) => name,
  // Ours counts the root, the parser's does not.
  maxNestedTags: maxDepth - 1,
  jPath: false,
}

/** What the parser gives for `preserveOrder`: exactly one property, whose name says which kind of node it is. */
type ParsedNode = Readonly<Record<string, string | readonly ParsedNode[]>>

/**
 * Reads one document whose root element is `root` (or one of several).
 *
 * References are decoded (the five names of XML, and numbers), CDATA is text, comments, attributes and processing
 * instructions are left out. fast-xml-parser is loaded by the first call.
 *
 * @param maxBytes Longer input is refused unread. Default 4 MiB.
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE` for anything else: not UTF-8, cut off, not well-formed, a DOCTYPE,
 *   an unknown entity, another root element, deeper than 16, too long. Neither message nor cause quotes the input,
 *   which may hold what a proxy or a stranger wrote.
 */
export async function parseXml(
  bytes: Uint8Array,
  root: string | readonly string[],
  maxBytes: number = defaultMaxBytes,
): Promise<XmlElement> {
  const roots = typeof root === 'string' ? [root] : root
  const wanted = roots.map((name) => `<${name}>`).join(' or ')
  if (bytes.byteLength > maxBytes) {
    throw malformed(`expected a ${wanted} document of at most ${maxBytes} bytes`)
  }
  // The module system remembers the module; a parser holds nothing but its options.
  const { XMLParser } = await loadParser()
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    assertPlainMarkup(text)
    // `true`: the parser itself closes what is still open at the end; only its validator takes that for an error.
    const nodes: readonly ParsedNode[] = new XMLParser(parserOptions).parse(text, true)
    const [[name, children] = [], ...more] = nodes.flatMap((node) => Object.entries(node))
    // The validator lets pass whatever stands after a root like `<a/>`: other roots, CDATA, text. The first two
    // are seen here, the third only by refusing an empty root, and no answer has one.
    if (name === undefined || !roots.includes(name) || !children?.length || more.length > 0) {
      throw malformed(`expected ${wanted} as the one root element, with content`)
    }
    return toElement(name, name, children as readonly ParsedNode[])
  } catch (error) {
    // No cause: the parser's own messages quote the input.
    throw error instanceof OssError ? error : malformed(`expected a well-formed ${wanted} document`)
  }
}

/**
 * Refuses, before parsing, the markup that the parser and XML read differently.
 *
 * The pattern holds everywhere, inside comments and CDATA too: OSS writes neither, and a rule without context cannot
 * be talked out of seeing a DOCTYPE.
 */
function assertPlainMarkup(text: string): void {
  if (/<!(?!--|\[CDATA\[)/.test(text)) throw malformed('expected no DOCTYPE or other declaration')
  if (text.includes('\0')) throw malformed('expected no NUL character')
  // In `<?x '?>` the quote means nothing to XML. The parser would skip to the next one, and all between.
  let start = text.indexOf('<?')
  while (start !== -1) {
    const end = text.indexOf('?>', start)
    if (end === -1) throw malformed('expected the end of a processing instruction')
    if (/["']/.test(text.slice(start, end).replace(/"[^"]*"|'[^']*'/g, ''))) {
      throw malformed('expected quotes in pairs in a processing instruction')
    }
    start = text.indexOf('<?', end)
  }
}

function toElement(name: string, path: string, nodes: readonly ParsedNode[]): XmlElement {
  let text = ''
  const children = new Map<string, XmlElement[]>()
  for (const node of nodes) {
    for (const [kind, content] of Object.entries(node)) {
      if (typeof content === 'string') {
        text += decodeReferences(content)
      } else if (kind === '#cdata') {
        text += content.map((part) => part['#text']).join('')
      } else {
        const child = toElement(kind, `${path}/${kind}`, content)
        const siblings = children.get(kind)
        if (siblings === undefined) children.set(kind, [child])
        else siblings.push(child)
      }
    }
  }
  return new XmlElement(name, path, text, children)
}

const predefinedEntities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

/**
 * Decodes `&amp;` and the like, `&#10;` and `&#xA;`.
 *
 * Control characters are let through, although XML 1.0 knows no reference to them: OSS allows them in keys, and an
 * error that quotes such a key must stay readable.
 */
function decodeReferences(text: string): string {
  return text.replace(
    /&(?:#x([0-9A-Fa-f]{1,8})|#([0-9]{1,8})|([a-z]{2,4}));|&/g,
    (_, hexadecimal?: string, decimal?: string, name?: string) => {
      const character =
        name === undefined
          ? fromCodePoint(hexadecimal ? Number.parseInt(hexadecimal, 16) : Number(decimal))
          : predefinedEntities.get(name)
      if (character === undefined) throw malformed('expected no entities but those of XML')
      return character
    },
  )
}

function fromCodePoint(codePoint: number): string | undefined {
  const isCharacter = codePoint > 0 && codePoint <= 0x10ffff // false for NaN too
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff
  return isCharacter && !isSurrogate ? String.fromCodePoint(codePoint) : undefined
}

/** An inclusive range. */
export interface IntegerRange {
  /** Default 0. */
  readonly min?: number
  /** Default 2^53 - 1. */
  readonly max?: number
}

/**
 * One element, with its values by the names of its child elements. Text beside child elements is left out, as are
 * children that nobody asks for.
 *
 * Every getter throws an {@link OssError} `ERR_OSS_MALFORMED_RESPONSE` that names the element when the shape is wrong.
 */
export class XmlElement {
  /** Of the root: which of the names asked for it is. */
  readonly name: string
  readonly #path: string
  readonly #text: string
  readonly #children: ReadonlyMap<string, readonly XmlElement[]>

  /** @param path The names from the root to this element, joined by `/`, for messages. */
  constructor(
    name: string,
    path: string,
    text: string,
    children: ReadonlyMap<string, readonly XmlElement[]>,
  ) {
    this.name = name
    this.#path = path
    this.#text = text
    this.#children = children
  }

  /** The text of the one child `name`, blanks included; it has no children of its own. */
  text(name: string): string {
    return this.optionalText(name) ?? this.fail(name, 'to be there')
  }

  /** As {@link text}; undefined when there is no such child. */
  optionalText(name: string): string | undefined {
    const [child, ...more] = this.elements(name)
    if (child === undefined) return undefined
    if (more.length > 0) return this.fail(name, 'once only')
    if (child.#children.size > 0) return this.fail(name, 'without child elements')
    return child.#text
  }

  /** Decimal digits only: no sign, blank, point or exponent. */
  integer(name: string, range: IntegerRange = {}): number {
    return this.optionalInteger(name, range) ?? this.fail(name, 'to be there')
  }

  /** As {@link integer}; undefined when there is no such child, or an empty one. */
  optionalInteger(name: string, range: IntegerRange = {}): number | undefined {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = range
    const text = this.optionalText(name)
    if (text === undefined || text === '') return undefined
    const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN
    const inRange = Number.isSafeInteger(value) && value >= min && value <= max
    return inRange ? value : this.fail(name, `to be an integer from ${min} to ${max}`)
  }

  /** `true` or `false`, in lower case. */
  boolean(name: string): boolean {
    const text = this.text(name)
    if (text !== 'true' && text !== 'false') return this.fail(name, 'to be true or false')
    return text === 'true'
  }

  /** An instant in UTC, `YYYY-MM-DDTHH:MM:SSZ` with or without a fraction of a second; digits past the third are cut. */
  date(name: string): Date {
    const text = this.text(name)
    const [, seconds, fraction = ''] =
      /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text) ?? []
    const date = new Date(`${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
    // The comparison catches 30 February, which Date takes for 2 March.
    if (Number.isNaN(date.getTime()) || !date.toISOString().startsWith(`${seconds}.`)) {
      return this.fail(name, 'to be a time in UTC')
    }
    return date
  }

  /** All children called `name`, in document order; none is an empty array, one an array of one. */
  elements(name: string): readonly XmlElement[] {
    return this.#children.get(name) ?? []
  }

  /** The text of every child without children, by name; of several with one name the first. No prototype. */
  leafTexts(): Record<string, string> {
    const texts: Record<string, string> = Object.create(null)
    for (const [name, [child]] of this.#children) {
      if (child !== undefined && child.#children.size === 0) texts[name] = child.#text
    }
    return texts
  }

  /** For what a getter cannot check. The value itself is not told. */
  fail(name: string, expectation: string): never {
    throw malformed(`expected <${this.#path}/${name}> ${expectation}`)
  }
}

function malformed(expectation: string): OssError {
  return new OssError(`malformed answer: ${expectation}`, { code: 'ERR_OSS_MALFORMED_RESPONSE' })
}
