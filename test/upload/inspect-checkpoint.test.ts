import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  inspectCheckpoint,
  inspectSource,
  recordedProgress,
  recordedSize,
} from '../../src/upload/inspect-checkpoint.js'
import { encodeEntry, encodeHeader, type JournalContent } from '../../src/upload/journal.js'
import { randomBytes, World } from '../support/world.js'

const partSize = 102_400
const path = '/data/file.bin.ucp'
let world: World

beforeEach(async () => {
  world = await World.create(randomBytes(4 * partSize + 5))
})
afterEach(() => world.close())

/** A run that stops after two parts, killed so that its lock stays unless it is to end by itself. */
async function interrupted(how: 'killed' | 'failed' = 'failed') {
  const process = world.process()
  world.oss.setFault(({ operation, query }) =>
    operation === 'UploadPart' && Number(query['partNumber']) > 2 ? { type: 'reset' } : undefined,
  )
  await process.upload({ concurrency: 1 }).catch(() => {})
  if (how === 'killed') {
    const target = JSON.stringify({ ...(await process.environment.identify()), nonce: 'n' })
    await world.fs.symlink(target, `${path}.lock`)
    await process.kill()
  }
  return world.process().environment
}

describe('inspectCheckpoint', () => {
  it('reads what a run has left, and changes nothing', async () => {
    const environment = await interrupted()
    const before = [world.fs.list(), world.fs.text(path)]
    const { content, ...rest } = await inspectCheckpoint(path, environment)
    expect(rest).toEqual({ path, state: 'intact', lock: undefined })
    expect(content.header).toMatchObject({ bucket: world.bucket, key: world.key, partSize })
    expect([world.fs.list(), world.fs.text(path)]).toEqual(before)
    const progress = recordedProgress(content, recordedSize(content))
    expect(progress).toMatchObject({ doneBytes: 2 * partSize, plan: { count: 5 } })
    expect(progress.done.map(({ number }) => number)).toEqual([1, 2])
  })

  it('names the process that has ended without its lock', async () => {
    const environment = await interrupted('killed')
    const { lock } = await inspectCheckpoint(path, environment)
    expect(lock).toEqual({ holder: { pid: 1, host: 'host' }, state: 'left-behind' })
    expect(world.fs.list()).toContain(`${path}.lock`)
  })

  it.each([
    ['held', { pid: 2, scope: 'scope' }, 'held'],
    ['of another host', { pid: 2, scope: 'elsewhere' }, 'unknown'],
  ])('tells a lock that is %s', async (_, holder, state) => {
    const environment = await interrupted()
    const target = JSON.stringify({ start: 's', host: 'h', nonce: 'n', ...holder })
    await world.fs.symlink(target, `${path}.lock`)
    const { lock } = await inspectCheckpoint(path, environment)
    expect(lock).toEqual({ holder: { pid: 2, host: 'h' }, state })
  })

  it('knows nothing of something else that has the name of the lock', async () => {
    const environment = await interrupted()
    world.fs.put(`${path}.lock`, Buffer.from('x'))
    const { lock } = await inspectCheckpoint(path, environment)
    expect(lock).toEqual({ holder: undefined, state: 'unknown' })
  })

  it.each([
    [undefined, 'ERR_OSS_CHECKPOINT_IO', /^there is no checkpoint/],
    ['', 'ERR_OSS_CHECKPOINT_IO', /is no checkpoint, or its first line is damaged/],
    ['{"a":1}\n', 'ERR_OSS_CHECKPOINT_IO', /is no checkpoint/],
  ])('refuses %j with a hint', async (text, code, message) => {
    if (text !== undefined) world.fs.put(path, Buffer.from(text))
    await expect(inspectCheckpoint(path, world.process().environment)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    })
  })

  it('tells a line that was cut off from damage', async () => {
    const environment = await interrupted()
    const text = world.fs.text(path)
    world.fs.put(path, Buffer.from(text.slice(0, -3)))
    expect(await inspectCheckpoint(path, environment)).toMatchObject({ state: 'torn' })
    world.fs.put(path, Buffer.from(text.replace('"number":1', '"number":9')))
    expect(await inspectCheckpoint(path, environment)).toMatchObject({ state: 'damaged' })
  })
})

describe('inspectSource', () => {
  const content = async (): Promise<JournalContent> =>
    (await inspectCheckpoint(path, await interrupted())).content

  it('says same, changed and how, missing, or that it cannot know', async () => {
    const recorded = await content()
    const environment = world.process().environment
    const look = (file?: string) => inspectSource(recorded, file, environment)
    expect(await look(world.path)).toEqual({ state: 'same' })
    expect(await look(undefined)).toMatchObject({ state: 'unknown' })
    expect(await look('/data/none')).toEqual({ state: 'missing' })
    world.fs.put(world.path, randomBytes(5))
    expect(await look(world.path)).toEqual({
      state: 'changed',
      how: expect.stringContaining('its size went from'),
    })
    world.fs.put(world.path, randomBytes(5), { replace: true })
    expect(await look(world.path)).toMatchObject({ how: 'another file has taken its place' })
  })

  it.each([{ kind: 'stream' }, { kind: 'bytes', size: '5' }] as const)(
    'does not look for %j',
    async (source) => {
      const found = await inspectSource({ ...(await content()), source }, world.path, {
        fs: world.fs,
      })
      expect(found).toMatchObject({ state: 'unknown', why: expect.stringContaining('reading it') })
    },
  )
})

describe('recordedProgress', () => {
  const header = {
    ...{ bucket: 'b', key: 'k', service: 's', uploadId: 'u', partSize, settings: {} },
    source: { kind: 'stream' },
    createdAt: '2026-01-01T00:00:00.000Z',
  } as const
  const part = (number: number, size: number) => ({ number, size, crc64: '0', etag: 'e' })
  const parts = new Map([
    [2, part(2, partSize)],
    [1, part(1, 7)],
    [3, part(3, 5)],
  ])

  it('counts a part of another size, or beyond the end, as absent', () => {
    const progress = recordedProgress({ header, parts }, 2 * partSize + 5)
    expect(progress.done.map(({ number }) => number)).toEqual([2, 3])
    expect(recordedProgress({ header, parts }, partSize + 5).done).toEqual([])
  })

  it('counts everything where the size is not known, and plans nothing', () => {
    expect(recordedSize({ source: header.source })).toBeUndefined()
    expect(recordedProgress({ header, parts }, undefined)).toMatchObject({
      doneBytes: partSize + 12,
      plan: undefined,
    })
  })

  it('has no plan for a source that has outgrown its part size', () => {
    expect(recordedProgress({ header, parts }, partSize * 10_001).plan).toBeUndefined()
  })

  it('is of a journal that the library writes', () => {
    expect(encodeHeader(header) + encodeEntry({ type: 'part', ...part(1, 7) })).toMatch(/\n$/)
  })
})
