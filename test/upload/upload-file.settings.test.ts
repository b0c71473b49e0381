// Every option that OSS is told of: the raw headers and query of every request of a whole upload, at the fake OSS.

import { afterEach, describe, expect, it } from 'vitest'
import type { UploadFileOptions } from '../../src/upload/options.js'
import type { FakeCallback, FakeOssOptions } from '../support/fake-oss/index.js'
import { randomBytes, World } from '../support/world.js'

const bytes = randomBytes(3 * 102_400 + 10)
const small = randomBytes(1000)

let world: World
afterEach(() => world.close())

/** What every request has. */
const common = [
  'authorization',
  'connection',
  'content-length',
  'host',
  'x-oss-content-sha256',
  'x-oss-date',
]

interface Sent {
  readonly operation: string
  readonly query: Readonly<Record<string, string>>
  /** Those that not every request has. */
  readonly headers: Readonly<Record<string, string>>
}

function sent(): Sent[] {
  return world.oss.requests.map(({ operation, query, rawHeaders }) => {
    const named = rawHeaders.map(([name, value]) => [name.toLowerCase(), value] as const)
    const headers = Object.fromEntries(named.filter(([name]) => !common.includes(name)))
    expect(new Set(named.map(([name]) => name)).size, 'a header is there once').toBe(named.length)
    return { operation, query, headers }
  })
}

/** The own headers of each operation, which have to be the same in all its requests. */
function headersOf(operation: string): Readonly<Record<string, string>> | undefined {
  const all = sent().filter((request) => request.operation === operation)
  for (const { headers } of all) expect(headers).toEqual(all[0]?.headers)
  return all[0]?.headers
}

async function upload(
  options: Partial<UploadFileOptions>,
  { content = bytes, ...fake }: FakeOssOptions & { content?: Buffer } = {},
) {
  world = await World.create(content, fake)
  return world.process().upload(options)
}

const everything: Partial<UploadFileOptions> = {
  headers: {
    'Content-Type': 'text/x-own',
    'cache-control': 'no-store',
    'Content-Disposition': 'inline',
    'Content-Encoding': 'identity',
    Expires: 'Wed, 21 Oct 2026 07:28:00 GMT',
  },
  metadata: { Author: 'someone' },
  acl: 'public-read',
  storageClass: 'IA',
  tagging: { 'a b': 'c' },
  serverSideEncryption: { algorithm: 'KMS', keyId: 'key-1', dataEncryption: 'SM4' },
  forbidOverwrite: true,
  requestPayer: 'requester',
  callback: { url: 'https://example.com/x', body: `k=\${x:k}`, vars: { 'x:k': 'v' } },
  trafficLimit: 819_200,
}
const kept = {
  'content-type': 'text/x-own',
  'cache-control': 'no-store',
  'content-disposition': 'inline',
  'content-encoding': 'identity',
  expires: 'Wed, 21 Oct 2026 07:28:00 GMT',
  'x-oss-meta-author': 'someone',
  'x-oss-storage-class': 'IA',
  'x-oss-tagging': 'a%20b=c',
  'x-oss-server-side-encryption': 'KMS',
  'x-oss-server-side-encryption-key-id': 'key-1',
  'x-oss-server-side-data-encryption': 'SM4',
}
const payer = { 'x-oss-request-payer': 'requester' }
const callback = {
  'x-oss-callback': Buffer.from(
    JSON.stringify({ callbackUrl: 'https://example.com/x', callbackBody: `k=\${x:k}` }),
  ).toString('base64'),
  'x-oss-callback-var': Buffer.from('{"x:k":"v"}').toString('base64'),
}
const accepts = { callback: () => ({ status: 200, body: '{"Status":"OK"}' }) }

describe('what OSS is told', () => {
  it('goes to the operations of a multipart upload that take it, and to no others', async () => {
    await upload(everything, accepts)
    expect(headersOf('InitiateMultipartUpload')).toEqual({
      ...{ ...kept, ...payer, 'x-oss-forbid-overwrite': 'true' },
    })
    expect(headersOf('UploadPart')).toEqual({ ...payer, 'x-oss-traffic-limit': '819200' })
    expect(headersOf('CompleteMultipartUpload')).toEqual({
      ...{ 'content-type': 'application/xml', ...payer, ...callback },
      ...{ 'x-oss-forbid-overwrite': 'true', 'x-oss-object-acl': 'public-read' },
    })
    expect(sent().map(({ operation }) => operation)).toEqual([
      'InitiateMultipartUpload',
      ...Array.from({ length: 4 }, () => 'UploadPart'),
      'CompleteMultipartUpload',
    ])
    expect(world.oss.object(world.bucket, world.key)).toMatchObject({
      headers: { 'x-oss-meta-author': 'someone', 'content-type': 'text/x-own' },
      ...{ acl: 'public-read', tagging: 'a%20b=c' },
    })
  })

  it('goes with PutObject where the file is one part', async () => {
    await upload(everything, { ...accepts, content: small })
    expect(headersOf('PutObject')).toEqual({
      ...{ ...kept, ...payer, ...callback },
      ...{ 'x-oss-forbid-overwrite': 'true', 'x-oss-object-acl': 'public-read' },
      'x-oss-traffic-limit': '819200',
    })
    expect(world.oss.requests).toHaveLength(1)
  })

  it('goes with an empty file too', async () => {
    await upload({ metadata: { a: 'b' } }, { content: Buffer.alloc(0) })
    expect(headersOf('PutObject')).toMatchObject({ 'x-oss-meta-a': 'b' })
  })

  it('is a Content-Type and nothing else without any option', async () => {
    await upload({})
    const type = { 'content-type': 'application/octet-stream' }
    expect(headersOf('InitiateMultipartUpload')).toEqual(type)
    expect(headersOf('UploadPart')).toEqual({})
    expect(headersOf('CompleteMultipartUpload')).toEqual({ 'content-type': 'application/xml' })
  })

  it('has the requester pay for every operation: listing and looking too', async () => {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.partNumber === 4 ? { type: 'status', status: 403, code: 'AccessDenied' } : undefined,
    )
    const options = { requestPayer: 'requester', concurrency: 1 } as const
    const first = world.process()
    await expect(first.upload(options)).rejects.toMatchObject({ code: 'AccessDenied' })
    await first.kill()
    let lost = false
    world.oss.setFault((request) => {
      if (request.operation !== 'CompleteMultipartUpload' || lost) return undefined
      lost = true
      return { type: 'reset-after-apply' }
    })
    await world.process().upload(options)
    const other = world.process()
    await other.upload({ ...options, checkpoint: false, adopt: true })
    world.oss.setFault(() => ({ type: 'status', status: 403, code: 'AccessDenied' }))
    await other.upload({ ...options, checkpoint: false }).catch(() => {})
    const operations = new Set(sent().map(({ operation }) => operation))
    for (const operation of ['ListParts', 'HeadObject', 'ListMultipartUploads']) {
      expect(operations).toContain(operation)
    }
    for (const { operation, headers } of sent()) expect(headers, operation).toMatchObject(payer)
  })

  it('has the requester pay for aborting', async () => {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.partNumber === 2 ? { type: 'status', status: 403, code: 'AccessDenied' } : undefined,
    )
    const upload = world.process().upload({ requestPayer: 'requester', checkpoint: false })
    await expect(upload).rejects.toMatchObject({ code: 'AccessDenied' })
    expect(headersOf('AbortMultipartUpload')).toEqual(payer)
  })
})

describe('where it goes', () => {
  it('works by a custom domain that stands for the bucket', async () => {
    world = await World.create(bytes, { cnames: { '127.0.0.1': 'examplebucket' } })
    const process = world.process(undefined, { client: { cname: true } })
    expect((await process.upload())?.outcome).toBe('completed')
    expect(world.stored()?.equals(bytes)).toBe(true)
    // The bucket is in neither host nor path; the fake has checked that it is signed.
    for (const { target, headers } of world.oss.requests) {
      expect(target).toMatch(/^\/dir\/file\.bin\?/)
      expect(headers['host']).toBe(new URL(world.oss.endpoint).host)
    }
  })
})

describe('the Content-Type', () => {
  it.each([
    ['/data/a.json', 'k', undefined, 'application/json'],
    ['/data/a.JSON', 'k.png', undefined, 'application/json'],
    ['/data/a', 'dir/k.png', undefined, 'image/png'],
    ['/data/a.unknown', 'k', undefined, 'application/octet-stream'],
    ['/data/a.json', 'k', 'text/own', 'text/own'],
    ['/data/a.json', 'k', '', ''],
  ])('of %s as %s, given %s, is %s', async (path, key, given, expected) => {
    world = await World.create(small)
    world.fs.put(path, small)
    await world.process().upload({ path, key, headers: { 'content-type': given } })
    expect(headersOf('PutObject')).toEqual({ 'content-type': expected })
  })
})

describe('forbidOverwrite', () => {
  it.each([['multipart', bytes] as const, ['small', small] as const])(
    'makes OSS refuse a %s upload where the key is taken',
    async (_, content) => {
      world = await World.create(content)
      world.oss.put(world.bucket, world.key, Buffer.from('theirs'))
      await expect(world.process().upload({ forbidOverwrite: true })).rejects.toMatchObject({
        ...{ code: 'FileAlreadyExists', status: 409 },
      })
      expect(world.stored()?.toString()).toBe('theirs')
    },
  )

  it('makes OSS refuse at Complete when the key is taken meanwhile', async () => {
    world = await World.create(bytes)
    world.oss.setFault((request) => {
      if (request.operation !== 'CompleteMultipartUpload') return undefined
      world.oss.put(world.bucket, world.key, Buffer.from('theirs'))
      return undefined
    })
    await expect(world.process().upload({ forbidOverwrite: true })).rejects.toMatchObject({
      ...{ code: 'FileAlreadyExists', operation: 'CompleteMultipartUpload' },
    })
    expect(world.stored()?.toString()).toBe('theirs')
  })

  it('takes no refusal that its own lost Complete has caused for somebody else’s', async () => {
    world = await World.create(bytes, { denied: ['ListParts'] })
    let lost = false
    world.oss.setFault((request) => {
      if (request.operation !== 'CompleteMultipartUpload' || lost) return undefined
      lost = true
      return { type: 'reset-after-apply' }
    })
    const result = await world.process().upload({ forbidOverwrite: true })
    expect(result?.outcome).toBe('completed-reconciled')
  })
})

describe('the callback', () => {
  const options = {
    callback: {
      url: 'https://example.com/x',
      body: `{"object":\${object},"size":\${size},"who":\${x:who}}`,
      bodyType: 'json',
      vars: { 'x:who': 'me' },
    },
  } as const

  it.each([['multipart', bytes] as const, ['small', small] as const])(
    'of a %s upload is made once, and its reply is in the result',
    async (_, content) => {
      const calls: FakeCallback[] = []
      const result = await upload(options, {
        content,
        versioning: true,
        callback: (call) => {
          calls.push(call)
          return { status: 200, body: '{"Status":"OK"}' }
        },
      })
      const stored = world.oss.object(world.bucket, world.key)
      expect(result).toMatchObject({
        outcome: 'completed',
        etag: stored?.etag.replaceAll('"', ''),
        crc64: stored?.crc64,
        versionId: stored?.versionId,
        callback: { status: 200, body: '{"Status":"OK"}', json: { Status: 'OK' } },
      })
      expect(calls).toEqual([
        {
          url: 'https://example.com/x',
          body: `{"object":${world.key},"size":${content.length},"who":me}`,
          contentType: 'application/json',
          vars: { 'x:who': 'me' },
        },
      ])
      expect(world.fs.list()).toEqual([world.path])
      // The answer's headers told everything: no look at the object was needed.
      expect(sent().map(({ operation }) => operation)).not.toContain('HeadObject')
    },
  )

  it('may be answered with anything', async () => {
    const result = await upload(options, { callback: () => ({ status: 200, body: 'not JSON' }) })
    expect(result?.callback).toEqual({ status: 200, body: 'not JSON' })
  })

  it.each([['multipart', bytes] as const, ['small', small] as const])(
    'that fails leaves a %s upload stored, and says why',
    async (_, content) => {
      const result = await upload(options, {
        content,
        versioning: true,
        callback: () => ({ status: 502, body: '' }),
      })
      const stored = world.oss.object(world.bucket, world.key)
      expect(result).toMatchObject({
        outcome: 'completed-callback-failed',
        etag: stored?.etag.replaceAll('"', ''),
        versionId: stored?.versionId,
        callback: {
          ...{ status: 203, body: '', code: 'CallbackFailed', ec: '0007-00000203' },
          message: expect.stringMatching(/^Error status : 502\. \(CallbackFailed, status 203/),
        },
      })
      expect(stored?.read().equals(content)).toBe(true)
      expect(world.fs.list()).toEqual([world.path])
      expect(world.oss.requests.filter(({ status }) => status === 203)).toHaveLength(1)
    },
  )

  it('that fails where HeadObject is denied is reported all the same', async () => {
    const result = await upload(options, { denied: ['HeadObject'], content: small })
    expect(result).toMatchObject({ outcome: 'completed-callback-failed', etag: '' })
  })

  it('whose answer has neither ETag nor CRC-64 is settled by a look at the object', async () => {
    world = await World.create(bytes, accepts)
    world.oss.setFault((request) =>
      request.operation === 'CompleteMultipartUpload'
        ? { type: 'replace', headers: { etag: undefined, 'x-oss-hash-crc64ecma': undefined } }
        : undefined,
    )
    const process = world.process()
    const result = await process.upload(options)
    expect(result).toMatchObject({
      outcome: 'completed',
      etag: world.oss.object(world.bucket, world.key)?.etag.replaceAll('"', ''),
      callback: { json: { Status: 'OK' } },
    })
    expect(process.events).toContainEqual({ type: 'reconcile', result: 'stored' })
  })

  it('has no reply when the answer to Complete was lost', async () => {
    world = await World.create(bytes, accepts)
    world.oss.setFault((request) =>
      request.operation === 'CompleteMultipartUpload' ? { type: 'reset-after-apply' } : undefined,
    )
    const result = await world.process().upload(options)
    expect(result?.outcome).toBe('completed-reconciled')
    expect(result).not.toHaveProperty('callback')
  })
})

describe('versionId', () => {
  it.each([['multipart', bytes] as const, ['small', small] as const])(
    'is in the result of a %s upload to a bucket with versioning',
    async (_, content) => {
      const result = await upload({}, { content, versioning: true })
      const { versionId } = world.oss.object(world.bucket, world.key) ?? {}
      expect(versionId).toMatch(/./)
      expect(result?.versionId).toBe(versionId)
    },
  )

  it('is in the result when the answer to Complete was lost', async () => {
    world = await World.create(bytes, { versioning: true })
    world.oss.setFault((request) =>
      request.operation === 'CompleteMultipartUpload' ? { type: 'reset-after-apply' } : undefined,
    )
    const result = await world.process().upload()
    expect(result).toMatchObject({
      outcome: 'completed-reconciled',
      versionId: world.oss.object(world.bucket, world.key)?.versionId,
    })
  })

  it('is absent without versioning', async () => {
    expect(await upload({})).not.toHaveProperty('versionId')
  })
})

describe('what begins and ends an upload', () => {
  it.each<[string, Partial<UploadFileOptions>, Partial<UploadFileOptions>]>([
    ['Content-Type', { headers: { 'Content-Type': 'a/b' } }, {}],
    ['Expires', {}, { headers: { Expires: '0' } }],
    ['metadata', { metadata: { a: 'b' } }, { metadata: { a: 'c' } }],
    ['acl', { acl: 'private' }, {}],
    ['storageClass', {}, { storageClass: 'IA' }],
    ['tagging', { tagging: { a: 'b' } }, { tagging: { a: 'b', c: '' } }],
    ['serverSideEncryption', {}, { serverSideEncryption: { algorithm: 'AES256' } }],
    ['forbidOverwrite', { forbidOverwrite: true }, {}],
    ['requestPayer', {}, { requestPayer: 'requester' }],
    ['callback', {}, { callback: { url: 'https://example.com', body: 'x' } }],
    ['sequential', {}, { sequential: true, concurrency: 1 }],
  ])('cannot change between two runs: %s', async (name, then, now) => {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.partNumber === 3 ? { type: 'status', status: 403, code: 'AccessDenied' } : undefined,
    )
    const first = world.process()
    await expect(first.upload(then)).rejects.toMatchObject({ code: 'AccessDenied' })
    await first.kill()
    world.oss.setFault(undefined)
    const second = world.process()
    await expect(second.upload(now)).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_MISMATCH',
      message: expect.stringMatching(new RegExp(`it was begun with another ${name}$`)),
    })
    await second.kill()
    expect((await world.process().upload(then))?.resumed.parts).toBeGreaterThan(0)
  })

  it('may travel at another speed from run to run', async () => {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.partNumber === 3 ? { type: 'status', status: 403, code: 'AccessDenied' } : undefined,
    )
    const first = world.process()
    await expect(first.upload({ trafficLimit: 819_200 })).rejects.toThrow()
    await first.kill()
    world.oss.setFault(undefined)
    expect((await world.process().upload())?.outcome).toBe('completed')
  })
})
