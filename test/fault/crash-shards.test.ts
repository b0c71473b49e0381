// I1, I5, I6, I9 for several workers: one is stopped before and after every single effect, and the upload is finished by others.

import { afterEach, describe, expect, it } from 'vitest'
import { type CrashPoint, type Process, randomBytes, World } from '../support/world.js'

const partSize = 102_400
const bytes = randomBytes(3 * partSize + 10)
const checkpointPath = '/data/shared.ucp'

const worlds: World[] = []
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()))
})

interface Setting {
  readonly name: string
  /** Workers in the order in which they start; the one that is stopped is given. */
  readonly before: readonly number[]
  readonly stopped: number
  /** Runs beside the one that is stopped. */
  readonly beside?: number
  /** Who finishes: the workers again, workers of another count, or one process alone. */
  readonly after: 'the same' | 'others' | 'alone'
  readonly denied?: readonly string[]
}

const count = 3

function shard(process: Process, index: number, of = count) {
  return process.upload({ checkpointPath, concurrency: 2, shard: { index, count: of } })
}

async function stopAndFinish(crash: CrashPoint, setting: Setting): Promise<string | undefined> {
  const { before, stopped, beside, after, denied = [] } = setting
  const w = await World.create(bytes, { denied })
  worlds.push(w)
  for (const index of before) await shard(w.process(), index)
  const first = w.process(crash)
  const [, other] = await Promise.all([
    shard(first, stopped),
    beside === undefined ? undefined : shard(w.process(), beside),
  ])
  await first.kill()
  const effect = first.effects[crash.index]
  if (effect === undefined) return undefined
  const where = `${crash.when} effect ${crash.index}: ${effect}`
  if (beside !== undefined) expect(other, where).toBeDefined()

  const hadConcluded = w.oss.completed.length === 1
  if (after === 'alone' && !hadConcluded) await w.process().upload({ checkpointPath })
  else if (after === 'others') for (const index of [0, 1]) await shard(w.process(), index, 2)
  else for (const index of [0, 1, 2]) await shard(w.process(), index)

  expect(w.stored()?.equals(bytes), where).toBe(true)
  expect(w.oss.completed, where).toHaveLength(1)
  const sent = w.oss.acknowledged.map(({ partNumber }) => partNumber)
  const again = sent.length - new Set(sent).size
  expect(again, where).toBeLessThanOrEqual(denied.includes('ListParts') ? 2 : 0)
  // The documented window: Initiate was answered, and the upload id was not yet on disk.
  const done = first.effects.slice(0, crash.index + (crash.when === 'after' ? 1 : 0))
  const initiated = done.some((name) => /^POST .*uploads$/.test(name))
  const inWindow = initiated && !done.includes(`rename ${checkpointPath}`)
  const open = w.openUploadIds()
  expect(open.length, where).toBe(inWindow ? 1 : 0)
  const left = w.fs.list().filter((name) => name !== checkpointPath)
  expect(left, where).toEqual([w.path])
  await w.close()
  return effect
}

const putObjectOnly = ['ListParts', 'AbortMultipartUpload', 'ListMultipartUploads']

describe.each<Setting>([
  { name: 'the first of three', before: [], stopped: 0, after: 'the same' },
  { name: 'the last of three', before: [0, 1], stopped: 2, after: 'the same' },
  { name: 'the last, finished by two', before: [2, 0], stopped: 1, after: 'others' },
  { name: 'the second, finished by one alone', before: [2], stopped: 0, after: 'alone' },
  { name: 'one of two at once', before: [1], stopped: 0, beside: 2, after: 'the same' },
  {
    name: 'one of two at once, with oss:PutObject alone',
    ...{ before: [1], stopped: 0, beside: 2, after: 'the same', denied: putObjectOnly },
  },
])('a worker stopped at every step: $name', (setting) => {
  for (const when of ['before', 'after'] as const) {
    it(`${when} each effect`, async () => {
      const effects: string[] = []
      for (let index = 0; ; index++) {
        const effect = await stopAndFinish({ index, when }, setting)
        if (effect === undefined) break
        effects.push(effect)
      }
      const text = effects.join('\n')
      for (const step of ['symlink', 'rename', 'PUT', 'write', 'unlink'])
        expect(text).toContain(step)
      expect(effects.length).toBeGreaterThan(12)
    })
  }
})
