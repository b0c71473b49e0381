// Without a checkpoint, in a container whose disk is gone: what OSS still has is continued where the local bytes prove it.

import { afterEach, describe, expect, it } from 'vitest'
import { initiateMultipartUpload, uploadPart } from '../../src/oss/multipart.js'
import { randomBytes, World } from '../support/world.js'

const partSize = 102_400
const bytes = randomBytes(4 * partSize + 10)

let world: World
afterEach(() => world.close())

/** An unfinished upload with the given parts, as an earlier container has left it. */
async function leftBehind(
  parts: Readonly<Record<number, Buffer>>,
  key = world.key,
): Promise<string> {
  const { client } = world.process()
  const { bucket } = world
  const { uploadId } = await initiateMultipartUpload(client, { bucket, key })
  for (const [number, body] of Object.entries(parts)) {
    await uploadPart(client, { bucket, key, uploadId, partNumber: Number(number), body })
  }
  return uploadId
}

function part(number: number): Buffer {
  return bytes.subarray((number - 1) * partSize, number * partSize)
}

describe('adopt', () => {
  it('continues the upload that saves most, and leaves the others untouched and reported', async () => {
    world = await World.create(bytes)
    const one = await leftBehind({ 1: part(1) })
    const wrong = await leftBehind({
      1: randomBytes(partSize, 5),
      2: randomBytes(partSize, 6),
      3: randomBytes(partSize, 7),
    })
    const best = await leftBehind({ 1: part(1), 3: part(3), 5: part(5) })
    const foreign = await leftBehind(
      { 1: part(1), 2: part(2), 3: part(3), 4: part(4) },
      `${world.key}.bak`,
    )
    const mark = world.oss.acknowledged.length
    const process = world.process()
    const result = await process.upload({ adopt: true })
    expect(result?.uploadId).toBe(best)
    expect(result?.resumed).toEqual({ parts: 3, bytes: 2 * partSize + 10 })
    expect(
      world.oss.acknowledged
        .slice(mark)
        .map((a) => a.partNumber)
        .sort(),
    ).toEqual([2, 4])
    expect(process.events.filter(({ type }) => type === 'found')).toEqual([
      { type: 'found', uploadId: one, matchingBytes: partSize, adopted: false },
      { type: 'found', uploadId: wrong, matchingBytes: 0, adopted: false },
      { type: 'found', uploadId: best, matchingBytes: 2 * partSize + 10, adopted: true },
    ])
    expect(world.openUploadIds().sort()).toEqual([one, wrong, foreign].sort())
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('takes the part size from the parts when none is given', async () => {
    world = await World.create(bytes)
    const uploadId = await leftBehind({ 2: part(2), 5: part(5) })
    const result = await world.process().upload({ adopt: true, partSize: undefined })
    // The file would fit one part of the default size; adoption is only looked for when there are parts to send.
    expect([uploadId, undefined]).toContain(result?.uploadId)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('compares MD5 where OSS lists no CRC-64', async () => {
    world = await World.create(bytes, { listPartsWithCrc64: false })
    const uploadId = await leftBehind({ 1: part(1), 2: randomBytes(partSize, 5) })
    const result = await world.process().upload({ adopt: true })
    expect(result?.uploadId).toBe(uploadId)
    expect(result?.resumed.parts).toBe(1)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('begins its own upload when nothing matches', async () => {
    world = await World.create(bytes)
    const wrong = await leftBehind({ 1: randomBytes(partSize, 5) })
    const result = await world.process().upload({ adopt: true })
    expect(result?.uploadId).not.toBe(wrong)
    expect(world.openUploadIds()).toEqual([wrong])
  })

  it('begins its own upload, and says so, when listing is denied', async () => {
    world = await World.create(bytes, { denied: ['ListMultipartUploads'] })
    const process = world.process()
    await process.upload({ adopt: true })
    expect(process.events).toContainEqual(
      expect.objectContaining({ type: 'degraded', operation: 'ListMultipartUploads' }),
    )
  })

  it('finds the upload whose checkpoint was lost in the window between Initiate and the disk (I6)', async () => {
    world = await World.create(bytes)
    const probe = world.process()
    await probe.upload()
    const index = probe.effects.findIndex((name) => /^POST .*uploads$/.test(name))
    await world.close()
    world = await World.create(bytes)
    const first = world.process({ index, when: 'after' })
    expect(await first.upload()).toBeUndefined()
    expect(world.openUploadIds()).toHaveLength(1)
    const process = world.process()
    await process.upload({ adopt: true })
    expect(process.events.filter(({ type }) => type === 'found')).toHaveLength(1)
  })

  it('writes a checkpoint, so that the adopted upload can be resumed', async () => {
    world = await World.create(bytes)
    const uploadId = await leftBehind({ 1: part(1), 2: part(2) })
    const first = world.process()
    world.oss.setFault((request) => (request.partNumber === 4 ? { type: 'reset' } : undefined))
    await expect(first.upload({ adopt: true, concurrency: 1 })).rejects.toThrow('UploadPart')
    await first.kill()
    world.oss.setFault(undefined)
    const result = await world.process().upload()
    expect(result?.uploadId).toBe(uploadId)
    expect(result?.resumed.parts).toBe(3)
  })
})
