// One pass for the checksums of a part; and what Content-MD5 does for an upload: OSS refuses other bytes than were read.

import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { contentMd5Of, digestPart } from '../../src/upload/digest-part.js'
import { PartBuffers } from '../../src/upload/part-reader.js'
import { openSource } from '../../src/upload/source.js'
import { MemoryFileSystem } from '../support/memory-fs.js'
import { randomBytes, World } from '../support/world.js'

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('base64')

async function sourceOf(bytes: Buffer) {
  const fs = new MemoryFileSystem()
  fs.put('/f', bytes)
  return { fs, source: await openSource('/f', fs) }
}

describe('digestPart', () => {
  it.each([0, 1, 8 * 1024, 512 * 1024, 1_234_567])('reads %i bytes from within', async (size) => {
    const bytes = randomBytes(size + 30)
    const part = bytes.subarray(10, 10 + size)
    const { source } = await sourceOf(bytes)
    const range = { number: 2, offset: 10, size }
    const digest = await digestPart(source, range, new PartBuffers(), undefined, { md5: true })
    expect(digest.crc64).toBe(formatCrc64(crc64(part)))
    expect(digest.md5?.toString('base64')).toBe(md5(part))
  })

  it('computes no MD5 unless asked', async () => {
    const { source } = await sourceOf(randomBytes(10))
    const range = { number: 1, offset: 0, size: 10 }
    const digest = await digestPart(source, range, new PartBuffers(), undefined, { md5: false })
    expect(digest.md5).toBeUndefined()
  })

  it('stops between two chunks when it is cancelled, and notices a source that changed', async () => {
    const { fs, source } = await sourceOf(randomBytes(2_000_000))
    const range = { number: 1, offset: 0, size: 2_000_000 }
    const reason = new Error('enough')
    const digest = (signal?: AbortSignal) =>
      digestPart(source, range, new PartBuffers(), signal, { md5: true })
    await expect(digest(AbortSignal.abort(reason))).rejects.toBe(reason)
    fs.put('/f', randomBytes(2_000_000, 2))
    await expect(digest()).rejects.toMatchObject({ code: 'ERR_OSS_SOURCE_CHANGED' })
  })
})

describe('contentMd5Of', () => {
  it('reads nothing when none is wanted', async () => {
    const { fs, source } = await sourceOf(randomBytes(10))
    fs.fail = () => 'EIO'
    const range = { number: 1, offset: 0, size: 10 }
    expect(await contentMd5Of(source, range, new PartBuffers(), undefined, false)).toBeUndefined()
  })
})

describe('contentMd5', () => {
  const partSize = 102_400
  const bytes = randomBytes(3 * partSize - 5)
  const edited = Buffer.from(bytes)
  edited[2 * partSize] = (edited[2 * partSize] ?? 0) ^ 1

  let world: World
  afterEach(() => world.close())

  const sentMd5s = () =>
    world.oss.requests
      .filter(({ operation }) => operation === 'UploadPart' || operation === 'PutObject')
      .map(({ headers }) => headers['content-md5'])
      .toSorted()

  it('binds the bytes of every part to its signature', async () => {
    world = await World.create(bytes)
    expect(await world.process().upload({ contentMd5: true })).toMatchObject({
      outcome: 'completed',
    })
    const parts = [0, 1, 2].map((n) => bytes.subarray(n * partSize, (n + 1) * partSize))
    expect(sentMd5s()).toEqual(parts.map(md5).toSorted())
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it.each([0, 1, 70_000])('binds those of a file of %i bytes', async (size) => {
    world = await World.create(bytes.subarray(0, size))
    await world.process().upload({ contentMd5: true })
    expect(sentMd5s()).toEqual([md5(bytes.subarray(0, size))])
    expect(world.stored()?.equals(bytes.subarray(0, size))).toBe(true)
  })

  it('is not sent unless asked for', async () => {
    world = await World.create(bytes)
    await world.process().upload()
    expect(sentMd5s()).toEqual([undefined, undefined, undefined])
  })

  it('keeps bytes from being stored that changed unnoticed between the two readings', async () => {
    world = await World.create(bytes)
    const process = world.process()
    const { client } = process
    const call = client.call.bind(client)
    // The MD5 of the part has been computed when its request is made.
    client.call = (request, read) => {
      if (request.query?.['partNumber'] === '3') world.fs.putUnnoticed(world.path, edited)
      return call(request, read)
    }
    await expect(process.upload({ contentMd5: true, concurrency: 1 })).rejects.toMatchObject({
      code: 'InvalidDigest',
      hint: expect.stringContaining('changed between two reads'),
      upload: { resumable: true },
    })
    expect(world.oss.acknowledged.map(({ partNumber }) => partNumber)).toEqual([1, 2])
    expect(world.stored()).toBeUndefined()
  })

  it('a change that the file shows is named as such', async () => {
    world = await World.create(bytes)
    const process = world.process()
    const call = process.client.call.bind(process.client)
    process.client.call = (request, read) => {
      if (request.query?.['partNumber'] === '3') world.fs.put(world.path, edited)
      return call(request, read)
    }
    await expect(process.upload({ contentMd5: true, concurrency: 1 })).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
    })
    expect(world.oss.completed).toEqual([])
  })
})
