// I4 and I5: the object is published exactly once, and success is only reported when it is the local file.

import { afterEach, describe, expect, it } from 'vitest'
import type { Fault } from '../support/fake-oss/index.js'
import { randomBytes, World } from '../support/world.js'

const bytes = randomBytes(3 * 102_400 + 10)

let world: World
afterEach(() => world.close())

/** Answers the first `count` Completes with `fault`. */
function faultComplete(fault: Fault, count = 1): void {
  let left = count
  world.oss.setFault((request) =>
    request.operation === 'CompleteMultipartUpload' && left-- > 0 ? fault : undefined,
  )
}

function completes(): number {
  return world.oss.requests.filter((r) => r.operation === 'CompleteMultipartUpload').length
}

function sentParts(): number {
  return world.oss.acknowledged.length
}

async function assertDone(): Promise<void> {
  expect(world.stored()?.equals(bytes)).toBe(true)
  expect(world.oss.completed).toHaveLength(1)
  expect(world.fs.list()).toEqual([world.path])
  expect(world.openUploadIds()).toEqual([])
}

describe('complete', () => {
  it.each<[string, Fault]>([
    ['the connection is cut after Complete was carried out', { type: 'reset-after-apply' }],
    [
      'a gateway answers 504 after it was carried out',
      { type: 'status', status: 504, before: false },
    ],
    ['the answer is cut off', { type: 'truncate-response', bytes: 40 }],
    ['the answer is not XML', { type: 'replace', body: 'ok' }],
  ])('settles by HEAD when %s', async (_, fault) => {
    world = await World.create(bytes)
    faultComplete(fault)
    const process = world.process()
    const result = await process.upload()
    expect(result?.outcome).toBe('completed-reconciled')
    expect(process.events).toContainEqual({ type: 'reconcile', result: 'stored' })
    expect(completes()).toBe(1)
    expect(sentParts()).toBe(4)
    await assertDone()
  })

  it('completes again when the answer was lost and nothing was stored', async () => {
    world = await World.create(bytes)
    faultComplete({ type: 'status', status: 500, code: 'InternalError' }, 2)
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed')
    expect(completes()).toBe(3)
    await assertDone()
  })

  it('gives up after some tries, and the next run completes without sending a part', async () => {
    world = await World.create(bytes)
    faultComplete({ type: 'status', status: 500, code: 'InternalError' }, 100)
    const first = world.process()
    await expect(first.upload()).rejects.toMatchObject({
      code: 'InternalError',
      upload: { resumable: true },
    })
    await first.kill()
    world.oss.setFault(undefined)
    const result = await world.process().upload()
    expect(result).toMatchObject({ outcome: 'completed', sent: { parts: 0, bytes: 0 } })
    await assertDone()
  })

  it('finds the object after a crash behind Complete, and sends nothing again', async () => {
    world = await World.create(bytes)
    const probe = world.process()
    // With one part at a time the effects come in the same order every time.
    await probe.upload({ concurrency: 1 })
    const index = probe.effects.findIndex((name) => /^POST .*uploadId=/.test(name))
    await world.close()

    world = await World.create(bytes)
    const first = world.process({ index, when: 'after' })
    expect(await first.upload({ concurrency: 1 })).toBeUndefined()
    await first.kill()
    expect(world.oss.completed).toHaveLength(1)
    const result = await world.process().upload()
    expect(result).toMatchObject({
      outcome: 'completed-reconciled',
      resumed: { parts: 4, bytes: bytes.length },
      sent: { parts: 0, bytes: 0 },
    })
    expect(sentParts()).toBe(4)
    await assertDone()
  })

  it('says that it cannot know when HEAD is denied too, and keeps the checkpoint', async () => {
    world = await World.create(bytes, { denied: ['HeadObject', 'ListParts'] })
    faultComplete({ type: 'reset-after-apply' })
    const first = world.process()
    await expect(first.upload()).rejects.toMatchObject({
      code: 'ERR_OSS_AMBIGUOUS',
      message: expect.stringContaining('HeadObject is denied'),
      hint: expect.stringMatching(/307210 bytes and CRC-64 \d+/),
    })
    await first.kill()
    expect(world.fs.list()).toContain(`${world.path}.ucp`)
    // Allowed to look, the next run finds it.
    world.oss.setDenied(['ListParts'])
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed-reconciled')
    await assertDone()
  })

  it('does not take an equal object from before for its own: it completes the upload that is still open', async () => {
    world = await World.create(bytes)
    world.oss.put(world.bucket, world.key, bytes)
    faultComplete({ type: 'reset' })
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed')
    await assertDone()
  })

  it('asks Complete itself whether the upload is gone when ListParts is denied', async () => {
    world = await World.create(bytes, { denied: ['ListParts'] })
    faultComplete({ type: 'reset-after-apply' })
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed-reconciled')
    expect(completes()).toBe(2)
    await assertDone()
  })

  it('does not take a stranger’s equal object for its own upload when Complete was never sent', async () => {
    world = await World.create(bytes)
    world.oss.put(world.bucket, world.key, bytes)
    let dropped = false
    world.oss.setFault((request) => {
      if (request.operation === 'CompleteMultipartUpload' && !dropped) {
        dropped = true
        world.oss.dropUpload(request.uploadId ?? '')
      }
      return undefined
    })
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed')
    expect(world.oss.completed).toHaveLength(1)
  })

  it('starts over when the upload is gone after Complete was sent and the object is another', async () => {
    world = await World.create(bytes)
    world.oss.put(world.bucket, world.key, randomBytes(bytes.length, 77))
    let seen = 0
    world.oss.setFault((request) => {
      if (request.operation !== 'CompleteMultipartUpload') return undefined
      seen += 1
      if (seen === 1) {
        world.oss.dropUpload(request.uploadId ?? '')
        return { type: 'reset' }
      }
      return undefined
    })
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed')
    await assertDone()
  })

  it('settles a FileAlreadyExists that its own lost Complete has caused', async () => {
    world = await World.create(bytes)
    let seen = 0
    // The first look fails as well, so that a second Complete is sent.
    let looks = 0
    world.oss.setFault((request) => {
      if (request.operation === 'HeadObject') {
        looks += 1
        return looks === 1 ? { type: 'status', status: 500, code: 'InternalError' } : undefined
      }
      if (request.operation !== 'CompleteMultipartUpload') return undefined
      seen += 1
      return seen === 1
        ? { type: 'status', status: 503, code: 'ServiceUnavailable', before: false }
        : { type: 'status', status: 409, code: 'FileAlreadyExists' }
    })
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed-reconciled')
    await assertDone()
  })

  it('reports a FileAlreadyExists that somebody else has caused', async () => {
    world = await World.create(bytes)
    faultComplete({ type: 'status', status: 409, code: 'FileAlreadyExists' }, 9)
    await expect(world.process().upload()).rejects.toMatchObject({ code: 'FileAlreadyExists' })
    expect(completes()).toBe(1)
  })

  it('repairs each part that OSS names as invalid, once', async () => {
    world = await World.create(bytes)
    let dropped = false
    world.oss.setFault((request) => {
      if (request.operation === 'CompleteMultipartUpload' && !dropped) {
        dropped = true
        world.oss.dropPart(request.uploadId ?? '', 2)
        world.oss.dropPart(request.uploadId ?? '', 4)
      }
      return undefined
    })
    const process = world.process()
    const result = await process.upload()
    expect(process.events).toContainEqual({ type: 'repair', partNumber: 2 })
    expect(result?.outcome).toBe('completed')
    expect(world.oss.acknowledged.map((a) => a.partNumber).sort()).toEqual([1, 2, 2, 3, 4, 4])
    await assertDone()
  })

  it('fails when the same part is invalid again', async () => {
    world = await World.create(bytes)
    const fields = { PartNumber: '2' }
    faultComplete({ type: 'status', status: 400, code: 'InvalidPart', fields }, 9)
    await expect(world.process().upload()).rejects.toMatchObject({ code: 'InvalidPart' })
    expect(completes()).toBe(2)
  })

  it('takes 203 for what it is: stored, and never sent again', async () => {
    world = await World.create(bytes)
    faultComplete({ type: 'status', status: 203, code: 'CallbackFailed', before: false })
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed-callback-failed')
    await assertDone()
  })

  it('fails when OSS has published other bytes, and the next run replaces them', async () => {
    world = await World.create(bytes)
    faultComplete({ type: 'replace', headers: { 'x-oss-hash-crc64ecma': '12345' } })
    const first = world.process()
    await expect(first.upload()).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKSUM_MISMATCH',
      message: expect.stringContaining('found 12345'),
    })
    await first.kill()
    world.oss.put(world.bucket, world.key, Buffer.from('wrong'))
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed')
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('looks at the object when the answer has no CRC-64', async () => {
    world = await World.create(bytes)
    faultComplete({ type: 'replace', headers: { 'x-oss-hash-crc64ecma': undefined } })
    const process = world.process()
    expect((await process.upload())?.outcome).toBe('completed')
    expect(process.events).toContainEqual({ type: 'reconcile', result: 'stored' })
  })

  it('counts a server without any CRC-64 as unverified, not as failed (I2)', async () => {
    world = await World.create(bytes, { crc64Headers: false })
    expect((await world.process().upload())?.outcome).toBe('completed')
    await assertDone()
  })

  it('combines the CRC-64 of the object from local parts only (I4)', async () => {
    world = await World.create(bytes)
    // OSS's disk flips a byte of an acknowledged part: its own CRC-64 of the object then differs from the file's.
    world.oss.setFault((request) => {
      if (request.operation === 'CompleteMultipartUpload') {
        world.oss.corruptPart(request.uploadId ?? '', 2)
      }
      return undefined
    })
    await expect(world.process().upload()).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKSUM_MISMATCH',
    })
  })
})
