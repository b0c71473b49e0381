import { describe, expect, it } from 'vitest'
import { crc64Header, entityTag, objectHeaders } from '../../src/oss/headers.js'

const answer = (headers: Record<string, string>) => ({
  status: 200,
  headers,
  body: new Uint8Array(),
})

describe('objectHeaders', () => {
  it('leaves out what was not asked for', () => {
    expect(objectHeaders({})).toEqual({ 'content-type': undefined })
    expect(objectHeaders({ contentType: 'text/plain' })).toEqual({ 'content-type': 'text/plain' })
  })
})

describe('entityTag', () => {
  it.each([
    ['"5B3C1A2E053D763E1B002CC607C5A0FE"', '5B3C1A2E053D763E1B002CC607C5A0FE'],
    ['5B3C1A2E053D763E1B002CC607C5A0FE', '5B3C1A2E053D763E1B002CC607C5A0FE'],
    ['"5b3c1a2e053d763e1b002cc607c5a0fe"', '5b3c1a2e053d763e1b002cc607c5a0fe'],
    [' "A-3" ', 'A-3'],
    ['"', '"'],
  ])('reads %j as %j', (header, etag) => {
    expect(entityTag('UploadPart', answer({ etag: header }))).toBe(etag)
  })

  it.each([[{}], [{ etag: '' }], [{ etag: '""' }], [{ etag: ' ' }]])(
    'refuses an answer without one: %j',
    (headers) => {
      expect(() => entityTag('UploadPart', answer(headers as Record<string, string>))).toThrow(
        expect.objectContaining({
          code: 'ERR_OSS_MALFORMED_RESPONSE',
          operation: 'UploadPart',
          message: 'UploadPart answered 200 without an ETag',
        }),
      )
    },
  )
})

describe('crc64Header', () => {
  const read = (text: string) => crc64Header('PutObject', answer({ 'x-oss-hash-crc64ecma': text }))

  it('is undefined when the server sent none', () => {
    expect(crc64Header('PutObject', answer({}))).toBeUndefined()
  })

  it.each(['0', '1', '9223372036854775808', '18446744073709551614', '18446744073709551615'])(
    'reads %s',
    (text) => {
      expect(read(text)).toBe(text)
      expect(read(` ${text} `)).toBe(text)
    },
  )

  it.each([
    '',
    '-1',
    '+1',
    '1.0',
    '1e3',
    '0x10',
    '1, 1',
    'NaN',
    '18446744073709551616',
    '9'.repeat(21),
  ])('refuses %j', (text) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({
        code: 'ERR_OSS_MALFORMED_RESPONSE',
        operation: 'PutObject',
        message: 'PutObject answered with an x-oss-hash-crc64ecma that is no number',
      }),
    )
  })
})
