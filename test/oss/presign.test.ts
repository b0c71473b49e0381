import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OssClient } from '../../src/oss/client.js'
import { initiateMultipartUpload } from '../../src/oss/multipart.js'
import { type PresignOptions, presign } from '../../src/oss/presign.js'
import { OssError } from '../../src/primitives/errors.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { hostileKeys } from '../support/hostile-keys.js'
import { fakeCredentials, rejection } from '../support/oss-clients.js'
import { callUrl, xmlText } from '../support/raw-client.js'

const signedAt = new Date('2026-01-02T03:04:05.678Z')
const bucket = 'examplebucket'
const body = 'content é'
const upload = { bucket, key: 'k', method: 'PUT' } as const
const download = { bucket, key: 'k', method: 'GET' } as const

let now = signedAt
let oss: FakeOss
let port = ''
beforeAll(async () => {
  oss = await startFakeOss({ now: () => now, cnames: { 'files.example.com': bucket } })
  port = new URL(oss.endpoint).port
})
afterAll(() => oss.close())

const clientAt = (endpoint: string, more: object = {}) =>
  new OssClient({
    ...{ region: 'cn-hangzhou', endpoint, credentials: fakeCredentials, now: () => now },
    ...more,
  })

/** Every way to say where a bucket is: what is called, and the host and path that the URL must have. */
const addressings = [
  ['path style', () => [`http://127.0.0.1:${port}`, {}, `127.0.0.1:${port}`, `/${bucket}/`]],
  [
    'virtual-hosted style',
    () => [`http://oss.test:${port}`, {}, `${bucket}.oss.test:${port}`, '/'],
  ],
  [
    'a custom domain',
    () => [`http://files.example.com:${port}`, { cname: true }, `files.example.com:${port}`, '/'],
  ],
] as [string, () => [string, { cname?: boolean }, string, string]][]

describe.each(addressings)('in %s', (_, address) => {
  it.each(hostileKeys)(
    'the URL of %j is what was signed, for GET, PUT and UploadPart',
    async (key, sent) => {
      const [endpoint, more, host, prefix] = address()
      await using client = clientAt(endpoint, more)
      const { uploadId } = await initiateMultipartUpload(clientAt(oss.endpoint), { bucket, key })
      const of = (options: Partial<PresignOptions>) =>
        presign(client, { bucket, key, method: 'PUT', ...options })
      const urls = [
        await of({}),
        await of({ method: 'GET' }),
        await of({ uploadId, partNumber: 7 }),
      ] as const
      for (const { url } of urls)
        expect(url.startsWith(`http://${host}${prefix}${sent}?`)).toBe(true)
      // The fake checks the signature against the raw request line, so a success proves what was signed.
      const [put, get, part] = urls
      expect((await callUrl(put.url, { method: 'PUT', body })).status).toBe(200)
      expect(oss.requests.at(-1)?.target).toBe(put.url.slice(`http://${host}`.length))
      expect(await callUrl(get.url)).toMatchObject({ status: 200, text: body })
      const answer = await callUrl(part.url, { method: 'PUT', body })
      const etag = `"${createHash('md5').update(body).digest('hex').toUpperCase()}"`
      expect(answer).toMatchObject({ status: 200, headers: { etag } })
      expect(oss.acknowledged.at(-1)).toMatchObject({ uploadId, partNumber: 7 })
    },
  )

  it('host can be signed, and then the URL works for that host alone', async () => {
    const [endpoint, more, host] = address()
    await using client = clientAt(endpoint, more)
    const { url, headers } = await presign(client, {
      ...{ ...upload, additionalHeaders: ['Host'] },
    })
    expect(headers).toEqual({})
    expect(url).toContain('x-oss-additional-headers=host&')
    expect((await callUrl(url, { method: 'PUT', body })).status).toBe(200)
    const elsewhere = { host: host.replace(/:\d+$/, ':81') }
    const refused = await callUrl(url, { method: 'PUT', body, headers: elsewhere })
    expect(xmlText(refused.text, 'Code')).toBe('SignatureDoesNotMatch')
  })
})

describe('a presigned URL is refused', () => {
  const url = async (options: Partial<PresignOptions> = {}) => {
    await using client = clientAt(oss.endpoint)
    return (await presign(client, { ...upload, ...options })).url
  }
  const codeOf = async (...call: Parameters<typeof callUrl>) => {
    const answer = await callUrl(...call)
    return answer.status === 200 ? 'OK' : `${answer.status} ${xmlText(answer.text, 'Code')}`
  }
  const put = { method: 'PUT', body }

  it('with another method', async () => {
    expect(await codeOf(await url(), { method: 'GET' })).toBe('403 SignatureDoesNotMatch')
  })

  it('once it has expired, and not a second before', async () => {
    const short = await url({ expiresSeconds: 60 })
    const atEnd = new Date('2026-01-02T03:05:05Z')
    try {
      now = atEnd
      expect(await codeOf(short, put)).toBe('OK')
      now = new Date(atEnd.getTime() + 1000)
      expect(await codeOf(short, put)).toBe('403 AccessDenied')
    } finally {
      now = signedAt
    }
  })

  it('with a query that was changed, extended or cut', async () => {
    const given = await url({ query: { 'x-oss-meta-a': '1', 'response-expires': 'never' } })
    expect(await codeOf(given, put)).toBe('OK')
    for (const changed of [
      given.replace('x-oss-expires=3600', 'x-oss-expires=604800'),
      given.replace('response-expires=never', 'response-expires=soon'),
      given.replace('response-expires=never&', ''),
      `${given}&extra`,
      given.replace(/x-oss-signature=./, (text) =>
        text.replace(/.$/, (c) => (c === '0' ? '1' : '0')),
      ),
      given.replace(`/${bucket}/k?`, `/${bucket}/l?`),
    ]) {
      expect(changed).not.toBe(given)
      expect(await codeOf(changed, put)).toBe('403 SignatureDoesNotMatch')
    }
  })

  it('with a Content-Type, Content-MD5 or x-oss header that was not signed, or without one that was', async () => {
    const plain = await url()
    for (const name of ['content-type', 'content-md5', 'x-oss-meta-a', 'x-oss-object-acl']) {
      const headers = { [name]: 'x' }
      expect(await codeOf(plain, { ...put, headers })).toBe('403 SignatureDoesNotMatch')
    }
    const headers = { 'Content-Type': 'text/plain' }
    const typed = await url({ headers })
    expect(await codeOf(typed, { ...put, headers })).toBe('OK')
    expect(await codeOf(typed, put)).toBe('403 SignatureDoesNotMatch')
  })

  it('with another header that was signed, when its value is another one', async () => {
    const given = await url({
      headers: { 'content-length': '9', 'cache-control': 'no-store' },
      additionalHeaders: ['content-length'],
    })
    const length = Buffer.byteLength(body)
    const fitting = await url({
      headers: { 'content-length': String(length) },
      additionalHeaders: ['content-length'],
    })
    expect(length).not.toBe(9)
    expect(await codeOf(given, put)).toBe('403 SignatureDoesNotMatch')
    expect(await codeOf(fitting, put)).toBe('OK')
  })
})

describe('presign', () => {
  it('says what to send, when it expires, and signs with the token of STS credentials', async () => {
    const credentials = { ...fakeCredentials, securityToken: 'CAIS/token+=' }
    await using client = clientAt('https://oss-cn-hangzhou.aliyuncs.com', { credentials })
    const { url, ...rest } = await presign(client, {
      ...{ ...upload, expiresSeconds: 604_800 },
      headers: { 'Content-Type': 'image/png' },
    })
    expect(rest).toEqual({
      method: 'PUT',
      headers: { 'content-type': 'image/png' },
      expiresAt: new Date('2026-01-09T03:04:05Z'),
    })
    expect(url).toMatch(/^https:\/\/examplebucket\.oss-cn-hangzhou\.aliyuncs\.com\/k\?/)
    expect(url).toContain('&x-oss-security-token=CAIS%2Ftoken%2B%3D&')
    expect(url).toContain('x-oss-expires=604800&')
  })

  it('is good for an hour by default', async () => {
    await using client = clientAt(oss.endpoint)
    expect((await presign(client, download)).expiresAt).toEqual(new Date('2026-01-02T04:04:05Z'))
  })

  it('presigns HEAD', async () => {
    await using client = clientAt(oss.endpoint)
    oss.put(bucket, 'k', Buffer.from('x'))
    const { url } = await presign(client, { ...download, method: 'HEAD' })
    expect((await callUrl(url, { method: 'HEAD' })).status).toBe(200)
  })

  it.each([
    [{ method: 'POST' }, TypeError, 'method must be GET, HEAD or PUT'],
    [{ bucket: 'A' }, TypeError, 'bucket must be'],
    [{ key: '/a' }, TypeError, 'key must not start with'],
    [{ key: '\\a' }, TypeError, 'key must not start with'],
    [{ key: 'é'.repeat(512) }, TypeError, 'key must be 1..1023 bytes'],
    [{ key: 'a\ud800' }, TypeError, 'key has a lone surrogate'],
    [{ key: undefined }, TypeError, 'key must be a non-empty string'],
    [{ expiresSeconds: 0 }, RangeError, 'expiresSeconds must be an integer from 1 to 604800'],
    [{ expiresSeconds: 604_801 }, RangeError, 'expiresSeconds must be'],
    [{ partNumber: 1 }, TypeError, 'uploadId must be a non-empty string'],
    [{ uploadId: 'u' }, RangeError, 'partNumber must be 1..10000, not undefined'],
    [{ uploadId: 'u', partNumber: 10_001 }, RangeError, 'partNumber must be 1..10000'],
    [{ uploadId: 'u', partNumber: 0 }, RangeError, 'partNumber must be 1..10000'],
    [{ uploadId: '', partNumber: 1 }, TypeError, 'uploadId must be'],
    [{ uploadId: 'u', partNumber: 1, method: 'GET' }, TypeError, 'method must be PUT'],
    [{ headers: { a: 'sentinel\r\nb: c' } }, TypeError, 'header a must not contain line breaks'],
    [{ headers: { a: 'sentinel-é' } }, TypeError, 'encodeURIComponent'],
    [{ headers: { 'a b': 'sentinel' } }, TypeError, 'headers: invalid name'],
    [{ headers: { a: 'x', A: 'x' } }, TypeError, 'headers: a is there twice'],
    [{ headers: { Authorization: 'sentinel' } }, TypeError, 'headers: authorization comes from'],
    [{ query: { 'x-oss-expires': '5' } }, TypeError, 'query: x-oss-expires comes from'],
    [{ query: { '': 'x' } }, TypeError, 'query must not have an empty name'],
    [{ additionalHeaders: 'host' }, TypeError, 'additionalHeaders must be an array'],
    [{ additionalHeaders: ['a_b'] }, TypeError, 'additionalHeaders must be names'],
    [{ additionalHeaders: ['range'] }, TypeError, 'additionalHeaders has range, and headers'],
    [{ headers: { host: 'other' } }, TypeError, 'headers must not have another host than'],
    [{ expires: 5 }, TypeError, 'unknown option "expires"'],
  ])('refuses %j before it asks for credentials', async (change, type, message) => {
    const client = clientAt(oss.endpoint, {
      credentials: () => {
        throw new Error('nobody was to be asked')
      },
    })
    // What the signer refuses comes after the credentials, and before anything is sent all the same.
    const late = message.startsWith('query') || /^headers: (?:auth|invalid)/.test(message)
    const given = { ...upload, ...change } as PresignOptions
    const error = await rejection(presign(late ? clientAt(oss.endpoint) : client, given))
    expect(error).toBeInstanceOf(type)
    expect(error.message).toContain(message)
    expect(error.message).not.toContain('sentinel')
  })

  it('fails with the code of credentials when there are none', async () => {
    const client = clientAt(oss.endpoint, { credentials: () => ({}) })
    const error = await rejection(presign(client, upload))
    expect(error).toBeInstanceOf(OssError)
    expect(error).toMatchObject({ code: 'ERR_OSS_CREDENTIALS' })
  })
})
