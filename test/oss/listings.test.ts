import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type ListedPart,
  type ListedUpload,
  listMultipartUploads,
  listParts,
} from '../../src/oss/listings.js'
import { initiateMultipartUpload, uploadPart } from '../../src/oss/multipart.js'
import { type FakeOss, type StoredPart, startFakeOss } from '../support/fake-oss/index.js'
import {
  type AddressedClient,
  addressedClient,
  answeredClient,
  rejection,
  reply,
} from '../support/oss-clients.js'

const time = new Date('2026-01-02T03:04:05Z')
const bucket = 'examplebucket'
const target = { bucket, key: 'k', uploadId: '0004B9894A22E5B1888A1E29F8236E2D' }

let oss: FakeOss
beforeAll(async () => {
  oss = await startFakeOss({ now: () => time })
})
beforeEach(() => {
  oss.setFault()
  oss.state.buckets.get(bucket)?.uploads.clear()
})
afterAll(() => oss.close())

const etagOf = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex').toUpperCase()

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('listParts: pages', () => {
  /** An upload with the parts 1 to `count`, put into the fake without sending them. */
  async function uploadWith(addressed: AddressedClient, count: number) {
    const { uploadId: id } = await initiateMultipartUpload(addressed.client, { bucket, key: 'k' })
    const upload = { bucket, key: 'k', uploadId: id }
    await uploadPart(addressed.client, { ...upload, partNumber: 1, body: Buffer.from('x') })
    const parts = oss.uploads(bucket).find((open) => open.uploadId === id)!.parts
    const part = parts.get(1) as StoredPart
    parts.clear()
    for (let number = 1; number <= count; number++) parts.set(number, part)
    return upload
  }

  it.each([
    [0, []],
    [1, []],
    [999, []],
    [1000, []],
    [1001, ['1000']],
    [2000, ['1000']],
    [2001, ['1000', '2000']],
    [10_000, Array.from({ length: 9 }, (_, page) => `${page + 1}000`)],
  ])('%i parts are listed once each and in order, after the markers %j', async (count, markers) => {
    await using addressed = addressedClient(oss, 'path style', { now: () => time })
    const upload = await uploadWith(addressed, count)
    const before = oss.requests.length
    const parts = await collect(listParts(addressed.client, upload))
    expect(parts.map(({ partNumber }) => partNumber)).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    )
    const requests = oss.requests.slice(before)
    expect(requests.map(({ query }) => query['part-number-marker'])).toEqual([
      undefined,
      ...markers,
    ])
  })

  it('are fetched only as they are needed', async () => {
    await using addressed = addressedClient(oss, 'path style', { now: () => time })
    const upload = await uploadWith(addressed, 2500)
    const before = oss.requests.length
    for await (const { partNumber } of listParts(addressed.client, upload)) {
      if (partNumber === 1001) break
    }
    expect(oss.requests.length - before).toBe(2)
  })

  it('stop at a cancellation between two of them', async () => {
    await using addressed = addressedClient(oss, 'path style', { now: () => time })
    const upload = await uploadWith(addressed, 1001)
    const controller = new AbortController()
    const reason = new Error('enough')
    const seen: number[] = []
    const walk = async () => {
      for await (const part of listParts(addressed.client, {
        ...upload,
        signal: controller.signal,
      })) {
        seen.push(part.partNumber)
        if (part.partNumber === 1000) controller.abort(reason)
      }
    }
    await expect(walk()).rejects.toBe(reason)
    expect(seen).toHaveLength(1000)
  })

  it('come without CRC-64 from servers that list none', async () => {
    await using older = await startFakeOss({ now: () => time, listPartsWithCrc64: false })
    await using addressed = addressedClient(older, 'path style', { now: () => time })
    const { client } = addressed
    const upload = {
      bucket,
      key: 'k',
      ...(await initiateMultipartUpload(client, { bucket, key: 'k' })),
    }
    await uploadPart(client, { ...upload, partNumber: 1, body: Buffer.from('x') })
    expect(await collect(listParts(client, upload))).toEqual([
      { partNumber: 1, size: 1, etag: etagOf(Buffer.from('x')), lastModified: time },
    ])
  })
})

/** A page of ListParts as OSS writes it. */
function partsPage(numbers: readonly number[], truncated: boolean, next?: string): string {
  const parts = numbers.map(
    (number) => `<Part><PartNumber>${number}</PartNumber><ETag>"E"</ETag><Size>1</Size></Part>`,
  )
  const marker = next === undefined ? '' : `<NextPartNumberMarker>${next}</NextPartNumberMarker>`
  return `<ListPartsResult><Bucket>b</Bucket><Key>k</Key><UploadId>U</UploadId>${marker}<IsTruncated>${truncated}</IsTruncated>${parts.join('')}</ListPartsResult>`
}

describe('listParts: pages that lead nowhere', () => {
  /** Answers page after page, the last one for ever; a list that does not end fails the test. */
  function pages(...documents: readonly string[]) {
    let asked = 0
    const client = answeredClient(() => {
      if (++asked > 20) throw new Error('asked for ever')
      return reply(200, documents[Math.min(asked, documents.length) - 1] ?? '')
    })
    return { parts: listParts(client, target), asked: () => asked }
  }

  it.each([
    ['no marker', [partsPage([1], true)], 1, 1],
    ['an empty marker', [partsPage([1], true, '')], 1, 1],
    ['the marker 0', [partsPage([1], true, '0')], 1, 1],
    ['the same marker again', [partsPage([1], true, '1'), partsPage([2], true, '1')], 2, 2],
    ['a marker that goes back', [partsPage([5], true, '5'), partsPage([6], true, '4')], 2, 2],
    ['the same page again', [partsPage([1, 2], true, '2'), partsPage([1, 2], true, '3')], 2, 2],
    [
      'a page that begins before the marker',
      [partsPage([1], true, '7'), partsPage([7], false)],
      2,
      1,
    ],
  ] as const)('fails with %s, and repeats no part', async (_, documents, requests, listed) => {
    const { parts, asked } = pages(...documents)
    const seen: ListedPart[] = []
    const walk = async () => {
      for await (const part of parts) seen.push(part)
    }
    expect(await rejection(walk())).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'ListParts',
      message: 'ListParts says that there is more, but not from where',
    })
    expect(asked()).toBe(requests)
    expect(seen).toHaveLength(listed)
  })

  it('goes on over an empty page whose marker advances', async () => {
    const { parts, asked } = pages(partsPage([], true, '3'), partsPage([4], false))
    expect((await collect(parts)).map(({ partNumber }) => partNumber)).toEqual([4])
    expect(asked()).toBe(2)
  })
})

describe('listMultipartUploads: pages', () => {
  /** Opens uploads in the fake without sending anything; returns them in the order of OSS. */
  async function open(addressed: AddressedClient, keys: readonly string[]) {
    const { uploadId: id } = await initiateMultipartUpload(addressed.client, { bucket, key: 'k' })
    const uploads = oss.state.buckets.get(bucket)!.uploads
    const model = uploads.get(id)!
    uploads.clear()
    const ids = keys.map((key, index) => {
      const next = index.toString().padStart(32, '0')
      uploads.set(next, { ...model, uploadId: next, key })
      return { key, uploadId: next }
    })
    return ids.sort(
      (a, b) =>
        Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) ||
        (a.uploadId < b.uploadId ? -1 : 1),
    )
  }
  const identify = ({ key, uploadId: id }: ListedUpload) => ({ key, uploadId: id })

  it.each([
    [0, 1],
    [1, 1],
    [999, 1],
    [1000, 1],
    [1001, 2],
    [2000, 2],
    [2001, 3],
  ])('%i uploads of one key are listed once each, in %i requests', async (count, requests) => {
    await using addressed = addressedClient(oss, 'path style', { now: () => time })
    const expected = await open(
      addressed,
      Array.from({ length: count }, () => 'same key'),
    )
    const before = oss.requests.length
    const uploads = await collect(listMultipartUploads(addressed.client, { bucket }))
    expect(uploads.map(identify)).toEqual(expected)
    expect(oss.requests.length - before).toBe(requests)
  })

  it('lead on from keys that need encoding', async () => {
    await using addressed = addressedClient(oss, 'virtual-hosted style', { now: () => time })
    const hostile = ['a+b', 'a b', 'a%2Bb', 'a&b=c', 'é', '目录', '😀', 'a\nb', 'a\u0001', '<&>']
    const keys = Array.from({ length: 1500 }, (_, index) => hostile[index % hostile.length]!)
    const expected = await open(addressed, keys)
    const uploads = await collect(listMultipartUploads(addressed.client, { bucket }))
    expect(uploads.map(identify)).toEqual(expected)
    const last = expected[999]!
    expect(oss.requests.at(-1)?.query).toEqual({
      uploads: '',
      'encoding-type': 'url',
      'max-uploads': '1000',
      'key-marker': last.key,
      'upload-id-marker': last.uploadId,
    })
  })

  it('are asked with the prefix, each of them', async () => {
    await using addressed = addressedClient(oss, 'path style', { now: () => time })
    const keys = Array.from({ length: 2100 }, (_, index) => (index % 2 ? 'in/k' : 'out/k'))
    const expected = (await open(addressed, keys)).filter(({ key }) => key.startsWith('in/'))
    const before = oss.requests.length
    const uploads = await collect(listMultipartUploads(addressed.client, { bucket, prefix: 'in/' }))
    expect(uploads.map(identify)).toEqual(expected)
    expect(oss.requests.slice(before).map(({ query }) => query['prefix'])).toEqual(['in/', 'in/'])
  })

  it('an empty prefix is not sent', async () => {
    await using addressed = addressedClient(oss, 'path style', { now: () => time })
    await collect(listMultipartUploads(addressed.client, { bucket, prefix: '' }))
    expect(oss.requests.at(-1)?.query).not.toHaveProperty('prefix')
  })

  const page = (next: string) =>
    `<ListMultipartUploadsResult><Bucket>b</Bucket>${next}<IsTruncated>true</IsTruncated></ListMultipartUploadsResult>`
  it.each([
    ['no markers', page(''), 1],
    ['empty markers', page('<NextKeyMarker/><NextUploadIdMarker/>'), 1],
    ['an upload marker only', page('<NextUploadIdMarker>U</NextUploadIdMarker>'), 1],
    [
      'markers that stand still',
      page('<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>U</NextUploadIdMarker>'),
      2,
    ],
    ['a key marker that stands still', page('<NextKeyMarker>k</NextKeyMarker>'), 2],
  ])('that are truncated, with %s, fail', async (_, document, requests) => {
    let asked = 0
    const client = answeredClient(() => {
      if (++asked > 20) throw new Error('asked for ever')
      return reply(200, document)
    })
    expect(await rejection(collect(listMultipartUploads(client, { bucket })))).toMatchObject({
      code: 'ERR_OSS_MALFORMED_RESPONSE',
      operation: 'ListMultipartUploads',
      message: 'ListMultipartUploads says that there is more, but not from where',
    })
    expect(asked).toBe(requests)
  })
})

describe('the requester pays', () => {
  it('for every page, where that was said', async () => {
    await using addressed = addressedClient(oss, 'path style', { now: () => time })
    const { client } = addressed
    const requestPayer = 'requester'
    const { uploadId } = await initiateMultipartUpload(client, { bucket, key: 'k' })
    await collect(listParts(client, { bucket, key: 'k', uploadId, requestPayer }))
    expect(oss.requests.at(-1)?.headers['x-oss-request-payer']).toBe('requester')
    await collect(listMultipartUploads(client, { bucket, requestPayer }))
    expect(oss.requests.at(-1)?.headers['x-oss-request-payer']).toBe('requester')
    await collect(listMultipartUploads(client, { bucket }))
    expect(oss.requests.at(-1)?.headers).not.toHaveProperty('x-oss-request-payer')
  })
})
