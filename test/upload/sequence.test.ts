// Sequential uploads: parts in order, none twice, and what OSS has is found out when it refuses one.

import { afterEach, describe, expect, it } from 'vitest'
import { OssServiceError } from '../../src/primitives/errors.js'
import { isOutOfSequence } from '../../src/upload/sequence.js'
import { randomBytes, type UploadChange, World } from '../support/world.js'

const partSize = 102_400
const bytes = randomBytes(5 * partSize + 10)
const sequential: UploadChange = { sequential: true, concurrency: 1 }

let world: World
afterEach(() => world.close())

const numbers = (): (number | undefined)[] =>
  world.oss.requests.filter((r) => r.operation === 'UploadPart').map((r) => r.partNumber)

/** Fails in the middle of part `number`, at each try: it arrives or it does not, and its answer is lost. */
function breakAt(number: number, how: 'reset' | 'reset-after-apply'): void {
  world.oss.setFault((request) =>
    request.operation === 'UploadPart' && request.partNumber === number ? { type: how } : undefined,
  )
}

async function failedRun(options = sequential): Promise<void> {
  const process = world.process()
  await expect(process.upload(options)).rejects.toThrow()
  await process.kill()
  world.oss.setFault(undefined)
}

async function assertDone(): Promise<void> {
  expect(world.stored()?.equals(bytes)).toBe(true)
  expect(world.fs.list()).toEqual([world.path])
  expect(world.openUploadIds()).toEqual([])
}

describe('a sequential upload', () => {
  it('says so to Initiate alone, and sends one part after another in order', async () => {
    world = await World.create(bytes, { latencyMs: 2 })
    let running = 0
    let most = 0
    const process = world.process()
    const call = process.client.call.bind(process.client)
    process.client.call = async (request, read) => {
      running += 1
      most = Math.max(most, running)
      return call(request, read).finally(() => {
        running -= 1
      })
    }
    await process.upload({ sequential: true, concurrency: undefined })
    expect(most).toBe(1)
    expect(numbers()).toEqual([1, 2, 3, 4, 5, 6])
    const told = world.oss.requests.filter(({ query }) => 'sequential' in query)
    expect(told.map(({ operation, target }) => `${operation} ${target.split('?')[1]}`)).toEqual([
      'InitiateMultipartUpload encoding-type=url&sequential&uploads',
    ])
    await assertDone()
  })

  it('continues after the part that was refused', async () => {
    world = await World.create(bytes)
    breakAt(4, 'reset')
    await failedRun()
    expect(await world.process().upload(sequential)).toMatchObject({
      ...{ resumed: { parts: 3 }, sent: { parts: 3 } },
    })
    expect(numbers().slice(-3)).toEqual([4, 5, 6])
    await assertDone()
  })

  it('finds the part whose answer was lost by listing, and does not send it again', async () => {
    world = await World.create(bytes)
    breakAt(4, 'reset-after-apply')
    await failedRun()
    expect(await world.process().upload(sequential)).toMatchObject({
      ...{ resumed: { parts: 4 }, sent: { parts: 2 } },
    })
    expect(numbers().slice(-2)).toEqual([5, 6])
    await assertDone()
  })

  it('verifies before it sends, also what it cannot replace', async () => {
    world = await World.create(bytes)
    breakAt(4, 'reset')
    await failedRun()
    const order: string[] = []
    await world.process().upload({
      ...sequential,
      onProgress: ({ phase, resumedBytes, sentBytes }) => {
        order.push(`${phase} ${resumedBytes > 0 ? 'read' : ''} ${sentBytes > 0 ? 'sent' : ''}`)
      },
    })
    const firstSent = order.findIndex((step) => step.endsWith('sent'))
    expect(firstSent).toBeGreaterThan(0)
    // All three had been read when the first byte went out.
    expect(order.slice(0, firstSent).filter((step) => step.includes('read')).length).toBe(3)
  })
})

describe('409 PartAlreadyExist', () => {
  /** The list was made before the part arrived: the run learns of it only when it sends it. */
  async function surprised(options: UploadChange = {}, fake = {}) {
    world = await World.create(bytes, fake)
    breakAt(4, 'reset-after-apply')
    await failedRun({ ...sequential, ...options })
    const [{ uploadId = '' } = {}] = world.oss.uploads(world.bucket)
    const upload = world.oss.state.findUpload(uploadId).upload
    const hidden = upload.parts.get(4)
    if (hidden === undefined) throw new Error('part 4 has not arrived')
    upload.parts.delete(4)
    world.oss.setFault((request) => {
      if (request.operation === 'UploadPart') upload.parts.set(4, hidden)
      return undefined
    })
    return { upload, hidden }
  }

  it('is settled by listing, and a part that has the local bytes is taken over', async () => {
    await surprised()
    const process = world.process()
    expect(await process.upload(sequential)).toMatchObject({
      ...{ resumed: { parts: 4 }, sent: { parts: 2 } },
    })
    expect(process.events).toContainEqual({ type: 'part-found', partNumber: 4 })
    expect(numbers().slice(-3)).toEqual([4, 5, 6])
    await assertDone()
  })

  it('is settled by the MD5 of the local bytes where OSS lists no CRC-64', async () => {
    await surprised({}, { listPartsWithCrc64: false })
    expect((await world.process().upload(sequential))?.sent.parts).toBe(2)
    await assertDone()
  })

  it('is settled where ListParts is denied: Complete names the ETag, and OSS checks it', async () => {
    world = await World.create(bytes, { denied: ['ListParts'] })
    breakAt(4, 'reset-after-apply')
    await failedRun()
    const process = world.process()
    expect(await process.upload(sequential)).toMatchObject({
      ...{ resumed: { parts: 4 }, sent: { parts: 2 } },
    })
    expect(process.events).toContainEqual({ type: 'part-found', partNumber: 4 })
    await assertDone()
  })

  it('of a part with other bytes makes the upload start over, because OSS replaces none', async () => {
    await surprised()
    const changed = Buffer.from(bytes)
    changed[3 * partSize + 5] = (changed[3 * partSize + 5] ?? 0) ^ 1
    world.fs.put(world.path, changed)
    const process = world.process()
    expect(await process.upload(sequential)).toMatchObject({
      ...{ resumed: { parts: 0 }, sent: { parts: 6 } },
    })
    expect(process.events).toContainEqual(
      expect.objectContaining({
        ...{ type: 'superseded', open: false },
        reason: 'a part of a sequential upload cannot be replaced',
      }),
    )
    expect(world.stored()?.equals(changed)).toBe(true)
    expect(world.openUploadIds()).toEqual([])
  })

  it('of a verified part that differs makes it start over too, without sending the rest', async () => {
    world = await World.create(bytes)
    breakAt(5, 'reset')
    await failedRun()
    const changed = Buffer.from(bytes)
    changed[partSize + 5] = (changed[partSize + 5] ?? 0) ^ 1
    world.fs.put(world.path, changed)
    const before = numbers().length
    expect((await world.process().upload(sequential))?.sent.parts).toBe(6)
    expect(numbers().slice(before)).toEqual([2, 1, 2, 3, 4, 5, 6])
    expect(world.stored()?.equals(changed)).toBe(true)
  })

  it('that never ends fails: the second time the upload is given up no more', async () => {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.operation === 'UploadPart' && request.partNumber === 2
        ? { type: 'status', status: 409, code: 'PartAlreadyExist' }
        : undefined,
    )
    await expect(world.process().upload(sequential)).rejects.toMatchObject({
      code: 'PartAlreadyExist',
    })
    expect(numbers()).toEqual([1, 2, 1, 2])
  })
})

describe('400 PartNotSequential', () => {
  it('is settled by listing, and what is missing is sent first', async () => {
    world = await World.create(bytes)
    let dropped = false
    world.oss.setFault((request) => {
      if (request.operation === 'UploadPart' && request.partNumber === 4 && !dropped) {
        dropped = true
        world.oss.dropPart(request.uploadId ?? '', 3)
        world.oss.dropPart(request.uploadId ?? '', 2)
      }
      return undefined
    })
    const process = world.process()
    await process.upload(sequential)
    expect(numbers()).toEqual([1, 2, 3, 4, 2, 3, 4, 5, 6])
    expect(process.events.filter(({ type }) => type === 'part-lost')).toEqual([
      ...[2, 3].map((partNumber) => ({ type: 'part-lost', partNumber })),
    ])
    await assertDone()
  })

  it('without anything missing makes the upload start over, once', async () => {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.operation === 'UploadPart' && request.partNumber === 3
        ? { type: 'status', status: 400, code: 'PartNotSequential' }
        : undefined,
    )
    await expect(world.process().upload(sequential)).rejects.toMatchObject({
      code: 'PartNotSequential',
    })
    expect(numbers()).toEqual([1, 2, 3, 1, 2, 3])
  })

  it('of an adopted upload that is sequential makes one that is not start over', async () => {
    world = await World.create(bytes)
    breakAt(3, 'reset')
    await failedRun()
    for (const path of world.fs.list()) if (path !== world.path) await world.fs.unlink(path)
    const result = await world.process().upload({ adopt: true, concurrency: 3 })
    expect(result?.outcome).toBe('completed')
    await assertDone()
  })
})

describe('isOutOfSequence', () => {
  it('is about two codes of OSS', () => {
    const error = (code: string) => new OssServiceError('x', { code, status: 409 })
    expect(isOutOfSequence(error('PartAlreadyExist'))).toBe(true)
    expect(isOutOfSequence(error('PartNotSequential'))).toBe(true)
    expect(isOutOfSequence(error('InvalidPart'))).toBe(false)
    expect(isOutOfSequence(new Error('PartAlreadyExist'))).toBe(false)
  })
})
