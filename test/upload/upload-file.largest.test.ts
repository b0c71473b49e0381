// The largest object, 48.8 TB: planned, sent and completed through the seams, without a byte being written anywhere.

import { afterEach, describe, expect, it } from 'vitest'
import { OssClient } from '../../src/oss/client.js'
import { combineCrc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { OssError } from '../../src/primitives/errors.js'
import type { TransportRequest, TransportResponse } from '../../src/transport/transport.js'
import type { CheckpointStore } from '../../src/upload/checkpoint-store.js'
import type { UploadEnvironment } from '../../src/upload/environment.js'
import { encodeEntry } from '../../src/upload/journal.js'
import type { UploadFileOptions } from '../../src/upload/options.js'
import { uploadFileIn } from '../../src/upload/upload-file.js'
import { testCredentials, type UploadChange, World } from '../support/world.js'

const gib = 1024 ** 3
const largest = 10_000 * 5 * gib

let world: World | undefined
afterEach(() => world?.close())

type Answer = (request: TransportRequest) => Partial<TransportResponse>

/** A file of any size that nobody can read, and an OSS that answers what it is told to. */
async function virtual(size: number) {
  world = await World.create(Buffer.alloc(1))
  const { environment: real } = world.process()
  let reads = 0
  const environment: UploadEnvironment = {
    ...real,
    fs: {
      ...real.fs,
      async open(path, flags) {
        const file = await real.fs.open(path, flags)
        return {
          ...file,
          stat: async () => ({ ...(await file.stat()), size: String(size) }),
          read: async () => {
            reads += 1
            throw new Error('nobody reads this file')
          },
        }
      },
    },
  }
  const requests: TransportRequest[] = []
  const { path, bucket, key } = world
  const run = (answer: Answer, options: UploadChange = {}) => {
    const client = new OssClient({
      region: 'cn-hangzhou',
      credentials: testCredentials,
      retry: { attempts: 1 },
      transport: {
        async request(request) {
          requests.push(request)
          return { status: 200, headers: {}, body: new Uint8Array(), ...answer(request) }
        },
        close: async () => {},
      },
    })
    return uploadFileIn(environment, client, { path, bucket, key, ...options } as UploadFileOptions)
  }
  return { run, requests, reads: () => reads }
}

/** Keeps the journal in memory. */
function memoryStore() {
  const journal = { text: '' }
  const store: CheckpointStore = {
    location: 'memory',
    exists: async () => journal.text !== '',
    acquire: async () => ({
      load: async () => (journal.text === '' ? undefined : Buffer.from(journal.text)),
      replace: async (text) => {
        journal.text = text
      },
      append: async (line) => {
        journal.text += line
      },
      quarantine: async () => 'nowhere',
      remove: async () => {
        journal.text = ''
      },
      release: async () => {},
    }),
  }
  return { journal, store }
}

const beginOnly: Answer = ({ path }) => {
  if (!path.endsWith('uploads')) throw new OssError('cut off', { code: 'ERR_OSS_TRANSPORT' })
  return {
    body: Buffer.from(
      '<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>U</UploadId></InitiateMultipartUploadResult>',
    ),
  }
}

describe('an object of 48.8 TB', () => {
  it('is begun with parts of 5 GiB, each announced with its size', async () => {
    const { run, requests, reads } = await virtual(largest)
    await expect(run(beginOnly)).rejects.toMatchObject({ code: 'ERR_OSS_TRANSPORT' })
    const parts = requests.filter(({ path }) => path.includes('partNumber='))
    expect(parts.length).toBeGreaterThan(0)
    for (const { body } of parts) expect(body?.contentLength).toBe(5 * gib)
    expect(reads()).toBe(0)
  })

  it('is resumed from a journal of 10,000 parts, and completed with all of them', async () => {
    const { run, reads } = await virtual(largest)
    const { journal, store } = memoryStore()
    await expect(run(beginOnly, { checkpointStore: store })).rejects.toThrow('cut off')
    // What the following weeks would have added.
    const crcOf = (number: number) => BigInt(number) * 1_000_003n
    let whole = 0n
    for (let number = 1; number <= 10_000; number++) {
      const part = { number, size: 5 * gib, crc64: formatCrc64(crcOf(number)), etag: `E${number}` }
      journal.text += encodeEntry({ type: 'part', ...part })
      whole = combineCrc64(whole, crcOf(number), 5 * gib)
    }
    let list = ''
    const believe: Answer = ({ method, body }) => {
      // Listing is denied: the journal alone says what is done.
      if (method === 'GET') {
        return { status: 403, body: Buffer.from('<Error><Code>AccessDenied</Code></Error>') }
      }
      list = Buffer.from(body?.open() as Uint8Array).toString()
      return {
        headers: { 'x-oss-hash-crc64ecma': formatCrc64(whole) },
        body: Buffer.from(
          '<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><ETag>"E-10000"</ETag></CompleteMultipartUploadResult>',
        ),
      }
    }
    const result = await run(believe, { checkpointStore: store, verify: 'stat' })
    expect(result).toMatchObject({
      ...{ size: largest, parts: 10_000, crc64: formatCrc64(whole), etag: 'E-10000' },
      ...{ resumed: { parts: 10_000, bytes: largest }, sent: { parts: 0, bytes: 0 } },
    })
    expect(list.match(/<Part>/g)).toHaveLength(10_000)
    expect(list).toContain('<PartNumber>10000</PartNumber><ETag>"E10000"</ETag>')
    expect(journal.text).toBe('')
    expect(reads()).toBe(0)
  }, 30_000)

  it.each([
    [largest + 1, undefined, `an object has at most ${largest} (10,000 parts of 5 GiB)`],
    [largest, 5 * gib - 1, 'would need 10001 parts'],
    [10_000 * 102_400 + 1, 102_400, 'partSize 102400 would need 10001 parts for 1024000001 bytes'],
  ])(
    'cannot be passed: %d bytes in parts of %s are refused before any request',
    async (size, partSize, message) => {
      const { run, requests, reads } = await virtual(size)
      await expect(run(beginOnly, { partSize })).rejects.toThrow(RangeError)
      await expect(run(beginOnly, { partSize })).rejects.toThrow(message)
      expect(requests).toEqual([])
      expect(reads()).toBe(0)
    },
  )
})
