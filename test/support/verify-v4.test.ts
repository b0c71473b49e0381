import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { canonicalRequest, OssFailure, stringToSign, verifyV4 } from './fake-oss/index.js'
import { headerWire, percentEncode } from './fake-oss/percent.js'
import { readRequest } from './fake-oss/request.js'
import { signedHeaders } from './raw-client.js'

interface Vector {
  readonly id: string
  readonly form: 'header' | 'presign'
  readonly method: string
  readonly host: string
  readonly urlStyle?: 'path' | 'cname'
  readonly bucket: string | null
  readonly key: string | null
  readonly region: string
  readonly product: string
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly securityToken?: string
  readonly time: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly expectedWireHeaders?: Readonly<Record<string, string>>
  readonly expectedCanonicalRequest: string
  readonly expectedStringToSign: string
  readonly expectedAuthorization?: string
  readonly expectedUrl?: string
}

const { vectors } = JSON.parse(
  readFileSync(new URL('../../fixtures/signing/vectors.json', import.meta.url), 'utf8'),
) as { vectors: Vector[] }

/** The target as a client that loves variety would send it: parameters in reverse, `name=` for empty values. */
function targetOf(vector: Vector): string {
  if (vector.expectedUrl !== undefined) return vector.expectedUrl.replace(/^https?:\/\/[^/]*/, '')
  const bucket = vector.urlStyle === 'path' ? `/${vector.bucket}` : ''
  const query = Object.entries(vector.query ?? {})
    .reverse()
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
  const path = `${bucket}/${percentEncode(vector.key ?? '', true)}`
  return query.length === 0 ? path : `${path}?${query.join('&')}`
}

function requestOf(vector: Vector, target = targetOf(vector)) {
  const headers = Object.entries({ ...vector.headers, ...vector.expectedWireHeaders })
  if (!headers.some(([name]) => name.toLowerCase() === 'host')) {
    // The vector of a service request names a bucket's host, which would address that bucket.
    headers.push([
      'Host',
      vector.bucket === null ? vector.host.replace(/^[^.]*\./, '') : vector.host,
    ])
  }
  if (vector.expectedAuthorization !== undefined) {
    headers.push(['Authorization', vector.expectedAuthorization])
  }
  return readRequest(
    {
      method: vector.method,
      target,
      rawHeaders: headers.map(([name, value]) => [name, headerWire(value)]),
    },
    {
      buckets: new Set(vector.bucket === null ? [] : [vector.bucket]),
      cnames: vector.urlStyle === 'cname' ? { [vector.host]: vector.bucket ?? '' } : {},
    },
    { requestId: '', sequence: 1, connection: 1 },
  )
}

function optionsOf(vector: Vector) {
  const iso = vector.time.replace(/^(.{4})(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const { accessKeyId, accessKeySecret, securityToken } = vector
  const token = securityToken === undefined ? {} : { securityToken }
  return {
    region: vector.region,
    product: vector.product,
    credentials: [{ accessKeyId, accessKeySecret, ...token }],
    now: new Date(iso),
  }
}

function failureOf(check: () => void): OssFailure {
  try {
    check()
  } catch (error) {
    if (error instanceof OssFailure) return error
    throw error
  }
  throw new Error('accepted')
}

describe('verifyV4 on the shared vectors', () => {
  it.each(vectors.map((vector) => [vector.id, vector] as const))('accepts %s', (_, vector) => {
    const request = requestOf(vector)
    expect(request.bucket ?? null).toBe(vector.bucket)
    expect(request.key ?? null).toBe(vector.key)
    const scope = vector.expectedStringToSign.split('\n')[2] ?? ''
    const additional = vector.expectedCanonicalRequest.split('\n').at(-2) ?? ''
    const canonical = canonicalRequest(request, additional === '' ? [] : additional.split(';'))
    expect(canonical).toBe(vector.expectedCanonicalRequest)
    expect(stringToSign(vector.time, scope, canonical)).toBe(vector.expectedStringToSign)
    verifyV4(request, optionsOf(vector))
  })

  it.each(vectors.map((vector) => [vector.id, vector] as const))(
    'refuses %s for another method and with another secret',
    (_, vector) => {
      const other = requestOf({ ...vector, method: vector.method === 'GET' ? 'PUT' : 'GET' })
      const options = optionsOf(vector)
      expect(failureOf(() => verifyV4(other, options)).code).toBe('SignatureDoesNotMatch')
      const credentials = options.credentials.map((one) => ({ ...one, accessKeySecret: 'other' }))
      const failure = failureOf(() => verifyV4(requestOf(vector), { ...options, credentials }))
      expect(failure.code).toBe('SignatureDoesNotMatch')
      expect(failure.fields).toMatchObject({
        OSSAccessKeyId: vector.accessKeyId,
        StringToSign: vector.expectedStringToSign,
        StringToSignBytes: expect.stringMatching(/^4F 53 53 34 /),
        CanonicalRequest: vector.expectedCanonicalRequest,
        SignatureProvided: expect.stringMatching(/^[0-9a-f]{64}$/),
      })
    },
  )
})

const now = new Date('2026-01-02T03:04:05Z')
const usual = {
  region: 'cn-hangzhou',
  product: 'oss',
  credentials: [
    { accessKeyId: 'test-access-key-id', accessKeySecret: 'test-access-key-secret' },
    {
      accessKeyId: 'sts-id',
      accessKeySecret: 'sts-secret',
      securityToken: 'token',
      expiresAt: new Date('2026-01-02T03:10:00Z'),
    },
  ],
  now,
}
const sts = { accessKeyId: 'sts-id', accessKeySecret: 'sts-secret' }

function verify(request: Parameters<typeof signedHeaders>[0], change = {}, options = usual): void {
  const target = '/examplebucket/k'
  const headers = { ...signedHeaders({ time: now, ...request, target }, '127.0.0.1:1'), ...change }
  const message = {
    method: 'GET',
    target,
    rawHeaders: Object.entries<string | undefined>(headers).flatMap(
      ([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]),
    ),
    bucket: 'examplebucket',
    key: 'k',
  }
  verifyV4(message, options)
}

const signed = { target: '' }
const at = (offsetMs: number) => ({ ...signed, time: new Date(now.getTime() + offsetMs) })
const quarter = 15 * 60_000

describe('verifyV4 in header form', () => {
  it('accepts a spaced Authorization header and a time 15 minutes off', () => {
    const spaced = signedHeaders({ time: now, target: '/examplebucket/k' }, 'h')['authorization']
    verify(signed, { authorization: spaced?.replace(/,/g, ', ') })
    verify(at(quarter))
    verify(at(-quarter))
    verify({ ...signed, ...sts, securityToken: 'token' })
  })

  it.each([
    ['no signature', signed, { authorization: undefined }, 403, 'AccessDenied', '0003-00000001'],
    ['a V1 signature', signed, { authorization: 'OSS a:b' }, 400, 'InvalidArgument', undefined],
    ['another region', { ...signed, region: 'x' }, {}, 400, 'InvalidArgument', '0002-00000226'],
    [
      'a hashed payload',
      signed,
      { 'x-oss-content-sha256': 'e3b0' },
      400,
      'InvalidArgument',
      '0002-00000214',
    ],
    ['no date', signed, { 'x-oss-date': undefined }, 403, 'AccessDenied', '0002-00000503'],
    [
      'a date of another day',
      signed,
      { 'x-oss-date': '20260103T030405Z' },
      400,
      'InvalidArgument',
      '0002-00000212',
    ],
    ['an early time', at(-quarter - 1000), {}, 403, 'RequestTimeTooSkewed', '0002-00000504'],
    ['a late time', at(quarter + 1000), {}, 403, 'RequestTimeTooSkewed', '0002-00000504'],
    ['an unknown key', { ...signed, accessKeyId: 'x' }, {}, 403, 'InvalidAccessKeyId', undefined],
    ['a missing token', { ...signed, ...sts }, {}, 403, 'InvalidAccessKeyId', undefined],
    [
      'a wrong token',
      { ...signed, ...sts, securityToken: 'other' },
      {},
      403,
      'InvalidSecurityToken',
      undefined,
    ],
    [
      'a token nobody gave out',
      { ...signed, securityToken: 'token' },
      {},
      403,
      'InvalidSecurityToken',
      undefined,
    ],
    [
      'an absent additional header',
      { ...signed, additional: ['range'] },
      {},
      400,
      'InvalidArgument',
      '0002-00000211',
    ],
    [
      'a changed signed header',
      signed,
      { 'content-md5': 'x' },
      403,
      'SignatureDoesNotMatch',
      undefined,
    ],
  ])('refuses %s', (_, request, change, status, code, ec) => {
    const failure = failureOf(() => verify(request, change))
    expect([failure.status, failure.code]).toEqual([status, code])
    if (ec !== undefined) expect(failure.ec).toBe(ec)
  })

  it('refuses an empty list of additional headers', () => {
    const { authorization = '' } = signedHeaders({ time: now, target: '/examplebucket/k' }, 'h')
    const empty = authorization.replace(',Signature', ',AdditionalHeaders=,Signature')
    const failure = failureOf(() => verify(signed, { authorization: empty }))
    expect([failure.code, failure.ec]).toEqual(['InvalidArgument', '0002-00000209'])
  })

  it('says by how much the clock is off', () => {
    expect(failureOf(() => verify(at(-3_600_000))).fields).toEqual({
      MaxAllowedSkewMilliseconds: '900000',
      RequestTime: '2026-01-02T02:04:05.000Z',
      ServerTime: '2026-01-02T03:04:05.000Z',
    })
  })

  it('refuses a token from the instant it expires', () => {
    const request = { ...signed, ...sts, securityToken: 'token' }
    verify(request, {}, { ...usual, now: new Date('2026-01-02T03:09:59.999Z') })
    const failure = failureOf(() =>
      verify(request, {}, { ...usual, now: new Date('2026-01-02T03:10:00.000Z') }),
    )
    expect([failure.status, failure.code]).toEqual([403, 'SecurityTokenExpired'])
  })
})

describe('verifyV4 in URL form', () => {
  const vector = vectors.find(({ id }) => id === 'presign-upload-part') as Vector
  const signedAt = optionsOf(vector).now.getTime()
  const expires = Number(/x-oss-expires=(\d+)/.exec(vector.expectedUrl ?? '')?.[1]) * 1000
  const verifyAt = (time: number, target = targetOf(vector)) =>
    verifyV4(requestOf(vector, target), { ...optionsOf(vector), now: new Date(time) })

  it('accepts it from 15 minutes before its time until it expires', () => {
    verifyAt(signedAt - quarter)
    verifyAt(signedAt + expires)
    expect(failureOf(() => verifyAt(signedAt - quarter - 1)).code).toBe('RequestTimeTooSkewed')
    const late = failureOf(() => verifyAt(signedAt + expires + 1))
    expect([late.code, late.ec]).toEqual(['AccessDenied', '0002-00000236'])
  })

  it.each([
    ['x-oss-expires=604801', /x-oss-expires=\d+/, '0002-00000232'],
    ['x-oss-expires=0', /x-oss-expires=\d+/, '0002-00000232'],
    ['x-oss-expires=', /x-oss-expires=\d+/, '0002-00000215'],
    ['x-oss-date=', /x-oss-date=\w+/, '0002-00000223'],
    ['x-oss-signature=', /x-oss-signature=\w+/, '0002-00000219'],
    ['x-oss-additional-headers=&x-oss-date', /x-oss-date/, '0002-00000209'],
  ])('refuses %s', (replacement, pattern, ec) => {
    const target = targetOf(vector).replace(pattern, replacement)
    const failure = failureOf(() => verifyAt(signedAt, target))
    expect([failure.code, failure.ec]).toEqual(['InvalidArgument', ec])
  })

  it('refuses a parameter that is there twice or was added', () => {
    const target = targetOf(vector)
    expect(failureOf(() => verifyAt(signedAt, `${target}&partNumber=2`)).code).toBe(
      'InvalidArgument',
    )
    expect(failureOf(() => verifyAt(signedAt, `${target}&x=y`)).code).toBe('SignatureDoesNotMatch')
  })
})
