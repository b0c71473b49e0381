// The body of a request: bytes that can be sent again and again, and whether OSS has the same (I2).

import { describe, expect, it } from 'vitest'
import { assertSame, requestBody } from '../../src/oss/body.js'

const bytes = Buffer.from('abc')
const streamed = (crc64: string | undefined) => ({ contentLength: 3, open: () => bytes, crc64 })

describe('requestBody', () => {
  it('opens bytes as often as they are needed', () => {
    const body = requestBody(bytes)
    expect(body.contentLength).toBe(3)
    expect([body.open(), body.open()]).toEqual([bytes, bytes])
    expect(requestBody(new Uint8Array()).contentLength).toBe(0)
  })

  it('leaves a body as it is', () => {
    const body = streamed('1')
    expect(requestBody(body)).toBe(body)
  })
})

describe('assertSame', () => {
  it.each([
    ['the same CRC-64', streamed('123'), { crc64: '123' }],
    ['no CRC-64 of OSS', streamed('123'), {}],
    ['bytes, of which nobody has computed one', bytes, { crc64: '456' }],
    ['a body that computes none', { contentLength: 3, open: () => bytes }, { crc64: '456' }],
  ])('accepts %s', (_, body, answer) => {
    expect(() => assertSame('part 1', 'UploadPart', body, answer)).not.toThrow()
  })

  it('refuses another one, and says what to do', () => {
    const check = (hint?: string) => () =>
      assertSame('part 1', 'UploadPart', streamed('123'), { crc64: '456' }, hint)
    const expected = {
      code: 'ERR_OSS_CHECKSUM_MISMATCH',
      operation: 'UploadPart',
      message: 'part 1 was damaged on its way: its CRC-64 is 123, and OSS stored 456',
    }
    expect(check()).toThrow(expect.objectContaining({ ...expected, hint: 'run again' }))
    expect(check('look')).toThrow(expect.objectContaining({ ...expected, hint: 'look' }))
  })

  it.each([{ crc64: '456' }, {}])('refuses an answer to what was not sent whole: %o', (answer) => {
    expect(() => assertSame('part 1', 'UploadPart', streamed(undefined), answer)).toThrow(
      expect.objectContaining({
        code: 'ERR_OSS_MALFORMED_RESPONSE',
        message: 'part 1 was acknowledged before it was sent whole',
      }),
    )
  })
})
