import { describe, expect, it } from 'vitest'
import {
  type PresignableRequest,
  type PresigningContext,
  presignUrl,
} from '../../src/signing/index.js'
import { vectorContext, vectorRequest, vectors } from '../support/signing-vectors.js'

const request: PresignableRequest = {
  method: 'PUT',
  origin: 'https://examplebucket.oss-cn-hangzhou.aliyuncs.com',
  bucket: 'examplebucket',
  key: 'exampleobject',
  query: { partNumber: '1', uploadId: '0004B9894A22E5B1888A1E29F8236E2D' },
}
const context: PresigningContext = {
  region: 'cn-hangzhou',
  credentials: { accessKeyId: 'EXAMPLEKEYID', accessKeySecret: 'examplesecret' },
  time: new Date('2025-01-02T03:04:05Z'),
  expiresSeconds: 3600,
}

describe.each(vectors.filter(({ form }) => form === 'presign'))('vector $id', (vector) => {
  const presigned = presignUrl(
    {
      ...vectorRequest(vector),
      origin: `${vector.scheme ?? 'https'}://${vector.host}`,
      pathStyle: vector.urlStyle === 'path',
    },
    { ...vectorContext(vector), expiresSeconds: vector.expires ?? 0 },
  )

  it('6 canonical request', () => {
    expect(presigned.canonicalRequest).toBe(vector.expectedCanonicalRequest)
  })
  it('7 string to sign', () => {
    expect(presigned.stringToSign).toBe(vector.expectedStringToSign)
  })
  it('9 signature', () => {
    expect(presigned.signature).toBe(vector.expectedSignature)
  })
  it('9 URL, whatever the order of its parameters', () => {
    expect(urlParts(presigned.url)).toEqual(urlParts(vector.expectedUrl ?? ''))
  })
})

it('replays 24 presigned vectors', () => {
  expect(vectors.filter(({ form }) => form === 'presign')).toHaveLength(24)
})

function urlParts(url: string): { path: string; parameters: string[] } {
  const [path = '', query = ''] = url.split('?')
  return { path, parameters: query.split('&').sort() }
}

describe('presignUrl', () => {
  it('changes none of its input', () => {
    const input = Object.freeze({ ...request, query: Object.freeze({ ...request.query }) })
    expect(presignUrl(input, Object.freeze(context))).toEqual(presignUrl(request, context))
  })

  it('signs GET, PUT and UploadPart differently', () => {
    const urls = [
      presignUrl({ ...request, method: 'GET', query: {} }, context),
      presignUrl({ ...request, query: {} }, context),
      presignUrl(request, context),
      presignUrl({ ...request, query: { ...request.query, partNumber: '2' } }, context),
    ]
    expect(new Set(urls.map(({ signature }) => signature)).size).toBe(4)
  })

  it.each([
    ['virtual-hosted', request.origin, false, '/exampleobject'],
    ['custom domain', 'https://files.example.com', false, '/exampleobject'],
    ['custom port', 'http://127.0.0.1:8080', true, '/examplebucket/exampleobject'],
    ['IPv6', 'http://[::1]:8080', true, '/examplebucket/exampleobject'],
  ])('has one signature for every address: %s', (_, origin, pathStyle, path) => {
    const presigned = presignUrl({ ...request, origin, pathStyle }, context)
    expect(presigned.url).toMatch(`${origin}${path}?`)
    expect(presigned.signature).toBe(presignUrl(request, context).signature)
  })

  it('addresses bucket and service', () => {
    const { key: _, ...bucketRequest } = request
    const { bucket: __, ...serviceRequest } = bucketRequest
    const origin = 'https://example.com'
    const urlOf = (input: Omit<PresignableRequest, 'origin'>) =>
      presignUrl({ ...input, origin }, context).url
    expect(urlOf(bucketRequest)).toMatch(`${origin}/?`)
    expect(urlOf({ ...bucketRequest, pathStyle: true })).toMatch(`${origin}/examplebucket/?`)
    expect(urlOf({ ...serviceRequest, pathStyle: true })).toMatch(`${origin}/?`)
  })

  it.each(['a/../b', 'a//b', '%2F', '+', ' ', '😀', '?', '#', "!'()*", 'k'.repeat(1023)])(
    'puts the key %j into the URL as it is signed',
    (key) => {
      const { url, canonicalRequest } = presignUrl({ ...request, key }, context)
      const path = url.slice(request.origin.length, url.indexOf('?'))
      expect(canonicalRequest.split('\n')[1]).toBe(`/examplebucket${path}`)
    },
  )

  it.each([1, 604_800])('accepts expiresSeconds %d', (expiresSeconds) => {
    expect(presignUrl(request, { ...context, expiresSeconds }).url).toContain(
      `&x-oss-expires=${expiresSeconds}&`,
    )
  })

  it.each([0, -1, 1.5, 604_801, Number.NaN, Number.POSITIVE_INFINITY, '60' as unknown as number])(
    'refuses expiresSeconds %s with its range',
    (expiresSeconds) => {
      const presign = () => presignUrl(request, { ...context, expiresSeconds })
      expect(presign).toThrow(RangeError)
      expect(presign).toThrow(/expiresSeconds.* 1 to 604800/)
    },
  )

  it.each([
    '',
    'example.com',
    'ftp://example.com',
    'https://example.com/',
    'https://example.com/path',
    'https://user:sentinel@example.com',
    'https://example.com?a',
    'https://example.com#a',
    'https://example.com\n',
  ])('refuses the origin %j', (origin) => {
    const presign = () => presignUrl({ ...request, origin }, context)
    expect(presign).toThrow(TypeError)
    expect(presign).toThrow(/^origin /)
    expect(presign).not.toThrow(/sentinel/)
  })

  it.each([
    'x-oss-signature-version',
    'x-oss-credential',
    'x-oss-date',
    'x-oss-expires',
    'x-oss-additional-headers',
    'x-oss-security-token',
    'x-oss-signature',
  ])('refuses a query that sets %s otherwise', (name) => {
    const presign = () => presignUrl({ ...request, query: { [name]: 'sentinel-value' } }, context)
    expect(presign).toThrow(TypeError)
    expect(presign).toThrow(name)
    expect(presign).not.toThrow(/sentinel-value/)
  })

  it('accepts a query that says the same as the options', () => {
    const query = { ...request.query, 'x-oss-expires': '3600' }
    expect(presignUrl({ ...request, query }, context)).toEqual(presignUrl(request, context))
  })

  it.each([
    ['authorization', 'Authorization', 'sentinel-value'],
    ['a payload hash', 'X-Oss-Content-Sha256', 'sentinel-value'],
    ['a date unlike the one in the URL', 'x-oss-date', '20250102T030406Z'],
    ['a parameter of the request with another value', 'x-oss-process', 'sentinel-value'],
  ])('refuses headers with %s', (_, name, value) => {
    const query = { 'x-oss-process': 'image/resize,w_100' }
    const presign = () => presignUrl({ ...request, query, headers: { [name]: value } }, context)
    expect(presign).toThrow(TypeError)
    expect(presign).toThrow(name.toLowerCase())
    expect(presign).not.toThrow(/sentinel-value/)
  })

  it('refuses a context that signRequest refuses', () => {
    expect(() => presignUrl(request, { ...context, region: '' })).toThrow(/^region /)
    expect(() => presignUrl(request, { ...context, time: new Date(Number.NaN) })).toThrow(/^time /)
  })
})
