import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Crc64, type FakeOss, type FakeOssOptions, startFakeOss } from './fake-oss/index.js'
import { type RawRequest, type RawResponse, send, xmlText } from './raw-client.js'

const now = new Date('2026-01-02T03:04:05.678Z')
const crcOf = (bytes: Buffer) => String(new Crc64().update(bytes).value)
const md5Of = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex').toUpperCase()
const partBytes = (fill: number, size = 102_400) => Buffer.alloc(size, fill)

let fake: FakeOss
const restart = async (options: FakeOssOptions = {}) => {
  await fake?.close()
  fake = await startFakeOss({ now: () => now, ...options })
}
beforeEach(() => restart())
afterEach(() => fake.close())

const call = (method: string, target: string, more: Partial<RawRequest> = {}) =>
  send(fake.endpoint, { method, target: `/examplebucket/${target}`, time: now, ...more })
const initiate = async (key = 'k', more: Partial<RawRequest> = {}, query = '') =>
  xmlText((await call('POST', `${key}?uploads${query}`, more)).text, 'UploadId')
const put = (id: string, number: number, body: Buffer, more: Partial<RawRequest> = {}) =>
  call('PUT', `k?partNumber=${number}&uploadId=${id}`, { body, ...more })
const listOf = (...parts: [number, string | undefined][]) =>
  `<?xml version="1.0"?><CompleteMultipartUpload>${parts
    .map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`)
    .join('')}</CompleteMultipartUpload>`
const complete = (id: string, body: string, more: Partial<RawRequest> = {}) =>
  call('POST', `k?uploadId=${id}`, { body, ...more })
const errorOf = ({ status, text }: RawResponse) => [status, xmlText(text, 'Code')]

/** An upload of two parts that only needs completing. */
async function twoParts(more: Partial<RawRequest> = {}) {
  const id = await initiate('k', more)
  const first = await put(id, 1, partBytes(1))
  const last = await put(id, 3, partBytes(2, 5))
  return { id, list: listOf([1, first.headers.etag], [3, last.headers.etag]) }
}

describe('every answer', () => {
  it('carries the headers of OSS', async () => {
    const { headers } = await call('GET', 'absent')
    expect(headers).toMatchObject({
      server: 'AliyunOSS',
      date: now.toUTCString(),
      'x-oss-request-id': expect.stringMatching(/^[0-9A-F]{24}$/),
    })
  })

  it('describes errors in XML without a namespace', async () => {
    const { status, headers, text } = await call('GET', 'absent')
    expect(status).toBe(404)
    expect(text).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error>/)
    expect(xmlText(text, 'Code')).toBe('NoSuchKey')
    expect(xmlText(text, 'RequestId')).toBe(headers['x-oss-request-id'])
    expect(xmlText(text, 'HostId')).toBe(new URL(fake.endpoint).host)
    const ec = xmlText(text, 'EC')
    expect(ec).toMatch(/^\d{4}-\d{8}$/)
    expect(xmlText(text, 'RecommendDoc')).toBe(`https://api.aliyun.com/troubleshoot?q=${ec}`)
  })

  it('has no body for HEAD but the document in x-oss-err', async () => {
    const { status, headers, text } = await call('HEAD', 'absent')
    expect([status, text]).toEqual([404, ''])
    const document = Buffer.from(String(headers['x-oss-err']), 'base64').toString()
    expect(xmlText(document, 'Code')).toBe('NoSuchKey')
    expect(headers['x-oss-ec']).toBe(xmlText(document, 'EC'))
  })
})

describe('addressing', () => {
  it('reads the bucket from the host or from the path, request by request', async () => {
    fake.put('examplebucket', 'a/../b c', Buffer.from('x'))
    const host = 'examplebucket.oss-cn-hangzhou.aliyuncs.com'
    const virtual = { target: '/a/../b%20c', headers: { host }, time: now }
    const addressed = { bucket: 'examplebucket', key: 'a/../b c' }
    expect((await send(fake.endpoint, { ...virtual, ...addressed })).text).toBe('x')
    expect((await call('GET', 'a%2F..%2Fb%20c')).text).toBe('x')
    expect(fake.requests.map(({ key }) => key)).toEqual(['a/../b c', 'a/../b c'])
  })

  it('names the bucket that does not exist', async () => {
    const answer = await send(fake.endpoint, { target: '/other/k', time: now })
    expect(errorOf(answer)).toEqual([404, 'NoSuchBucket'])
    expect(xmlText(answer.text, 'BucketName')).toBe('other')
  })

  it('serves custom domains', async () => {
    await restart({ cnames: { 'files.example.com': 'examplebucket' } })
    fake.put('examplebucket', 'k', Buffer.from('x'))
    const headers = { host: 'files.example.com' }
    const request = { target: '/k', headers, bucket: 'examplebucket', key: 'k', time: now }
    expect((await send(fake.endpoint, request)).text).toBe('x')
  })

  it('does not know other operations and refuses impossible names', async () => {
    expect(errorOf(await call('DELETE', 'k'))).toEqual([501, 'NotImplemented'])
    const absolute = await call('PUT', '%2Fk', { key: '/k', body: 'x' })
    expect(errorOf(absolute)).toEqual([400, 'InvalidObjectName'])
  })
})

describe('authorization', () => {
  it('refuses a signature that does not match, and what is denied', async () => {
    const wrong = await call('GET', 'k', { accessKeySecret: 'wrong' })
    expect(errorOf(wrong)).toEqual([403, 'SignatureDoesNotMatch'])
    expect(xmlText(wrong.text, 'CanonicalRequest')).toContain('/examplebucket/k\n')
    fake.setDenied(['ListParts', 'HeadObject'])
    expect(errorOf(await call('GET', 'k?uploadId=x'))).toEqual([403, 'AccessDenied'])
    expect((await call('HEAD', 'k')).status).toBe(403)
    fake.setDenied([])
    expect((await call('HEAD', 'k')).status).toBe(404)
  })
})

describe('UploadPart', () => {
  it('answers with MD5 and CRC-64 of what arrived', async () => {
    const id = await initiate()
    const bytes = partBytes(7)
    const { status, headers } = await put(id, 2, bytes)
    expect(status).toBe(200)
    expect(headers.etag).toBe(`"${md5Of(bytes)}"`)
    expect(headers['x-oss-hash-crc64ecma']).toBe(crcOf(bytes))
    expect(fake.acknowledged).toMatchObject([{ uploadId: id, partNumber: 2, size: 102_400 }])
    await put(id, 2, partBytes(8))
    expect(fake.uploads('examplebucket')[0]?.parts.get(2)).toMatchObject({
      attempts: 2,
      md5: md5Of(partBytes(8)),
    })
  })

  it('refuses what OSS refuses', async () => {
    const id = await initiate()
    const chunked = await put(id, 1, partBytes(1), { chunked: true })
    expect(errorOf(chunked)).toEqual([411, 'MissingContentLength'])
    for (const number of [0, 10_001]) {
      expect(errorOf(await put(id, number, partBytes(1)))).toEqual([400, 'InvalidArgument'])
    }
    expect((await put(id, 10_000, partBytes(1))).status).toBe(200)
    const headers = { 'content-md5': Buffer.alloc(16).toString('base64') }
    expect(errorOf(await put(id, 1, partBytes(1), { headers }))).toEqual([400, 'InvalidDigest'])
    const right = createHash('md5').update(partBytes(1)).digest('base64')
    const good = await put(id, 1, partBytes(1), { headers: { 'content-md5': right } })
    expect(good.status).toBe(200)
    const unknown = await put('none', 1, partBytes(1))
    expect(errorOf(unknown)).toEqual([404, 'NoSuchUpload'])
    expect(xmlText(unknown.text, 'EC')).toBe('0042-00000002')
    for (const [limit, status] of [
      ['819199', 400],
      ['819200', 200],
      ['838860800', 200],
      ['838860801', 400],
    ] as const) {
      const limited = await put(id, 1, partBytes(1), { headers: { 'x-oss-traffic-limit': limit } })
      expect(limited.status).toBe(status)
    }
  })

  it('keeps the order of a sequential upload', async () => {
    const id = await initiate('k', {}, '&sequential')
    expect(fake.uploads('examplebucket')[0]?.sequential).toBe(true)
    expect(errorOf(await put(id, 2, partBytes(2)))).toEqual([400, 'PartNotSequential'])
    expect((await put(id, 1, partBytes(1))).status).toBe(200)
    const again = await put(id, 1, partBytes(1))
    expect(errorOf(again)).toEqual([409, 'PartAlreadyExist'])
    expect(xmlText(again.text, 'EC')).toBe('0042-00000108')
    expect((await put(id, 2, partBytes(2))).status).toBe(200)
  })
})

describe('CompleteMultipartUpload', () => {
  it('joins the parts, gaps allowed, and forgets the upload', async () => {
    const headers = { 'content-type': 'text/plain', 'x-oss-meta-a': '1', 'x-oss-tagging': 'a=b' }
    const { id, list } = await twoParts({ headers })
    const whole = Buffer.concat([partBytes(1), partBytes(2, 5)])
    const acl = { 'x-oss-object-acl': 'private' }
    const answer = await complete(id, list, { headers: acl })
    expect(answer.status).toBe(200)
    expect(answer.headers['x-oss-hash-crc64ecma']).toBe(crcOf(whole))
    expect(answer.headers.etag).toMatch(/^"[0-9A-F]{32}-2"$/)
    expect(xmlText(answer.text, 'ETag')).toBe(answer.headers.etag)
    expect(xmlText(answer.text, 'Location')).toBe(
      'http://examplebucket.oss-cn-hangzhou.aliyuncs.com/k',
    )
    expect(fake.completed).toEqual([{ bucket: 'examplebucket', key: 'k', uploadId: id }])
    const object = fake.object('examplebucket', 'k')
    expect(await object?.read()).toEqual(whole)
    expect(object).toMatchObject({
      size: whole.length,
      md5: md5Of(whole),
      type: 'Multipart',
      parts: 2,
      acl: 'private',
      tagging: 'a=b',
      completedUploadId: id,
    })
    const head = await call('HEAD', 'k')
    expect(head.headers).toMatchObject({
      'content-length': String(whole.length),
      'content-type': 'text/plain',
      'x-oss-meta-a': '1',
      'x-oss-object-type': 'Multipart',
      'x-oss-hash-crc64ecma': crcOf(whole),
      'last-modified': now.toUTCString(),
      etag: answer.headers.etag,
    })
    expect(errorOf(await complete(id, list))).toEqual([404, 'NoSuchUpload'])
  })

  it('refuses bad lists', async () => {
    const { id } = await twoParts()
    const etag = (number: number) => fake.uploads('examplebucket')[0]?.parts.get(number)?.etag
    for (const body of ['', '<a/>', listOf(), listOf([1, 'x']).replace('</Part>', '')]) {
      expect(errorOf(await complete(id, body))).toEqual([400, 'MalformedXML'])
    }
    const order = await complete(id, listOf([3, etag(3)], [1, etag(1)]))
    expect(errorOf(order)).toEqual([400, 'InvalidPartOrder'])
    const wrong = await complete(id, listOf([1, etag(3)]))
    expect(errorOf(wrong)).toEqual([400, 'InvalidPart'])
    expect(xmlText(wrong.text, 'PartNumber')).toBe('1')
    expect(xmlText(wrong.text, 'ETag')).toBe(etag(3))
    expect(xmlText(wrong.text, 'UploadId')).toBe(id)
    expect(errorOf(await complete(id, listOf([2, etag(1)])))).toEqual([400, 'InvalidPart'])
    await put(id, 4, partBytes(4))
    const small = await complete(id, listOf([3, etag(3)], [4, etag(4)]))
    expect(errorOf(small)).toEqual([400, 'EntityTooSmall'])
    expect(fake.uploads('examplebucket')).toHaveLength(1)
  })

  it('takes every part with x-oss-complete-all, but no list beside it', async () => {
    const { id, list } = await twoParts()
    const headers = { 'x-oss-complete-all': 'yes' }
    expect(errorOf(await complete(id, list, { headers }))).toEqual([400, 'InvalidArgument'])
    expect((await complete(id, '', { headers })).status).toBe(200)
    expect(fake.object('examplebucket', 'k')?.parts).toBe(2)
  })

  it('does not overwrite where that is forbidden, unless there are versions', async () => {
    const headers = { 'x-oss-forbid-overwrite': 'true' }
    const { id, list } = await twoParts({ headers })
    fake.put('examplebucket', 'k', Buffer.from('old'))
    const answer = await complete(id, list, { headers })
    expect(errorOf(answer)).toEqual([409, 'FileAlreadyExists'])
    expect(xmlText(answer.text, 'EC')).toBe('0042-00000214')
    expect(errorOf(await call('POST', 'k?uploads', { headers }))).toEqual([
      409,
      'FileAlreadyExists',
    ])
    await restart({ versioning: true })
    fake.put('examplebucket', 'k', Buffer.from('old'))
    const { status } = await call('PUT', 'k', { headers, body: 'new' })
    expect(status).toBe(200)
    expect((await call('HEAD', 'k')).headers['x-oss-version-id']).toMatch(/^[0-9A-F]{32}$/)
  })
})

describe('AbortMultipartUpload', () => {
  it('forgets the upload once', async () => {
    const { id } = await twoParts()
    expect((await call('DELETE', `k?uploadId=${id}`)).status).toBe(204)
    expect(errorOf(await call('DELETE', `k?uploadId=${id}`))).toEqual([404, 'NoSuchUpload'])
    expect(fake.uploads('examplebucket')).toEqual([])
  })
})
