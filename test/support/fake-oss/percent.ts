/** Owns percent-encoding at the level of bytes: what came over the wire in, what V4 and `encoding-type=url` want out. */

/**
 * Decodes `%XX` by hand, so that nothing normalises what was sent.
 * @param text part of a raw request target, one character per byte (latin1)
 * @param plusIsSpace true for query text only
 * @returns the bytes; a `%` that is not followed by two hex digits stands for itself
 */
export function percentDecode(text: string, plusIsSpace: boolean): Buffer {
  const bytes: number[] = []
  for (let at = 0; at < text.length; at += 1) {
    const hex = text.slice(at + 1, at + 3)
    if (text[at] === '%' && /^[0-9A-Fa-f]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16))
      at += 2
    } else if (text[at] === '+' && plusIsSpace) {
      bytes.push(0x20)
    } else {
      bytes.push(text.charCodeAt(at) & 0xff)
    }
  }
  return Buffer.from(bytes)
}

/** Encodes every byte but `A-Z a-z 0-9 - . _ ~` (and `/` if asked) as upper-case `%XX`. */
export function percentEncode(bytes: Buffer | string, keepSlash = false): string {
  let text = ''
  for (const byte of Buffer.from(bytes as string)) {
    const character = String.fromCharCode(byte)
    text +=
      /[A-Za-z0-9\-._~]/.test(character) || (keepSlash && character === '/')
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

/** Splits raw query text into decoded [name, value] pairs in wire order; a bare name has the value ''. */
export function queryPairs(rawQuery: string): [Buffer, Buffer][] {
  return rawQuery
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      const name = equals < 0 ? pair : pair.slice(0, equals)
      const value = equals < 0 ? '' : pair.slice(equals + 1)
      return [percentDecode(name, true), percentDecode(value, true)]
    })
}

/** Header values travel as bytes that node:http shows as latin1: the UTF-8 text they mean. */
export function headerText(wireValue: string): string {
  return Buffer.from(wireValue, 'latin1').toString('utf8')
}

/** The inverse of {@link headerText}: text as node:http must be given it so that UTF-8 bytes are sent. */
export function headerWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
