import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listMultipartUploads, listParts } from '../../src/oss/listings.js'
import {
  abortMultipartUpload,
  completeMultipartUpload,
  initiateMultipartUpload,
  uploadPart,
} from '../../src/oss/multipart.js'
import { combineCrc64, crc64 } from '../../src/primitives/crc64.js'
import { OssServiceError } from '../../src/primitives/errors.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import {
  type AddressedClient,
  addressedClient,
  answeredClient,
  rejection,
  reply,
  styles,
} from '../support/oss-clients.js'

const time = new Date('2026-01-02T03:04:05Z')
const bucket = 'examplebucket'
const uploadId = '0004B9894A22E5B1888A1E29F8236E2D'
const target = { bucket, key: 'k', uploadId }

const signed = {
  'x-oss-date': '20260102T030405Z',
  'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
  Authorization: expect.stringMatching(
    /^OSS4-HMAC-SHA256 Credential=test-access-key-id\/20260102\/cn-hangzhou\/oss\/aliyun_v4_request,Signature=[0-9a-f]{64}$/,
  ),
  connection: 'keep-alive',
}

let oss: FakeOss
beforeAll(async () => {
  oss = await startFakeOss({ now: () => time, versioning: true })
})
beforeEach(() => {
  oss.setFault()
  oss.state.buckets.get(bucket)?.uploads.clear()
})
afterAll(() => oss.close())

/** The latest request as it came; a header that is there twice is a failure. */
function lastRequest() {
  const { method, target: line, rawHeaders } = oss.requests.at(-1)!
  const headers = Object.fromEntries(rawHeaders)
  expect(Object.keys(headers)).toHaveLength(rawHeaders.length)
  return { method, target: line, headers }
}

const md5Of = (bytes: Uint8Array, encoding: 'hex' | 'base64' = 'hex') =>
  createHash('md5').update(bytes).digest(encoding)
const etagOf = (bytes: Uint8Array) => md5Of(bytes).toUpperCase()

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

describe.each(styles)('the operations in %s', (style) => {
  const key = 'dir/a +b'
  const encodedKey = 'dir/a%20%2Bb'
  const connect = () => addressedClient(oss, style, { now: () => time })
  const initiate = async ({ client }: AddressedClient) =>
    (await initiateMultipartUpload(client, { bucket, key })).uploadId

  it('initiateMultipartUpload sends one POST without a body', async () => {
    await using addressed = connect()
    const { client, prefix, host } = addressed
    const contentType = 'video/mp4'
    const headers = { 'Content-Type': contentType }
    const result = await initiateMultipartUpload(client, { bucket, key, headers })
    expect(lastRequest()).toEqual({
      method: 'POST',
      target: `${prefix}${encodedKey}?encoding-type=url&uploads`,
      headers: { host, ...signed, 'content-type': contentType, 'content-length': '0' },
    })
    expect(oss.uploads(bucket)).toMatchObject([
      { key, uploadId: result.uploadId, headers: { 'content-type': contentType } },
    ])
    expect(Object.keys(result)).toEqual(['uploadId'])
  })

  it('initiateMultipartUpload asks for parts in order by a bare name in the query', async () => {
    await using addressed = connect()
    await initiateMultipartUpload(addressed.client, { bucket, key, sequential: true })
    expect(lastRequest().target).toBe(
      `${addressed.prefix}${encodedKey}?encoding-type=url&sequential&uploads`,
    )
    await initiateMultipartUpload(addressed.client, { bucket, key, sequential: false })
    expect(lastRequest().target).toBe(`${addressed.prefix}${encodedKey}?encoding-type=url&uploads`)
  })

  it('uploadPart sends its limit and who pays, and refuses a limit that OSS does not know', async () => {
    await using addressed = connect()
    const part = { bucket, key, uploadId: await initiate(addressed), partNumber: 1 }
    const body = Buffer.from('x')
    const given = { ...part, body, trafficLimit: 838_860_800, requestPayer: 'requester' } as const
    await uploadPart(addressed.client, given)
    expect(lastRequest().headers).toEqual({
      ...{ host: addressed.host, ...signed, 'content-length': '1' },
      'x-oss-traffic-limit': '838860800',
      'x-oss-request-payer': 'requester',
    })
    const before = oss.requests.length
    const tooFast = uploadPart(addressed.client, { ...part, body, trafficLimit: 838_860_801 })
    expect(await rejection(tooFast)).toBeInstanceOf(RangeError)
    expect(oss.requests).toHaveLength(before)
  })

  it('uploadPart sends one PUT with the bytes, and decodes ETag and CRC-64', async () => {
    await using addressed = connect()
    const { client, prefix, host } = addressed
    const id = await initiate(addressed)
    const body = Buffer.from('part of something')
    const result = await uploadPart(client, { bucket, key, uploadId: id, partNumber: 7, body })
    expect(lastRequest()).toEqual({
      method: 'PUT',
      target: `${prefix}${encodedKey}?partNumber=7&uploadId=${id}`,
      headers: { host, ...signed, 'content-length': '17' },
    })
    expect(result).toEqual({
      etag: etagOf(body),
      crc64: String(crc64(body)),
      requestId: oss.requests.at(-1)?.requestId,
    })
    expect(oss.uploads(bucket)[0]?.parts.get(7)?.body.read()).toEqual(body)
  })

  it('uploadPart sends Content-MD5, which is signed and checked', async () => {
    await using addressed = connect()
    const part = { bucket, key, uploadId: await initiate(addressed), partNumber: 1 }
    const body = Buffer.from('x')
    await uploadPart(addressed.client, { ...part, body, contentMd5: md5Of(body, 'base64') })
    expect(lastRequest().headers).toEqual({
      host: addressed.host,
      ...signed,
      'content-md5': md5Of(body, 'base64'),
      'content-length': '1',
    })
    const wrong = uploadPart(addressed.client, {
      ...part,
      body,
      contentMd5: md5Of(Buffer.from('y'), 'base64'),
    })
    expect(await rejection(wrong)).toMatchObject({ code: 'InvalidDigest', status: 400 })
  })

  it('listParts sends one GET', async () => {
    await using addressed = connect()
    const id = await initiate(addressed)
    const body = Buffer.from('listed')
    await uploadPart(addressed.client, { bucket, key, uploadId: id, partNumber: 3, body })
    const parts = await collect(listParts(addressed.client, { bucket, key, uploadId: id }))
    expect(lastRequest()).toEqual({
      method: 'GET',
      target: `${addressed.prefix}${encodedKey}?encoding-type=url&max-parts=1000&uploadId=${id}`,
      headers: { host: addressed.host, ...signed },
    })
    expect(parts).toEqual([
      {
        partNumber: 3,
        size: 6,
        etag: etagOf(body),
        crc64: String(crc64(body)),
        lastModified: time,
      },
    ])
  })

  it('completeMultipartUpload sends one POST with the list, and decodes the answer', async () => {
    await using addressed = connect()
    const { client, prefix, host } = addressed
    const id = await initiate(addressed)
    const bodies = [Buffer.alloc(100 * 1024, 'a'), Buffer.from('tail')] as const
    const parts = []
    for (const [index, body] of bodies.entries()) {
      const partNumber = 2 + index * 3
      const { etag } = await uploadPart(client, { bucket, key, uploadId: id, partNumber, body })
      parts.push({ partNumber, etag })
    }
    const result = await completeMultipartUpload(client, { bucket, key, uploadId: id, parts })
    const list = `<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>"${etagOf(bodies[0])}"</ETag></Part><Part><PartNumber>5</PartNumber><ETag>"${etagOf(bodies[1])}"</ETag></Part></CompleteMultipartUpload>`
    expect(lastRequest()).toEqual({
      method: 'POST',
      target: `${prefix}${encodedKey}?encoding-type=url&uploadId=${id}`,
      headers: {
        host,
        ...signed,
        'content-type': 'application/xml',
        'content-length': String(list.length),
      },
    })
    expect(oss.requests.at(-1)?.body?.toString()).toBe(list)
    const object = oss.object(bucket, key)
    expect(object?.read()).toEqual(Buffer.concat(bodies))
    expect(result).toEqual({
      etag: object?.etag.replaceAll('"', ''),
      crc64: String(combineCrc64(crc64(bodies[0]), crc64(bodies[1]), 4)),
      location: `http://examplebucket.oss-cn-hangzhou.aliyuncs.com/${encodedKey}`,
      versionId: object?.versionId,
      requestId: oss.requests.at(-1)?.requestId,
    })
    expect(result.etag).toMatch(/-2$/)
  })

  it('abortMultipartUpload sends one DELETE, and resolves with nothing', async () => {
    await using addressed = connect()
    const id = await initiate(addressed)
    const result = await abortMultipartUpload(addressed.client, { bucket, key, uploadId: id })
    expect(lastRequest()).toEqual({
      method: 'DELETE',
      target: `${addressed.prefix}${encodedKey}?uploadId=${id}`,
      headers: { host: addressed.host, ...signed },
    })
    expect(result).toBeUndefined()
    expect(oss.uploads(bucket)).toEqual([])
  })

  it('listMultipartUploads sends one GET to the bucket', async () => {
    await using addressed = connect()
    const id = await initiate(addressed)
    const uploads = await collect(listMultipartUploads(addressed.client, { bucket }))
    expect(lastRequest()).toEqual({
      method: 'GET',
      target: `${addressed.prefix}?encoding-type=url&max-uploads=1000&uploads`,
      headers: { host: addressed.host, ...signed },
    })
    expect(uploads).toEqual([{ key, uploadId: id, initiated: time, storageClass: 'Standard' }])
  })

  it('decodes what OSS refuses', async () => {
    await using addressed = connect()
    const { client, host } = addressed
    const operations: [string, () => Promise<unknown>][] = [
      [
        'UploadPart',
        () => uploadPart(client, { ...target, partNumber: 1, body: Buffer.from('x') }),
      ],
      ['ListParts', () => collect(listParts(client, target))],
      [
        'CompleteMultipartUpload',
        () => completeMultipartUpload(client, { ...target, parts: [{ partNumber: 1, etag: 'E' }] }),
      ],
      ['AbortMultipartUpload', () => abortMultipartUpload(client, target)],
    ]
    for (const [operation, run] of operations) {
      const error = await rejection(run())
      expect(error).toMatchObject({
        name: 'OssServiceError',
        code: 'NoSuchUpload',
        operation,
        status: 404,
        requestId: expect.stringMatching(/^[0-9A-F]{24}$/),
        hostId: host,
        ec: '0042-00000002',
        fields: { UploadId: uploadId },
      })
      expect(error.message).toMatch(new RegExp(`^${operation} failed: The specified upload does`))
    }
  })

  it('keeps every field of a refusal that is about one part', async () => {
    await using addressed = connect()
    const id = await initiate(addressed)
    const part = { bucket, key, uploadId: id }
    await uploadPart(addressed.client, { ...part, partNumber: 1, body: Buffer.from('x') })
    const parts = [{ partNumber: 1, etag: 'WRONG' }]
    const error = await rejection(completeMultipartUpload(addressed.client, { ...part, parts }))
    expect(error).toMatchObject({
      code: 'InvalidPart',
      status: 400,
      ec: '0042-00000204',
      fields: { ETag: '"WRONG"', PartNumber: '1', UploadId: id },
    })
  })
})

describe('a success without the promised document', () => {
  const operations: [string, (answer: () => Response) => Promise<unknown>][] = [
    [
      'InitiateMultipartUpload',
      (answer) => initiateMultipartUpload(answeredClient(answer), { bucket, key: 'k' }),
    ],
    ['ListParts', (answer) => collect(listParts(answeredClient(answer), target))],
    [
      'CompleteMultipartUpload',
      (answer) =>
        completeMultipartUpload(answeredClient(answer), {
          ...target,
          parts: [{ partNumber: 1, etag: 'E' }],
        }),
    ],
    [
      'ListMultipartUploads',
      (answer) => collect(listMultipartUploads(answeredClient(answer), { bucket })),
    ],
  ]
  const documents: [string, string][] = [
    ['is empty', ''],
    ['is HTML', '<!DOCTYPE html><html><body>Sign in to the network</body></html>'],
    ['is JSON', '{"Status":"OK"}'],
    ['has another root', '<OtherResult><Bucket>b</Bucket></OtherResult>'],
    ['lacks its elements', '<$Result><Bucket>b</Bucket></$Result>'],
    ['is cut off', '<$Result><Bucket>b</Bucket><Key>k</Key><UploadId>U'],
    ['is not UTF-8', '<$Result><Bucket>\xff</Bucket></$Result>'],
  ]

  it.each(
    operations.flatMap(([operation, run]) =>
      documents.map(([what, document]) => [operation, what, run, document] as const),
    ),
  )('%s fails when the body %s', async (operation, _, run, document) => {
    const bytes = Buffer.from(document.replaceAll('$', operation), 'latin1')
    const error = await rejection(run(() => new Response(new Uint8Array(bytes), { status: 200 })))
    expect(error).toMatchObject({ code: 'ERR_OSS_MALFORMED_RESPONSE', operation })
    expect(error.message).toMatch(new RegExp(`^${operation} failed: malformed answer: expected`))
    expect(error).not.toBeInstanceOf(OssServiceError)
  })

  it.each(operations)('%s takes an error document for the error it is', async (operation, run) => {
    const document =
      '<Error><Code>InternalError</Code><Message>We failed.</Message><RequestId>R</RequestId><EC>0001-00000001</EC></Error>'
    const error = await rejection(run(() => reply(200, document)))
    expect(error).toBeInstanceOf(OssServiceError)
    expect(error).toMatchObject({
      code: 'InternalError',
      operation,
      status: 200,
      requestId: 'R',
      ec: '0001-00000001',
      message: `${operation} failed: We failed. (InternalError, status 200, request id R, EC 0001-00000001)`,
    })
  })

  it.each(operations)(
    '%s takes an error without a code for an error too',
    async (operation, run) => {
      const error = await rejection(run(() => reply(200, '<Error><Message>?</Message></Error>')))
      expect(error).toMatchObject({ name: 'OssServiceError', code: 'HttpStatus200', operation })
    },
  )
})

describe('uploadPart', () => {
  const put = (headers: Record<string, string>) =>
    uploadPart(
      answeredClient(() => reply(200, null, headers)),
      { ...target, partNumber: 1, body: Buffer.from('x') },
    )

  it.each([
    [{ etag: '"E"' }, { etag: 'E' }],
    [
      { etag: '"e"', 'x-oss-hash-crc64ecma': '18446744073709551615', 'x-oss-request-id': 'R' },
      { etag: 'e', crc64: '18446744073709551615', requestId: 'R' },
    ],
  ] as [Record<string, string>, object][])('decodes %j', async (headers, result) => {
    expect(await put(headers)).toStrictEqual(result)
  })

  it.each([
    [{}, 'UploadPart answered 200 without an ETag'],
    [{ 'x-oss-hash-crc64ecma': '1' }, 'UploadPart answered 200 without an ETag'],
    [
      { etag: '"E"', 'x-oss-hash-crc64ecma': '18446744073709551616' },
      'UploadPart answered with an x-oss-hash-crc64ecma that is no number',
    ],
  ] as [Record<string, string>, string][])('refuses the answer %j', async (headers, message) => {
    expect(await rejection(put(headers))).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'UploadPart',
      message,
    })
  })

  const never = answeredClient(() => {
    throw new Error('no request was expected')
  })

  it.each([0, -1, 10_001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1' as never])(
    'refuses the part number %s before any request',
    async (partNumber) => {
      const error = await rejection(
        uploadPart(never, { ...target, partNumber, body: Buffer.from('x') }),
      )
      expect(error).toEqual(new RangeError(`partNumber must be 1..10000, not ${partNumber}`))
    },
  )

  it.each([1, 2, 9_999, 10_000])('accepts the part number %i', async (partNumber) => {
    let url = ''
    const client = answeredClient((request) => {
      url = request.url
      return reply(200, null, { etag: '"E"' })
    })
    await uploadPart(client, { ...target, partNumber, body: Buffer.from('x') })
    expect(new URL(url).searchParams.get('partNumber')).toBe(String(partNumber))
  })

  it.each(['', undefined as never])(
    'and its siblings refuse the upload id %j: the request would be one for the object itself',
    async (id) => {
      const nowhere = { ...target, uploadId: id }
      const body = Buffer.from('x')
      const parts = [{ partNumber: 1, etag: 'E' }]
      const attempts = [
        () => uploadPart(never, { ...nowhere, partNumber: 1, body }),
        () => collect(listParts(never, nowhere)),
        () => completeMultipartUpload(never, { ...nowhere, parts }),
        () => abortMultipartUpload(never, nowhere),
      ]
      for (const attempt of attempts) {
        expect(await rejection(attempt())).toEqual(
          new TypeError('uploadId must be a non-empty string'),
        )
      }
    },
  )
})

describe('completeMultipartUpload', () => {
  const document = (inner: string) =>
    `<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>${inner}</CompleteMultipartUploadResult>`
  const complete = (body: string, headers: Record<string, string> = {}) =>
    completeMultipartUpload(
      answeredClient(() => reply(200, body, headers)),
      { ...target, parts: [{ partNumber: 1, etag: 'E' }] },
    )

  it('sends a callback, and gives the reply of its server with the ETag of the headers', async () => {
    const seen: Headers[] = []
    const client = answeredClient((request) => {
      seen.push(request.headers)
      return reply(200, '{"ok":true}', { etag: '"E-1"', 'x-oss-hash-crc64ecma': '7' })
    })
    const callback = { url: 'https://example.com', body: 'x' }
    const parts = [{ partNumber: 1, etag: 'E' }]
    expect(await completeMultipartUpload(client, { ...target, parts, callback })).toStrictEqual({
      ...{ etag: 'E-1', crc64: '7' },
      callback: { status: 200, body: '{"ok":true}', json: { ok: true } },
    })
    const [headers] = seen
    expect(
      JSON.parse(Buffer.from(headers?.get('x-oss-callback') ?? '', 'base64').toString()),
    ).toEqual({
      ...{ callbackUrl: 'https://example.com', callbackBody: 'x' },
    })
    expect(headers?.has('x-oss-callback-var')).toBe(false)
  })

  it('leaves out what the answer does not tell', async () => {
    expect(await complete(document('<ETag>"E-1"</ETag>'))).toStrictEqual({ etag: 'E-1' })
  })

  it('refuses an answer without an ETag', async () => {
    expect(await rejection(complete(document('')))).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'CompleteMultipartUpload',
    })
  })

  it('refuses a CRC-64 that is no number', async () => {
    const headers = { 'x-oss-hash-crc64ecma': 'x' }
    expect(await rejection(complete(document('<ETag>"E-1"</ETag>'), headers))).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      message: 'CompleteMultipartUpload answered with an x-oss-hash-crc64ecma that is no number',
    })
  })

  it.each([
    ['no part', []],
    ['parts out of order', [2, 1]],
    ['a part twice', [1, 1]],
    ['the part 0', [0]],
    ['the part 10,001', [10_001]],
  ])('refuses %s before any request', async (_, numbers) => {
    let asked = 0
    const client = answeredClient(() => {
      asked++
      return reply(200)
    })
    const parts = numbers.map((partNumber) => ({ partNumber, etag: 'E' }))
    const error = await rejection(completeMultipartUpload(client, { ...target, parts }))
    expect(error).toBeInstanceOf(RangeError)
    expect(asked).toBe(0)
  })
})

describe('abortMultipartUpload', () => {
  it.each([200, 204])('takes %i for done, whatever the body', async (status) => {
    const client = answeredClient(() => reply(status, status === 204 ? null : '<html/>'))
    await expect(abortMultipartUpload(client, target)).resolves.toBeUndefined()
  })

  it('fails with 203 as with any other error', async () => {
    const client = answeredClient(() => reply(203))
    expect(await rejection(abortMultipartUpload(client, target))).toMatchObject({ status: 203 })
  })
})
