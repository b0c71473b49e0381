import { afterEach, describe, expect, it } from 'vitest'
import { fileCheckpointStore } from '../../src/upload/checkpoint-store.js'
import { encodeEntry, encodeHeader, type JournalHeader } from '../../src/upload/journal.js'
import { planParts } from '../../src/upload/plan.js'
import {
  isRunning,
  joinRecords,
  readContent,
  readShardJournals,
  removeShardJournals,
  sameState,
  shardJournalPaths,
} from '../../src/upload/shard-journals.js'
import { World } from '../support/world.js'

const source = { dev: '1', ino: '2', size: '300000', mtimeNs: '3', ctimeNs: '4' }
const header: JournalHeader = {
  ...{ bucket: 'examplebucket', key: 'k', service: 'region cn-hangzhou', uploadId: 'U' },
  ...{ partSize: 102_400, settings: {}, source, createdAt: '2025-01-02T03:04:05.678Z' },
}
const part = (number: number, crc64 = '1', size = 102_400) => ({ number, size, crc64, etag: 'E' })
const line = (entry: ReturnType<typeof part>) => encodeEntry({ type: 'part', ...entry })
const path = '/state/a.ucp'
const plan = planParts(300_000, 102_400)

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

async function journals(texts: Readonly<Record<string, string>>): Promise<World> {
  world = await World.create(Buffer.alloc(0))
  for (const [name, text] of Object.entries(texts))
    world.fs.put(`/state/${name}`, Buffer.from(text))
  return world
}

describe('the journals of workers', () => {
  it('are read whatever their count, and left out where they cannot be read', async () => {
    const { fs } = await journals({
      'a.ucp': encodeHeader(header),
      'a.ucp.shard-0-of-2': encodeHeader(header) + line(part(1)),
      'a.ucp.shard-1-of-2': 'damaged',
      'a.ucp.shard-3-of-4': `${encodeHeader(header) + line(part(2))}{"torn`,
      'b.ucp.shard-0-of-2': encodeHeader(header),
    })
    expect(await shardJournalPaths(path, { fs })).toEqual(
      ['0-of-2', '1-of-2', '3-of-4'].map((which) => `${path}.shard-${which}`),
    )
    const contents = await readShardJournals(path, { fs })
    expect(contents.map(({ parts }) => [...parts.keys()])).toEqual([[1], [2]])
    expect(await readContent('/state/missing', { fs })).toBeUndefined()
  })

  it('cannot be looked for in a directory that cannot be read', async () => {
    const { fs } = await journals({})
    fs.fail = ({ name }) => (name === 'readdir' ? 'EACCES' : undefined)
    await expect(shardJournalPaths(path, { fs })).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
    })
  })

  it('are removed but for that of a worker that lives', async () => {
    const w = await journals({
      'a.ucp': 'x',
      'a.ucp.shard-0-of-2': 'x',
      'a.ucp.shard-1-of-2': 'x',
      'a.ucp.shard-1-of-2.tmp': 'x',
    })
    const { environment } = w.process()
    const living = fileCheckpointStore(`${path}.shard-0-of-2`, environment.fs, environment)
    const session = await living.acquire()
    expect(await isRunning(`${path}.shard-0-of-2`, environment, undefined)).toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_LOCKED',
    })
    expect(await isRunning(`${path}.shard-1-of-2`, environment, undefined)).toBeUndefined()
    await removeShardJournals(path, environment)
    await session.release()
    expect(w.fs.list().filter((name) => name.startsWith('/state'))).toEqual([
      path,
      `${path}.shard-0-of-2`,
    ])
  })
})

describe('their records', () => {
  const content = (entries: ReturnType<typeof part>[], change = {}) => ({
    header,
    source,
    parts: new Map(entries.map((each) => [each.number, each])),
    current: new Set(entries.map(({ number }) => number)),
    superseded: [],
    completingIsCurrent: false,
    ...change,
  })

  it('are joined for one upload, and those of another plan left out', () => {
    const other = content([part(3, '1', 95_200)], { header: { ...header, uploadId: 'V' } })
    const all = [content([part(1), part(3, '1', 102_400)]), content([part(2), part(9)]), other]
    const { parts, current } = joinRecords(all, 'U', plan, source)
    expect([...parts.keys()]).toEqual([1, 2])
    expect([...current]).toEqual([1, 2])
  })

  it('of the source as it is now outweigh those of what it was', () => {
    const earlier = content([part(1, '7')], { source: { ...source, ctimeNs: '0' } })
    const unsure = content([part(1, '8')], { current: new Set<number>() })
    const now = content([part(1, '9')])
    for (const order of [
      [earlier, now, unsure],
      [now, earlier, unsure],
      [unsure, earlier, now],
    ]) {
      const { parts, current } = joinRecords(order, 'U', plan, source)
      expect(parts.get(1)?.crc64).toBe('9')
      expect([...current]).toEqual([1])
    }
    expect([...joinRecords([earlier, unsure], 'U', plan, source).current]).toEqual([])
  })
})

describe('two states of a source', () => {
  it('are the same by size and times, whatever number a machine gives to the volume', () => {
    expect(sameState(source, { ...source, dev: '9', ino: '9' })).toBe(true)
    for (const name of ['size', 'mtimeNs', 'ctimeNs']) {
      expect(sameState(source, { ...source, [name]: '9' })).toBe(false)
    }
    expect(sameState(source, { kind: 'bytes', size: '300000' })).toBe(false)
  })
})
