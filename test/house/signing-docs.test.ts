import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { explainSignature, formatExplanation } from '../../src/oss/explain-signature.js'
import {
  additionalHeaderNames,
  canonicalHeaders,
  canonicalQuery,
  canonicalUri,
  credential,
  credentialScope,
  type PresignableRequest,
  type PresigningContext,
  presignUrl,
  signingKey,
  signRequest,
  timestampOf,
} from '../../src/signing/index.js'

interface Example {
  readonly request: PresignableRequest
  readonly context: Omit<PresigningContext, 'time'> & { readonly time: string }
}

const markdown = readFileSync(new URL('../../docs/signing.md', import.meta.url), 'utf8')

interface Block {
  readonly heading: string
  readonly language: string
  readonly text: string
}

const blocks: readonly Block[] = markdown.split(/^(?=##+ )/m).flatMap((section) => {
  const heading = /^##+ (.*)/.exec(section)?.[1] ?? ''
  return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map((match) => ({
    heading,
    language: match[1] ?? '',
    text: (match[2] ?? '').replace(/\n$/, ''),
  }))
})
const examples = blocks
  .filter(({ language }) => language === 'json')
  .map(({ text }) => JSON.parse(text) as Example)
const valuesUnder = (heading: string) =>
  blocks.filter((block) => block.heading === heading).map(({ text }) => text)

describe.each([
  ['the header form', examples[0], '', '9. Authorization'],
  ['the URL form', examples[1], ' (URL)', '9. URL'],
])('docs/signing.md recomputed: %s', (_, example, suffix, last) => {
  if (!example) throw new Error('docs/signing.md has lost its JSON block')
  const { request } = example
  const context = { ...example.context, time: new Date(example.context.time) }
  const { region, product = 'oss', credentials } = context
  const timestamp = timestampOf(context.time)
  const scope = credentialScope(timestamp, region, product)
  const presigned = context.expiresSeconds === undefined ? undefined : presignUrl(request, context)
  const signed = presigned ?? signRequest(request, context)
  const headers = presigned
    ? {}
    : { ...request.headers, 'x-oss-date': timestamp, 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD' }
  const query = {
    ...request.query,
    ...(presigned && {
      'x-oss-signature-version': 'OSS4-HMAC-SHA256',
      'x-oss-credential': credential(credentials.accessKeyId, scope),
      'x-oss-date': timestamp,
      'x-oss-expires': String(context.expiresSeconds),
    }),
  }

  it('1. Time and scope', () => {
    expect(valuesUnder(`1. Time and scope${suffix}`)).toEqual([timestamp, scope])
  })
  it('2. Canonical URI', () => {
    const uri = canonicalUri(request.bucket, request.key)
    expect(valuesUnder(`2. Canonical URI${suffix}`)).toEqual([uri])
  })
  it('3. Canonical query', () => {
    expect(valuesUnder(`3. Canonical query${suffix}`)).toEqual([canonicalQuery(query)])
  })
  it('4. Canonical headers', () => {
    const text = canonicalHeaders(headers, []).replace(/\n$/, '')
    expect(valuesUnder(`4. Canonical headers${suffix}`)).toEqual([text])
  })
  it('5. Additional headers', () => {
    const names = additionalHeaderNames(headers, [])
    expect(valuesUnder(`5. Additional headers${suffix}`)).toEqual([names])
  })
  it('6. Canonical request', () => {
    expect(valuesUnder(`6. Canonical request${suffix}`)).toEqual([signed.canonicalRequest])
  })
  it('7. String to sign', () => {
    expect(valuesUnder(`7. String to sign${suffix}`)).toEqual([signed.stringToSign])
  })
  it('8. Signing key', () => {
    let key: string | Buffer = `aliyun_v4${credentials.accessKeySecret}`
    const chain: string[] = []
    for (const text of [timestamp.slice(0, 8), region, product, 'aliyun_v4_request']) {
      key = createHmac('sha256', key).update(text).digest()
      chain.push(key.toString('hex'))
    }
    const date = timestamp.slice(0, 8)
    const derived = signingKey(credentials.accessKeySecret, date, region, product)
    expect(chain.at(-1)).toBe(derived.toString('hex'))
    expect(valuesUnder(`8. Signing key${suffix}`)).toEqual([chain.join('\n')])
  })
  it(last, () => {
    const value = 'url' in signed ? signed.url : signed.authorization
    expect(valuesUnder(last)).toEqual([signed.signature, value])
  })
})

describe('docs/signing.md', () => {
  it('has no value that is not recomputed', () => {
    const recomputed = blocks.filter(({ heading }) => /^\d\. /.test(heading))
    const examplesInJson = blocks.filter(({ language }) => language === 'json')
    expect(examplesInJson).toHaveLength(2)
    const explained = valuesUnder('When OSS refuses a signature')
    expect(recomputed.length + examplesInJson.length + explained.length).toBe(blocks.length)
    expect(recomputed).toHaveLength(2 * 11)
  })

  it('explains a refused signature as the code does', () => {
    if (!examples[0]) throw new Error('docs/signing.md has lost its JSON block')
    const { request } = examples[0]
    const context = { ...examples[0].context, time: new Date(examples[0].context.time) }
    const headers = { 'content-type': 'text/plain;charset=utf-8' }
    const answer = signRequest({ ...request, headers }, context)
    const text = formatExplanation(explainSignature(request, context, answer))
    expect(valuesUnder('When OSS refuses a signature')).toEqual([
      text.slice(text.indexOf('first difference')),
    ])
  })

  it('has the steps in order, then the sections that follow from them', () => {
    const headings = [...markdown.matchAll(/^##+ (.*)$/gm)].map((match) => match[1] ?? '')
    expect(headings.map((heading) => heading.replace(/\..*/, ''))).toEqual([
      ...'123456789',
      'Differs from AWS SigV4',
      'What the signature does not protect',
      'When OSS refuses a signature',
      'Presigned URLs',
      ...'123456789',
    ])
  })
})
