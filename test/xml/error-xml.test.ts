// Owns the examples of error documents: each fixture, and what must not come out of one.

import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { decodeErrorBody } from '../../src/xml/error-xml.js'
import { asJson, xmlFixtures } from './fixtures.js'

const encode = (text: string) => new TextEncoder().encode(text)

describe('decodes error', () => {
  it.each(xmlFixtures('error'))('$name', async ({ bytes, expected }) => {
    expect(asJson(await decodeErrorBody(bytes))).toEqual(expected)
  })

  it('takes an absent body for none', async () => {
    expect(await decodeErrorBody(undefined)).toBeUndefined()
  })

  it('refuses a document of more than 256 KiB', async () => {
    const frame = encode('<Error><Code>A</Code><Message></Message></Error>').byteLength
    const document = (size: number) =>
      encode(`<Error><Code>A</Code><Message>${'x'.repeat(size - frame)}</Message></Error>`)
    expect(await decodeErrorBody(document(256 * 1024))).toMatchObject({ code: 'A' })
    expect(await decodeErrorBody(document(256 * 1024 + 1))).toBeUndefined()
  })

  it('refuses what is not UTF-8', async () => {
    const bytes = encode('<Error><Code>A?</Code></Error>')
    bytes[bytes.indexOf(0x3f)] = 0xff
    expect(await decodeErrorBody(bytes)).toBeUndefined()
  })

  it('gives fields without a prototype', async () => {
    const document = await decodeErrorBody(
      encode('<Error><Code>A</Code><valueOf>1</valueOf></Error>'),
    )
    expect(Object.getPrototypeOf(document?.fields)).toBeNull()
    expect(document?.fields['toString']).toBeUndefined()
    expect(document?.fields['valueOf']).toBe('1')
  })
})

describe('redacts', () => {
  it('every secret of every error fixture', async () => {
    for (const { name, bytes } of xmlFixtures('error')) {
      const shown = inspect(await decodeErrorBody(bytes), { depth: null })
      expect(shown, name).not.toMatch(/TokenValue|deadbeef|78 2d 6f 73 73/i)
    }
  })

  it.each([
    [
      'a header line',
      'a:1\nx-oss-security-token:S3CRET\nb:2',
      'a:1\nx-oss-security-token:<redacted>\nb:2',
    ],
    [
      'a header line with blanks',
      'X-Oss-Security-Token : S3CRET',
      'X-Oss-Security-Token :<redacted>',
    ],
    ['a parameter', '?security-token=S3CRET&amp;c=3', '?security-token=<redacted>&c=3'],
    ['a name without dashes', 'SecurityToken=S3CRET', 'SecurityToken=<redacted>'],
    ['a decoded plus', 'security-token=S3 S3CRET', 'security-token=<redacted>'],
    ['an encoded separator', 'security-token%3AS3CRET', 'security-token%3A<redacted>'],
    [
      'several',
      'Signature=S3CRET&amp;security-token=S3CRET',
      'Signature=<redacted>&security-token=<redacted>',
    ],
    ['an Authorization line', 'authorization:OSS4 S3CRET', 'authorization:<redacted>'],
  ])('%s, in fields and in the message', async (_, written, shown) => {
    const xml = `<Error><Code>A</Code><Message>${written}</Message><Any>${written}</Any></Error>`
    const document = await decodeErrorBody(encode(xml))
    expect(document?.fields['Any']).toBe(shown)
    expect(document?.message).toBe(shown)
  })

  it('nothing from sentences about signatures and tokens', async () => {
    const message = 'the signature: it differs. The security token is old. signature version 4'
    const xml = `<Error><Code>A</Code><Message>${message}</Message></Error>`
    expect((await decodeErrorBody(encode(xml)))?.message).toBe(message)
  })
})
