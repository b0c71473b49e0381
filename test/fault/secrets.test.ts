// I10: sentinel secrets through every kind of failure; none may appear in anything that leaves the library.

import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/run.js'
import { explainSignature, formatExplanation } from '../../src/oss/explain-signature.js'
import { presign } from '../../src/oss/presign.js'
import { signingKey, signRequest } from '../../src/signing/index.js'
import { pretendIo } from '../cli/fixtures.js'
import type { Fault } from '../support/fake-oss/index.js'
import { callUrl } from '../support/raw-client.js'
import { randomBytes, World } from '../support/world.js'

const secret = 'SentinelSecret0123456789abcdef'
const token = 'SentinelToken/+==0123456789'
const credentials = { accessKeyId: 'AKIDSENTINEL', accessKeySecret: secret, securityToken: token }
const bytes = randomBytes(3 * 102_400)

const faults: readonly (readonly [string, Fault])[] = [
  ['403', { type: 'status', status: 403, code: 'AccessDenied' }],
  [
    'SignatureDoesNotMatch with everything OSS repeats',
    {
      type: 'status',
      status: 403,
      code: 'SignatureDoesNotMatch',
      fields: {
        StringToSign: `OSS4-HMAC-SHA256\nx-oss-security-token:${token}`,
        CanonicalRequest: `PUT\n/b/k\n\nx-oss-security-token:${token}\n`,
        CanonicalRequestBytes: Buffer.from(`x-oss-security-token:${token}`).toString('hex'),
      },
    },
  ],
  ['a reset', { type: 'reset' }],
  ['a reset behind the operation', { type: 'reset-after-apply' }],
  ['a cut answer', { type: 'truncate-response', bytes: 30 }],
  ['HTML', { type: 'replace', status: 502, body: '<html>' }],
  ['a wrong CRC-64', { type: 'replace', headers: { 'x-oss-hash-crc64ecma': '9' } }],
  ['no ETag', { type: 'replace', headers: { etag: undefined } }],
]

const operations = [
  'InitiateMultipartUpload',
  'UploadPart',
  'ListParts',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
  'HeadObject',
  'PutObject',
]

/** Everything that can be seen of a value: properties that are hidden, JSON, and what a template would print. */
const shown = (item: unknown): string =>
  inspect(item, { depth: Infinity, showHidden: true }) + JSON.stringify(item) + String(item)

/** A secret in every form in which it travels. */
const hidden = [
  secret,
  token,
  encodeURIComponent(token),
  encodeURIComponent(encodeURIComponent(token)),
  Buffer.from(token).toString('hex'),
  Buffer.from(token).toString('base64'),
]

function expectNoSecret(text: string, context: string): void {
  for (const word of hidden) expect(text.includes(word), `${context}: ${word}`).toBe(false)
  // Whoever has a whole signature can make the request again.
  for (const { headers } of world.oss.requests) {
    const signature = /Signature=([0-9a-f]{64})/.exec(headers['authorization'] ?? '')?.[1]
    expect(signature !== undefined && text.includes(signature), context).toBe(false)
  }
}

let world: World
afterEach(() => world.close())

describe('secrets', () => {
  it.each(faults)(
    'keeps secrets out of everything that is written, thrown or told (I10): %s',
    async (_, fault) => {
      for (const operation of operations) {
        world = await World.create(bytes, { credentials: [credentials] })
        const seen: unknown[] = []
        const attempt = async (options: object): Promise<void> => {
          const process = world.process(undefined, { client: { credentials } })
          try {
            seen.push(await process.upload({ ...options, onProgress: (p) => seen.push(p) }))
          } catch (error) {
            seen.push(error)
          }
          seen.push(process.events, process.client)
          for (const name of world.fs.list()) {
            if (name !== world.path) seen.push(name, world.fs.text(name))
          }
          for (const name of world.fs.list()) {
            if (name.endsWith('.lock')) seen.push(await world.fs.readlink(name))
          }
          await process.kill()
        }
        // A first run that stops half-way, so that the second one lists, verifies and aborts.
        world.oss.setFault((request) => (request.partNumber === 3 ? { type: 'reset' } : undefined))
        await attempt({ concurrency: 1 })
        world.oss.setFault((request) => (request.operation === operation ? fault : undefined))
        await attempt({})
        await attempt({ restart: true })
        await attempt({ checkpoint: false, key: 'small', partSize: 400_000 })
        const failed = seen.filter((item) => item instanceof Error)
        expect(failed.length, operation).toBeGreaterThan(0)
        expectNoSecret(seen.map(shown).join('\n'), operation)
        await world.close()
      }
    },
  )

  it('keeps them out of the explanation of a signature that OSS refused', async () => {
    world = await World.create(bytes, {
      credentials: [{ ...credentials, accessKeySecret: 'another' }],
    })
    for (const options of [{}, { checkpoint: false, partSize: 400_000 }]) {
      const process = world.process(undefined, { client: { credentials } })
      const error = await process.upload(options).catch((reason: unknown) => reason)
      expect(error).toMatchObject({
        code: 'SignatureDoesNotMatch',
        hint: expect.stringContaining('the secret is what differs'),
      })
      const { explanation } = error as { explanation: Parameters<typeof formatExplanation>[0] }
      expect(explanation.steps).toHaveLength(9)
      expectNoSecret(shown(error) + formatExplanation(explanation), 'an upload')
    }
  })

  it('keeps them out of explanations of any request, and of an answer that repeats them', () => {
    const context = { region: 'cn-hangzhou', credentials, time: new Date('2025-01-02T03:04:05Z') }
    const request = {
      ...{ method: 'PUT', bucket: 'b', key: token, origin: 'https://b.oss.test' },
      ...{ query: { a: token }, headers: { 'x-oss-meta-a': token } },
    }
    const other = signRequest({ ...request, key: `${token}.` }, context)
    const key = signingKey(secret, '20250102', 'cn-hangzhou', 'oss').toString('hex')
    for (const expiresSeconds of [undefined, 60]) {
      for (const answer of [{}, other]) {
        const explanation = explainSignature(request, { ...context, expiresSeconds }, answer)
        const text = shown(explanation) + formatExplanation(explanation)
        for (const word of [secret, token, key]) expect(text).not.toContain(word)
        expect(text).not.toMatch(/signature=[0-9a-f]{9}/i)
      }
    }
  })

  it('shows a presigned URL to nobody but the caller, and the secret not even there', async () => {
    world = await World.create(bytes, { credentials: [credentials] })
    const { client } = world.process(undefined, { client: { credentials } })
    const presigned = await presign(client, { method: 'PUT', bucket: 'examplebucket', key: 'k' })
    expect((await callUrl(presigned.url, { method: 'PUT', body: 'x' })).status).toBe(200)
    const { url, ...rest } = presigned
    expect(url).toContain(encodeURIComponent(token))
    expect(url).not.toContain(secret)
    expectNoSecret(shown(rest) + shown(client), 'beside the URL')
    const refused = await callUrl(url, { method: 'PUT', body: 'x', headers: { 'x-oss-a': '1' } })
    expect(refused.status).toBe(403)
    const env = {
      OSS_ACCESS_KEY_ID: credentials.accessKeyId,
      OSS_ACCESS_KEY_SECRET: secret,
      OSS_SESSION_TOKEN: token,
      OSS_REGION: 'cn-hangzhou',
    }
    // The command: what it prints, and what it says of the refusal, whose body repeats token and signature.
    const object = 'oss://examplebucket/k'
    const printed = pretendIo({ env, argv: ['presign', 'put', object] })
    expect(await run(printed)).toBe(0)
    expect(printed.out).not.toContain(secret)
    expect(printed.err).toBe('')
    for (const more of [[], ['--json'], [object, '--method', 'GET']]) {
      const argv = ['sign', 'explain', '--error-file', '-', ...more]
      const explained = pretendIo({ env, argv, input: refused.text })
      expect(await run(explained)).toBe(0)
      expectNoSecret(explained.out + explained.err, argv.join(' '))
      expect(explained.out).not.toMatch(/signature=[0-9a-f]{9}/i)
    }
    for (const wrong of [
      ['--header', token],
      ['--expires', '9d'],
      [object],
      ['--secret', secret],
    ]) {
      const io = pretendIo({ env, argv: ['presign', 'get', object, ...wrong] })
      expect(await run(io)).toBe(2)
      expectNoSecret(io.out + io.err, wrong.join(' '))
    }
  })
})
