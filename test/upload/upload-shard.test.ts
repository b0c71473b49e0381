// Several processes over one fake OSS and one directory: they share one upload, and one of them completes it.

import { afterEach, describe, expect, it } from 'vitest'
import { abortMultipartUpload } from '../../src/oss/multipart.js'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import type { UploadFileResult } from '../../src/upload/result.js'
import type { FakeOssOptions } from '../support/fake-oss/index.js'
import { type Process, randomBytes, type UploadChange, World } from '../support/world.js'

const partSize = 102_400
const parts = 12
const bytes = randomBytes((parts - 1) * partSize + 10)
const checkpointPath = '/data/shared.ucp'

const worlds: World[] = []
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()))
})

async function world(options: FakeOssOptions = {}): Promise<World> {
  const created = await World.create(bytes, options)
  worlds.push(created)
  return created
}

function shard(
  process: Process,
  index: number,
  count: number,
  change: UploadChange = {},
): Promise<UploadFileResult | undefined> {
  return process.upload({ checkpointPath, concurrency: 2, shard: { index, count }, ...change })
}

function expectStored(w: World, completions = 1): void {
  expect(w.stored()?.equals(bytes)).toBe(true)
  expect(w.oss.completed).toHaveLength(completions)
  expect(w.openUploadIds()).toEqual([])
}

/** What is left beside the source: the marker, and nothing else. */
function expectMarkerAlone(w: World): void {
  expect(w.fs.list()).toEqual([w.path, checkpointPath])
  expect(w.fs.text(checkpointPath).split('\n')).toHaveLength(4)
}

/** Each part was acknowledged once. */
function expectNothingTwice(w: World): void {
  const numbers = w.oss.acknowledged.map(({ partNumber }) => partNumber)
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: parts }, (_, i) => i + 1))
}

describe('several workers', () => {
  it.each([1, 2, 3, 5, 16])(
    'of %i that start together send each part once, and one completes',
    async (count) => {
      const w = await world()
      const results = await Promise.all(
        Array.from({ length: count }, (_, index) => shard(w.process(), index, count)),
      )
      const outcomes = results.map((result) => result?.outcome)
      expect(outcomes.filter((outcome) => outcome === 'completed')).toHaveLength(1)
      for (const outcome of outcomes) {
        expect(['completed', 'completed-reconciled', 'shard-done']).toContain(outcome)
      }
      expect(results.reduce((sum, result) => sum + (result?.sent.parts ?? 0), 0)).toBe(parts)
      expect(results.reduce((sum, result) => sum + (result?.shard?.bytes ?? 0), 0)).toBe(
        bytes.length,
      )
      expectStored(w)
      expectNothingTwice(w)
      expectMarkerAlone(w)
    },
  )

  it('ends with shard-done until the last, which completes, in any order', async () => {
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ]) {
      const w = await world()
      const results: (UploadFileResult | undefined)[] = []
      for (const index of order) results.push(await shard(w.process(), index, 3))
      expect(results.map((result) => result?.outcome)).toEqual([
        'shard-done',
        'shard-done',
        'completed',
      ])
      expect(results[0]).toMatchObject({
        ...{ etag: '', crc64: '', size: bytes.length, parts },
        shard: { index: order[0], count: 3, parts: 4 },
        sent: { parts: 4 },
        resumed: { parts: 0 },
      })
      expect(results[2]).toMatchObject({
        crc64: formatCrc64(crc64(bytes)),
        shard: { index: order[2], count: 3, parts: 4 },
        sent: { parts: 4 },
        resumed: { parts: 0 },
      })
      expectStored(w)
      expectNothingTwice(w)
      expectMarkerAlone(w)
    }
  })

  it('reports progress of its own share', async () => {
    const w = await world()
    const seen: (number | undefined)[] = []
    await shard(w.process(), 0, 3, {
      onProgress: ({ phase, totalBytes, transferredBytes }) => {
        if (phase === 'completed') seen.push(totalBytes, transferredBytes)
      },
    })
    expect(seen).toEqual([4 * partSize, 4 * partSize])
  })

  it('sends nothing again when a worker comes back after all is done', async () => {
    const w = await world()
    for (const index of [0, 1]) await shard(w.process(), index, 2)
    const requests = w.oss.requests.length
    const again = await shard(w.process(), 0, 2)
    expect(again).toMatchObject({
      outcome: 'completed-reconciled',
      crc64: formatCrc64(crc64(bytes)),
      sent: { parts: 0 },
    })
    expect(w.oss.requests.slice(requests).map(({ operation }) => operation)).toEqual(['HeadObject'])
    expectMarkerAlone(w)
  })

  it('trusts the marker where HeadObject is denied, and starts over where the object is another one', async () => {
    const denied = await world({ denied: ['HeadObject', 'ListParts'] })
    for (const index of [0, 1]) await shard(denied.process(), index, 2)
    expect(await shard(denied.process(), 1, 2)).toMatchObject({ outcome: 'completed-reconciled' })
    expectStored(denied)

    const replaced = await world()
    for (const index of [0, 1]) await shard(replaced.process(), index, 2)
    replaced.fs.put(replaced.path, randomBytes(bytes.length, 2))
    expect(await shard(replaced.process(), 0, 2)).toMatchObject({ outcome: 'shard-done' })
    expect(await shard(replaced.process(), 1, 2)).toMatchObject({ outcome: 'completed' })
    expect(replaced.stored()?.equals(randomBytes(bytes.length, 2))).toBe(true)
  })

  it('resumes its share after a kill, and verifies it by the local bytes', async () => {
    const w = await world()
    const first = w.process()
    const run = shard(first, 0, 2, {
      concurrency: 1,
      onProgress: ({ partsDone }) => {
        if (partsDone === 3) void first.kill()
      },
    })
    expect(await run).toBeUndefined()
    expect(await shard(w.process(), 1, 2)).toMatchObject({ outcome: 'shard-done' })
    const result = await shard(w.process(), 0, 2)
    expect(result?.outcome).toBe('completed')
    expect(result?.resumed.parts).toBeGreaterThanOrEqual(3)
    expectStored(w)
    expectNothingTwice(w)
    expectMarkerAlone(w)
  })

  it('leaves what a worker that never returns had to do to workers of another count', async () => {
    const w = await world()
    for (const index of [0, 2, 3]) await shard(w.process(), index, 4)
    const results: (UploadFileResult | undefined)[] = []
    for (const index of [0, 1]) results.push(await shard(w.process(), index, 2))
    expect(results.map((result) => result?.outcome)).toEqual(['completed', 'completed-reconciled'])
    expectStored(w)
    expectNothingTwice(w)
    expectMarkerAlone(w)
  })

  it('is continued by an upload that is not shared at all', async () => {
    const w = await world()
    for (const index of [0, 2]) await shard(w.process(), index, 3)
    const result = await w.process().upload({ checkpointPath })
    expect(result).toMatchObject({
      outcome: 'completed',
      resumed: { parts: 8 },
      sent: { parts: 4 },
    })
    expectStored(w)
    expectNothingTwice(w)
    expectMarkerAlone(w)
    // The worker that was missing comes after all.
    expect(await shard(w.process(), 1, 3)).toMatchObject({ outcome: 'completed-reconciled' })
    // And the marker goes with the next upload that is not shared.
    await w.process().upload({ checkpointPath })
    expect(w.fs.list()).toEqual([w.path])
  })

  it('refuses to take over what a living worker is sending', async () => {
    const w = await world()
    await shard(w.process(), 0, 2)
    let reached = (): void => {}
    const sending = new Promise<void>((resolve) => {
      reached = resolve
    })
    const worker = w.process()
    const run = shard(worker, 1, 2, { onProgress: reached, concurrency: 1 })
    await sending
    await expect(w.process().upload({ checkpointPath })).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_LOCKED',
    })
    expect((await run)?.outcome).toBe('completed')
    expectStored(w)
  })

  it('makes a journal that is missing good by reading its range', async () => {
    const w = await world()
    await shard(w.process(), 0, 3)
    await shard(w.process(), 1, 3)
    w.fs.delete(`${checkpointPath}.shard-0-of-3`)
    w.fs.put(`${checkpointPath}.shard-1-of-3`, Buffer.from('damaged'))
    const result = await shard(w.process(), 2, 3)
    expect(result?.outcome).toBe('completed')
    expectStored(w)
    expectNothingTwice(w)
    expectMarkerAlone(w)
  })

  it('finds the upload again by a worker’s journal when the shared checkpoint is lost', async () => {
    const w = await world()
    await shard(w.process(), 0, 2)
    w.fs.delete(checkpointPath)
    expect((await shard(w.process(), 1, 2))?.outcome).toBe('completed')
    expectStored(w)
    expectNothingTwice(w)
  })

  it('never publishes a mixture of two states of the source (I7)', async () => {
    const w = await world()
    await shard(w.process(), 0, 2)
    const edited = Buffer.from(bytes)
    edited.fill(7, 0, 5)
    w.fs.put(w.path, edited, { keepTimes: true })
    expect((await shard(w.process(), 1, 2))?.outcome).toBe('completed')
    expect(w.stored()?.equals(edited)).toBe(true)
    expect(w.openUploadIds()).toEqual([])
  })

  it('starts over, once and together, when the upload was aborted meanwhile', async () => {
    const w = await world()
    await shard(w.process(), 0, 2)
    const [uploadId = ''] = w.openUploadIds()
    await abortMultipartUpload(w.process().client, { bucket: w.bucket, key: w.key, uploadId })
    expect((await shard(w.process(), 1, 2))?.outcome).toBe('shard-done')
    expect((await shard(w.process(), 0, 2))?.outcome).toBe('completed')
    expectStored(w)
    expectMarkerAlone(w)
  })

  it('needs oss:PutObject alone', async () => {
    const w = await world({
      denied: ['ListParts', 'HeadObject', 'AbortMultipartUpload', 'ListMultipartUploads'],
    })
    const results = await Promise.all([0, 1, 2].map((index) => shard(w.process(), index, 3)))
    expect(results.filter((result) => result?.outcome === 'completed')).toHaveLength(1)
    expect(w.stored()?.equals(bytes)).toBe(true)
    expectNothingTwice(w)
  })

  it('leaves an empty file to the first worker', async () => {
    const w = await World.create(Buffer.alloc(0))
    worlds.push(w)
    expect(await shard(w.process(), 1, 2)).toMatchObject({ outcome: 'shard-done', parts: 0 })
    expect(await shard(w.process(), 0, 2)).toMatchObject({ outcome: 'completed', size: 0 })
  })
})
