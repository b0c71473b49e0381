import { describe, expect, it } from 'vitest'
import {
  assertCallback,
  callbackHeaders,
  callbackReply,
  failedCallback,
  type UploadCallback,
} from '../../src/oss/callback.js'
import { OssServiceError } from '../../src/primitives/errors.js'

const url = 'https://example.com/uploaded'
const minimal: UploadCallback = { url, body: `key=\${object}` }

const decode = (text = '') => JSON.parse(Buffer.from(text, 'base64').toString('utf8'))

describe('callbackHeaders', () => {
  it('are none without a callback', () => {
    expect(callbackHeaders(undefined)).toEqual({})
  })

  it('carry what was given and nothing else', () => {
    const headers = callbackHeaders(minimal)
    expect(decode(headers['x-oss-callback'])).toEqual({
      callbackUrl: url,
      callbackBody: `key=\${object}`,
    })
    expect(headers['x-oss-callback-var']).toBeUndefined()
  })

  it('carry every member by the name that OSS has for it', () => {
    const headers = callbackHeaders({
      url: [url, 'http://example.org:8080/b?c=d'],
      host: 'example.net',
      body: `{"size":\${size},"who":\${x:who}}`,
      bodyType: 'json',
      sni: true,
      vars: { 'x:who': 'me' },
    })
    expect(decode(headers['x-oss-callback'])).toEqual({
      callbackUrl: 'https://example.com/uploaded;http://example.org:8080/b?c=d',
      callbackHost: 'example.net',
      callbackBody: `{"size":\${size},"who":\${x:who}}`,
      callbackBodyType: 'application/json',
      callbackSNI: true,
    })
    expect(decode(headers['x-oss-callback-var'])).toEqual({ 'x:who': 'me' })
  })

  it('name a form when that is said', () => {
    const headers = callbackHeaders({ ...minimal, bodyType: 'url' })
    expect(decode(headers['x-oss-callback']).callbackBodyType).toBe(
      'application/x-www-form-urlencoded',
    )
  })

  it('are one line of base64 whatever the texts are', () => {
    const hostile = 'quote " backslash \\ line\nbreak é 文 😀'
    const headers = callbackHeaders({ ...minimal, body: hostile, vars: { 'x:v': hostile } })
    for (const value of Object.values(headers)) expect(value).toMatch(/^[A-Za-z0-9+/]+={0,2}$/)
    expect(decode(headers['x-oss-callback']).callbackBody).toBe(hostile)
    expect(decode(headers['x-oss-callback-var'])['x:v']).toBe(hostile)
  })

  it('may have 5 KiB each', () => {
    // The JSON around the body takes 57 bytes, and 3 bytes are 4 characters.
    const empty = Buffer.from(JSON.stringify({ callbackUrl: url, callbackBody: '' })).byteLength
    const body = 'x'.repeat((5120 / 4) * 3 - empty)
    expect(callbackHeaders({ url, body })['x-oss-callback']).toHaveLength(5120)
    expect(() => callbackHeaders({ url, body: `${body}x` })).toThrow(
      new RangeError(
        'callback must make an x-oss-callback of at most 5120 characters of base64, not 5124',
      ),
    )
    expect(() => callbackHeaders({ ...minimal, vars: { 'x:v': 'x'.repeat(4000) } })).toThrow(
      /^callback must make an x-oss-callback-var of at most 5120/,
    )
  })
})

describe('assertCallback', () => {
  it.each<[string, object]>([
    ['five URLs', { url: Array.from({ length: 5 }, () => url) }],
    ['an address and a port', { url: 'http://192.0.2.1:8080/x' }],
    ['a host with a port', { host: 'example.net:8443' }],
    ['SNI where one of the URLs is https', { url: ['http://a.example', url], sni: true }],
    ['no SNI for http', { url: 'http://a.example', sni: false }],
    ['variables that nobody uses', { vars: { 'x:unused': '' } }],
    ['JSON whose variables are quoted', { body: `{"a":"\${object}"}`, bodyType: 'json' }],
    [
      'JSON whose variables are members',
      { body: `{\${x:a}:1}`, bodyType: 'json', vars: { 'x:a': '' } },
    ],
    ['members that are undefined', { host: undefined, sni: undefined, vars: undefined }],
  ])('accepts %s', (_, change) => {
    expect(() => assertCallback({ ...minimal, ...change })).not.toThrow()
  })

  it.each([undefined, null, 'x', 1, []])('refuses %j', (value) => {
    expect(() => assertCallback(value)).toThrow('callback must be an object with url and body')
  })

  it.each<[object, typeof Error, string]>([
    [{ callbackUrl: url }, TypeError, 'callback has no "callbackUrl": url, host, body, bodyType'],
    [{ url: undefined }, TypeError, 'callback.url must be http:// or https://'],
    [{ url: '' }, TypeError, 'callback.url must be'],
    [{ url: 'example.com/x' }, TypeError, 'callback.url must be http:// or https://'],
    [{ url: 'ftp://example.com' }, TypeError, 'callback.url must be'],
    [{ url: 'https://example.com:x' }, TypeError, 'callback.url must be'],
    [{ url: 'https://example.com/文' }, TypeError, 'percent-encoded'],
    [{ url: `${url};${url}` }, TypeError, 'without ";"'],
    [{ url: [] }, RangeError, 'callback.url must be 1..5 URLs, not 0'],
    [{ url: Array.from({ length: 6 }, () => url) }, RangeError, 'callback.url must be 1..5 URLs'],
    [{ host: '' }, TypeError, 'callback.host must be a text that is not empty'],
    [{ host: 'https://example.com' }, TypeError, 'callback.host must be a host name'],
    [{ host: 'a\r\nb' }, TypeError, 'callback.host must be a host name'],
    [{ body: '' }, TypeError, 'callback.body must be a text that is not empty'],
    [{ body: { a: 1 } }, TypeError, 'callback.body must be a text'],
    [{ body: '\ud800' }, TypeError, 'callback.body must be a text'],
    [{ bodyType: 'form' }, TypeError, 'callback.bodyType must be "url" or "json"'],
    [{ bodyType: 'toString' }, TypeError, 'callback.bodyType must be'],
    [{ body: 'a=b', bodyType: 'json' }, TypeError, 'callback.body must be JSON once its variables'],
    [{ sni: 'true' }, TypeError, 'callback.sni must be true or false'],
    [{ url: 'http://a.example', sni: true }, TypeError, 'callback.sni must be false without an'],
    [{ vars: [] }, TypeError, 'callback.vars must be an object'],
    [{ vars: { who: 'me' } }, TypeError, 'callback.vars "who" must be "x:" and a name in lower'],
    [{ vars: { 'x:Who': 'me' } }, TypeError, 'callback.vars "x:Who" must be'],
    [{ vars: { 'x:': 'me' } }, TypeError, 'callback.vars "x:" must be'],
    [{ vars: { 'x:a}': 'me' } }, TypeError, 'callback.vars "x:a}" must be'],
    [{ vars: { 'x:a': 1 } }, TypeError, 'callback.vars "x:a" must be a string'],
    [
      { body: `a=\${x:who}`, vars: { 'x:other': '' } },
      TypeError,
      'callback.body names "x:who", and callback.vars does not',
    ],
  ])('refuses %j, and names the member', (change, type, message) => {
    const act = () => assertCallback({ ...minimal, ...change })
    expect(act).toThrow(type)
    expect(act).toThrow(message)
  })
})

describe('what came of it', () => {
  const reply = (text: string) => callbackReply({ status: 200, body: Buffer.from(text) })

  it('is the reply, and its JSON where it is some', () => {
    expect(reply('{"Status":"OK"}')).toEqual({
      ...{ status: 200, body: '{"Status":"OK"}', json: { Status: 'OK' } },
    })
    expect(reply('null')).toEqual({ status: 200, body: 'null', json: null })
  })

  it.each(['', 'OK', '<html/>', '{'])('is the reply as it is when it is no JSON: %j', (text) => {
    expect(reply(text)).toEqual({ status: 200, body: text })
  })

  it('is OSS’s own word when it failed', () => {
    const error = new OssServiceError('PutObject failed: Error status : 502. (CallbackFailed)', {
      ...{ code: 'CallbackFailed', status: 203, ec: '0007-00000203' },
    })
    expect(failedCallback(error)).toEqual({
      status: 203,
      body: '',
      code: 'CallbackFailed',
      message: 'Error status : 502. (CallbackFailed)',
      ec: '0007-00000203',
    })
  })
})
