// Parts side by side: bounded, each recorded when it is done, with memory that does not grow with part or file.

import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type CheckpointStore, fileCheckpointStore } from '../../src/upload/checkpoint-store.js'
import type { OpenFile } from '../../src/upload/open-file.js'
import { type Process, randomBytes, World } from '../support/world.js'

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

/** Tells of each part right before its record is written, which takes a while. */
function slowJournal(tell: (number: number) => void): void {
  changeOpenFiles('a', (file) => {
    const record = (data: string | Uint8Array): void => {
      for (const number of partNumbers(Buffer.from(data as string).toString())) tell(number)
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
}

/** Of the records in a journal, or in a piece of one. */
function partNumbers(text: string): number[] {
  return [...text.matchAll(/"type":"part","number":(\d+)/g)].map(([, number]) => Number(number))
}

/** Tells of each part once, when the first of its bytes is handed to the transport. */
function onFirstByte({ client }: Process, tell: (number: number) => void): void {
  const call = client.call.bind(client)
  client.call = (request, read) => {
    const { body, partNumber } = request
    if (body === undefined || partNumber === undefined) return call(request, read)
    const open = (): AsyncIterable<Uint8Array> => {
      const chunks = body.open() as AsyncIterable<Uint8Array>
      return (async function* () {
        let isFirst = true
        for await (const chunk of chunks) {
          if (isFirst) tell(partNumber)
          isFirst = false
          yield chunk
        }
      })()
    }
    return call({ ...request, body: { contentLength: body.contentLength, open } }, read)
  }
}

/**
 * Lets no part go out that `isHeld`.
 *
 * @returns once all workers are held up, what lets them go on
 */
function holdParts({ client }: Process, isHeld: (number: number) => boolean): Promise<() => void> {
  const call = client.call.bind(client)
  let held = 0
  let running = 0
  return new Promise((resolve) => {
    const gate = new Promise<void>((open) => {
      client.call = async (request, read) => {
        const { partNumber } = request
        if (partNumber === undefined) return call(request, read)
        if (!isHeld(partNumber)) {
          running += 1
          return call(request, read)
        }
        held += 1
        if (held === running) resolve(open)
        await gate
        return call(request, read)
      }
    })
  })
}

function recordedParts(): number[] {
  return partNumbers(world.fs.text(`${world.path}.ucp`))
}

function journalWrites({ effects }: Process): number {
  return effects.filter((effect) => effect === `write ${world.path}.ucp`).length
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
    slowJournal(() => order.push('recorded'))
    const process = world.process()
    const call = process.client.call.bind(process.client)
    process.client.call = (request, read) => {
      if (request.operation === 'UploadPart') order.push(`part ${request.partNumber}`)
      return call(request, read)
    }
    await process.upload({ concurrency: 1 })
    expect(order).toEqual([1, 2, 3, 4].flatMap((number) => [`part ${number}`, 'recorded']))
  })

  it('I6: sends no byte of a small part before its worker has the last one written down, however slow the disk', async () => {
    const concurrency = 3
    world = await World.create(randomBytes(20 * partSize))
    // Parts of which a byte was sent and no record is written: what a crash would make undone.
    const undone = new Set<number>()
    let most = 0
    slowJournal((number) => expect(undone.delete(number)).toBe(true))
    const process = world.process()
    onFirstByte(process, (number) => {
      undone.add(number)
      most = Math.max(most, undone.size)
    })
    await process.upload({ concurrency })
    expect(undone.size).toBe(0)
    expect(most).toBe(concurrency)
  })

  it('writes the records of small parts together that end while none of their workers has to send', async () => {
    world = await World.create(randomBytes(4 * partSize))
    const process = world.process()
    const bothDone = holdParts(process, (number) => number > 2)
    const upload = process.upload({ concurrency: 2 })
    const goOn = await bothDone
    expect(recordedParts()).toEqual([])
    const before = journalWrites(process)
    goOn()
    await upload
    // Two together, and what was left at the end.
    expect(journalWrites(process) - before).toBeLessThan(4)
    expect(world.stored()?.byteLength).toBe(4 * partSize)
  })

  it('writes the record of a small part in time when the next one is held up', async () => {
    world = await World.create(randomBytes(4 * partSize))
    const process = world.process()
    const every = process.environment.every.bind(process.environment)
    let stopped = 0
    Object.assign(process.environment, {
      every(ms: number, task: () => void) {
        if (ms > 100) return every(ms, task)
        const timer = setInterval(task, ms)
        return () => {
          stopped += 1
          clearInterval(timer)
        }
      },
    })
    const bothDone = holdParts(process, (number) => number > 2)
    const upload = process.upload({ concurrency: 2 })
    const goOn = await bothDone
    await vi.waitFor(() => expect(recordedParts().sort()).toEqual([1, 2]))
    goOn()
    await upload
    expect(stopped).toBe(1)
  })

  it.each([
    { size: 'large', partSize: 512 * 1024 + 1, concurrency: 2 },
    { size: 'small, one at a time', partSize, concurrency: 1 },
  ])('writes the record of a part at once that is $size', async ({ partSize, concurrency }) => {
    world = await World.create(randomBytes(4 * partSize))
    const process = world.process()
    const heldUp = holdParts(process, (number) => number > concurrency)
    const upload = process.upload({ concurrency, partSize })
    const goOn = await heldUp
    expect(recordedParts()).toHaveLength(concurrency)
    goOn()
    await upload
  })

  it('writes down what was acknowledged when it is aborted while the next parts are held up', async () => {
    world = await World.create(randomBytes(4 * partSize))
    const process = world.process()
    const heldUp = holdParts(process, (number) => number > 2)
    const controller = new AbortController()
    const upload = process.upload({ concurrency: 2, signal: controller.signal })
    const goOn = await heldUp
    controller.abort(new Error('enough'))
    goOn()
    await expect(upload).rejects.toThrow('enough')
    expect(recordedParts().sort()).toEqual([1, 2])
  })

  it('I11: waits for the records that are being written when it is aborted, however slow the store', async () => {
    world = await World.create(randomBytes(4 * partSize))
    const process = world.process()
    const { fs } = process.environment
    const kept = fileCheckpointStore(`${world.path}.ucp`, fs, process.environment)
    let writing = 0
    const writingAtRelease: number[] = []
    const checkpointStore: CheckpointStore = {
      location: kept.location,
      exists: () => kept.exists(),
      async acquire(signal) {
        const session = await kept.acquire(signal)
        const { append, release } = session
        return Object.assign(session, {
          async append(lines: string, durable: boolean) {
            writing += 1
            await delay(50)
            await append.call(session, lines, durable)
            writing -= 1
          },
          async release() {
            writingAtRelease.push(writing)
            await release.call(session)
          },
        })
      },
    }
    const heldUp = holdParts(process, (number) => number > 2)
    const controller = new AbortController()
    const upload = process.upload({ concurrency: 2, signal: controller.signal, checkpointStore })
    const goOn = await heldUp
    controller.abort(new Error('enough'))
    goOn()
    await expect(upload).rejects.toThrow('enough')
    expect(writingAtRelease).toEqual([0])
    expect(recordedParts().sort()).toEqual([1, 2])
  })

  it.each([1, 3])(
    'fails with the checkpoint when a record cannot be written, %i at a time, and sends nothing more',
    async (concurrency) => {
      world = await World.create(randomBytes(12 * partSize))
      world.fs.fail = ({ name, path }) =>
        (name === 'write' || name === 'writeNow') && path.endsWith('.ucp') ? 'ENOSPC' : undefined
      const process = world.process()
      const upload = process.upload({ concurrency, retry: { attempts: 5 } })
      await expect(upload).rejects.toMatchObject({ code: 'ERR_OSS_CHECKPOINT_IO' })
      expect(world.oss.acknowledged.length).toBeLessThanOrEqual(concurrency)
    },
  )

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
