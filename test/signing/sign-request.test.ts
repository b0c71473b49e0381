import { describe, expect, it } from 'vitest'
import { type SignableRequest, type SigningContext, signRequest } from '../../src/signing/index.js'
import { vectorContext, vectorRequest, vectors } from '../support/signing-vectors.js'

const request: SignableRequest = {
  method: 'PUT',
  bucket: 'examplebucket',
  key: 'exampleobject',
  headers: { 'Content-Type': 'text/plain' },
}
const context: SigningContext = {
  region: 'cn-hangzhou',
  credentials: { accessKeyId: 'EXAMPLEKEYID', accessKeySecret: 'examplesecret' },
  time: new Date('2025-01-02T03:04:05Z'),
}

describe.each(vectors.filter(({ form }) => form === 'header'))('vector $id', (vector) => {
  const signed = signRequest(vectorRequest(vector), vectorContext(vector))

  it('6 canonical request', () => {
    expect(signed.canonicalRequest).toBe(vector.expectedCanonicalRequest)
  })
  it('7 string to sign', () => {
    expect(signed.stringToSign).toBe(vector.expectedStringToSign)
  })
  it('9 signature and authorization', () => {
    expect(signed.signature).toBe(vector.expectedSignature)
    expect(signed.authorization).toBe(vector.expectedAuthorization)
  })
  it('headers on the wire', () => {
    expect(signed.headers).toEqual({
      ...vector.expectedWireHeaders,
      Authorization: vector.expectedAuthorization,
    })
  })
})

it('replays 58 header vectors', () => {
  expect(vectors.filter(({ form }) => form === 'header')).toHaveLength(58)
})

describe('signRequest', () => {
  it('returns the same for the same input and changes none of it', () => {
    const input = Object.freeze({
      ...request,
      query: Object.freeze({ uploads: '' }),
      headers: Object.freeze({ 'X-Oss-Meta-A': ' 1 ' }),
      additionalHeaders: Object.freeze(['Host']),
    })
    expect(signRequest(input, Object.freeze(context))).toEqual(signRequest(input, context))
    expect(signRequest(input, context).headers['X-Oss-Meta-A']).toBe(' 1 ')
  })

  it('signs the method in upper case', () => {
    expect(signRequest({ ...request, method: 'put' }, context)).toEqual(
      signRequest(request, context),
    )
  })

  it('defaults the product to oss', () => {
    expect(signRequest(request, { ...context, product: 'oss' })).toEqual(
      signRequest(request, context),
    )
    expect(signRequest(request, { ...context, product: 'oss-cloudbox' }).authorization).toContain(
      '/oss-cloudbox/aliyun_v4_request',
    )
  })

  it('takes an empty security token for none', () => {
    const credentials = { ...context.credentials, securityToken: '' }
    expect(signRequest(request, { ...context, credentials })).toEqual(signRequest(request, context))
  })

  it('keeps a signing header that already has the right value, under its given name', () => {
    const headers = { ...request.headers, 'X-Oss-Content-Sha256': 'UNSIGNED-PAYLOAD' }
    const signed = signRequest({ ...request, headers }, context)
    expect(signed.headers).toHaveProperty('X-Oss-Content-Sha256', 'UNSIGNED-PAYLOAD')
    expect(signed.headers).not.toHaveProperty('x-oss-content-sha256')
    expect(signed.signature).toBe(signRequest(request, context).signature)
  })

  it('keeps a query parameter and a header named __proto__ as data', () => {
    const query = JSON.parse('{"__proto__":"1"}') as Record<string, string>
    const headers = JSON.parse('{"__proto__":"2"}') as Record<string, string>
    const signed = signRequest(
      { ...request, query, headers, additionalHeaders: ['x-absent'] },
      context,
    )
    expect(signed.canonicalRequest).toContain('\n__proto__=1\n')
    expect(Object.keys(signed.headers)).toContain('__proto__')
  })

  it.each([
    ['authorization', { authorization: 'sentinel-value' }, /authorization/],
    ['a date of its own', { 'X-OSS-Date': '20250102T030406Z' }, /x-oss-date/],
    ['a payload hash', { 'x-oss-content-sha256': 'sentinel-value' }, /x-oss-content-sha256/],
    [
      'a token that is not in the credentials',
      { 'x-oss-security-token': 'sentinel-value' },
      /token/,
    ],
    ['two names that differ only in case', { A: 'sentinel-value', a: 'b' }, /headers: a /],
    ['CR', { 'x-oss-meta-a': 'sentinel-value\rx' }, /x-oss-meta-a/],
    ['LF', { 'x-oss-meta-a': 'sentinel-value\nx' }, /x-oss-meta-a/],
    ['NUL', { 'x-oss-meta-a': 'sentinel-value\0' }, /x-oss-meta-a/],
    ['a lone surrogate', { 'x-oss-meta-a': 'sentinel-value\ud800' }, /x-oss-meta-a/],
    ['a name with a colon', { 'a:b': 'sentinel-value' }, /headers/],
    ['a name with a line feed', { 'a\nb': 'sentinel-value' }, /headers/],
    ['an empty name', { '': 'sentinel-value' }, /headers/],
    ['a value that is no string', { a: 1 as unknown as string }, /headers: a /],
  ])('refuses headers with %s and does not show the value', (_, headers, message) => {
    const sign = () => signRequest({ ...request, headers }, context)
    expect(sign).toThrow(TypeError)
    expect(sign).toThrow(message)
    expect(sign).not.toThrow(/sentinel-value/)
  })

  it.each(['x-oss-signature', 'x-oss-signature-version', 'x-oss-credential'])(
    'refuses the query parameter %s, which would sign the request in both forms',
    (name) => {
      const sign = () => signRequest({ ...request, query: { [name]: 'sentinel-value' } }, context)
      expect(sign).toThrow(TypeError)
      expect(sign).toThrow(name)
      expect(sign).not.toThrow(/sentinel-value/)
    },
  )

  it.each([
    ['region', { region: '' }],
    ['region', { region: 'cn-hangzhou/oss' }],
    ['region', { region: undefined as unknown as string }],
    ['product', { product: '' }],
    ['product', { product: 'o ss' }],
    ['accessKeyId', { credentials: { accessKeyId: 'a,b', accessKeySecret: 'sentinel-value' } }],
    ['accessKeyId', { credentials: { accessKeyId: '', accessKeySecret: 'sentinel-value' } }],
    ['accessKeySecret', { credentials: { accessKeyId: 'a', accessKeySecret: '' } }],
  ])('refuses an unusable %s by name', (option, change) => {
    const sign = () => signRequest(request, { ...context, ...change })
    expect(sign).toThrow(TypeError)
    expect(sign).toThrow(`${option} must not be empty`)
    expect(sign).not.toThrow(/sentinel-value/)
  })

  it.each([
    new Date(Number.NaN),
    new Date('-000001-12-31T23:59:59Z'),
    new Date('+010000-01-01T00:00:00Z'),
  ])('refuses the time %s', (time) => {
    expect(() => signRequest(request, { ...context, time })).toThrow(RangeError)
    expect(() => signRequest(request, { ...context, time })).toThrow(/^time /)
  })

  it.each(['', 'PUT\nGET', 'P UT'])('refuses the method %j', (method) => {
    expect(() => signRequest({ ...request, method }, context)).toThrow(/^method /)
  })

  it('refuses a key without a bucket, an empty parameter name and text that UTF-8 cannot hold', () => {
    const { bucket: _, ...noBucket } = request
    expect(() => signRequest(noBucket, context)).toThrow(/^bucket /)
    expect(() => signRequest({ ...request, query: { '': 'a' } }, context)).toThrow(/^query /)
    expect(() => signRequest({ ...request, key: 'a\ud800' }, context)).toThrow(/^key /)
    expect(() => signRequest({ ...request, query: { a: '\udc00' } }, context)).toThrow(/^query a /)
  })

  it('refuses an additional header whose name has an underscore', () => {
    const headers = { x_y: '1' }
    expect(() => signRequest({ ...request, headers, additionalHeaders: ['X_Y'] }, context)).toThrow(
      /^additionalHeaders: .*x_y/,
    )
    expect(signRequest({ ...request, headers }, context).canonicalRequest).not.toContain('x_y')
  })
})
