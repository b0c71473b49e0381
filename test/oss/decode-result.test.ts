import { describe, expect, it } from 'vitest'
import { decodeCallbackAnswer, decodeResult, standingStill } from '../../src/oss/decode-result.js'
import { rejection } from '../support/oss-clients.js'

const answer = (body: string, headers: Record<string, string> = {}) => ({
  status: 200,
  headers,
  body: Buffer.from(body),
})
const document = '<Error><Code>InternalError</Code><Message>m</Message></Error>'

describe('decodeResult', () => {
  const decode = (body: string) =>
    decodeResult('ListParts', answer(body), (root) => root.text('Key'))

  it('decodes the document that the operation promises', async () => {
    expect(await decode('<ListPartsResult><Key>k</Key></ListPartsResult>')).toBe('k')
  })

  it('counts an error document as the error it is, whatever the status', async () => {
    expect(await rejection(decode(document))).toMatchObject({
      ...{ name: 'OssServiceError', code: 'InternalError', operation: 'ListParts' },
    })
  })

  it.each(['', 'ok', '<html></html>', '<ListPartsResult/>'])('refuses %j', async (body) => {
    expect(await rejection(decode(body))).toMatchObject({
      ...{ code: 'ERR_OSS_MALFORMED_RESPONSE', operation: 'ListParts' },
    })
  })
})

describe('a page for people in place of an answer', () => {
  it.each(['<!DOCTYPE html><html>', '\n <HTML lang="de">', '\ufeff<html>'])(
    'is named as such: %j',
    async (body) => {
      const error = await rejection(decodeResult('ListParts', answer(body), () => ''))
      expect(error).toMatchObject({
        code: 'ERR_OSS_MALFORMED_RESPONSE',
        hint: expect.stringMatching(/^a captive portal or a proxy answered in place of OSS/),
      })
    },
  )

  it('does not give its hint to other bodies', async () => {
    const error = await rejection(decodeResult('ListParts', answer('<htm>'), () => ''))
    expect(error).not.toHaveProperty('hint')
  })
})

describe('decodeCallbackAnswer', () => {
  const decode = (...given: Parameters<typeof answer>) =>
    decodeCallbackAnswer('PutObject', answer(...given))

  it('takes the ETag from the headers and the reply from the body', async () => {
    expect(await decode('{"a":1}', { etag: '"E"' })).toEqual({
      etag: 'E',
      callback: { status: 200, body: '{"a":1}', json: { a: 1 } },
    })
  })

  it('leaves the ETag empty when there is none', async () => {
    expect(await decode('{}')).toMatchObject({ etag: '' })
  })

  it('believes an error document where there is no ETag', async () => {
    expect(await rejection(decode(document))).toMatchObject({ code: 'InternalError' })
  })

  it('takes the same document for a reply where OSS has stored something', async () => {
    expect(await decode(document, { etag: '"E"' })).toMatchObject({ callback: { body: document } })
  })
})

describe('standingStill', () => {
  it('names the operation', () => {
    expect(standingStill('ListParts')).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      message: 'ListParts says that there is more, but not from where',
    })
  })
})
