// Parts side by side: bounded, each recorded when it is done, with memory that does not grow with part or file.

import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { OpenFile } from '../../src/upload/open-file.js'
import { randomBytes, World } from '../support/world.js'

const partSize = 102_400

let world: World
afterEach(() => world.close())

/** Of the files that are opened with these flags: the source's are `r`, the journal's `a`. */
function changeOpenFiles(changed: 'r' | 'a', change: (file: OpenFile) => Partial<OpenFile>): void {
  const open = world.fs.open.bind(world.fs)
  world.fs.open = async (path, flags) => {
    const file = await open(path, flags)
    return flags === changed ? { ...file, ...change(file) } : file
  }
}

describe('sendParts', () => {
  it.each([1, 2, 5])('keeps at most %i parts in flight', async (concurrency) => {
    world = await World.create(randomBytes(12 * partSize), { latencyMs: 2 })
    let running = 0
    let most = 0
    const process = world.process()
    const { client } = process
    const call = client.call.bind(client)
    client.call = async (request, read) => {
      if (request.operation !== 'UploadPart') return call(request, read)
      running += 1
      most = Math.max(most, running)
      try {
        return await call(request, read)
      } finally {
        running -= 1
      }
    }
    await process.upload({ concurrency })
    expect(most).toBe(concurrency)
  })

  it.each([1, 4])(
    'opens one connection for each of %i parts in flight, and reuses it',
    async (concurrency) => {
      world = await World.create(randomBytes(40 * partSize))
      await world.process().upload({ concurrency })
      expect(world.oss.connections).toBe(concurrency)
    },
  )

  it('counts bytes that were sent, bytes that were taken over, and parts', async () => {
    world = await World.create(randomBytes(3 * partSize + 1))
    expect(await world.process().upload()).toMatchObject({
      resumed: { parts: 0, bytes: 0 },
      sent: { parts: 4, bytes: 3 * partSize + 1 },
    })
  })

  it('I6: a worker begins no part before its last one is written down, however slow the disk', async () => {
    world = await World.create(randomBytes(4 * partSize))
    const order: string[] = []
    changeOpenFiles('a', (file) => {
      const record = (data: string | Uint8Array): void => {
        if (Buffer.from(data as string).includes('"type":"part"')) order.push('recorded')
      }
      return {
        async write(bytes) {
          await delay(20)
          record(bytes)
          return file.write(bytes)
        },
        writeNow(data) {
          record(data)
          return file.writeNow(data)
        },
        // A line that comes meanwhile is not written at once.
        async sync(all) {
          await delay(20)
          await file.sync(all)
        },
      }
    })
    const process = world.process()
    const call = process.client.call.bind(process.client)
    process.client.call = (request, read) => {
      if (request.operation === 'UploadPart') order.push(`part ${request.partNumber}`)
      return call(request, read)
    }
    await process.upload({ concurrency: 1 })
    expect(order).toEqual([1, 2, 3, 4].flatMap((number) => [`part ${number}`, 'recorded']))
  })

  it('I11: waits for the read that is under way when a part has failed', async () => {
    world = await World.create(randomBytes(2 * 1024 * 1024))
    world.oss.setFault((request) =>
      request.partNumber === 1 ? { type: 'reset', afterBodyBytes: 1 } : undefined,
    )
    const reads = { begun: 0, ended: 0 }
    changeOpenFiles('r', (file) => ({
      async read(buffer, length, position) {
        reads.begun += 1
        // Long after the connection was reset, but for the first chunk.
        if (position > 0) await delay(300)
        const count = await file.read(buffer, length, position)
        reads.ended += 1
        return count
      },
    }))
    const upload = world.process().upload({ concurrency: 1, partSize: 2 * 1024 * 1024 - 1 })
    await expect(upload).rejects.toMatchObject({ code: 'ERR_OSS_TRANSPORT' })
    expect(reads).toEqual({ begun: 2, ended: 2 })
  })

  it.each([
    { parts: 'of two chunks', partSize: 1024 * 1024, concurrency: 2, places: 1 },
    { parts: 'of two chunks, alone', partSize: 1024 * 1024, concurrency: 1, places: 2 },
    { parts: 'of more than two chunks', partSize: 1024 * 1024 + 1, concurrency: 2, places: 2 },
  ])(
    'reads parts $parts into $places places of memory for each connection',
    async ({ partSize, concurrency, places }) => {
      const bytes = randomBytes(6 * 1024 * 1024)
      world = await World.create(bytes)
      const used = new Map<unknown, Set<number>>()
      const use = ({ buffer, byteOffset }: Uint8Array): void => {
        const offsets = used.get(buffer) ?? new Set()
        used.set(buffer, offsets.add(byteOffset))
      }
      changeOpenFiles('r', (file) => ({
        read(buffer, length, position) {
          use(buffer)
          return file.read(buffer, length, position)
        },
        readNow(buffer, position) {
          use(buffer)
          return file.readNow(buffer, position)
        },
      }))
      await world.process().upload({ partSize, concurrency })
      expect(world.stored()?.equals(bytes)).toBe(true)
      expect([...used.values()].map(({ size }) => size)).toEqual(Array(concurrency).fill(places))
    },
  )

  it.each([
    { parts: 'with others', concurrency: 2, atOnce: true },
    { parts: 'alone', concurrency: 1, atOnce: false },
  ])(
    'reads what is in memory at once: $atOnce for a part $parts',
    async ({ concurrency, atOnce }) => {
      const partSize = 8 * 1024 * 1024
      const bytes = randomBytes(2 * partSize)
      world = await World.create(bytes)
      const counts = { now: 0, later: 0 }
      changeOpenFiles('r', (file) => ({
        read(buffer, length, position) {
          counts.later += 1
          return file.read(buffer, length, position)
        },
        readNow(buffer, position) {
          counts.now += 1
          return file.readNow(buffer, position)
        },
      }))
      await world.process().upload({ partSize, concurrency })
      expect(world.stored()?.equals(bytes)).toBe(true)
      // A busy machine may be slow to read some.
      if (atOnce) expect(counts.now).toBeGreaterThan(8)
      else expect(counts.now).toBe(0)
      expect(counts.later).toBeGreaterThanOrEqual(2)
    },
  )

  it('fails when a part is acknowledged before it was sent whole', async () => {
    world = await World.create(randomBytes(2 * 5_000_000))
    world.oss.setFault((request) =>
      request.partNumber === 1 ? { type: 'early-response', status: 200, code: 'OK' } : undefined,
    )
    await expect(world.process().upload({ partSize: 5_000_000 })).rejects.toThrow(
      /UploadPart|part 1/,
    )
    expect(world.oss.completed).toEqual([])
  })

  it('sends parts that are larger than the chunks they are read in', async () => {
    const bytes = randomBytes(3_500_000)
    world = await World.create(bytes)
    await world.process().upload({ partSize: 1_600_000 })
    expect(world.stored()?.equals(bytes)).toBe(true)
  })
})
