// I9: an abandoned upload id is gone from OSS, or it is known not to be.

import { afterEach, describe, expect, it } from 'vitest'
import { initiateMultipartUpload, uploadPart } from '../../src/oss/multipart.js'
import { abandonUpload } from '../../src/upload/abandon.js'
import { Checkpoint } from '../../src/upload/checkpoint.js'
import type { UploadEvent } from '../../src/upload/events.js'
import { serviceOf, type UploadRun } from '../../src/upload/run.js'
import { randomBytes, World } from '../support/world.js'

let world: World
afterEach(() => world.close())

async function begun(options = {}) {
  world = await World.create(Buffer.alloc(1), options)
  const { client, environment } = world.process()
  const { bucket, key } = world
  const { uploadId } = await initiateMultipartUpload(client, { bucket, key })
  const events: UploadEvent[] = []
  const run = {
    client,
    environment,
    settings: { object: {} },
    checkpoint: await Checkpoint.open(undefined, ''),
    abandoned: new Set<string>(),
    emit: (event: UploadEvent) => void events.push(event),
  } as unknown as UploadRun
  const service = serviceOf(client.endpoint)
  const superseded = { uploadId, bucket, key, service, reason: 'test' }
  return { run, client, superseded, events }
}

describe('abandonUpload', () => {
  it('aborts, looks, and finds the upload gone', async () => {
    const { run, superseded, events } = await begun()
    expect(await abandonUpload(run, superseded)).toBe(true)
    expect(world.openUploadIds()).toEqual([])
    expect(world.oss.requests.map(({ operation }) => operation).slice(1)).toEqual([
      'AbortMultipartUpload',
      'ListParts',
    ])
    expect(events).toMatchObject([{ type: 'superseded', open: false }])
  })

  it('counts an upload that is gone already as gone', async () => {
    const { run, superseded } = await begun()
    world.oss.dropUpload(superseded.uploadId)
    expect(await abandonUpload(run, superseded)).toBe(true)
  })

  it('aborts again while OSS still lists the upload', async () => {
    const { run, client, superseded } = await begun()
    const { bucket, key, uploadId } = superseded
    await uploadPart(client, { bucket, key, uploadId, partNumber: 1, body: Buffer.alloc(10) })
    let aborts = 0
    world.oss.setFault((request) => {
      if (request.operation !== 'AbortMultipartUpload') return undefined
      aborts += 1
      // A part in flight has brought it back.
      return aborts === 1 ? { type: 'replace', status: 204, body: '', apply: false } : undefined
    })
    expect(await abandonUpload(run, superseded)).toBe(true)
    expect(aborts).toBe(2)
  })

  it('takes the abort’s word where listing is denied', async () => {
    const { run, superseded } = await begun({ denied: ['ListParts'] })
    expect(await abandonUpload(run, superseded)).toBe(true)
    expect(world.openUploadIds()).toEqual([])
  })

  it('says that the upload is open when it may not abort it', async () => {
    const { run, superseded, events } = await begun({ denied: ['AbortMultipartUpload'] })
    expect(await abandonUpload(run, superseded)).toBe(false)
    expect([...run.abandoned]).toEqual([superseded.uploadId])
    expect(events).toMatchObject([{ type: 'superseded', open: true }])
  })

  it('does not send an upload id to a service that it does not belong to', async () => {
    const { run, superseded } = await begun()
    const elsewhere = { ...superseded, service: 'region cn-beijing' }
    expect(await abandonUpload(run, elsewhere)).toBe(false)
    expect(world.oss.requests.map(({ operation }) => operation)).toEqual([
      'InitiateMultipartUpload',
    ])
  })
})

describe('a lost answer to Initiate', () => {
  const partSize = 102_400
  const bytes = randomBytes(3 * partSize)

  async function losing(change: { denied?: readonly string[]; now?: () => Date } = {}) {
    world = await World.create(bytes, change)
    const { bucket, key } = world
    let left = 1
    const lose = () =>
      world.oss.setFault(({ operation }) =>
        operation === 'InitiateMultipartUpload' && left-- > 0
          ? { type: 'reset-after-apply' }
          : undefined,
      )
    const client = { retry: { attempts: 3, baseDelay: 0 } }
    return { process: world.process(undefined, { client }), lose, bucket, key }
  }

  it('leaves an upload that is reported, and not touched', async () => {
    const { process, lose } = await losing()
    lose()
    const result = await process.upload()
    const [stray = ''] = world.openUploadIds()
    expect(result).toMatchObject({ outcome: 'completed', abandonedUploadIds: [stray] })
    expect(result?.uploadId).not.toBe(stray)
    expect(process.events).toContainEqual({
      ...{ type: 'found', uploadId: stray, matchingBytes: 0, adopted: false },
    })
    expect(world.openUploadIds()).toHaveLength(1)
  })

  it('says nothing of uploads that are older, or of other keys', async () => {
    let ago = 10 * 60_000
    const { process, lose, bucket, key } = await losing({ now: () => new Date(Date.now() - ago) })
    await initiateMultipartUpload(process.client, { bucket, key })
    await initiateMultipartUpload(process.client, { bucket, key: `${key}2` })
    ago = 0
    await initiateMultipartUpload(process.client, { bucket, key: `${key}3` })
    lose()
    const result = await process.upload()
    expect(world.openUploadIds()).toHaveLength(4)
    expect(result?.abandonedUploadIds).toHaveLength(1)
  })

  it('that cannot be looked for is said to be', async () => {
    const { process, lose } = await losing({ denied: ['ListMultipartUploads'] })
    lose()
    expect((await process.upload())?.abandonedUploadIds).toEqual([])
    expect(process.events).toContainEqual({
      type: 'degraded',
      operation: 'ListMultipartUploads',
      consequence: 'an upload whose answer was lost may be open, and cannot be looked for',
    })
  })

  it('is not looked for when none was lost', async () => {
    const { process } = await losing()
    await process.upload()
    expect(world.oss.requests.map(({ operation }) => operation)).not.toContain(
      'ListMultipartUploads',
    )
  })
})
