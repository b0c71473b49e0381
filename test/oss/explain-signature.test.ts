import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  type ExplainedContext,
  type ExplainedRequest,
  explainSignature,
  formatExplanation,
} from '../../src/oss/explain-signature.js'
import { presignUrl, signingKey, signRequest } from '../../src/signing/index.js'

const request: ExplainedRequest & { headers: Record<string, string> } = {
  method: 'PUT',
  bucket: 'examplebucket',
  key: 'reports/a b.txt',
  query: { partNumber: '1', uploadId: '0004B9894A22E5B1888A1E29F8236E2D' },
  headers: { 'content-type': 'text/plain', 'content-length': '3' },
  additionalHeaders: ['content-length'],
}
const sentinelSecret = 'sentinel-secret-0123456789'
const sentinelToken = 'sentinel/token+0123456789=='
const context: ExplainedContext = {
  region: 'cn-hangzhou',
  credentials: {
    accessKeyId: 'STS.EXAMPLEKEYID',
    accessKeySecret: sentinelSecret,
    securityToken: sentinelToken,
  },
  time: new Date('2025-01-02T03:04:05Z'),
}
const origin = 'https://examplebucket.oss-cn-hangzhou.aliyuncs.com'
const presigned = { ...context, expiresSeconds: 3600 }

/** What OSS answers when `received` arrives with a signature made for another request. */
function answerTo(received: Partial<typeof request>, how: Partial<ExplainedContext> = {}) {
  return signRequest({ ...request, ...received }, { ...context, ...how })
}

function explain(answer: { canonicalRequest?: string; stringToSign?: string }) {
  return explainSignature(request, context, answer)
}

describe('the steps', () => {
  it('are those of signRequest, with the key, the token and most of the signature redacted', () => {
    const signed = signRequest(request, context)
    const { steps, ...rest } = explainSignature(request, context)
    expect(rest).toEqual({})
    expect(steps.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    const visible = (text: string) => text.replace(sentinelToken, '[redacted]')
    expect(steps.map(({ value }) => value)).toEqual([
      '20250102/cn-hangzhou/oss/aliyun_v4_request',
      '/examplebucket/reports/a%20b.txt',
      'partNumber=1&uploadId=0004B9894A22E5B1888A1E29F8236E2D',
      'content-length:3\ncontent-type:text/plain\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20250102T030405Z\nx-oss-security-token:[redacted]',
      'content-length',
      visible(signed.canonicalRequest),
      signed.stringToSign,
      '[redacted]',
      signed.authorization.replace(signed.signature, `${signed.signature.slice(0, 8)}...`),
    ])
  })

  it('are those of presignUrl when the context expires', () => {
    const { steps } = explainSignature({ ...request, origin }, presigned)
    const { url, stringToSign, signature } = presignUrl({ ...request, origin }, presigned)
    expect(steps[6]?.value).toBe(stringToSign)
    expect(steps[8]?.title).toBe('URL')
    expect(steps[8]?.value).toBe(
      url
        .replace(encodeURIComponent(sentinelToken), '[redacted]')
        .replace(signature, `${signature.slice(0, 8)}...`),
    )
    expect(() => explainSignature(request, presigned)).toThrow(/^origin /)
  })

  it('has empty values where there is nothing to sign', () => {
    const { bucket: _, key: __, ...service } = { ...request, query: {}, headers: {} }
    const credentials = { accessKeyId: 'a', accessKeySecret: 'b' }
    const { steps } = explainSignature({ ...service, origin }, { ...presigned, credentials })
    expect(steps.slice(1, 5).map(({ value }) => value)).toEqual(['/', expect.any(String), '', ''])
  })
})

describe('the likely cause', () => {
  it.each([
    [
      'another region',
      {},
      { region: 'cn-shanghai' },
      'StringToSign',
      3,
      /wrong region: signed for cn-hangzhou, but OSS expects cn-shanghai/,
    ],
    ['another product', {}, { product: 'oss-cloudbox' }, 'StringToSign', 3, /wrong product/],
    [
      'another time',
      {},
      { time: new Date('2025-01-02T03:20:05Z') },
      'CanonicalRequest',
      7,
      /another time/,
    ],
    ['another method', { method: 'POST' }, {}, 'CanonicalRequest', 1, /method was changed/],
    [
      'a key that was encoded twice',
      { key: 'reports/a%20b.txt' },
      {},
      'CanonicalRequest',
      2,
      /encoded twice/,
    ],
    ['another bucket', { bucket: 'other' }, {}, 'CanonicalRequest', 2, /bucket differs/],
    ['another key', { key: 'other' }, {}, 'CanonicalRequest', 2, /bucket or key differ/],
    [
      'a parameter that was added',
      { query: { ...request.query, 'x-trace': '1' } },
      {},
      'CanonicalRequest',
      3,
      /parameter x-trace was added/,
    ],
    [
      'a parameter that was removed',
      { query: { partNumber: '1' } },
      {},
      'CanonicalRequest',
      3,
      /parameter uploadId was removed/,
    ],
    [
      'a parameter that was changed',
      { query: { ...request.query, partNumber: '2' } },
      {},
      'CanonicalRequest',
      3,
      /parameter partNumber was changed/,
    ],
    [
      'a header that was rewritten',
      { headers: { ...request.headers, 'content-type': 'text/plain;charset=utf-8' } },
      {},
      'CanonicalRequest',
      5,
      /header content-type was rewritten/,
    ],
    [
      'a header that was removed',
      { headers: { 'content-length': '3' } },
      {},
      'CanonicalRequest',
      5,
      /header content-type was removed/,
    ],
    [
      'a header that was added',
      { headers: { ...request.headers, 'x-oss-meta-a': '1' } },
      {},
      'CanonicalRequest',
      8,
      /header x-oss-meta-a was added/,
    ],
    [
      'another additional header',
      {
        headers: { ...request.headers, 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD' },
        additionalHeaders: [],
      },
      {},
      'CanonicalRequest',
      4,
      /header content-length was removed/,
    ],
    [
      'another token',
      {},
      { credentials: { ...context.credentials, securityToken: 'other' } },
      'CanonicalRequest',
      8,
      /security token was rewritten/,
    ],
    [
      'no token',
      {},
      { credentials: { accessKeyId: 'a', accessKeySecret: 'b' } },
      'CanonicalRequest',
      8,
      /security token was removed/,
    ],
  ] as const)('of %s', (_, received, how, text, line, cause) => {
    const { difference, likelyCause } = explain(answerTo(received, how))
    expect(difference).toMatchObject({ text, line })
    expect(likelyCause).toMatch(cause)
  })

  it('of a key whose path was decoded, folded or lost its double slash', () => {
    const canonicalUriTo = (key: string, uri: string) => {
      const { canonicalRequest } = signRequest({ ...request, key }, context)
      const changed = canonicalRequest.replace(/\n.*/, () => `\n${uri}`)
      return explainSignature({ ...request, key }, context, { canonicalRequest: changed })
    }
    expect(canonicalUriTo('a b', '/examplebucket/a b').likelyCause).toMatch(/in another way/)
    expect(canonicalUriTo('a/../b', '/examplebucket/b').likelyCause).toMatch(/folded the dots/)
    expect(canonicalUriTo('a//b', '/examplebucket/a/b').likelyCause).toMatch(/folded the dots/)
    expect(canonicalUriTo('a', '/a').likelyCause).toMatch(/bucket differs/)
    expect(canonicalUriTo('a', '/examplebucket/%').likelyCause).toMatch(/bucket or key/)
  })

  it('of a list of additional headers that was not sent as signed', () => {
    const { canonicalRequest } = answerTo({})
    const changed = canonicalRequest.replace('\ncontent-length\n', '\n\n')
    const { difference, likelyCause } = explain({ canonicalRequest: changed })
    expect(difference).toMatchObject({ line: 10, ours: 'content-length', theirs: '' })
    expect(likelyCause).toMatch(/list of additional headers/)
    const hashed = canonicalRequest.replace(/\n[^\n]*$/, '\nhash')
    expect(explain({ canonicalRequest: hashed }).likelyCause).toMatch(/UNSIGNED-PAYLOAD only/)
  })

  it.each([
    ['region', { region: 'cn-shanghai' }, /wrong region/],
    ['time', { time: new Date('2025-01-02T03:20:05Z') }, /another time/],
    ['day', { time: new Date('2025-01-03T03:20:05Z') }, /another time/],
    ['expiry', { expiresSeconds: 60 }, /parameter x-oss-expires was changed/],
    [
      'key id',
      { credentials: { ...context.credentials, accessKeyId: 'o' } },
      /AccessKey ID differs/,
    ],
    [
      'token',
      { credentials: { ...context.credentials, securityToken: 'o' } },
      /x-oss-security-token was changed/,
    ],
  ])('of a presigned URL with another %s', (_, how, cause) => {
    const theirs = presignUrl({ ...request, origin }, { ...presigned, ...how })
    const { difference, likelyCause } = explainSignature({ ...request, origin }, presigned, theirs)
    expect(difference).toMatchObject({ text: 'CanonicalRequest', line: 3 })
    expect(likelyCause).toMatch(cause)
  })

  it('is the secret when all lines agree', () => {
    const credentials = { ...context.credentials, accessKeySecret: 'another' }
    const { difference, likelyCause } = explain(answerTo({}, { credentials }))
    expect(difference).toBeUndefined()
    expect(likelyCause).toMatch(/AccessKey secret is wrong, or it belongs to another AccessKey ID/)
  })

  it('says what half an answer leaves open', () => {
    const { canonicalRequest, stringToSign } = answerTo({})
    expect(explain({ canonicalRequest }).likelyCause).toMatch(/AccessKey secret.*not ruled out/)
    expect(explain({ stringToSign }).likelyCause).toMatch(/AccessKey secret/)
    expect(explain({ stringToSign: answerTo({ key: 'b' }).stringToSign }).likelyCause).toMatch(
      /canonical request differs, and the answer does not show it/,
    )
    const other = { canonicalRequest, stringToSign: answerTo({ key: 'b' }).stringToSign }
    expect(explain(other).likelyCause).toMatch(/another canonical request than the one it shows/)
    expect(explain({ stringToSign: 'PUT' }).likelyCause).toMatch(/not signed with V4/)
    expect(explain({})).toEqual(explainSignature(request, context))
  })

  it('does not depend on how the answer ends its lines', () => {
    const { canonicalRequest, stringToSign } = answerTo({})
    const answer = {
      canonicalRequest: `${canonicalRequest.replaceAll('\n', '\r\n')}\r\n`,
      stringToSign: `\n${stringToSign}\n`,
    }
    expect(explain(answer).difference).toBeUndefined()
  })

  it('survives any answer', () => {
    for (const text of ['', '\n', '\n\n\n\n\n\n', 'PUT', '%', 'a\nb\n%%%&=&==\nc\n']) {
      expect(explain({ canonicalRequest: text, stringToSign: text }).likelyCause).toBeTypeOf(
        'string',
      )
    }
  })
})

describe('an answer whose secrets were replaced, as in the fields of an error', () => {
  const hidden = (text: string) => text.replaceAll(/(security-token[:=])[^&\n]*/g, '$1<redacted>')
  const answerOf = (signed: { canonicalRequest: string; stringToSign: string }) => ({
    canonicalRequest: hidden(signed.canonicalRequest),
    stringToSign: signed.stringToSign,
  })
  const another = { ...context.credentials, securityToken: 'another' }

  it('does not differ in what was replaced: header form', () => {
    expect(explain(answerOf(answerTo({})))).toMatchObject({
      likelyCause: expect.stringMatching(/^every line agrees/),
    })
    expect(explain(answerOf(answerTo({}))).difference).toBeUndefined()
  })

  it('does not differ in what was replaced: presigned form', () => {
    const signed = presignUrl({ ...request, origin }, presigned)
    const { difference } = explainSignature({ ...request, origin }, presigned, answerOf(signed))
    expect(difference).toBeUndefined()
  })

  it('still shows every other difference', () => {
    const changed = answerTo({ headers: { ...request.headers, 'x-oss-meta-a': '1' } })
    expect(explain(answerOf(changed)).likelyCause).toMatch(/header x-oss-meta-a was added/)
    const none = answerTo({}, { credentials: { accessKeyId: 'a', accessKeySecret: 'b' } })
    expect(explain(answerOf(none)).likelyCause).toMatch(/security token was removed/)
  })

  it('gives another token away by the hash alone', () => {
    const { difference, likelyCause } = explain(answerOf(answerTo({}, { credentials: another })))
    expect(difference).toMatchObject({ text: 'StringToSign', line: 4 })
    expect(likelyCause).toMatch(/what is redacted in it differs: the security token/)
  })
})

describe('redaction', () => {
  const otherToken = 'sentinel-other-token'
  const key = signingKey(sentinelSecret, '20250102', 'cn-hangzhou', 'oss').toString('hex')
  const credentials = { ...context.credentials, securityToken: otherToken }

  it.each([
    ['header form', () => explain(answerTo({}, { credentials }))],
    [
      'header form, same token',
      () => explain(answerTo({ headers: { 'x-oss-meta-a': sentinelToken } })),
    ],
    ['token in a reshaped line', () => explain({ canonicalRequest: `PUT\n/\n${sentinelToken}` })],
    [
      'presigned form',
      () =>
        explainSignature(
          { ...request, origin },
          presigned,
          presignUrl({ ...request, origin }, { ...presigned, credentials }),
        ),
    ],
  ])('leaves no secret, key, token or whole signature: %s', (_, make) => {
    const explanation = make()
    for (const text of [
      JSON.stringify(explanation),
      inspect(explanation, { depth: Number.POSITIVE_INFINITY }),
      formatExplanation(explanation),
    ]) {
      expect(text).not.toMatch(/sentinel/)
      expect(text).not.toContain(key)
      expect(text).not.toMatch(/signature=[0-9a-f]{9}/i)
    }
  })
})

describe('formatExplanation', () => {
  it('prints the steps, the difference and the cause', () => {
    const text = formatExplanation(explain(answerTo({}, { region: 'cn-shanghai' })))
    expect(text).toMatch(/^1\. Time and scope\n {3}20250102\/cn-hangzhou/)
    expect(text).toContain(
      '\n8. Signing key\n   [redacted]\n9. Authorization\n   OSS4-HMAC-SHA256 ',
    )
    expect(text).toContain(
      'first difference: StringToSign, line 3\n   ours:   20250102/cn-hangzhou/oss/aliyun_v4_request\n   theirs: 20250102/cn-shanghai/',
    )
    expect(text).toMatch(/\nlikely cause: wrong region.*$/)
  })

  it('marks what is empty, and says nothing of an answer there was not', () => {
    const text = formatExplanation(explainSignature({ method: 'GET' }, context))
    expect(text).toContain('3. Canonical query\n   (empty)\n')
    expect(text).not.toContain('likely cause')
  })

  it('lets no control character of the answer reach a terminal', () => {
    const text = formatExplanation(explain({ canonicalRequest: 'PUT\u001b[2J\u0007\u009b' }))
    expect(text).toContain('PUT\\x1b[2J\\x07\\x9b')
    expect(text).not.toMatch(/[^\P{Cc}\n]/u)
  })
})
