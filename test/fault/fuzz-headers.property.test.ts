// Owns what must hold when OSS answers with any status, headers and body at all: a value in its range, or a named error.

import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { callbackReply } from '../../src/oss/callback.js'
import { OssClient } from '../../src/oss/client.js'
import { decodeCallbackAnswer, decodeResult } from '../../src/oss/decode-result.js'
import { crc64Header, entityTag, entityTagIfAny } from '../../src/oss/headers.js'
import { listMultipartUploads, listParts } from '../../src/oss/listings.js'
import {
  abortMultipartUpload,
  completeMultipartUpload,
  initiateMultipartUpload,
  uploadPart,
} from '../../src/oss/multipart.js'
import { headObject, putObject } from '../../src/oss/object.js'
import { serviceError } from '../../src/oss/send.js'
import { OssError, OssServiceError } from '../../src/primitives/errors.js'
import type { TransportResponse } from '../../src/transport/transport.js'
import { decodeErrorBody } from '../../src/xml/error-xml.js'
import { encodeCompleteMultipartUpload } from '../../src/xml/multipart-xml.js'
import {
  assertAlways,
  expectNothingPolluted,
  expectPlain,
  fuzzLength,
  fuzzTimeout,
  mutated,
  outcome,
  splitTags,
} from '../support/mutations.js'
import { fakeCredentials } from '../support/oss-clients.js'
import { decoders, xmlFixtures } from '../xml/fixtures.js'

const usual = fuzzLength(1_000)
const { numRuns } = usual
/** Each of them signs a request, too. */
const perOperation = fuzzLength(400)

/** A refused signature is compared with what OSS says it saw. */
const refused = ['HEAD', 'PUT', 'POST', 'GET', 'DELETE'].flatMap((method) =>
  ['/%', '/examplebucket/k\n%=%&=', '/examplebucket/\n%\n\n'].map((rest) => {
    const request = `<CanonicalRequest>${method}\n${rest}</CanonicalRequest>`
    return `<Code>SignatureDoesNotMatch</Code>${request}`
  }),
)
const codes = ['constructor', '__proto__', 'toString', ' '].map((code) => `<Code>${code}</Code>`)
const errors = [
  ...xmlFixtures('error').map(({ bytes }) => bytes),
  ...[...refused, ...codes].map((inside) => Buffer.from(`<Error>${inside}</Error>`)),
]
const results = Object.keys(decoders).flatMap((name) => xmlFixtures(name).map((one) => one.bytes))
const json = ['{"a":[1,null]}', '{"__proto__":{"polluted":1}}', '[', '1e400', '""', '[[[[[]]]]]']
const tokens = [
  ...['<Code>', '</Code>', '<Code>SignatureDoesNotMatch</Code>', '<Code> </Code>', '</Error>'],
  ...['<StringToSign>OSS4-HMAC-SHA256\n\n', '</StringToSign>', '<CanonicalRequest>PUT\n%\n'],
  ...['</CanonicalRequest>', '<__proto__>', '<constructor>x</constructor>', '&#1;', '&#xD800;'],
  ...['<PartNumber>10001</PartNumber>', '<IsTruncated>true</IsTruncated>', '<!DOCTYPE x>', '\0'],
  ...json,
]

const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  mutated([...results, ...json.map((text) => Buffer.from(text))], { split: splitTags, tokens }),
  mutated(errors, { split: splitTags, tokens }),
)

/** What a header may say that should be a number, an ETag or a name, and what it may say instead. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.constantFrom(
    ...['', ' ', '0', '00', ' 7 ', '-1', '+1', '1.5', '1e3', '0x1', '٣', '1, 1', 'NaN', '2 4'],
    ...['18446744073709551615', '18446744073709551616', '9'.repeat(400), '9007199254740993'],
    ...['999999999999999', '1000000000000000', '"', '""', '""""', '"a"', 'W/"a"', '"a" ', '"\x01"'],
    ...['__proto__', 'a\r\nb: c', '\ud800', '"\ufffe"', 'undefined', '=', '====', '%00'],
  ),
)

const headerNames = [
  ...['etag', 'x-oss-hash-crc64ecma', 'content-length', 'last-modified', 'x-oss-version-id'],
  ...['x-oss-request-id', 'x-oss-ec', 'x-oss-err', 'retry-after', 'date', '__proto__'],
]

/** HEAD has its error document here: base64 of something, or no base64 at all. */
const encodedError = fc.oneof(
  anyText,
  mutated(errors, { split: splitTags, tokens }).map((bytes) =>
    Buffer.from(bytes).toString('base64'),
  ),
)

const anyHeaders: fc.Arbitrary<Readonly<Record<string, string>>> = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...headerNames), anyText), { maxLength: 6 }),
    fc.option(encodedError, { nil: undefined, freq: 3 }),
    // What makes an answer good, so that the rest of it is read too.
    fc.boolean(),
  )
  .map(([entries, encoded, good]) => {
    // Without a prototype, as the transport gives them: `__proto__` is a name like others.
    const headers: Record<string, string> = Object.create(null)
    if (good) Object.assign(headers, { etag: '"E"', 'content-length': '5' })
    for (const [name, value] of entries) headers[name] = value
    if (encoded !== undefined) headers['x-oss-err'] = encoded
    return headers
  })

const anyStatus = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(200, 200, 203, 204, 206) },
  fc.constantFrom(304, 307, 400, 401, 403, 404, 409, 411, 412, 416, 429, 500, 503, 504),
  fc.integer({ min: 100, max: 999 }),
)

const answerWith = (body: fc.Arbitrary<Uint8Array>): fc.Arbitrary<TransportResponse> =>
  fc.record({ status: anyStatus, headers: anyHeaders, body })

const anyAnswer = answerWith(anyBody)

/** An ETag that Complete can be sent with, and decimal as formatCrc64 writes it. */
function expectUsable(etag: string, crc64 = '0'): void {
  expect(encodeCompleteMultipartUpload([{ partNumber: 1, etag }]).toString()).toContain('<ETag>"')
  expect(String(BigInt.asUintN(64, BigInt(crc64)))).toBe(crc64)
}

function expectServiceError(error: unknown): void {
  expect(error).toBeInstanceOf(OssServiceError)
  const { code, status, message, requestId, hostId, ec, fields, hint } = error as OssServiceError
  expect(code).toMatch(/\S/)
  expect(Number.isInteger(status)).toBe(true)
  for (const text of [message, requestId, hostId, ec, hint ?? ''])
    expect(typeof text).toBe('string')
  for (const text of Object.values(fields)) expect(typeof text).toBe('string')
  expectPlain(fields)
}

/** What OSS said, or that it cannot be understood; nothing else has a reason to be thrown. */
function expectNamed(error: unknown, operation: string): void {
  if (error instanceof OssServiceError) expectServiceError(error)
  else {
    expect(error).toBeInstanceOf(OssError)
    expect(error).toMatchObject({ name: 'OssError', code: 'ERR_OSS_MALFORMED_RESPONSE' })
  }
  expect(error).toMatchObject({ operation })
}

afterEach(expectNothingPolluted)

describe(`any headers, ${numRuns} times`, { timeout: fuzzTimeout }, () => {
  const answer = (headers: Readonly<Record<string, string>>): TransportResponse => ({
    status: 200,
    headers,
    body: new Uint8Array(),
  })

  it('have an ETag that a part can be completed with, or none', () =>
    assertAlways(anyText, usual, async (text) => {
      const any = entityTagIfAny(answer({ etag: text }))
      if (any !== undefined) expectUsable(any)
      const result = await outcome(() => entityTag('UploadPart', answer({ etag: text })))
      if ('value' in result) expect(result.value).toBe(any)
      else {
        expect(any).toBe(undefined)
        expectNamed(result.error, 'UploadPart')
      }
    }))

  it.each(['""""', '"\x01"', '\x7f\0', '"a\ufffe"', '\ud800'])('have no ETag in %j', (etag) => {
    expect(entityTagIfAny(answer({ etag }))).toBe(undefined)
  })

  it('have a CRC-64 from 0 to 2^64 - 1, or an error', () =>
    assertAlways(anyText, usual, async (text) => {
      const result = await outcome(() =>
        crc64Header('PutObject', answer({ 'x-oss-hash-crc64ecma': text })),
      )
      if ('error' in result) expectNamed(result.error, 'PutObject')
      else expect(BigInt.asUintN(64, BigInt(text.trim())).toString()).toBe(result.value)
    }))
})

describe(`any answer, ${numRuns} times`, { timeout: fuzzTimeout }, () => {
  it('is a callback server’s reply, JSON or not', () =>
    assertAlways(anyAnswer, usual, (answer) => {
      const reply = callbackReply(answer)
      expectPlain(reply)
      expect(reply).toMatchObject({
        status: answer.status,
        body: Buffer.from(answer.body).toString(),
      })
      if ('json' in reply) expect(JSON.parse(reply.body)).toEqual(reply.json)
      else expect(() => JSON.parse(reply.body)).toThrow(SyntaxError)
    }))

  it('is a reply to a callback, or an error of OSS', () =>
    assertAlways(anyAnswer, usual, async (answer) => {
      const result = await outcome(() => decodeCallbackAnswer('PutObject', answer))
      if ('error' in result) expectServiceError(result.error)
      else expect(result.value.etag).toBe(entityTagIfAny(answer) ?? '')
    }))

  it('is a result, or an error that names the operation', () =>
    assertAlways(anyAnswer, usual, async (answer) => {
      for (const { root, decode } of Object.values(decoders)) {
        const operation = root.replace(/Result$/, '')
        const result = await outcome(() => decodeResult(operation, answer, decode))
        const isError = (await decodeErrorBody(answer.body)) !== undefined
        if (isError) expect(result).toHaveProperty('error.name', 'OssServiceError')
        if ('error' in result) expectNamed(result.error, operation)
        else expectPlain(result.value)
      }
    }))

  it('makes an OssServiceError where it is a failure', () =>
    assertAlways(anyAnswer, usual, async (answer) => {
      const error = await serviceError('HeadObject', answer)
      expectServiceError(error)
      expect(error).toMatchObject({ operation: 'HeadObject', status: answer.status })
      expect(error.message.startsWith('HeadObject failed: ')).toBe(true)
    }))
})

describe(`operations that get any answer, ${perOperation.numRuns} times`, {
  timeout: fuzzTimeout,
}, () => {
  const object = { bucket: 'examplebucket', key: 'k' }
  const upload = { ...object, uploadId: 'U' }
  const parts = [{ partNumber: 1, etag: 'E' }]
  const callback = { url: 'https://callback.test/', body: 'a=1' }
  const body = new Uint8Array(3)

  async function everyOne(list: AsyncIterable<unknown>): Promise<unknown> {
    const all: unknown[] = []
    for await (const one of list) all.push(one)
    return all
  }

  const operations: Readonly<Record<string, (client: OssClient) => Promise<unknown>>> = {
    HeadObject: async (client) => {
      const { size, etag, crc64 } = await headObject(client, object)
      expect(Number.isSafeInteger(size) && size >= 0).toBe(true)
      expectUsable(etag, crc64)
    },
    PutObject: (client) => putObject(client, { ...object, body }),
    'PutObject with a callback': (client) => putObject(client, { ...object, body, callback }),
    InitiateMultipartUpload: async (client) =>
      expect((await initiateMultipartUpload(client, object)).uploadId).toMatch(/./s),
    UploadPart: async (client) => {
      const { etag, crc64 } = await uploadPart(client, { ...upload, partNumber: 1, body })
      expectUsable(etag, crc64)
    },
    ListParts: (client) => everyOne(listParts(client, upload)),
    ListMultipartUploads: (client) =>
      everyOne(listMultipartUploads(client, { bucket: 'examplebucket' })),
    CompleteMultipartUpload: (client) => completeMultipartUpload(client, { ...upload, parts }),
    'CompleteMultipartUpload with a callback': (client) =>
      completeMultipartUpload(client, { ...upload, parts, callback }),
    AbortMultipartUpload: (client) => abortMultipartUpload(client, upload),
  }

  /** The documents that the operation waits for; the first is a good one. */
  const documentsOf = (operation: string): readonly Uint8Array[] => {
    const folder = operation.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).slice(1)
    const found = folder in decoders ? xmlFixtures(folder) : []
    const isGood = (one: (typeof found)[number]): boolean => !one.name.startsWith('reject')
    return [...found.filter(isGood), ...found].map(({ bytes }) => bytes)
  }

  it.each(Object.entries(operations))('%s', async (name, operation) => {
    const [operationName = ''] = name.split(' ')
    const documents = documentsOf(operationName)
    const [body = new Uint8Array()] = documents
    const own = documents.length === 0 ? anyBody : mutated(documents, { split: splitTags, tokens })
    const respond = async (answer: TransportResponse): Promise<boolean> => {
      const client = new OssClient({
        region: 'cn-hangzhou',
        credentials: fakeCredentials,
        // The same answer again would say nothing new.
        retry: { attempts: 1, throttleTime: 0 },
        transport: { request: async () => answer, close: async () => {} },
      })
      const result = await outcome(() => operation(client))
      if ('error' in result) expectNamed(result.error, operationName)
      return 'value' in result
    }
    // Else every answer would be refused, and nothing of it read.
    const headers = { etag: '"E"', 'content-length': '5' }
    expect(await respond({ status: 200, headers, body })).toBe(true)
    await assertAlways(answerWith(fc.oneof(anyBody, own)), perOperation, async (answer) => {
      await respond(answer)
    })
  })
})
