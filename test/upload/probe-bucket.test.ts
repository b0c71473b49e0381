import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OssClientOptions } from '../../src/oss/client.js'
import { type Diagnosis, type ProbeOptions, probeBucket } from '../../src/upload/probe-bucket.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { addressedClient, answeredClient, reply } from '../support/oss-clients.js'

const bucket = 'examplebucket'
let fake: FakeOss
beforeEach(async () => {
  fake = await startFakeOss()
})
afterEach(() => fake.close())

async function probe(options: Partial<ProbeOptions> = {}, client: OssClientOptions = {}) {
  await using addressed = addressedClient(fake, 'path style', client)
  return await probeBucket(addressed.client, { bucket, ...options })
}

const results = ({ probes }: Diagnosis) =>
  Object.fromEntries(probes.map(({ name, result }) => [name, result]))

const allWork = {
  ...{ credentials: 'works', clock: 'works', bucket: 'works', PutObject: 'works' },
  ...{ ListParts: 'works', HeadObject: 'works', AbortMultipartUpload: 'works' },
  ListMultipartUploads: 'works',
}

const operations = [
  'ListMultipartUploads',
  'HeadObject',
  'InitiateMultipartUpload',
  'UploadPart',
  'ListParts',
  'AbortMultipartUpload',
  'ListParts',
]

describe('probeBucket', () => {
  it('tries everything, and leaves nothing', async () => {
    const found = await probe({ prefix: 'dir/' })
    expect(results(found)).toEqual(allWork)
    expect(found).toMatchObject({ uploads: true, key: expect.stringMatching(/^dir\/\.ossup-doc/) })
    expect(Math.abs(found.offsetMs ?? Number.NaN)).toBeLessThan(2_000)
    expect(fake.uploads(bucket)).toEqual([])
    expect(fake.completed).toEqual([])
    expect(fake.requests.map(({ operation }) => operation)).toEqual(operations)
  })

  it.each(['ListParts', 'HeadObject', 'ListMultipartUploads'])(
    'finds that %s alone is denied, and that uploads work',
    async (operation) => {
      fake.setDenied([operation])
      const found = await probe()
      expect(results(found)).toEqual({ ...allWork, [operation]: 'denied' })
      expect(found.uploads).toBe(true)
      expect(fake.uploads(bucket)).toEqual([])
    },
  )

  it('names the upload that it may not abort', async () => {
    fake.setDenied(['AbortMultipartUpload'])
    const found = await probe()
    expect(results(found)).toEqual({ ...allWork, AbortMultipartUpload: 'denied' })
    expect(found).toMatchObject({ uploads: true, leftUploadId: fake.uploads(bucket)[0]?.uploadId })
  })

  it.each(['InitiateMultipartUpload', 'UploadPart'])(
    'finds that nothing works without %s',
    async (operation) => {
      fake.setDenied([operation])
      const found = await probe()
      expect(found.uploads).toBe(false)
      expect(results(found)).toMatchObject({ PutObject: 'denied', HeadObject: 'works' })
      expect(fake.uploads(bucket)).toEqual([])
    },
  )

  it('goes no further without credentials', async () => {
    const credentials = async () => {
      throw new Error('none')
    }
    const found = await probe({}, { credentials })
    expect(results(found)).toMatchObject({ credentials: 'failed', bucket: 'unknown' })
    expect([found.uploads, fake.requests.length]).toEqual([false, 0])
  })

  it('tells wrong credentials from a missing permission', async () => {
    const credentials = { accessKeyId: 'test-access-key-id', accessKeySecret: 'wrong' }
    const found = await probe({}, { credentials })
    expect(results(found)).toMatchObject({ credentials: 'failed', ListMultipartUploads: 'unknown' })
    // Also a refusal says what time it is.
    expect(results(found)).toMatchObject({ clock: 'works', bucket: 'unknown' })
    expect(fake.requests).toHaveLength(1)
  })

  it('says that there is no such bucket, and nothing of the credentials', async () => {
    const found = await probe({ bucket: 'nobucket' })
    expect(results(found)).toMatchObject({ bucket: 'failed', credentials: 'unknown' })
    expect(found.probes.find(({ name }) => name === 'bucket')?.error).toMatchObject({
      code: 'NoSuchBucket',
    })
  })

  it('takes a refusal that names another endpoint for a wrong one, not for a missing permission', async () => {
    const body =
      '<Error><Code>AccessDenied</Code><Endpoint>oss-cn-x.aliyuncs.com</Endpoint></Error>'
    const client = answeredClient(() => reply(403, body))
    const found = await probeBucket(client, { bucket })
    await client.close()
    expect(results(found)).toMatchObject({ bucket: 'failed', ListMultipartUploads: 'unknown' })
  })

  it.each([20, -20])('measures a clock that is off by %i minutes', async (minutes) => {
    const now = () => new Date(Date.now() - minutes * 60_000)
    const found = await probe({ now }, { now })
    expect(results(found)).toEqual(allWork)
    expect(Math.round((found.offsetMs ?? 0) / 60_000)).toBe(minutes)
  })

  it('aborts its upload when it is cancelled, and rejects with the reason', async () => {
    const controller = new AbortController()
    fake.setFault(({ operation }) => {
      if (operation === 'UploadPart') controller.abort('enough')
      return undefined
    })
    await expect(probe({ signal: controller.signal })).rejects.toBe('enough')
    expect(fake.uploads(bucket)).toEqual([])
  })
})
