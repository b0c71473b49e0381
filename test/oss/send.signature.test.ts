// What is signed besides the usual headers, what is refused before any I/O, and what a refused signature says by itself.

import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OssClient } from '../../src/oss/client.js'
import { formatExplanation } from '../../src/oss/explain-signature.js'
import { listParts } from '../../src/oss/listings.js'
import { initiateMultipartUpload, uploadPart } from '../../src/oss/multipart.js'
import { headObject, putObject } from '../../src/oss/object.js'
import type { OperationRequest } from '../../src/oss/send.js'
import { OssServiceError } from '../../src/primitives/errors.js'
import type { Transport, TransportRequest } from '../../src/transport/transport.js'
import { createUndiciTransport } from '../../src/transport/undici-transport.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import {
  addressedClient,
  answeredClient,
  fakeCredentials,
  rejection,
  reply,
  styles,
} from '../support/oss-clients.js'

const time = new Date('2026-01-02T03:04:05Z')
const bucket = 'examplebucket'
const body = Buffer.from('0123456789')
const token = 'SENTINEL/token+0123456789=='
const sts = { ...fakeCredentials, securityToken: token }

let oss: FakeOss
beforeAll(async () => {
  oss = await startFakeOss({ now: () => time, credentials: [fakeCredentials, sts] })
})
afterAll(() => oss.close())

const last = () => {
  const { rawHeaders } = oss.requests.at(-1)!
  const all = rawHeaders.map(([name, value]) => [name.toLowerCase(), value] as const)
  const headers = Object.fromEntries(all)
  expect(Object.keys(headers), 'no header is there twice').toHaveLength(all.length)
  return { headers, names: /AdditionalHeaders=([^,]*)/.exec(headers['authorization'] ?? '')?.[1] }
}

describe.each(styles)('additionalHeaders in %s', (style) => {
  const connect = (additionalHeaders: readonly string[]) =>
    addressedClient(oss, style, { now: () => time, additionalHeaders })

  it('host is signed as it goes on the wire, bucket and port included', async () => {
    await using addressed = connect(['Host'])
    await putObject(addressed.client, { bucket, key: 'k', body })
    expect(last()).toMatchObject({ headers: { host: addressed.host }, names: 'host' })
  })

  it('content-length is signed where there is one, with the size of the body', async () => {
    await using addressed = connect(['content-length', 'host', 'HOST'])
    const { client } = addressed
    const signedAs: unknown[] = []
    const note = () => signedAs.push([last().headers['content-length'], last().names])
    await putObject(client, { bucket, key: 'k', body })
    note()
    await putObject(client, { bucket, key: 'empty', body: new Uint8Array() })
    note()
    const { uploadId } = await initiateMultipartUpload(client, { bucket, key: 'k' })
    note()
    const target = { bucket, key: 'k', uploadId }
    await uploadPart(client, { ...target, partNumber: 1, body })
    note()
    for await (const part of listParts(client, target)) expect(part.size).toBe(10)
    note()
    await headObject(client, { bucket, key: 'k' })
    note()
    const [withLength, without] = ['content-length;host', 'host']
    expect(signedAs).toEqual([
      ['10', withLength],
      ['0', withLength],
      ['0', withLength],
      ['10', withLength],
      [undefined, without],
      [undefined, without],
    ])
  })

  it('one that a request does not have is left out, and so is one that is signed anyway', async () => {
    await using addressed = connect(['range', 'content-type', 'x-oss-date'])
    await putObject(addressed.client, {
      bucket,
      key: 'k',
      body,
      headers: { 'Content-Type': 'text/plain' },
    })
    expect(last().names).toBeUndefined()
  })

  it('any other header of an operation can be signed', async () => {
    await using addressed = connect(['cache-control'])
    const headers = { 'Cache-Control': 'no-store' }
    const request = { operation: 'PutObject', method: 'PUT', bucket, key: 'k', headers } as const
    expect((await addressed.client.send(request)).status).toBe(200)
    expect(last().names).toBe('cache-control')
  })
})

describe('a signed header that is rewritten on the way', () => {
  const rewriting = (change: (headers: Record<string, string>) => Record<string, string>) => {
    const inner = createUndiciTransport({ maxConnections: 1, connectTimeoutMs: 1000 })
    const transport: Transport = {
      request: (request) => inner.request({ ...request, headers: change({ ...request.headers }) }),
      close: () => inner.close(),
    }
    return transport
  }

  it('is refused with the header named: host', async () => {
    const transport = rewriting((headers) => ({ ...headers, host: `elsewhere:1` }))
    await using client = new OssClient({
      ...{ region: 'cn-hangzhou', endpoint: oss.endpoint, credentials: sts, now: () => time },
      ...{ transport, additionalHeaders: ['host'] },
    })
    const error = await rejection(putObject(client, { bucket, key: 'k', body }))
    await transport.close()
    expect(error).toMatchObject({
      code: 'SignatureDoesNotMatch',
      hint: 'likely cause: the header host was rewritten after signing, by a proxy or by the HTTP library',
      explanation: {
        difference: {
          text: 'CanonicalRequest',
          line: 4,
          ours: expect.stringMatching(/^host:127\.0\.0\.1:\d+$/),
          theirs: 'host:elsewhere:1',
        },
      },
    })
  })

  it('is not blamed on the token, which OSS repeats and nobody keeps', async () => {
    const transport = rewriting((headers) => ({ ...headers, 'content-type': 'text/html' }))
    await using client = new OssClient({
      ...{ region: 'cn-hangzhou', endpoint: oss.endpoint, credentials: sts, now: () => time },
      transport,
    })
    const headers = { 'Content-Type': 'text/plain' }
    const error = await rejection(putObject(client, { bucket, key: 'k', body, headers }))
    await transport.close()
    expect((error as OssServiceError).fields['CanonicalRequest']).toContain(
      'x-oss-security-token:<redacted>',
    )
    expect(error).toMatchObject({
      hint: 'likely cause: the header content-type was rewritten after signing, by a proxy or by the HTTP library',
      explanation: {
        difference: { ours: 'content-type:text/plain', theirs: 'content-type:text/html' },
      },
    })
  })
})

describe('SignatureDoesNotMatch says why by itself', () => {
  const wrong = { ...sts, accessKeySecret: 'SENTINEL-another-secret' }

  it('the secret is wrong when all lines agree, with a token too', async () => {
    for (const credentials of [wrong, { ...wrong, securityToken: undefined }]) {
      await using addressed = addressedClient(oss, 'path style', { credentials, now: () => time })
      const error = await rejection(putObject(addressed.client, { bucket, key: 'k', body }))
      expect(error).toMatchObject({
        code: 'SignatureDoesNotMatch',
        hint: 'every line agrees, so the secret is what differs: the AccessKey secret is wrong, or it belongs to another AccessKey ID; check that OSS_ACCESS_KEY_SECRET belongs to OSS_ACCESS_KEY_ID',
      })
      const { explanation } = error as OssServiceError
      expect(explanation?.steps).toHaveLength(9)
      expect(explanation).not.toHaveProperty('difference')
    }
  })

  it('HEAD too, whose document comes in a header', async () => {
    await using addressed = addressedClient(oss, 'path style', {
      ...{ credentials: wrong, now: () => time },
    })
    const error = await rejection(headObject(addressed.client, { bucket, key: 'k' }))
    expect(error).toMatchObject({
      code: 'SignatureDoesNotMatch',
      hint: expect.stringContaining('every line agrees'),
    })
  })

  const put: OperationRequest = { operation: 'PutObject', method: 'PUT', bucket, key: 'k' }
  const answered = (fields: string, code = 'SignatureDoesNotMatch') =>
    answeredClient(
      () => reply(403, `<Error><Code>${code}</Code><Message>m</Message>${fields}</Error>`),
      { credentials: sts, now: () => time },
    )

  it('without the fields of OSS it says where to look', async () => {
    const error = await rejection(answered('').send(put))
    expect(error).toMatchObject({
      hint: 'check that OSS_ACCESS_KEY_SECRET belongs to OSS_ACCESS_KEY_ID, or run ossup sign explain',
    })
    expect((error as OssServiceError).explanation).not.toHaveProperty('likelyCause')
  })

  it.each(['', '\n', '%', 'PUT\n\n\n', 'PUT\n/%\n&&=\n:\n'])(
    'any fields leave the error what it is: %j',
    async (text) => {
      const fields = `<CanonicalRequest>${text.replaceAll('&', '&amp;')}</CanonicalRequest><StringToSign>${text.replaceAll('&', '&amp;')}</StringToSign>`
      const error = await rejection(answered(fields).send(put))
      expect(error).toBeInstanceOf(OssServiceError)
      expect(error).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 })
    },
  )

  it('other codes have no explanation', async () => {
    const error = await rejection(answered('', 'AccessDenied').send(put))
    expect(error).not.toHaveProperty('explanation')
  })

  it('the explanation is not in logs and JSON, and holds no secret', async () => {
    await using addressed = addressedClient(oss, 'path style', {
      ...{ credentials: wrong, now: () => time },
    })
    const error = (await rejection(
      putObject(addressed.client, { bucket, key: 'k', body }),
    )) as OssServiceError
    expect(inspect(error, { depth: null })).not.toContain('Canonical query')
    expect(JSON.stringify(error)).not.toContain('Canonical query')
    expect(formatExplanation(error.explanation!)).toContain('3. Canonical query')
    const everything = inspect(error, { depth: null, showHidden: true })
    expect(everything).toContain('Canonical query')
    const signature = /Signature=([0-9a-f]{64})/.exec(last().headers['authorization'] ?? '')?.[1]
    expect(signature).toHaveLength(64)
    for (const secret of ['SENTINEL', encodeURIComponent(token), signature!]) {
      expect(everything).not.toContain(secret)
    }
  })
})

describe('refused before any I/O, with the reason', () => {
  it.each([
    [{ key: '/a' }, 'key must not start with "/" or "\\": OSS refuses such names'],
    [{ key: '\\a' }, 'key must not start with "/" or "\\": OSS refuses such names'],
    [{ key: 'é'.repeat(512) }, 'key must be 1..1023 bytes in UTF-8, not 1024'],
    [{ key: 'a\udc00' }, 'key has a lone surrogate and no UTF-8 form'],
    [{ query: { prefix: '\ud800' } }, 'query prefix has a lone surrogate'],
    [{ headers: { a: 'x\r\ny: z' } }, 'header a must not contain line breaks'],
    [{ headers: { a: 'x\n' } }, 'header a must not contain line breaks'],
    [{ headers: { a: 'é' } }, 'header a must be ASCII: encode other characters, for example with'],
    [
      { headers: { 'X-Oss-Meta-A': '1', 'x-oss-meta-a': '1' } },
      'headers: x-oss-meta-a is there twice',
    ],
    [
      { headers: { 'x-oss-date': '20200101T000000Z' } },
      'headers: x-oss-date comes from the signer',
    ],
    [{ query: { 'x-oss-signature': 'x' } }, 'query: x-oss-signature comes from the signer'],
  ] as [Partial<OperationRequest>, string][])('%j', async (change, message) => {
    const sent: TransportRequest[] = []
    const transport: Transport = {
      request: (request) => {
        sent.push(request)
        return Promise.reject(new Error('nothing was to be sent'))
      },
      close: async () => {},
    }
    const client = new OssClient({ region: 'cn-hangzhou', credentials: fakeCredentials, transport })
    const request = { operation: 'X', method: 'PUT', bucket, key: 'k', ...change } as const
    const error = await rejection(client.send(request))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(message)
    expect(sent).toEqual([])
  })
})

describe('OssClient additionalHeaders', () => {
  it.each([
    ['host', 'must be an array of names'],
    [null, undefined],
    [{}, 'must be an array of names'],
    [[1], 'not number'],
    [[''], 'not ""'],
    [['a b'], 'not "a b"'],
    [['a:'], 'not "a:"'],
    [['a\n'], 'not "a\\n"'],
    [['x_a'], 'without "_", not "x_a"'],
    [['é'], 'not "é"'],
    [['host', 'Authorization'], 'authorization: it carries the signature'],
  ])('%j', (additionalHeaders, message) => {
    const create = () =>
      new OssClient({ region: 'cn-hangzhou', additionalHeaders: additionalHeaders as never })
    if (message === undefined) expect(create).not.toThrow()
    else {
      expect(create).toThrow(TypeError)
      expect(create).toThrow(/^additionalHeaders must/)
      expect(create).toThrow(message)
    }
  })

  it('does not follow later changes of the array', async () => {
    const additionalHeaders = ['host']
    await using addressed = addressedClient(oss, 'path style', {
      ...{ now: () => time, additionalHeaders },
    })
    additionalHeaders.length = 0
    await putObject(addressed.client, { bucket, key: 'k', body })
    expect(last().names).toBe('host')
  })
})

describe('OssClient signingContext', () => {
  it('has what signRequest and presignUrl need', async () => {
    await using addressed = addressedClient(oss, 'path style', {
      ...{ credentials: async () => sts, now: () => time },
    })
    expect(await addressed.client.signingContext()).toEqual({
      ...{ region: 'cn-hangzhou', credentials: sts, time },
    })
    const nobody = new OssClient({ region: 'cn-hangzhou', credentials: () => ({}) as never })
    expect(await rejection(nobody.signingContext())).toMatchObject({ code: 'ERR_OSS_CREDENTIALS' })
  })
})
