// I1, I6, I9: the world stops before and after every single effect of an upload; the next process finishes it.

import { afterEach, describe, expect, it } from 'vitest'
import { type CrashPoint, randomBytes, World } from '../support/world.js'

const bytes = randomBytes(5 * 102_400 + 10)

const worlds: World[] = []
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()))
})

async function world(options = {}): Promise<World> {
  const created = await World.create(bytes, options)
  worlds.push(created)
  return created
}

/** What was acknowledged before the crash and is sent again after it, in parts. */
function resentParts(world: World, acknowledgedBefore: number): number {
  const before = world.oss.acknowledged.slice(0, acknowledgedBefore)
  const known = new Set(before.map(({ uploadId, partNumber }) => `${uploadId} ${partNumber}`))
  return world.oss.acknowledged
    .slice(acknowledgedBefore)
    .filter(({ uploadId, partNumber }) => known.has(`${uploadId} ${partNumber}`)).length
}

/** How the world stops: the process is killed, or the power fails and only what was synced is left. */
type Stop = 'kill' | 'power failure, names lost' | 'power failure, names kept'

async function crashAndResume(
  crash: CrashPoint,
  { concurrency, denied, stop }: { concurrency: number; denied: readonly string[]; stop: Stop },
): Promise<string | undefined> {
  const w = await world({ denied })
  const first = w.process(crash)
  const result = await first.upload({ concurrency })
  await first.kill()
  const effect = first.effects[crash.index]
  if (effect === undefined) return undefined
  const where = `${stop} ${crash.when} effect ${crash.index}: ${effect}`
  if (stop !== 'kill') w.fs.powerFailure(stop === 'power failure, names lost' ? 'durable' : 'all')

  if (result === undefined) {
    const acknowledged = w.oss.acknowledged.length
    const finishedBefore = w.oss.completed.length
    const headerKept = w.fs.list().includes(`${w.path}.ucp`)
    const second = w.process()
    const resumed = await second.upload({ concurrency })
    expect(resumed?.size, where).toBe(bytes.length)
    await second.kill()
    // I6: with a list of parts nothing acknowledged is sent again; without it at most what was in flight, and after a
    // power failure what was recorded since the last sync.
    const allowed = !denied.includes('ListParts') ? 0 : stop === 'kill' ? concurrency : 5
    // After the checkpoint was removed, the end of the first run, there is nothing left that could be continued.
    const started = finishedBefore > 0 && !headerKept
    if (!started) expect(resentParts(w, acknowledged), where).toBeLessThanOrEqual(allowed)
    const completions = w.oss.completed.length
    expect(completions, where).toBe(started ? 2 : 1)
  }
  expect(w.stored()?.equals(bytes), where).toBe(true)
  expect(w.fs.list(), where).toEqual([w.path])
  // The documented window: Initiate was answered, and the upload id was not yet on disk.
  const done = first.effects.slice(0, crash.index + (crash.when === 'after' ? 1 : 0))
  const initiated = done.some((name) => /^POST .*uploads$/.test(name))
  const durable =
    stop === 'power failure, names lost' ? 'syncDirectory /data' : `rename ${w.path}.ucp`
  const inWindow = initiated && !done.includes(durable)
  expect(w.openUploadIds().length, where).toBe(inWindow ? 1 : 0)
  await w.close()
  return effect
}

const putObjectOnly = ['ListParts', 'AbortMultipartUpload', 'ListMultipartUploads']

describe.each<{ name: string; concurrency: number; denied: readonly string[]; stop: Stop }>([
  { name: 'one part at a time', concurrency: 1, denied: [], stop: 'kill' },
  { name: 'three parts at a time', concurrency: 3, denied: [], stop: 'kill' },
  { name: 'with oss:PutObject alone (I8)', concurrency: 2, denied: putObjectOnly, stop: 'kill' },
  { name: 'by power failure', concurrency: 2, denied: [], stop: 'power failure, names lost' },
  {
    name: 'by power failure, other order',
    concurrency: 2,
    denied: [],
    stop: 'power failure, names kept',
  },
  {
    name: 'by power failure with oss:PutObject alone',
    concurrency: 2,
    denied: putObjectOnly,
    stop: 'power failure, names lost',
  },
])('crash at every step, $name', (setting) => {
  for (const when of ['before', 'after'] as const) {
    it(`${when} each effect`, async () => {
      const effects: string[] = []
      for (let index = 0; ; index++) {
        const effect = await crashAndResume({ index, when }, setting)
        if (effect === undefined) break
        effects.push(effect)
      }
      // The walk is only worth something when it met what an upload consists of.
      const text = effects.join('\n')
      for (const step of ['symlink', 'POST', 'rename', 'PUT', 'write', 'unlink']) {
        expect(text).toContain(step)
      }
      expect(effects.length).toBeGreaterThan(25)
    })
  }
})
