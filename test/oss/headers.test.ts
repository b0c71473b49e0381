import { describe, expect, it } from 'vitest'
import {
  assertAdditionalHeaders,
  assertTrafficLimit,
  crc64Header,
  entityTag,
  entityTagIfAny,
  trafficLimitHeader,
} from '../../src/oss/headers.js'

const answer = (headers: Record<string, string>) => ({
  status: 200,
  headers,
  body: new Uint8Array(),
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

describe('entityTagIfAny', () => {
  it('is undefined where there is none', () => {
    expect(entityTagIfAny(answer({ etag: '"E"' }))).toBe('E')
    for (const headers of [{}, { etag: '' }, { etag: '""' }]) {
      expect(entityTagIfAny(answer(headers as Record<string, string>))).toBeUndefined()
    }
  })
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

describe('assertAdditionalHeaders', () => {
  it.each([[[]], [['host']], [['Host', 'Content-Length', 'host']], [["!#$%&'*+-.^`|~0Az"]]])(
    'accepts %j',
    (names) => {
      expect(() => assertAdditionalHeaders(names)).not.toThrow()
    },
  )

  it.each([
    ['host', 'additionalHeaders must be an array of names'],
    [undefined, 'additionalHeaders must be an array of names'],
    [[''], 'additionalHeaders must be names of headers without "_", not ""'],
    [['a_b'], 'additionalHeaders must be names of headers without "_", not "a_b"'],
    [['a\r\nb'], 'additionalHeaders must be names of headers without "_", not "a\\r\\nb"'],
    [[5], 'additionalHeaders must be names of headers without "_", not number'],
    [['AUTHORIZATION'], 'additionalHeaders must not have authorization: it carries the signature'],
  ])('refuses %j', (names, message) => {
    expect(() => assertAdditionalHeaders(names)).toThrow(new TypeError(message))
  })
})

describe('trafficLimitHeader', () => {
  it.each([819_200, 819_201, 838_860_799, 838_860_800])('carries %i bit/s', (bits) => {
    expect(trafficLimitHeader(bits)).toEqual({ 'x-oss-traffic-limit': String(bits) })
  })

  it('is absent without a limit', () => {
    expect(trafficLimitHeader(undefined)).toEqual({})
  })

  it.each([0, 819_199, 838_860_801, 1e6 + 0.5, Number.NaN, -819_200])('refuses %d', (bits) => {
    expect(() => trafficLimitHeader(bits)).toThrow(
      new RangeError(`trafficLimit must be 819200..838860800 bit/s, not ${bits}`),
    )
  })

  it.each(['819200', null, {}])('refuses %j, which is no number', (bits) => {
    expect(() => assertTrafficLimit(bits)).toThrow(
      `trafficLimit must be 819200..838860800 bit/s, not ${typeof bits}`,
    )
  })
})
