import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeOss, startFakeOss } from './fake-oss/index.js'
import { type RawRequest, send, xmlText } from './raw-client.js'

const now = new Date('2026-01-02T03:04:05.678Z')
let fake: FakeOss
beforeEach(async () => {
  fake = await startFakeOss({ now: () => now })
})
afterEach(() => fake.close())

const call = (method: string, target: string, more: Partial<RawRequest> = {}) =>
  send(fake.endpoint, { method, target: `/examplebucket${target}`, time: now, ...more })
const initiate = async (path: string) =>
  xmlText((await call('POST', `${path}?uploads`)).text, 'UploadId')
const all = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, value]) => value)

describe('ListParts', () => {
  it('lists in ascending order what was stored', async () => {
    const id = await initiate('/k')
    for (const number of [10, 2, 1]) {
      await call('PUT', `/k?partNumber=${number}&uploadId=${id}`, { body: `part ${number}` })
    }
    const { text } = await call('GET', `/k?uploadId=${id}`)
    expect(text).toMatch(/^<\?xml[^>]*\?>\n<ListPartsResult>/)
    expect(all(text, 'PartNumber')).toEqual(['1', '2', '10'])
    expect(all(text, 'Size')).toEqual(['6', '6', '7'])
    expect(all(text, 'LastModified')[0]).toBe('2026-01-02T03:04:05.678Z')
    const first = fake.uploads('examplebucket')[0]?.parts.get(1)
    expect(all(text, 'ETag')[0]).toBe(first?.etag)
    expect(all(text, 'HashCrc64ecma')[0]).toBe(first?.crc64)
    expect(xmlText(text, 'IsTruncated')).toBe('false')
    expect(xmlText(text, 'MaxParts')).toBe('1000')
    expect(xmlText(text, 'StorageClass')).toBe('Standard')
  })

  it('pages by marker', async () => {
    const id = await initiate('/k')
    for (const number of [1, 3, 5]) {
      await call('PUT', `/k?partNumber=${number}&uploadId=${id}`, { body: 'x' })
    }
    const first = (await call('GET', `/k?uploadId=${id}&max-parts=2`)).text
    expect(all(first, 'PartNumber')).toEqual(['1', '3'])
    expect(xmlText(first, 'IsTruncated')).toBe('true')
    expect(xmlText(first, 'NextPartNumberMarker')).toBe('3')
    const target = `/k?uploadId=${id}&max-parts=2&part-number-marker=3`
    const last = (await call('GET', target)).text
    expect(all(last, 'PartNumber')).toEqual(['5'])
    expect(xmlText(last, 'IsTruncated')).toBe('false')
    const exact = (await call('GET', `/k?uploadId=${id}&max-parts=3`)).text
    expect(xmlText(exact, 'IsTruncated')).toBe('false')
  })

  it('refuses page sizes outside 1 to 1000 and uploads of other keys', async () => {
    const id = await initiate('/k')
    for (const [size, status] of [
      [0, 400],
      [1, 200],
      [1000, 200],
      [1001, 400],
    ]) {
      expect((await call('GET', `/k?uploadId=${id}&max-parts=${size}`)).status).toBe(status)
    }
    const wrong = await call('GET', `/k?uploadId=${id}&max-parts=x`)
    expect(xmlText(wrong.text, 'ArgumentName')).toBe('max-parts')
    expect(xmlText(wrong.text, 'ArgumentValue')).toBe('x')
    expect((await call('GET', `/other?uploadId=${id}`)).status).toBe(404)
  })

  it('leaves CRC-64 out when told to', async () => {
    await fake.close()
    fake = await startFakeOss({ now: () => now, listPartsWithCrc64: false })
    const id = await initiate('/k')
    const { headers } = await call('PUT', `/k?partNumber=1&uploadId=${id}`, { body: 'x' })
    expect(headers).toHaveProperty('x-oss-hash-crc64ecma')
    const { text } = await call('GET', `/k?uploadId=${id}`)
    expect(text).not.toContain('HashCrc64ecma')
  })

  it('encodes keys when asked to and escapes them when not', async () => {
    const id = await initiate('/a%01%0D%26%3C+%2F')
    const path = '/a%01%0D%26%3C%2B%2F'
    const plain = (await call('GET', `${path}?uploadId=${id}`)).text
    expect(xmlText(plain, 'Key')).toBe('a&#1;&#13;&amp;&lt;+/')
    const encoded = (await call('GET', `${path}?uploadId=${id}&encoding-type=url`)).text
    expect(xmlText(encoded, 'Key')).toBe('a%01%0D%26%3C%2B%2F')
    expect(xmlText(encoded, 'EncodingType')).toBe('url')
  })
})

describe('ListMultipartUploads', () => {
  const list = async (query = '') => (await call('GET', `?uploads${query}`)).text

  it('lists by key and upload id, within a prefix', async () => {
    const b = await initiate('/p/b')
    const first = await initiate('/p/a')
    const second = await initiate('/p/a')
    await initiate('/q')
    const text = await list('&prefix=p%2F')
    expect(all(text, 'Key')).toEqual(['p/a', 'p/a', 'p/b'])
    expect(all(text, 'UploadId')).toEqual([first, second, b])
    expect(all(text, 'Initiated')[0]).toBe('2026-01-02T03:04:05.678Z')
    expect(xmlText(text, 'IsTruncated')).toBe('false')
    expect(xmlText(text, 'Prefix')).toBe('p/')
  })

  it('pages by key and upload id without losing or repeating one', async () => {
    const ids = new Set<string>()
    for (const key of ['/a', '/b', '/b', '/b', '/%E4%BD%A0', '/%F0%9F%98%80']) {
      ids.add(await initiate(key))
    }
    const seen: (string | undefined)[] = []
    for (let query = '', pages = 0; pages < 10; pages += 1) {
      const text = await list(`&max-uploads=2&encoding-type=url${query}`)
      seen.push(...all(text, 'UploadId'))
      if (xmlText(text, 'IsTruncated') === 'false') break
      query = `&key-marker=${xmlText(text, 'NextKeyMarker')}&upload-id-marker=${xmlText(text, 'NextUploadIdMarker')}`
    }
    expect(seen).toEqual([...ids])
  })

  it('passes the whole key when there is no upload id marker', async () => {
    await initiate('/a')
    const b = await initiate('/b')
    expect(all(await list('&key-marker=a'), 'UploadId')).toEqual([b])
    expect(all(await list('&upload-id-marker=ZZ'), 'UploadId')).toHaveLength(2)
  })
})
