import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OssClient } from '../../src/oss/client.js'
import { assertKnownOptions } from '../../src/oss/known-options.js'
import { listMultipartUploads, listParts } from '../../src/oss/listings.js'
import {
  abortMultipartUpload,
  completeMultipartUpload,
  initiateMultipartUpload,
  uploadPart,
} from '../../src/oss/multipart.js'
import { headObject, putObject } from '../../src/oss/object.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { addressedClient } from '../support/oss-clients.js'

describe('assertKnownOptions', () => {
  const names = { bucket: true, key: true } as const

  it('accepts what there is, given or not', () => {
    for (const options of [{ bucket: 'b', key: 'k' }, { bucket: 'b' }, {}, { key: undefined }]) {
      expect(() => assertKnownOptions('HeadObject', options as never, names as never)).not.toThrow()
    }
  })

  it.each(['Key', 'keys', 'toString', '__proto__', ''])('refuses "%s" by name', (name) => {
    const options = JSON.parse(`{"bucket":"b","key":"k","${name}":1}`)
    expect(() => assertKnownOptions('HeadObject', options, names)).toThrow(
      new TypeError(`HeadObject has no option "${name}"`),
    )
  })
})

describe('every operation refuses an option that it does not have, before any request', () => {
  let oss: FakeOss
  beforeAll(async () => {
    oss = await startFakeOss()
  })
  afterAll(() => oss.close())

  const upload = { bucket: 'examplebucket', key: 'k', uploadId: 'U' }
  const { uploadId: _, ...target } = upload
  const first = async (list: AsyncIterable<unknown>) => {
    for await (const item of list) return item
    return undefined
  }
  const part = { ...upload, partNumber: 1, body: new Uint8Array() }
  const parts = [{ partNumber: 1, etag: 'E' }]

  it.each<[string, (client: OssClient, more: object) => Promise<unknown>]>([
    ['InitiateMultipartUpload', (c, more) => initiateMultipartUpload(c, { ...target, ...more })],
    ['UploadPart', (c, more) => uploadPart(c, { ...part, ...more })],
    [
      'CompleteMultipartUpload',
      (c, more) => completeMultipartUpload(c, { ...upload, parts, ...more }),
    ],
    ['AbortMultipartUpload', (c, more) => abortMultipartUpload(c, { ...upload, ...more })],
    ['ListParts', (c, more) => first(listParts(c, { ...upload, ...more }))],
    ['ListMultipartUploads', (c, more) => first(listMultipartUploads(c, { bucket: 'b', ...more }))],
    ['PutObject', (c, more) => putObject(c, { ...target, body: new Uint8Array(), ...more })],
    ['HeadObject', (c, more) => headObject(c, { ...target, ...more })],
  ])('%s', async (operation, call) => {
    await using addressed = addressedClient(oss, 'path style')
    await expect(call(addressed.client, { contentType: 'text/plain' })).rejects.toThrow(
      new TypeError(`${operation} has no option "contentType"`),
    )
    expect(oss.requests).toEqual([])
  })

  it('an ACL is none of Initiate: it belongs to Complete', async () => {
    await using addressed = addressedClient(oss, 'path style')
    const withAcl = { ...target, acl: 'private' }
    await expect(initiateMultipartUpload(addressed.client, withAcl)).rejects.toThrow(
      'InitiateMultipartUpload has no option "acl"',
    )
  })
})
