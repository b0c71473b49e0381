import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { headObject, putObject } from '../../src/oss/object.js'
import { crc64 } from '../../src/primitives/crc64.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { hostileKeys } from '../support/hostile-keys.js'
import {
  addressedClient,
  answeredClient,
  rejection,
  reply,
  styles,
} from '../support/oss-clients.js'

const time = new Date('2026-01-02T03:04:05Z')
const bucket = 'examplebucket'
const bytes = Buffer.from('some bytes')
const md5 = createHash('md5').update(bytes).digest()

const authorization = expect.stringMatching(
  /^OSS4-HMAC-SHA256 Credential=test-access-key-id\/20260102\/cn-hangzhou\/oss\/aliyun_v4_request,Signature=[0-9a-f]{64}$/,
)
const signed = {
  'x-oss-date': '20260102T030405Z',
  'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
  Authorization: authorization,
  connection: 'keep-alive',
}

let oss: FakeOss
beforeAll(async () => {
  oss = await startFakeOss({ now: () => time, versioning: true })
})
afterAll(() => oss.close())

/** The headers of the latest request as they came, duplicates included. */
function lastRequest() {
  const { method, target, rawHeaders } = oss.requests.at(-1)!
  const headers = Object.fromEntries(rawHeaders)
  expect(Object.keys(headers)).toHaveLength(rawHeaders.length)
  return { method, target, headers }
}

describe.each(styles)('putObject in %s', (style) => {
  const connect = () => addressedClient(oss, style, { now: () => time })

  it('sends one PUT with the headers that belong, and decodes the answer', async () => {
    await using addressed = connect()
    const result = await putObject(addressed.client, { bucket, key: 'a b/c', body: bytes })
    expect(lastRequest()).toEqual({
      method: 'PUT',
      target: `${addressed.prefix}a%20b/c`,
      headers: { host: addressed.host, ...signed, 'content-length': '10' },
    })
    expect(result).toEqual({
      etag: md5.toString('hex').toUpperCase(),
      crc64: String(crc64(bytes)),
      versionId: oss.object(bucket, 'a b/c')?.versionId,
      requestId: oss.requests.at(-1)?.requestId,
    })
    expect(oss.object(bucket, 'a b/c')?.read()).toEqual(bytes)
  })

  it('sends Content-Type and Content-MD5, both signed', async () => {
    await using addressed = connect()
    const contentMd5 = md5.toString('base64')
    const contentType = 'text/plain; charset=utf-8'
    await putObject(addressed.client, {
      bucket,
      key: 'typed',
      body: bytes,
      headers: { 'Content-Type': contentType },
      contentMd5,
    })
    expect(lastRequest().headers).toEqual({
      host: addressed.host,
      ...signed,
      'content-type': contentType,
      'content-md5': contentMd5,
      'content-length': '10',
    })
    expect(oss.object(bucket, 'typed')?.headers['content-type']).toBe(contentType)
  })

  it('sends its settings, and gives the reply of a callback server', async () => {
    await using called = await startFakeOss({
      callback: ({ body }) => ({ status: 200, body: JSON.stringify({ body }) }),
    })
    await using addressed = addressedClient(called, 'path style')
    const result = await putObject(addressed.client, {
      ...{ bucket, key: 'k', body: bytes, trafficLimit: 819_200, acl: 'private' },
      callback: { url: 'https://example.com', body: `size=\${size}` },
    })
    expect(result).toMatchObject({
      etag: md5.toString('hex').toUpperCase(),
      callback: { status: 200, json: { body: 'size=10' } },
    })
    expect(called.requests.at(-1)?.headers).toMatchObject({
      ...{ 'x-oss-traffic-limit': '819200', 'x-oss-object-acl': 'private' },
    })
  })

  it('stores an empty object', async () => {
    await using addressed = connect()
    const result = await putObject(addressed.client, {
      bucket,
      key: 'empty',
      body: Buffer.alloc(0),
    })
    expect(lastRequest().headers).toEqual({
      host: addressed.host,
      ...signed,
      'content-length': '0',
    })
    expect(result).toMatchObject({ etag: 'D41D8CD98F00B204E9800998ECF8427E', crc64: '0' })
    expect(oss.object(bucket, 'empty')?.size).toBe(0)
  })

  it('streams a body that is opened for the request', async () => {
    await using addressed = connect()
    let opened = 0
    const body = {
      contentLength: 10,
      async *open() {
        opened++
        yield bytes.subarray(0, 3)
        yield bytes.subarray(3)
      },
    }
    await putObject(addressed.client, {
      bucket,
      key: 'streamed',
      body: { ...body, open: body.open },
    })
    expect(opened).toBe(1)
    expect(oss.object(bucket, 'streamed')?.read()).toEqual(bytes)
  })
})

describe.each(styles)('in %s the path that is signed is the path that is sent', (style) => {
  it.each(hostileKeys)('for the key %j', async (key, sent) => {
    await using addressed = addressedClient(oss, style, { now: () => time })
    const body = Buffer.from(`content of ${key}`)
    // The fake checks the signature against the raw request line, so a success proves what was signed.
    await putObject(addressed.client, { bucket, key, body })
    expect(lastRequest().target).toBe(`${addressed.prefix}${sent}`)
    expect(oss.object(bucket, key)?.read()).toEqual(body)
    const head = await headObject(addressed.client, { bucket, key })
    expect(lastRequest().target).toBe(`${addressed.prefix}${sent}`)
    expect(head).toMatchObject({ size: body.byteLength, crc64: String(crc64(body)) })
  })
})

describe.each(styles)('headObject in %s', (style) => {
  const connect = () => addressedClient(oss, style, { now: () => time })

  it('sends one HEAD with the headers that belong, and decodes the answer', async () => {
    oss.put(bucket, 'h', bytes)
    await using addressed = connect()
    const { headers, ...result } = await headObject(addressed.client, { bucket, key: 'h' })
    expect(lastRequest()).toEqual({
      method: 'HEAD',
      target: `${addressed.prefix}h`,
      // undici ends the connection after a HEAD, lest an answer with a body confuse the next.
      headers: { host: addressed.host, ...signed, connection: 'close' },
    })
    expect(result).toEqual({
      size: 10,
      etag: md5.toString('hex').toUpperCase(),
      crc64: String(crc64(bytes)),
      versionId: oss.object(bucket, 'h')?.versionId,
      lastModified: 'Fri, 02 Jan 2026 03:04:05 GMT',
    })
    expect(headers).toMatchObject({ 'x-oss-object-type': 'Normal', 'accept-ranges': 'bytes' })
  })

  it('decodes NoSuchKey, which comes without a body', async () => {
    await using addressed = connect()
    const error = await rejection(headObject(addressed.client, { bucket, key: 'absent' }))
    expect(error).toMatchObject({
      name: 'OssServiceError',
      code: 'NoSuchKey',
      operation: 'HeadObject',
      status: 404,
      requestId: oss.requests.at(-1)?.requestId,
      hostId: addressed.host,
      ec: '0026-00000001',
      fields: { Key: 'absent' },
    })
  })

  it('decodes NoSuchBucket', async () => {
    await using addressed = connect()
    const error = await rejection(headObject(addressed.client, { bucket: 'elsewhere', key: 'k' }))
    expect(error).toMatchObject({
      code: 'NoSuchBucket',
      fields: { BucketName: 'elsewhere' },
      hint: expect.stringContaining('check the bucket name'),
    })
  })
})

describe('putObject with a malformed answer', () => {
  const put = (headers: Record<string, string>) =>
    putObject(
      answeredClient(() => reply(200, null, headers)),
      { bucket, key: 'k', body: bytes },
    )

  it('without CRC-64, version and request id leaves them out', async () => {
    expect(await put({ etag: '"E"' })).toEqual({ etag: 'E' })
  })

  it.each([
    ['without an ETag', {}, 'PutObject answered 200 without an ETag'],
    [
      'with a CRC-64 that is no number',
      { etag: '"E"', 'x-oss-hash-crc64ecma': 'abc' },
      'PutObject answered with an x-oss-hash-crc64ecma that is no number',
    ],
  ] as [string, Record<string, string>, string][])('%s fails', async (_, headers, message) => {
    expect(await rejection(put(headers))).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'PutObject',
      message,
    })
  })
})

describe('headObject with a malformed answer', () => {
  const head = (headers: Record<string, string>) =>
    headObject(
      answeredClient(() => reply(200, null, headers)),
      { bucket, key: 'k' },
    )

  it.each([
    ['0', 0],
    ['1', 1],
    ['999999999999999', 999_999_999_999_999],
  ])('reads the size %s', async (length, size) => {
    const { headers, ...result } = await head({ etag: '"E"', 'content-length': length })
    expect(result).toEqual({ size, etag: 'E' })
    expect(headers['content-length']).toBe(length)
  })

  it.each([undefined, '', '-1', '1.5', '0x10', '1, 1', '1000000000000000'])(
    'fails when Content-Length is %j',
    async (length) => {
      const headers = { etag: '"E"', ...(length !== undefined && { 'content-length': length }) }
      expect(await rejection(head(headers))).toMatchObject({
        code: 'ERR_OSS_MALFORMED_RESPONSE',
        operation: 'HeadObject',
        message: 'HeadObject answered without a Content-Length',
      })
    },
  )

  it.each([
    [{ 'content-length': '1' }, 'HeadObject answered 200 without an ETag'],
    [
      { 'content-length': '1', etag: '"E"', 'x-oss-hash-crc64ecma': '-1' },
      'HeadObject answered with an x-oss-hash-crc64ecma that is no number',
    ],
  ] as [Record<string, string>, string][])('fails with %j', async (headers, message) => {
    expect(await rejection(head(headers))).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      message,
    })
  })
})
