// Percent-encoding as OSS signs it: the one encoder behind both the canonical request and the request line.

/** RFC 3986 section 2.3: the bytes that never need encoding. */
const unreserved = /[A-Za-z0-9\-._~]/

const byteEncodings: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return unreserved.test(character)
    ? character
    : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
})

const needsNone = /^[A-Za-z0-9\-._~]*$/
const pathNeedsNone = /^[A-Za-z0-9\-._~/]*$/

const utf8 = new TextEncoder()

/**
 * Encodes every UTF-8 byte of `text` except `A-Z a-z 0-9 - . _ ~` as upper-case `%XX`.
 *
 * `encodeURIComponent` will not do: it leaves `! ' ( ) *` alone, which OSS signs encoded.
 *
 * @param option what the caller calls this text, for the error message
 * @throws {TypeError} when `text` has a lone surrogate, which has no UTF-8 form.
 */
export function encodeUriComponent(text: string, option = 'text'): string {
  if (needsNone.test(text)) return text
  if (!text.isWellFormed()) {
    throw new TypeError(`${option} has a lone surrogate, which cannot be encoded as UTF-8`)
  }
  let encoded = ''
  for (const byte of utf8.encode(text)) encoded += byteEncodings[byte]
  return encoded
}

/** As {@link encodeUriComponent}, with `/` kept. Dots and empty segments stay, and `%2F` in `text` becomes `%252F`. */
export function encodeUriPath(text: string, option = 'text'): string {
  if (pathNeedsNone.test(text)) return text
  return encodeUriComponent(text, option).replaceAll('%2F', '/')
}
