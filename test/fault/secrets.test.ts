// I10: sentinel secrets through every kind of failure; none may appear in anything that leaves the library.

import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { Fault } from '../support/fake-oss/index.js'
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
        const text = seen
          .map(
            (item) =>
              inspect(item, { depth: Infinity, showHidden: true }) +
              JSON.stringify(item) +
              String(item),
          )
          .join('\n')
        const hidden = [
          secret,
          token,
          encodeURIComponent(token),
          'OSS4-HMAC-SHA256 Credential',
          Buffer.from(token).toString('hex'),
        ]
        for (const word of hidden) expect(text.includes(word), `${operation}: ${word}`).toBe(false)
        await world.close()
      }
    },
  )
})
