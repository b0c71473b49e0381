// Bytes and Blobs as sources: what they read, and what they notice.

import { openAsBlob } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { isBlob, openBlob, openBytes, ownBytes } from '../../src/upload/memory-source.js'
import type { Source } from '../../src/upload/source.js'
import { randomBytes, World } from '../support/world.js'

const partSize = 102_400
const bytes = randomBytes(3 * partSize + 10)

async function slice(source: Source, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  await source.read(buffer, position)
  return buffer
}

describe.each<[string, (bytes: Buffer) => Promise<Source>]>([
  ['bytes', openBytes],
  ['bytes of our own', async (bytes) => ownBytes(bytes)],
  ['a Blob', async (bytes) => openBlob(new Blob([bytes]))],
  ['a File', async (bytes) => openBlob(new File([bytes], 'name'))],
  [
    'a Blob of several',
    async (bytes) => openBlob(new Blob([bytes.subarray(0, 7), bytes.subarray(7)])),
  ],
])('%s', (_, open) => {
  it('have their size, no name, and claim no identity but that', async () => {
    const source = await open(bytes)
    expect(source.size).toBe(bytes.length)
    expect(source.path).toBeUndefined()
    expect(source.identity).toEqual({ kind: 'bytes', size: String(bytes.length) })
  })

  it.each([0, 1, bytes.length - 5])('are read from byte %i', async (position) => {
    expect(
      (await slice(await open(bytes), position, 5)).equals(bytes.subarray(position, position + 5)),
    ).toBe(true)
  })

  it('fail to be read beyond their end', async () => {
    await expect(slice(await open(bytes), bytes.length - 4, 5)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
    })
  })

  it('are unchanged, and closed without effect', async () => {
    const source = await open(bytes)
    await source.assertUnchanged()
    await source.assertUnchanged(true)
    await source.close()
  })
})

describe('bytes that change (I7)', () => {
  it('are noticed once all of them were read, also far behind the first megabytes', async () => {
    const large = Buffer.alloc(20 * 1024 * 1024)
    const source = await openBytes(large)
    large[large.length - 1] = 1
    await source.assertUnchanged()
    await expect(source.assertUnchanged(true)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
      hint: expect.stringContaining('nothing was published'),
    })
  })

  it('are noticed when they are transferred away', async () => {
    const own = new Uint8Array(10)
    const source = await openBytes(own)
    structuredClone(own.buffer, { transfer: [own.buffer] })
    await expect(slice(source, 0, 5)).rejects.toMatchObject({ code: 'ERR_OSS_SOURCE_CHANGED' })
  })
})

describe('a Blob', () => {
  it('is told by what it can do', () => {
    expect(isBlob(new Blob([]))).toBe(true)
    expect(isBlob(new File([], 'x'))).toBe(true)
    expect(isBlob(bytes)).toBe(false)
    expect(isBlob(new ReadableStream())).toBe(false)
    expect(isBlob(new Response('x'))).toBe(false)
  })

  it('of a file that was changed fails to be read, with the cause', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ossup-blob-'))
    try {
      const path = join(folder, 'f')
      await writeFile(path, bytes)
      const source = openBlob(await openAsBlob(path))
      expect((await slice(source, 100, 5)).equals(bytes.subarray(100, 105))).toBe(true)
      await writeFile(path, 'short')
      await expect(slice(source, 100, 5)).rejects.toMatchObject({
        code: 'ERR_OSS_SOURCE',
        cause: expect.anything(),
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('uploadFile', () => {
  let world: World
  afterEach(() => world.close())
  const at = (source: Uint8Array | Blob) => ({ path: undefined, source })

  it.each([0, 1, partSize])('stores %i bytes with one PutObject', async (size) => {
    world = await World.create(Buffer.of())
    const result = await world.process().upload(at(randomBytes(size)))
    expect(result).toMatchObject({ size, parts: 1 })
    expect(world.oss.requests.map(({ operation }) => operation)).toEqual(['PutObject'])
    expect(world.stored()?.equals(randomBytes(size))).toBe(true)
  })

  it.each([
    ['bytes', bytes],
    ['a view into more', Buffer.concat([Buffer.of(9), bytes, Buffer.of(9)]).subarray(1, -1)],
    ['a Blob', new Blob([bytes])],
  ])('stores %s in parts, with nothing kept beside', async (_, source) => {
    world = await World.create(Buffer.of())
    const result = await world.process().upload(at(source))
    expect(result).toMatchObject({ parts: 4, sent: { parts: 4 } })
    expect(world.stored()?.equals(bytes)).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
  })

  it('aborts a failed upload that has no checkpoint (I9)', async () => {
    world = await World.create(Buffer.of())
    world.oss.setFault(({ partNumber }) =>
      partNumber === 3 ? { type: 'status', status: 400, code: 'InvalidArgument' } : undefined,
    )
    await expect(world.process().upload(at(bytes))).rejects.toMatchObject({
      code: 'InvalidArgument',
      upload: { resumable: false },
    })
    expect(world.openUploadIds()).toEqual([])
  })

  it.each([
    ['the same bytes', bytes, { resumed: { parts: 2 }, sent: { parts: 2 } }],
    ['a Blob of them', new Blob([bytes]), { resumed: { parts: 2 }, sent: { parts: 2 } }],
    [
      'shorter bytes',
      bytes.subarray(0, partSize + 1),
      { resumed: { parts: 1 }, sent: { parts: 1 } },
    ],
  ])('continues with %s, each part compared', async (_, next, expected) => {
    world = await World.create(Buffer.of())
    world.oss.setFault(({ partNumber }) =>
      partNumber === 3 ? { type: 'status', status: 400, code: 'InvalidArgument' } : undefined,
    )
    const checkpointPath = '/data/c.ucp'
    const first = world.process()
    const upload = first.upload({ ...at(bytes), checkpointPath, concurrency: 1 })
    await expect(upload).rejects.toMatchObject({ upload: { resumable: true } })
    expect(world.fs.text(checkpointPath)).toContain(
      `"source":{"kind":"bytes","size":"${bytes.length}"}`,
    )
    await first.kill()
    world.oss.setFault(undefined)
    const second = world.process()
    expect(await second.upload({ ...at(next), checkpointPath })).toMatchObject(expected)
    expect(second.events.filter(({ type }) => type === 'source-differs')).toEqual([])
    const whole = next instanceof Blob ? Buffer.from(await next.arrayBuffer()) : next
    expect(world.stored()?.equals(whole)).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
  })

  it('continues in bytes what began in a file, and in a file what began in bytes', async () => {
    world = await World.create(bytes)
    const checkpointPath = '/data/c.ucp'
    for (const [source, parts] of [
      [at(bytes), 2],
      [{}, 4],
    ] as const) {
      world.oss.setFault(({ partNumber, operation }) =>
        partNumber === parts || (parts === 4 && operation === 'CompleteMultipartUpload')
          ? { type: 'status', status: 400, code: 'InvalidArgument' }
          : undefined,
      )
      const process = world.process()
      const upload = process.upload({ ...source, checkpointPath, concurrency: 1 })
      await expect(upload).rejects.toThrow('InvalidArgument')
      await process.kill()
    }
    world.oss.setFault(undefined)
    const result = await world.process().upload({ ...at(bytes), checkpointPath })
    expect(result?.resumed.parts).toBe(3)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('publishes no mixture when the caller writes to the bytes meanwhile (I7)', async () => {
    world = await World.create(Buffer.of())
    const own = Buffer.from(bytes)
    let seen = 0
    world.oss.setFault(({ partNumber }) => {
      // Part 1 is sent by then, and its bytes are changed behind it.
      if (partNumber === 2 && seen++ === 0) own[5] = (own[5] ?? 0) ^ 1
      return undefined
    })
    await expect(world.process().upload({ ...at(own), concurrency: 1 })).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
    })
    expect(world.oss.completed).toEqual([])
    expect(world.openUploadIds()).toEqual([])
  })

  it('adopts what OSS has of the same bytes', async () => {
    world = await World.create(bytes)
    const first = world.process()
    world.oss.setFault(({ partNumber }) => {
      if (partNumber === 3) void first.kill()
      return undefined
    })
    await first.upload({ concurrency: 1 })
    world.oss.setFault(undefined)
    const result = await world.process().upload({ ...at(bytes), adopt: true })
    expect(result?.resumed.parts).toBeGreaterThanOrEqual(2)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('stores the type of a Blob', async () => {
    world = await World.create(Buffer.of())
    await world.process().upload(at(new Blob(['{}'], { type: 'application/x-own' })))
    expect(world.oss.object(world.bucket, world.key)?.headers['content-type']).toBe(
      'application/x-own',
    )
  })
})
