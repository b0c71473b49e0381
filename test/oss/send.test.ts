import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { requestBody } from '../../src/oss/body.js'
import { OssClient, type OssClientOptions } from '../../src/oss/client.js'
import type { OperationRequest } from '../../src/oss/send.js'
import { OssError, OssServiceError } from '../../src/primitives/errors.js'
import type {
  Transport,
  TransportRequest,
  TransportResponse,
} from '../../src/transport/transport.js'
import { startFakeOss } from '../support/fake-oss/index.js'
import {
  addressedClient,
  answeredClient,
  fakeCredentials,
  rejection,
  reply,
} from '../support/oss-clients.js'

const put: OperationRequest = {
  operation: 'PutObject',
  method: 'PUT',
  bucket: 'examplebucket',
  key: 'k',
}
const head: OperationRequest = { ...put, operation: 'HeadObject', method: 'HEAD' }

const errorDocument = `<?xml version="1.0" encoding="UTF-8"?>
<Error>
  <Code>NoSuchUpload</Code>
  <Message>The specified upload does not exist.</Message>
  <RequestId>5C3D9175B6FC201293AD4890</RequestId>
  <HostId>examplebucket.oss-cn-hangzhou.aliyuncs.com</HostId>
  <UploadId>0004B9894A22E5B1888A1E29F8236E2D</UploadId>
  <EC>0042-00000002</EC>
  <RecommendDoc>https://api.aliyun.com/troubleshoot?q=0042-00000002</RecommendDoc>
</Error>`

/** The seam below `send`: what the transport was asked, and a canned answer. */
function recorder(response: Partial<TransportResponse> = {}) {
  const requests: TransportRequest[] = []
  const transport: Transport = {
    async request(request) {
      requests.push(request)
      return { status: 200, headers: {}, body: new Uint8Array(), ...response }
    },
    close: async () => {},
  }
  const connection = {
    region: 'cn-hangzhou',
    endpoint: 'https://oss.example.com',
    retry: { attempts: 1 },
    credentials: fakeCredentials,
    transport,
    now: () => new Date('2026-01-02T03:04:05.678Z'),
  }
  return { requests, connection }
}

const send = (options: OssClientOptions, request: OperationRequest): Promise<TransportResponse> =>
  new OssClient(options).send(request)

describe('send: statuses', () => {
  it.each([200, 201, 202, 204, 205, 206, 299])('%i is a success', async (status) => {
    const response = await answeredClient(() => reply(status)).send(put)
    expect(response.status).toBe(status)
  })

  it.each([203, 300, 301, 302, 304, 307, 308, 400, 403, 404, 409, 412, 429, 500, 503, 599])(
    '%i is an error of the service, whatever its body',
    async (status) => {
      const error = await rejection(answeredClient(() => reply(status)).send(put))
      expect(error).toBeInstanceOf(OssServiceError)
      expect(error).toMatchObject({ code: `HttpStatus${status}`, status, operation: 'PutObject' })
    },
  )
})

describe('send: error answers', () => {
  it('decodes the document into message, code, request id, host id, EC, status and all other fields', async () => {
    const error = await rejection(answeredClient(() => reply(404, errorDocument)).send(put))
    expect(error).toBeInstanceOf(OssServiceError)
    expect(error.message).toBe(
      'PutObject failed: The specified upload does not exist. (NoSuchUpload, status 404, request id 5C3D9175B6FC201293AD4890, EC 0042-00000002)',
    )
    expect({ ...error }).toEqual({
      name: 'OssServiceError',
      code: 'NoSuchUpload',
      operation: 'PutObject',
      status: 404,
      requestId: '5C3D9175B6FC201293AD4890',
      hostId: 'examplebucket.oss-cn-hangzhou.aliyuncs.com',
      ec: '0042-00000002',
      hint: expect.any(String),
      fields: {
        UploadId: '0004B9894A22E5B1888A1E29F8236E2D',
        RecommendDoc: 'https://api.aliyun.com/troubleshoot?q=0042-00000002',
      },
      attempts: [
        {
          startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          durationMs: expect.any(Number),
          code: 'NoSuchUpload',
          status: 404,
          requestId: '5C3D9175B6FC201293AD4890',
          ec: '0042-00000002',
          verdict: 'fail',
        },
      ],
    })
  })

  it('reads a 203, by which OSS says that the callback failed, as the error it is', async () => {
    const document = errorDocument.replace('NoSuchUpload', 'CallbackFailed')
    const error = await rejection(answeredClient(() => reply(203, document)).send(put))
    expect(error).toMatchObject({ code: 'CallbackFailed', status: 203 })
  })

  it('gives a hint for the codes that have one', async () => {
    const document = errorDocument.replace('NoSuchUpload', 'NoSuchBucket')
    const error = await rejection(answeredClient(() => reply(404, document)).send(put))
    expect(error).toMatchObject({ hint: expect.stringContaining('check the bucket name') })
  })

  it('has no hint for a code that only looks like a property of every object', async () => {
    const document = errorDocument.replace('NoSuchUpload', 'constructor')
    const error = await rejection(answeredClient(() => reply(400, document)).send(put))
    expect(error).toMatchObject({ code: 'constructor' })
    expect(error).not.toHaveProperty('hint')
  })

  it.each([
    ['nothing', ''],
    ['HTML of a gateway', '<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>'],
    ['HTML that is well-formed', '<html><body>nginx</body></html>'],
    ['JSON', '{"error":"nope"}'],
    ['an Error without a Code', '<Error><Message>sentinel</Message></Error>'],
    ['an Error that is cut off', errorDocument.slice(0, 200)],
    ['an Error with a DOCTYPE', errorDocument.replace('<Error>', '<!DOCTYPE Error><Error>')],
    ['an Error above 256 KiB', errorDocument.replace('exist.', 'x'.repeat(256 * 1024))],
  ])('of %s still tells the status, and that it may not come from OSS', async (_, body) => {
    const error = await rejection(answeredClient(() => reply(502, body)).send(put))
    expect(error).toBeInstanceOf(OssServiceError)
    expect(error).toMatchObject({
      message:
        'PutObject failed: the answer has no OSS error document: it may come from a proxy or gateway, not from OSS (HttpStatus502, status 502)',
      code: 'HttpStatus502',
      status: 502,
      requestId: '',
      hostId: '',
      ec: '',
      fields: {},
      hint: /<html/.test(body)
        ? expect.stringContaining('captive portal')
        : 'OSS is busy or failing: run again later',
    })
  })

  it('takes request id and EC from the headers when the document does not tell', async () => {
    const headers = { 'x-oss-request-id': 'R1', 'x-oss-ec': '0001-00000001' }
    const error = await rejection(answeredClient(() => reply(500, '', headers)).send(put))
    expect(error).toMatchObject({
      message:
        'PutObject failed: the answer has no OSS error document (HttpStatus500, status 500, request id R1, EC 0001-00000001)',
      requestId: 'R1',
      ec: '0001-00000001',
    })
  })

  it('decodes the errors of HEAD from x-oss-err', async () => {
    const headers = { 'x-oss-err': Buffer.from(errorDocument).toString('base64') }
    const error = await rejection(answeredClient(() => reply(404, null, headers)).send(head))
    expect(error).toMatchObject({
      code: 'NoSuchUpload',
      operation: 'HeadObject',
      status: 404,
      requestId: '5C3D9175B6FC201293AD4890',
      hostId: 'examplebucket.oss-cn-hangzhou.aliyuncs.com',
      ec: '0042-00000002',
      fields: { UploadId: '0004B9894A22E5B1888A1E29F8236E2D' },
    })
  })

  it.each(['', '%%%', 'PGh0bWw+', Buffer.from('<Error>').toString('base64')])(
    'tells the status of a HEAD whose x-oss-err is %j',
    async (encoded) => {
      const headers = { 'x-oss-err': encoded, 'x-oss-ec': '0026-00000001' }
      const error = await rejection(answeredClient(() => reply(404, null, headers)).send(head))
      expect(error).toMatchObject({ code: 'HttpStatus404', status: 404, ec: '0026-00000001' })
    },
  )
})

describe('send: what is sent', () => {
  it('signs the path and query that it sends, once per request and with the client clock', async () => {
    const { requests, connection } = recorder()
    await send(connection, { ...put, key: 'a/../b +%', query: { uploads: '', b: '/ ', a: 'ü' } })
    expect(requests).toHaveLength(1)
    const { headers, ...rest } = requests[0] as TransportRequest
    expect(rest).toEqual({
      origin: 'https://examplebucket.oss.example.com',
      method: 'PUT',
      path: '/a/../b%20%2B%25?a=%C3%BC&b=%2F%20&uploads',
      body: undefined,
      signal: undefined,
      maxResponseBytes: 4 * 1024 * 1024,
      timeouts: { idleTimeout: 60_000, answerTimeout: 120_000 },
      onStall: expect.any(Function),
      cautious: false,
    })
    expect(headers).toEqual({
      'x-oss-date': '20260102T030405Z',
      'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
      Authorization: expect.stringMatching(
        /^OSS4-HMAC-SHA256 Credential=test-access-key-id\/20260102\/cn-hangzhou\/oss\/aliyun_v4_request,Signature=[0-9a-f]{64}$/,
      ),
    })
  })

  it('leaves out headers that are undefined, and keeps empty ones', async () => {
    const { requests, connection } = recorder()
    await send(connection, { ...put, headers: { 'content-type': undefined, 'x-oss-meta-a': '' } })
    expect(Object.keys(requests[0]?.headers ?? {}).sort()).toEqual([
      'Authorization',
      'x-oss-content-sha256',
      'x-oss-date',
      'x-oss-meta-a',
    ])
  })

  it('asks the provider of credentials for each request, and signs with what it gives', async () => {
    const { requests, connection } = recorder()
    let count = 0
    const credentials = () => ({ ...fakeCredentials, accessKeyId: `id-${++count}` })
    for (let request = 0; request < 3; request++) await send({ ...connection, credentials }, put)
    expect(
      requests.map(({ headers }) => /Credential=([^/]+)/.exec(headers['Authorization'] ?? '')?.[1]),
    ).toEqual(['id-1', 'id-2', 'id-3'])
  })

  it('sends and signs the STS token: OSS refuses the same request without it or with another', async () => {
    const securityToken = 'CAIS/token+with=signs'
    await using oss = await startFakeOss({ credentials: [{ ...fakeCredentials, securityToken }] })
    const tokens = [securityToken, undefined, 'another']
    const codes: unknown[] = []
    for (const token of tokens) {
      await using addressed = addressedClient(oss, 'path style', {
        credentials: { ...fakeCredentials, securityToken: token },
      })
      codes.push(
        await addressed.client.send({ ...put, body: requestBody(Buffer.from('x')) }).then(
          ({ status }) => status,
          ({ status }) => status,
        ),
      )
    }
    expect(codes).toEqual([200, 403, 403])
    expect(oss.requests.map(({ headers }) => headers['x-oss-security-token'])).toEqual([
      'CAIS/token+with=signs',
      undefined,
      'another',
    ])
  })
})

describe('send: refusals before any request', () => {
  it.each([
    ['a bucket outside the rules', { bucket: 'Bad_Bucket' }, 'bucket must be 3..63'],
    ['a key outside the rules', { key: '/a' }, 'key must not start with'],
    ['an empty key', { key: '' }, 'key must be a non-empty string'],
    [
      'a key that is undefined: the request would go to the bucket, and DELETE delete it',
      { key: undefined as never },
      'key must be a non-empty string',
    ],
    [
      'a line break in a header',
      { headers: { 'content-type': 'sentinel\r\nx: y' } },
      'header content-type must not contain line breaks',
    ],
    [
      'a NUL in a header',
      { headers: { 'content-type': 'sentinel\0' } },
      'header content-type must not contain line breaks',
    ],
    [
      'a header outside ASCII',
      { headers: { 'content-disposition': 'sentinel-ü' } },
      'header content-disposition must be ASCII: encode other characters, for example with encodeURIComponent',
    ],
    ['a header name outside HTTP', { headers: { 'a b': '1' } }, 'headers: invalid name'],
  ] as [string, Partial<OperationRequest>, string][])(
    'is a TypeError that quotes no value: %s',
    async (_, change, message) => {
      const { requests, connection } = recorder()
      const error = await rejection(send(connection, { ...put, ...change }))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain(message)
      expect(error.message).not.toContain('sentinel')
      expect(requests).toEqual([])
    },
  )

  it('accepts every visible ASCII character, blanks and tabs in a header', async () => {
    const { requests, connection } = recorder()
    const value = `a\t${String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 0x20 + i))}z`
    await send(connection, { ...put, headers: { 'x-oss-meta-a': value } })
    expect(requests[0]?.headers['x-oss-meta-a']).toBe(value)
  })

  it('a request without key goes to the bucket', async () => {
    const { requests, connection } = recorder()
    await send(connection, {
      operation: 'ListMultipartUploads',
      method: 'GET',
      bucket: 'examplebucket',
      query: { uploads: '' },
    })
    expect(requests[0]?.path).toBe('/?uploads')
  })

  it('a cancelled one asks nobody, not even for credentials', async () => {
    const { requests, connection } = recorder()
    const reason = new Error('enough')
    let asked = 0
    const credentials = () => {
      asked++
      return fakeCredentials
    }
    const cancelled = send(
      { ...connection, credentials },
      { ...put, signal: AbortSignal.abort(reason) },
    )
    await expect(cancelled).rejects.toBe(reason)
    expect([asked, requests.length]).toEqual([0, 0])
  })
})

describe('send: errors of the transport', () => {
  const failing = (error: unknown): Parameters<typeof send>[0] => ({
    ...recorder().connection,
    transport: {
      request: () => Promise.reject(error),
      close: async () => {},
    },
  })

  it('an OssError is told the operation', async () => {
    const error = new OssError('no complete answer', { code: 'ERR_OSS_TRANSPORT' })
    expect(await rejection(send(failing(error), put))).toBe(error)
    expect(error).toMatchObject({
      operation: 'PutObject',
      message: 'PutObject failed: no complete answer',
    })
  })

  it('an OssError that knows its operation is left as it is', async () => {
    const error = new OssError('x', { code: 'ERR_OSS_SOURCE', operation: 'ReadSource' })
    expect(await rejection(send(failing(error), put))).toBe(error)
    expect(error).toMatchObject({ operation: 'ReadSource', message: 'x' })
  })

  it.each([['a string'], [{ code: 'X' }], [new RangeError('other')], [undefined]])(
    'anything else passes untouched: %s',
    async (reason) => {
      await expect(send(failing(reason), put)).rejects.toBe(reason)
    },
  )
})

describe('send: secrets', () => {
  it('are in no error, whatever is answered or fails', async () => {
    const credentials = {
      accessKeyId: 'visible-id',
      accessKeySecret: 'sentinel-secret',
      securityToken: 'sentinel-token',
    }
    // What a server may send back: everything it was sent.
    const echo = (request: Request) => {
      const sent = [...request.headers].map(([name, value]) => `${name}:${value}`).join('\n')
      const document = `<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message><CanonicalRequest>${sent}</CanonicalRequest></Error>`
      return reply(403, document)
    }
    const answers: ((request: Request) => Response)[] = [
      echo,
      () => reply(500),
      () => reply(200, '<html/>'),
      () => Response.error(),
    ]
    for (const answer of answers) {
      let authorization = ''
      const client = answeredClient(
        (request) => {
          authorization = request.headers.get('authorization') ?? ''
          return answer(request)
        },
        { credentials },
      )
      const error = await rejection(
        client.send({ ...put, operation: 'X' }).then(() => {
          throw new Error('a success')
        }),
      )
      const shown = `${inspect(error, { depth: Infinity, showHidden: true })}${JSON.stringify(error)}${error.stack}`
      const signature = /Signature=([0-9a-f]{64})/.exec(authorization)?.[1]
      expect(signature).toBeDefined()
      expect(shown).not.toContain('sentinel')
      expect(shown).not.toContain(signature)
    }
  })
})
