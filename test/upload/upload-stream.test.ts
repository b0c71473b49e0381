// The upload of a stream as its caller sees it: results, resume, divergence, and what is left behind.

import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import type { UploadProgress } from '../../src/upload/events.js'
import { type Process, randomBytes, type UploadChange, World } from '../support/world.js'

const partSize = 102_400
const bytes = randomBytes(5 * partSize + 10)
const checkpointPath = '/data/stream.ucp'

let world: World
afterEach(() => world.close())

async function begin(options = {}): Promise<void> {
  world = await World.create(Buffer.of(), options)
}

/** The bytes in chunks that fit no part. */
function* chunks(of: Buffer, size = 60_000): Generator<Buffer> {
  for (let at = 0; at < of.length; at += size) yield of.subarray(at, at + size)
}

const of = (source: Buffer, more: UploadChange = {}): UploadChange => ({
  path: undefined,
  source: Readable.from(chunks(source)),
  ...more,
})
const kept = (source: Buffer, more: UploadChange = {}) => of(source, { checkpointPath, ...more })

const operations = () => world.oss.requests.map(({ operation }) => operation)
const count = (operation: string) => operations().filter((name) => name === operation).length
const sentParts = (from = 0) =>
  world.oss.acknowledged
    .slice(from)
    .map(({ partNumber }) => partNumber)
    .sort((a, b) => a - b)

const refusing = (number: number) =>
  world.oss.setFault(({ partNumber }) =>
    partNumber === number ? { type: 'status', status: 400, code: 'InvalidArgument' } : undefined,
  )

/** A run that ends at part 4: parts 1 to 3 are recorded. */
async function interrupted(source = bytes): Promise<void> {
  refusing(4)
  const first = world.process()
  await expect(first.upload(kept(source, { concurrency: 1 }))).rejects.toMatchObject({
    code: 'InvalidArgument',
    upload: { resumable: true, checkpointPath },
  })
  await first.kill()
  world.oss.setFault(undefined)
}

/** A run that stored the object and never heard of it. */
async function completedUnheard(source = bytes): Promise<void> {
  const first = world.process()
  world.oss.setFault(({ operation }) => {
    if (operation !== 'CompleteMultipartUpload') return undefined
    return { type: 'hang', apply: true }
  })
  const upload = first.upload(kept(source))
  while (world.oss.completed.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await first.kill()
  expect(await upload).toBeUndefined()
  world.oss.setFault(undefined)
}

const differing = (process: Process) =>
  process.events.flatMap((event) => (event.type === 'part-differs' ? [event.partNumber] : []))

describe('a stream', () => {
  it.each([0, 1, partSize - 1])('of %i bytes is one PutObject', async (size) => {
    await begin()
    const result = await world.process().upload(of(randomBytes(size)))
    expect(result).toMatchObject({ size, parts: 1, outcome: 'completed' })
    expect(result).not.toHaveProperty('uploadId')
    expect(operations()).toEqual(['PutObject'])
    expect(world.stored()?.equals(randomBytes(size))).toBe(true)
  })

  it.each([partSize, partSize + 1, 2 * partSize, 5 * partSize + 10])(
    'of %i bytes is stored in parts, and leaves nothing behind',
    async (size) => {
      await begin()
      const result = await world.process().upload(kept(randomBytes(size)))
      expect(result).toMatchObject({ size, parts: Math.ceil(size / partSize) })
      expect(result?.crc64).toBe(world.oss.object(world.bucket, world.key)?.crc64)
      expect(world.stored()?.equals(randomBytes(size))).toBe(true)
      expect(world.fs.list()).toEqual([world.path])
    },
  )

  it.each([
    ['async generator', () => Readable.from(chunks(bytes))[Symbol.asyncIterator]()],
    ['web stream', () => new Blob([bytes]).stream()],
    ['array', () => [...chunks(bytes, 7_777)]],
  ])('may be a %s', async (_, make) => {
    await begin()
    const source = make() as AsyncIterable<Buffer>
    await world.process().upload({ path: undefined, source })
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('has parts of 8 MiB unless told otherwise', async () => {
    await begin()
    const large = Buffer.alloc(17 * 1024 * 1024)
    const result = await world.process().upload(of(large, { partSize: undefined }))
    expect(result?.parts).toBe(3)
    expect(new Set(world.oss.acknowledged.map(({ size }) => size))).toEqual(
      new Set([8 * 1024 * 1024, 1024 * 1024]),
    )
  })

  it('has its upload id on disk before the first byte of a part is sent (I1)', async () => {
    await begin()
    let seen = ''
    world.oss.setFault(({ operation, uploadId }) => {
      if (operation !== 'UploadPart' || seen !== '') return undefined
      world.fs.powerFailure('durable')
      seen = world.fs.text(checkpointPath)
      expect(seen).toContain(`"uploadId":"${uploadId}"`)
      return undefined
    })
    await world
      .process()
      .upload(kept(bytes, { concurrency: 1 }))
      .catch(() => {})
    expect(seen).toContain('"source":{"kind":"stream"}')
  })

  it('carries the MD5 of each part where it is asked for', async () => {
    await begin()
    await world.process().upload(of(bytes, { contentMd5: true }))
    const parts = world.oss.requests.filter(({ operation }) => operation === 'UploadPart')
    expect(parts.every(({ headers }) => headers['content-md5'] !== undefined)).toBe(true)
  })

  it('reports progress without a total until the end', async () => {
    await begin()
    const seen: UploadProgress[] = []
    await world.process().upload(of(bytes, { onProgress: (progress) => seen.push(progress) }))
    const before = seen.filter(({ phase }) => phase !== 'completed')
    expect(before.length).toBeGreaterThan(5)
    for (const { totalBytes, parts } of before)
      expect([totalBytes, parts]).toEqual([undefined, undefined])
    expect(seen.at(-1)).toMatchObject({
      ...{ phase: 'completed', transferredBytes: bytes.length, totalBytes: bytes.length },
      ...{ parts: 6, partsDone: 6 },
    })
    const transferred = seen.map(({ transferredBytes }) => transferredBytes)
    expect(transferred).toEqual(transferred.toSorted((a, b) => a - b))
  })

  it('in order, where that is wanted, and found again after a lost answer', async () => {
    await begin()
    world.oss.setFault(({ partNumber }) =>
      partNumber === 3 && count('UploadPart') === 3 ? { type: 'reset-after-apply' } : undefined,
    )
    const options = { sequential: true, concurrency: undefined }
    const first = world.process()
    await first.upload(kept(bytes, options)).catch(() => {})
    await first.kill()
    world.oss.setFault(undefined)
    const result = await world.process().upload(kept(bytes, options))
    expect(result?.parts).toBe(6)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })
})

describe('backpressure', () => {
  it.each([1, 2, 5])(
    'reads at most %i parts beyond what OSS has acknowledged',
    async (concurrency) => {
      await begin()
      const large = randomBytes(12 * partSize + 5)
      let given = 0
      let acknowledged = 0
      let most = 0
      function* source() {
        for (const chunk of chunks(large, 10_000)) {
          given += chunk.length
          most = Math.max(most, given - acknowledged)
          yield chunk
        }
      }
      await world.process().upload({
        ...{ path: undefined, source: source(), concurrency },
        onProgress: ({ transferredBytes }) => {
          acknowledged = transferredBytes
        },
      })
      expect(most).toBeLessThanOrEqual(concurrency * partSize + 10_000)
      expect(most).toBeGreaterThan((concurrency - 1) * partSize)
    },
  )
})

describe('resume', () => {
  it('skips the parts whose bytes match, and sends the rest', async () => {
    await begin()
    await interrupted()
    const mark = world.oss.acknowledged.length
    const process = world.process()
    const result = await process.upload(kept(bytes))
    expect(result).toMatchObject({ resumed: { parts: 3, bytes: 3 * partSize }, sent: { parts: 3 } })
    expect(sentParts(mark)).toEqual([4, 5, 6])
    expect(process.events).toContainEqual(expect.objectContaining({ type: 'resume', parts: 3 }))
    expect(differing(process)).toEqual([])
    expect(world.stored()?.equals(bytes)).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
    expect(count('InitiateMultipartUpload')).toBe(1)
  })

  it('works with ListParts denied (I8)', async () => {
    await begin({ denied: ['ListParts', 'HeadObject', 'AbortMultipartUpload'] })
    await interrupted()
    const result = await world.process().upload(kept(bytes))
    expect(result?.resumed.parts).toBe(3)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it.each([true, false])(
    'adopts parts that OSS has and the journal does not (CRC-64 listed: %s)',
    async (listed) => {
      await begin({ listPartsWithCrc64: listed })
      await interrupted()
      const text = world.fs.text(checkpointPath).split('\n')
      world.fs.put(checkpointPath, Buffer.from(`${text.slice(0, 2).join('\n')}\n`))
      const mark = world.oss.acknowledged.length
      const result = await world.process().upload(kept(bytes))
      expect(result?.resumed.parts).toBe(3)
      expect(sentParts(mark)).toEqual([4, 5, 6])
    },
  )

  it('sends a part again that OSS has lost', async () => {
    await begin()
    await interrupted()
    world.oss.dropPart(world.openUploadIds()[0] ?? '', 2)
    const process = world.process()
    const mark = world.oss.acknowledged.length
    await process.upload(kept(bytes))
    expect(sentParts(mark)).toEqual([2, 4, 5, 6])
    expect(process.events).toContainEqual({ type: 'part-lost', partNumber: 2 })
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('keeps the part size of the checkpoint, and refuses another one', async () => {
    await begin()
    await interrupted()
    const source = Readable.from(chunks(bytes))
    await expect(
      world.process().upload(kept(bytes, { source, partSize: 204_800 })),
    ).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_MISMATCH',
    })
    expect(source.destroyed).toBe(true)
    const result = await world.process().upload(kept(bytes, { partSize: undefined }))
    expect(result?.resumed.parts).toBe(3)
  })

  it('starts over with restart, and aborts what was there', async () => {
    await begin()
    await interrupted()
    const result = await world.process().upload(kept(bytes, { restart: true }))
    expect(result?.resumed.parts).toBe(0)
    expect(world.openUploadIds()).toEqual([])
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('continues as a stream what began as a file, and as a file what began as a stream', async () => {
    await begin()
    world.fs.put(world.path, bytes)
    refusing(4)
    const first = world.process()
    await expect(first.upload({ checkpointPath, concurrency: 1 })).rejects.toThrow(
      'InvalidArgument',
    )
    await first.kill()
    refusing(5)
    const second = world.process()
    await expect(second.upload(kept(bytes, { concurrency: 1 }))).rejects.toThrow('InvalidArgument')
    await second.kill()
    world.oss.setFault(undefined)
    const third = world.process()
    const result = await third.upload({ checkpointPath, verify: 'stat' })
    expect(result?.resumed.parts).toBe(4)
    expect(third.events.filter(({ type }) => type === 'source-differs')).toEqual([])
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('is never taken for a file that is trusted by its times', async () => {
    await begin()
    world.fs.put(world.path, bytes)
    refusing(4)
    const first = world.process()
    await expect(first.upload({ checkpointPath, concurrency: 1 })).rejects.toThrow(
      'InvalidArgument',
    )
    await first.kill()
    refusing(5)
    const second = world.process()
    const other = randomBytes(bytes.length, 9)
    await expect(second.upload(kept(other, { concurrency: 1 }))).rejects.toThrow('InvalidArgument')
    await second.kill()
    world.oss.setFault(undefined)
    await world.process().upload({ checkpointPath, verify: 'stat' })
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('locks its checkpoint before it reads a byte', async () => {
    await begin()
    const first = world.process()
    let refused: unknown
    let read = false
    world.oss.setFault(({ partNumber }) => {
      if (partNumber === 2 && refused === undefined) {
        refused = world.process().upload({
          ...{ path: undefined, checkpointPath },
          source: (function* () {
            read = true
            yield bytes
          })(),
        })
        ;(refused as Promise<unknown>).catch(() => {})
      }
      return undefined
    })
    await first.upload(kept(bytes))
    await expect(refused).rejects.toMatchObject({ code: 'ERR_OSS_CHECKPOINT_LOCKED' })
    expect(read).toBe(false)
  })
})

describe('a stream that differs from the one before', () => {
  const edited = Buffer.from(bytes)
  edited[partSize + 7] = (edited[partSize + 7] ?? 0) ^ 1

  it.each<[string, Buffer, number[], number[]]>([
    ['in the middle', edited, [2], [2, 4, 5, 6]],
    ['by being longer than it', Buffer.concat([bytes, bytes]), [], [4, 5, 6, 7, 8, 9, 10, 11]],
    ['by ending within a part that was sent', bytes.subarray(0, 2 * partSize + 5), [3], [3]],
    ['by ending at a part that was sent', bytes.subarray(0, 2 * partSize), [], []],
    ['by being shorter than a part', bytes.subarray(0, 9), [1], [1]],
  ])('%s is stored as it is now', async (_, next, differs, sent) => {
    await begin()
    await interrupted()
    const mark = world.oss.acknowledged.length
    const process = world.process()
    const result = await process.upload(kept(next))
    expect(differing(process)).toEqual(differs)
    expect(sentParts(mark)).toEqual(sent)
    expect(result?.size).toBe(next.length)
    expect(world.stored()?.equals(next)).toBe(true)
    expect(world.openUploadIds()).toEqual([])
    expect(world.fs.list()).toEqual([world.path])
  })

  it.each([true, false])(
    'from what OSS lists alone is sent again (CRC-64 listed: %s)',
    async (listed) => {
      await begin({ listPartsWithCrc64: listed })
      await interrupted()
      const [header] = world.fs.text(checkpointPath).split('\n')
      world.fs.put(checkpointPath, Buffer.from(`${header}\n`))
      const mark = world.oss.acknowledged.length
      const process = world.process()
      await process.upload(kept(edited))
      expect(differing(process)).toEqual([2])
      expect(sentParts(mark)).toEqual([2, 4, 5, 6])
      expect(world.stored()?.equals(edited)).toBe(true)
    },
  )

  it('by being empty gives the upload up', async () => {
    await begin()
    await interrupted()
    const result = await world.process().upload(kept(Buffer.of()))
    expect(result?.size).toBe(0)
    expect(world.openUploadIds()).toEqual([])
    expect(world.stored()).toHaveLength(0)
    expect(world.fs.list()).toEqual([world.path])
  })

  it('in its short last part is sent from there', async () => {
    await begin()
    // All parts are there, and only Complete was refused.
    world.oss.setFault(({ operation }) =>
      operation === 'CompleteMultipartUpload'
        ? { type: 'status', status: 400, code: 'InvalidArgument' }
        : undefined,
    )
    const first = world.process()
    await expect(first.upload(kept(bytes))).rejects.toThrow('InvalidArgument')
    await first.kill()
    world.oss.setFault(undefined)
    const longer = Buffer.concat([bytes, Buffer.of(1)])
    const process = world.process()
    const mark = world.oss.acknowledged.length
    await process.upload(kept(longer))
    expect(differing(process)).toEqual([6])
    expect(sentParts(mark)).toEqual([6])
    expect(world.stored()?.equals(longer)).toBe(true)
  })
})

describe('a Complete whose answer is lost (I5)', () => {
  it('is settled by HEAD in the same run', async () => {
    await begin()
    world.oss.setFault(({ operation }) =>
      operation === 'CompleteMultipartUpload' ? { type: 'reset-after-apply' } : undefined,
    )
    const result = await world.process().upload(kept(bytes))
    expect(result?.outcome).toBe('completed-reconciled')
  })

  it('is settled by the next run, which reads the whole stream and sends nothing', async () => {
    await begin()
    await completedUnheard()
    const seen: UploadProgress[] = []
    const onProgress = (progress: UploadProgress) => void seen.push(progress)
    const result = await world.process().upload(kept(bytes, { onProgress }))
    expect(result).toMatchObject({
      ...{ outcome: 'completed-reconciled', size: bytes.length, parts: 6 },
      ...{ resumed: { parts: 6, bytes: bytes.length }, sent: { parts: 0, bytes: 0 } },
    })
    expect(result?.crc64).toBe(world.oss.object(world.bucket, world.key)?.crc64)
    expect(seen.at(-1)).toMatchObject({ phase: 'completed', totalBytes: bytes.length })
    expect(world.fs.list()).toEqual([world.path])
    expect(count('PutObject') + count('InitiateMultipartUpload')).toBe(1)
  })

  it('is followed by another upload when the object has been replaced since', async () => {
    await begin()
    await completedUnheard()
    const { path: _, ...other } = of(Buffer.from('other'))
    await world.process().upload({ path: undefined, ...other })
    const result = await world.process().upload(kept(bytes))
    expect(result).toMatchObject({ outcome: 'completed', sent: { parts: 6 } })
    expect(world.stored()?.equals(bytes)).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
  })

  it('is followed by another upload when the first part differs already', async () => {
    await begin()
    await completedUnheard()
    const other = randomBytes(bytes.length, 5)
    const result = await world.process().upload(kept(other))
    expect(result).toMatchObject({ outcome: 'completed', sent: { parts: 6 } })
    expect(world.stored()?.equals(other)).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
  })

  it.each<[string, Buffer]>([
    ['differs later', Buffer.concat([bytes.subarray(0, 3 * partSize), randomBytes(partSize, 4)])],
    ['is shorter', bytes.subarray(0, 2 * partSize)],
    ['is longer', Buffer.concat([bytes, bytes])],
  ])('cannot be followed by one at once when the stream %s: the next run does', async (_, next) => {
    await begin()
    await completedUnheard()
    const second = world.process()
    await expect(second.upload(kept(next))).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CONSUMED',
      hint: expect.stringContaining('run again'),
      cause: expect.objectContaining({ code: 'NoSuchUpload' }),
      upload: { resumable: true },
    })
    await second.kill()
    expect(world.stored()?.equals(bytes)).toBe(true)
    const result = await world.process().upload(kept(next))
    expect(result?.outcome).toBe('completed')
    expect(world.stored()?.equals(next)).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
    expect(world.openUploadIds()).toEqual([])
  })

  it('stays open when nobody may look, and is not sent again meanwhile', async () => {
    await begin({ denied: ['HeadObject'] })
    await completedUnheard()
    const requests = world.oss.requests.length
    const second = world.process()
    await expect(second.upload(kept(bytes))).rejects.toMatchObject({
      code: 'ERR_OSS_AMBIGUOUS',
      upload: { resumable: false, checkpointPath },
    })
    expect(operations().slice(requests)).toEqual(['ListParts', 'HeadObject'])
  })
})

describe('an upload that is gone', () => {
  it('before anything was read is followed by another one', async () => {
    await begin()
    await interrupted()
    world.oss.dropUpload(world.openUploadIds()[0] ?? '')
    const result = await world.process().upload(kept(bytes))
    expect(result).toMatchObject({ outcome: 'completed', sent: { parts: 6 } })
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it.each([true, false])(
    'in the middle fails, and says to run again (checkpoint: %s)',
    async (keeps) => {
      await begin()
      let dropped = false
      world.oss.setFault(({ partNumber, uploadId }) => {
        if (partNumber === 4 && !dropped) {
          dropped = true
          world.oss.dropUpload(uploadId ?? '')
        }
        return undefined
      })
      const first = world.process()
      await expect(first.upload(keeps ? kept(bytes) : of(bytes))).rejects.toMatchObject({
        code: 'ERR_OSS_SOURCE_CONSUMED',
        upload: { resumable: keeps },
      })
      await first.kill()
      expect(world.stored()).toBeUndefined()
      await world.process().upload(keeps ? kept(bytes) : of(bytes))
      expect(world.stored()?.equals(bytes)).toBe(true)
      expect(world.fs.list()).toEqual([world.path])
      expect(world.openUploadIds()).toEqual([])
    },
  )

  it('of which OSS refuses a part when completing is given up, and the next run begins another', async () => {
    await begin()
    world.oss.setFault(({ operation, uploadId }) => {
      if (operation === 'CompleteMultipartUpload') world.oss.dropPart(uploadId ?? '', 3)
      return undefined
    })
    const first = world.process()
    await expect(first.upload(kept(bytes))).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CONSUMED',
      message: expect.stringContaining('part 3'),
    })
    await first.kill()
    expect(world.openUploadIds()).toEqual([])
    world.oss.setFault(undefined)
    await world.process().upload(kept(bytes))
    expect(world.stored()?.equals(bytes)).toBe(true)
  })
})

describe('a stream that fails', () => {
  async function* failing(): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, 3 * partSize + 5)
    throw new Error('tape torn')
  }

  it('publishes nothing, and is continued by one that does not', async () => {
    await begin()
    const first = world.process()
    const upload = first.upload({ path: undefined, source: failing(), checkpointPath })
    await expect(upload).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      cause: new Error('tape torn'),
      upload: { resumable: true },
    })
    await first.kill()
    expect(count('CompleteMultipartUpload')).toBe(0)
    const result = await world.process().upload(kept(bytes))
    expect(result?.parts).toBe(6)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('leaves nothing behind without a checkpoint (I9)', async () => {
    await begin()
    const upload = world.process().upload({ path: undefined, source: failing() })
    await expect(upload).rejects.toMatchObject({ code: 'ERR_OSS_SOURCE' })
    expect(world.openUploadIds()).toEqual([])
    expect(world.fs.list()).toEqual([world.path])
  })

  it('within its first part stores nothing at all', async () => {
    await begin()
    const source = (async function* () {
      yield Buffer.of(1)
      throw new Error('tape torn')
    })()
    await expect(world.process().upload({ path: undefined, source })).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
    })
    expect(world.oss.requests).toEqual([])
  })
})

describe('the end of a stream nobody wants more of (I11)', () => {
  /** Gives two parts and then waits for ever. */
  function stalling(): Readable {
    let given = 0
    return new Readable({
      read() {
        if (given++ < 2) this.push(bytes.subarray(0, partSize))
      },
    })
  }

  it('is brought about by a cancellation that finds it waiting', async () => {
    await begin()
    const controller = new AbortController()
    const reason = new Error('enough')
    const source = stalling()
    const upload = world.process().upload({
      ...{ path: undefined, source, checkpointPath, signal: controller.signal },
      onProgress: ({ partsDone }) => {
        if (partsDone === 2) setImmediate(() => controller.abort(reason))
      },
    })
    await expect(upload).rejects.toBe(reason)
    expect(source.destroyed).toBe(true)
    expect(world.fs.list()).toEqual([world.path, checkpointPath])
    const result = await world.process().upload(kept(bytes))
    expect(result?.outcome).toBe('completed')
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('is brought about by a failure of OSS while it waits', async () => {
    await begin()
    refusing(2)
    const source = stalling()
    await expect(world.process().upload({ path: undefined, source })).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    expect(source.destroyed).toBe(true)
    expect(world.openUploadIds()).toEqual([])
  })

  it('is brought about before it was read, when it was cancelled before', async () => {
    await begin()
    const source = stalling()
    const signal = AbortSignal.abort('before')
    await expect(world.process().upload({ path: undefined, source, signal })).rejects.toBe('before')
    expect(source.destroyed).toBe(true)
    expect(world.oss.requests).toEqual([])
  })

  it('is left to its owner when an option is refused', async () => {
    await begin()
    const source = stalling()
    await expect(world.process().upload({ path: undefined, source, partSize: 1 })).rejects.toThrow(
      RangeError,
    )
    expect(source.destroyed).toBe(false)
    source.destroy()
  })

  it('runs the clean-up of a generator', async () => {
    await begin()
    refusing(2)
    let cleaned = false
    async function* source() {
      try {
        for (;;) yield bytes
      } finally {
        cleaned = true
      }
    }
    await world
      .process()
      .upload({ path: undefined, source: source() })
      .catch(() => {})
    expect(cleaned).toBe(true)
  })
})

describe('a stream that outgrows its part size', () => {
  it('publishes nothing, aborts what it sent, and says which part size to use', async () => {
    await begin({ denied: ['ListParts'], store: 'digest' })
    await interrupted(Buffer.alloc(4 * partSize))
    // What 10,000 parts would have left; nothing of them is sent again.
    const text = world.fs.text(checkpointPath)
    const { encodeEntry } = await import('../../src/upload/journal.js')
    const [, crc64 = '', etag = ''] = /"crc64":"(\d+)","etag":"(\w+)"/.exec(text) ?? []
    const lines = Array.from({ length: 10_000 }, (_, index) =>
      encodeEntry({ type: 'part', number: index + 1, size: partSize, crc64, etag }),
    )
    world.fs.put(checkpointPath, Buffer.from(`${text.split('\n')[0]}\n${lines.join('')}`))
    const zeros = Buffer.alloc(10 * partSize)
    function* source() {
      for (let given = 0; given < 1_000; given++) yield zeros
      yield Buffer.of(1)
    }
    const upload = world.process().upload({ path: undefined, source: source(), checkpointPath })
    await expect(upload).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_TOO_LARGE',
      hint: expect.stringContaining('--part-size): 409600 '),
      upload: { resumable: false },
    })
    expect(world.oss.completed).toEqual([])
    expect(world.openUploadIds()).toEqual([])
    expect(world.fs.list()).toEqual([world.path])
  }, 60_000)
})
