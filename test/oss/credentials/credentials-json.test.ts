import { describe, expect, it } from 'vitest'
import {
  assertTemporary,
  decodeProfileCredentials,
  decodeServiceCredentials,
  parseJsonObject,
} from '../../../src/oss/credentials/credentials-json.js'
import { expected, issued } from '../../support/credentials-services.js'

const what = 'the service'

describe('parseJsonObject', () => {
  it('reads an object, with a byte order mark too', () => {
    expect(parseJsonObject(Buffer.from('\uFEFF{"a":1}'), what)).toEqual({ a: 1 })
  })

  it.each([
    ['', 'the service did not give JSON'],
    ['{"a":"sentinel', 'the service did not give JSON'],
    ['<html>sentinel', 'the service did not give JSON'],
    ['null', 'the service did not give a JSON object'],
    ['["sentinel"]', 'the service did not give a JSON object'],
    ['"sentinel"', 'the service did not give a JSON object'],
  ])('refuses %j without repeating it', (text, message) => {
    expect(() => parseJsonObject(Buffer.from(text), what)).toThrow(
      expect.objectContaining({ code: 'ERR_OSS_CREDENTIALS', message }),
    )
  })
})

describe('decodeServiceCredentials', () => {
  it('reads what the services of Alibaba Cloud answer', () => {
    expect(decodeServiceCredentials({ Code: 'Success', ...issued }, what)).toEqual(expected)
    expect(decodeServiceCredentials(issued, what)).toEqual(expected)
  })

  it.each([undefined, null, ''])('takes %j for no token and no end', (none) => {
    const long = { ...issued, SecurityToken: none, Expiration: none }
    expect(decodeServiceCredentials(long, what)).toEqual({
      accessKeyId: expected.accessKeyId,
      accessKeySecret: expected.accessKeySecret,
    })
  })

  it.each([
    [{ Code: 'sentinel' }, 'the service answered with a Code other than Success'],
    [{ AccessKeyId: undefined }, 'the service gave no usable AccessKeyId'],
    [{ AccessKeyId: 'sentinel\n' }, 'the service gave no usable AccessKeyId'],
    [{ AccessKeyId: 'sentinel/' }, 'accessKeyId must not have a slash or comma'],
    [{ AccessKeySecret: ['sentinel'] }, 'the service gave no usable AccessKeySecret'],
    [{ SecurityToken: 'sentinel é' }, 'the service gave no usable SecurityToken'],
    [{ Expiration: 'sentinel' }, 'the service gave no Expiration in ISO 8601'],
    [{ Expiration: '2030-13-01T00:00:00Z' }, 'gave no Expiration in ISO 8601'],
    [{ Expiration: '2030-01-01T00:00:00' }, 'gave no Expiration in ISO 8601'],
    [{ Expiration: '2030-01-01' }, 'gave no Expiration in ISO 8601'],
    [{ Expiration: 1_900_000_000 }, 'gave no Expiration in ISO 8601'],
  ])('refuses %j without repeating it', (change, message) => {
    const decode = () => decodeServiceCredentials({ ...issued, ...change }, what)
    expect(decode).toThrow(message)
    expect(decode).not.toThrow('sentinel')
  })

  it.each(['2030-01-01T09:00:00.000+08:00', '2030-01-01T01:00:00.123456Z'])('reads %s', (text) => {
    const { expiration } = decodeServiceCredentials({ ...issued, Expiration: text }, what)
    expect(expiration?.toISOString().slice(0, 19)).toBe('2030-01-01T01:00:00')
  })
})

describe('decodeProfileCredentials', () => {
  it('reads the names of a profile', () => {
    const profile = {
      access_key_id: issued.AccessKeyId,
      access_key_secret: issued.AccessKeySecret,
      sts_token: issued.SecurityToken,
      expiration: issued.Expiration,
    }
    expect(decodeProfileCredentials(profile, what)).toEqual(expected)
    expect(() => decodeProfileCredentials(issued, what)).toThrow('no usable access_key_id')
  })
})

describe('assertTemporary', () => {
  it('needs a token, and calls it by its name there', () => {
    const pair = { accessKeyId: 'a', accessKeySecret: 's' }
    expect(() => assertTemporary({ ...pair, securityToken: 't' }, what)).not.toThrow()
    expect(() => assertTemporary(pair, what)).toThrow('the service gave no usable SecurityToken')
    expect(() => assertTemporary(pair, what, 'sts_token')).toThrow('no usable sts_token')
  })
})
