import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { Crc64, combineCrc64, type FakeOss, startFakeOss } from './fake-oss/index.js'
import { type RawRequest, send, xmlText } from './raw-client.js'

const now = new Date('2026-01-02T03:04:05.678Z')
const open: FakeOss[] = []
const start = async (options: Parameters<typeof startFakeOss>[0] = {}) => {
  const fake = await startFakeOss({ now: () => now, ...options })
  open.push(fake)
  return fake
}
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close()
})
const call = (fake: FakeOss, method: string, target: string, more: Partial<RawRequest> = {}) =>
  send(fake.endpoint, { method, target: `/examplebucket${target}`, time: now, ...more })

const callbackHeader = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64')

async function upload(fake: FakeOss, parts: readonly Buffer[], headers = {}) {
  const id = xmlText((await call(fake, 'POST', '/k?uploads')).text, 'UploadId')
  const items: string[] = []
  for (const [index, body] of parts.entries()) {
    const target = `/k?uploadId=${id}&partNumber=${index + 1}`
    const { headers: answer } = await call(fake, 'PUT', target, { body })
    items.push(`<Part><ETag>${answer.etag}</ETag><PartNumber>${index + 1}</PartNumber></Part>`)
  }
  const body = `<CompleteMultipartUpload>${items.join('')}</CompleteMultipartUpload>`
  return { id, finish: () => call(fake, 'POST', `/k?uploadId=${id}`, { body, headers }) }
}

describe('PutObject, HeadObject, GetObject', () => {
  it('keeps bytes, headers and tags', async () => {
    const fake = await start()
    const headers = {
      'content-type': 'text/css',
      'cache-control': 'no-store',
      'x-oss-meta-name': Buffer.from('文件').toString('latin1'),
      'x-oss-object-acl': 'public-read',
      'x-oss-tagging': 'a=1&b=2',
    }
    const { status, headers: answer } = await call(fake, 'PUT', '/k', { headers, body: 'hello' })
    expect(status).toBe(200)
    expect(answer.etag).toBe('"5D41402ABC4B2A76B9719D911017C592"')
    expect(fake.object('examplebucket', 'k')).toMatchObject({
      type: 'Normal',
      acl: 'public-read',
      tagging: 'a=1&b=2',
      headers: { 'x-oss-meta-name': '文件', 'cache-control': 'no-store' },
    })
    const got = await call(fake, 'GET', '/k')
    expect(got.text).toBe('hello')
    expect(got.headers).toMatchObject({
      'content-type': 'text/css',
      'x-oss-meta-name': headers['x-oss-meta-name'],
      'x-oss-tagging-count': '2',
      'x-oss-hash-crc64ecma': answer['x-oss-hash-crc64ecma'],
    })
  })

  it('checks Content-MD5 and forbid-overwrite, and accepts an empty body', async () => {
    const fake = await start()
    const wrong = { headers: { 'content-md5': 'nonsense' }, body: 'x' }
    expect(xmlText((await call(fake, 'PUT', '/k', wrong)).text, 'Code')).toBe('InvalidDigest')
    const once = { headers: { 'x-oss-forbid-overwrite': 'true' }, body: '' }
    expect((await call(fake, 'PUT', '/k', once)).headers['x-oss-hash-crc64ecma']).toBe('0')
    const again = await call(fake, 'PUT', '/k', once)
    expect([again.status, xmlText(again.text, 'EC')]).toEqual([409, '0026-00000002'])
  })

  it('leaves CRC-64 out when told to', async () => {
    const fake = await start({ crc64Headers: false })
    const put = await call(fake, 'PUT', '/k', { body: 'x' })
    const head = await call(fake, 'HEAD', '/k')
    for (const { headers } of [put, head])
      expect(headers).not.toHaveProperty('x-oss-hash-crc64ecma')
  })
})

describe('callbacks', () => {
  const headers = {
    'x-oss-callback': callbackHeader({
      callbackUrl: 'http://app.example/',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: OSS fills these placeholders in, not JavaScript
      callbackBody: '{"key":"${object}","size":${size},"who":"${x:who}"}',
      callbackBodyType: 'application/json',
    }),
    'x-oss-callback-var': callbackHeader({ 'x:who': 'me' }),
  }

  it('answers with the reply of the application server', async () => {
    const fake = await start({
      callback: ({ body, url }) => ({ status: 200, body: `${url} got ${body}` }),
    })
    const { finish } = await upload(fake, [Buffer.from('abc')], headers)
    const { status, text, headers: answer } = await finish()
    expect(status).toBe(200)
    expect(text).toBe('http://app.example/ got {"key":"k","size":3,"who":"me"}')
    expect(answer['x-oss-hash-crc64ecma']).toBe(fake.object('examplebucket', 'k')?.crc64)
  })

  it.each([
    ['fails', () => ({ status: 502, body: '' })],
    ['is not there', undefined],
  ])('answers 203 with the object stored when it %s', async (_, callback) => {
    const fake = await start(callback === undefined ? {} : { callback })
    const { finish } = await upload(fake, [Buffer.from('abc')], headers)
    const { status, text } = await finish()
    expect([status, xmlText(text, 'Code')]).toEqual([203, 'CallbackFailed'])
    expect(xmlText(text, 'EC')).toMatch(/^0007-/)
    expect(fake.object('examplebucket', 'k')?.size).toBe(3)
    expect((await call(fake, 'PUT', '/other', { headers, body: 'x' })).status).toBe(203)
  })

  it('refuses a configuration that cannot be read', async () => {
    const fake = await start()
    const bad = { headers: { 'x-oss-callback': 'bm9uc2Vuc2U=' }, body: 'x' }
    expect((await call(fake, 'PUT', '/k', bad)).status).toBe(400)
    expect(fake.object('examplebucket', 'k')).toBeUndefined()
  })
})

describe('stores', () => {
  const parts = [Buffer.alloc(102_400, 1), Buffer.alloc(102_400, 2), Buffer.from('end')]
  const whole = Buffer.concat(parts)
  const crc64 = String(new Crc64().update(whole).value)

  it('keeps only digests with store digest', async () => {
    const fake = await start({ store: 'digest' })
    const { id, finish } = await upload(fake, parts)
    const sha256 = createHash('sha256').update('end').digest('hex')
    expect(fake.uploads('examplebucket')[0]?.parts.get(3)?.sha256).toBe(sha256)
    expect((await finish()).headers['x-oss-hash-crc64ecma']).toBe(crc64)
    const object = fake.object('examplebucket', 'k')
    expect(object).toMatchObject({ size: whole.length, crc64, md5: '', completedUploadId: id })
    expect(() => object?.read()).toThrow('digests only')
    expect((await call(fake, 'GET', '/k')).status).toBe(501)
  })

  it('keeps files with a directory, and no others than those of objects in the end', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fake-oss-'))
    try {
      const fake = await start({ directory })
      const { finish } = await upload(fake, parts)
      expect(readdirSync(directory)).toHaveLength(3)
      expect((await finish()).headers['x-oss-hash-crc64ecma']).toBe(crc64)
      const object = fake.object('examplebucket', 'k')
      expect(readdirSync(directory)).toHaveLength(1)
      expect(readFileSync(object?.path ?? '').equals(whole)).toBe(true)
      expect((await call(fake, 'GET', '/k')).body.equals(whole)).toBe(true)
      await call(fake, 'PUT', '/k', { body: 'new' })
      expect(readdirSync(directory)).toHaveLength(1)
      expect((await call(fake, 'GET', '/k')).text).toBe('new')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it.each([{}, { store: 'digest' as const }])('corrupts a part unseen with %o', async (options) => {
    const fake = await start(options)
    const { id, finish } = await upload(fake, parts)
    const listed = await call(fake, 'GET', `/k?uploadId=${id}`)
    fake.corruptPart(id, 2)
    expect((await call(fake, 'GET', `/k?uploadId=${id}`)).text).toBe(listed.text)
    const { status, headers } = await finish()
    expect(status).toBe(200)
    expect(headers['x-oss-hash-crc64ecma']).not.toBe(crc64)
  })

  it('shows a corrupt part if asked, and forgets parts and uploads', async () => {
    const fake = await start()
    const { id, finish } = await upload(fake, parts)
    fake.corruptPart(id, 2, { visible: true })
    expect(xmlText((await finish()).text, 'Code')).toBe('InvalidPart')
    fake.dropPart(id, 2)
    expect((await call(fake, 'GET', `/k?uploadId=${id}`)).text).not.toContain('>2</PartNumber>')
    fake.dropUpload(id)
    expect(xmlText((await finish()).text, 'Code')).toBe('NoSuchUpload')
    expect(() => fake.dropUpload(id)).toThrow(RangeError)
  })
})

describe('Crc64', () => {
  it('gives the check value of CRC-64/XZ', () => {
    expect(new Crc64().update(Buffer.from('123456789')).value).toBe(0x995dc9bbdf1939fan)
    expect(new Crc64().value).toBe(0n)
  })

  it('does not depend on how the bytes are cut, and combines', () => {
    const bytes = fc.uint8Array({ maxLength: 100 })
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const whole = new Crc64().update(Buffer.concat([a, b])).value
        expect(new Crc64().update(a).update(b).value).toBe(whole)
        const [crcOfA, crcOfB] = [new Crc64().update(a).value, new Crc64().update(b).value]
        expect(combineCrc64(crcOfA, crcOfB, b.length)).toBe(whole)
      }),
    )
  })
})
