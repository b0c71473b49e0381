// I3 and I6: what an earlier run left is taken over only where the local bytes prove it.

import { afterEach, describe, expect, it } from 'vitest'
import { uploadPart } from '../../src/oss/multipart.js'
import { randomBytes, World } from '../support/world.js'

const partSize = 102_400
const bytes = randomBytes(6 * partSize + 10)

let world: World
afterEach(() => world.close())

/** Runs until `parts` parts are acknowledged and recorded, then dies. */
async function interrupted(parts: number, options = {}, oss = {}): Promise<World> {
  world = await World.create(bytes, oss)
  const probe = world.process()
  let acknowledged = 0
  const failure = { type: 'status', status: 400, code: 'InvalidArgument' } as const
  world.oss.setFault((request) => {
    if (request.operation === 'CompleteMultipartUpload') return failure
    if (request.operation !== 'UploadPart') return undefined
    acknowledged += 1
    return acknowledged > parts ? failure : undefined
  })
  await expect(probe.upload({ concurrency: 1, ...options })).rejects.toThrow('InvalidArgument')
  await probe.kill()
  world.oss.setFault(undefined)
  return world
}

/** Numbers of the parts that were stored from now on. */
function sentSince(world: World, mark: number): number[] {
  return world.oss.acknowledged.slice(mark).map(({ partNumber }) => partNumber)
}

function changed(part: number): Buffer {
  const edited = Buffer.from(bytes)
  edited[(part - 1) * partSize + 7] = (edited[(part - 1) * partSize + 7] ?? 0) ^ 0xff
  return edited
}

describe('resume', () => {
  it('sends only what is missing', async () => {
    await interrupted(4)
    const mark = world.oss.acknowledged.length
    const result = await world.process().upload()
    expect(sentSince(world, mark).sort()).toEqual([5, 6, 7])
    expect(result).toMatchObject({
      outcome: 'completed',
      resumed: { parts: 4, bytes: 4 * partSize },
      sent: { parts: 3, bytes: 2 * partSize + 10 },
    })
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('takes over any subset of parts: gaps, and the short last one', async () => {
    await interrupted(7)
    const uploadId = world.openUploadIds()[0] ?? ''
    for (const part of [2, 5]) world.oss.dropPart(uploadId, part)
    const mark = world.oss.acknowledged.length
    const process = world.process()
    const result = await process.upload()
    expect(sentSince(world, mark).sort()).toEqual([2, 5])
    expect(result?.resumed.parts).toBe(5)
    expect(process.events).toContainEqual({ type: 'part-lost', partNumber: 2 })
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('catches content that was edited with size and times kept, and sends that part again', async () => {
    await interrupted(4)
    world.fs.putUnnoticed(world.path, changed(2))
    const mark = world.oss.acknowledged.length
    const process = world.process()
    const result = await process.upload()
    expect(sentSince(world, mark).sort()).toEqual([2, 5, 6, 7])
    expect(process.events).toContainEqual({ type: 'part-differs', partNumber: 2 })
    expect(result?.outcome).toBe('completed')
    expect(world.stored()?.equals(changed(2))).toBe(true)
  })

  it("trusts unchanged times and inode under verify: 'stat', as its name says", async () => {
    await interrupted(4)
    world.fs.putUnnoticed(world.path, changed(2))
    // OSS's CRC-64 of the object is that of the parts: what 'stat' gives up is exactly this.
    const result = await world.process().upload({ verify: 'stat' })
    expect(result?.resumed.parts).toBe(4)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it("compares bytes under verify: 'stat' too when the times differ", async () => {
    await interrupted(4)
    world.fs.put(world.path, changed(2))
    const process = world.process()
    await process.upload({ verify: 'stat' })
    expect(process.events).toContainEqual({ type: 'source-differs', path: world.path })
    expect(world.stored()?.equals(changed(2))).toBe(true)
  })

  it("does not take a part for verified because a later run under 'stat' saw the same times", async () => {
    await interrupted(4)
    world.fs.put(world.path, changed(2))
    // The second run notes the new times and dies before it has compared anything.
    const second = world.process()
    world.oss.setFault((request) =>
      request.operation === 'ListParts' ? { type: 'status', status: 400, code: 'X' } : undefined,
    )
    await expect(second.upload({ verify: 'stat' })).rejects.toThrow('X')
    await second.kill()
    world.oss.setFault(undefined)
    await world.process().upload({ verify: 'stat' })
    expect(world.stored()?.equals(changed(2))).toBe(true)
  })

  it("does not report an object for the file that has replaced its source under verify: 'stat'", async () => {
    world = await World.create(bytes)
    const now = randomBytes(bytes.length, 8)
    world.oss.setFault((request) => {
      if (request.operation !== 'CompleteMultipartUpload') return undefined
      // Too late to be noticed: the old content is published, and then the process dies.
      world.fs.put(world.path, now)
      void first.kill()
      return undefined
    })
    const first = world.process()
    expect(await first.upload()).toBeUndefined()
    world.oss.setFault(undefined)
    await world.process().upload({ verify: 'stat' })
    expect(world.stored()?.equals(now)).toBe(true)
  })

  it.each([
    ['grown', Buffer.concat([bytes, randomBytes(2 * partSize, 9)])],
    ['cut short', bytes.subarray(0, 3 * partSize + 5)],
    ['cut to less than a part', bytes.subarray(0, 5)],
    ['emptied', Buffer.alloc(0)],
    ['rewritten', randomBytes(bytes.length, 5)],
  ])('publishes the file as it is now when it was %s between two runs', async (_, now) => {
    await interrupted(4)
    world.fs.put(world.path, now)
    const result = await world.process().upload()
    expect(result?.size).toBe(now.length)
    expect(world.stored()?.equals(now)).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
    expect(world.openUploadIds()).toEqual([])
  })

  it('gives the upload up when the source has outgrown its part size', async () => {
    await interrupted(2)
    const header = world.fs.text(`${world.path}.ucp`)
    expect(header).toContain('"partSize":102400')
    // 10,000 parts of 100 KiB and one byte: too large to make, so the size is only claimed.
    const huge = 10_000 * partSize + 1
    const { fs, path: source } = world
    const stat = fs.stat.bind(fs)
    const open = fs.open.bind(fs)
    fs.stat = async (path) => {
      const identity = await stat(path)
      return path === source ? { ...identity, size: String(huge) } : identity
    }
    fs.open = async (path, flags) => {
      const file = await open(path, flags)
      if (path !== source) return file
      return { ...file, stat: async () => ({ ...(await file.stat()), size: String(huge) }) }
    }
    const process = world.process()
    await expect(process.upload({ partSize: undefined })).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
    })
    expect(process.events).toContainEqual(
      expect.objectContaining({ type: 'superseded', open: false }),
    )
  })

  it('adopts parts that OSS has and the journal does not, comparing CRC-64', async () => {
    await interrupted(4)
    forget(4)
    const mark = world.oss.acknowledged.length
    const result = await world.process().upload()
    expect(sentSince(world, mark).sort()).toEqual([5, 6, 7])
    expect(result?.resumed.parts).toBe(4)
  })

  it('adopts them by MD5 where OSS lists no CRC-64', async () => {
    await interrupted(4, {}, { listPartsWithCrc64: false })
    forget(3)
    forget(4)
    world.fs.putUnnoticed(world.path, changed(3))
    const mark = world.oss.acknowledged.length
    const result = await world.process().upload()
    expect(sentSince(world, mark).sort()).toEqual([3, 5, 6, 7])
    expect(result?.resumed.parts).toBe(3)
    expect(world.stored()?.equals(changed(3))).toBe(true)
  })

  it('sends a part again that somebody else has overwritten on OSS', async () => {
    await interrupted(4)
    const uploadId = world.openUploadIds()[0] ?? ''
    const { bucket, key } = world
    const body = randomBytes(partSize, 99)
    await uploadPart(world.process().client, { bucket, key, uploadId, partNumber: 3, body })
    const mark = world.oss.acknowledged.length
    await world.process().upload()
    expect(sentSince(world, mark).sort()).toEqual([3, 5, 6, 7])
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('continues with the journal alone when ListParts is denied, and says so', async () => {
    await interrupted(4, {}, { denied: ['ListParts'] })
    const mark = world.oss.acknowledged.length
    const process = world.process()
    await process.upload()
    expect(sentSince(world, mark).sort()).toEqual([5, 6, 7])
    expect(process.events).toContainEqual(
      expect.objectContaining({ type: 'degraded', operation: 'ListParts' }),
    )
    expect(world.oss.completed).toHaveLength(1)
  })

  it('does not start over because ListParts fails: it fails and resumes later', async () => {
    await interrupted(4)
    const open = world.openUploadIds()
    world.oss.setFault((request) =>
      request.operation === 'ListParts'
        ? { type: 'status', status: 500, code: 'InternalError' }
        : undefined,
    )
    await expect(world.process().upload()).rejects.toMatchObject({
      code: 'InternalError',
      upload: { resumable: true, uploadId: open[0] },
    })
    expect(world.openUploadIds()).toEqual(open)
    expect(
      world.oss.requests.filter((r) => r.operation === 'InitiateMultipartUpload'),
    ).toHaveLength(1)
  })

  it('starts over by itself when OSS has dropped the upload, and leaves no second one', async () => {
    await interrupted(4)
    const [old = ''] = world.openUploadIds()
    world.oss.dropUpload(old)
    const process = world.process()
    const result = await process.upload()
    expect(result?.uploadId).not.toBe(old)
    expect(result?.sent.parts).toBe(7)
    expect(process.events).toContainEqual({
      type: 'superseded',
      uploadId: old,
      reason: 'NoSuchUpload',
      open: false,
    })
    expect(world.stored()?.equals(bytes)).toBe(true)
    expect(world.openUploadIds()).toEqual([])
  })

  it('starts over in the middle of a run too, once', async () => {
    world = await World.create(bytes)
    let dropped = false
    world.oss.setFault((request) => {
      if (!dropped && request.operation === 'UploadPart' && request.partNumber === 3) {
        dropped = true
        world.oss.dropUpload(request.uploadId ?? '')
      }
      return undefined
    })
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed')
    expect(world.stored()?.equals(bytes)).toBe(true)
    expect(world.openUploadIds()).toEqual([])
  })

  function forget(part: number): void {
    const path = `${world.path}.ucp`
    const lines = world.fs.text(path).split('\n')
    const kept = lines.filter((line) => !line.includes(`"type":"part","number":${part},`))
    expect(kept).toHaveLength(lines.length - 1)
    world.fs.put(path, Buffer.from(kept.join('\n')))
  }
})
