import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initiateMultipartUpload, uploadPart } from '../../src/oss/multipart.js'
import {
  type UnfinishedUploadsOptions,
  unfinishedUploads,
} from '../../src/upload/unfinished-uploads.js'
import { World } from '../support/world.js'

let world: World
beforeEach(async () => {
  world = await World.create(Buffer.alloc(1))
})
afterEach(() => world.close())

/** Uploads `k00`, `k01`, ... of which each has one part more than the one before. */
async function begin(count: number) {
  const { client } = world.process()
  const { bucket } = world
  for (let index = 0; index < count; index++) {
    const key = `k${String(index).padStart(2, '0')}`
    const { uploadId } = await initiateMultipartUpload(client, { bucket, key })
    for (let partNumber = 1; partNumber <= index % 4; partNumber++) {
      const body = Buffer.alloc(100)
      await uploadPart(client, { bucket, key, uploadId, partNumber, body })
    }
  }
  return async (options: Partial<UnfinishedUploadsOptions> = {}) => {
    const uploads = []
    for await (const upload of unfinishedUploads(client, { bucket, held: true, ...options })) {
      uploads.push(upload)
    }
    return uploads
  }
}

const listings = () => world.oss.requests.filter(({ operation }) => operation === 'ListParts')

describe('unfinishedUploads', () => {
  it('tells what each upload holds, in the order of the keys', async () => {
    const list = await begin(20)
    const uploads = await list()
    expect(uploads.map(({ key }) => key)).toEqual(uploads.map(({ key }) => key).toSorted())
    expect(uploads).toHaveLength(20)
    expect(uploads.map(({ held }) => held)).toEqual(
      uploads.map((_, index) => ({ parts: index % 4, bytes: (index % 4) * 100 })),
    )
  })

  it('asks for no parts where nobody wants to know', async () => {
    const list = await begin(2)
    expect((await list({ held: false })).map(({ held }) => held)).toEqual([undefined, undefined])
    expect(listings()).toEqual([])
  })

  it('asks for the parts of those that are wanted only', async () => {
    const list = await begin(4)
    const uploads = await list({ prefix: 'k0', only: ({ key }) => key === 'k03' })
    expect(uploads).toMatchObject([{ key: 'k03', held: { parts: 3, bytes: 300 } }])
    expect(listings()).toHaveLength(1)
  })

  it('asks once where ListParts is denied, and says so once', async () => {
    const list = await begin(20)
    world.oss.setDenied(['ListParts'])
    let denied = 0
    const onDenied = () => {
      denied += 1
    }
    const uploads = await list({ onDenied })
    expect(uploads).toHaveLength(20)
    expect(uploads.every(({ held }) => held === undefined)).toBe(true)
    expect([denied, listings().length]).toEqual([1, 1])
  })

  it('leaves out an upload that ends meanwhile', async () => {
    const list = await begin(2)
    world.oss.setFault((request) => {
      const id = world.openUploadIds()[0]
      if (request.operation === 'ListParts' && request.key === 'k00' && id) world.oss.dropUpload(id)
      return undefined
    })
    expect((await list()).map(({ key }) => key)).toEqual(['k01'])
  })

  it('does not take any other failure for an answer', async () => {
    const list = await begin(1)
    world.oss.setFault(({ operation }) =>
      operation === 'ListParts' ? { type: 'reset' } : undefined,
    )
    await expect(list()).rejects.toMatchObject({ code: 'ERR_OSS_TRANSPORT' })
  })
})
