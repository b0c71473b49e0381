// I1, I6, I9 for streams: the world stops before and after every single effect; the next process is given the stream anew.

import { afterEach, describe, expect, it } from 'vitest'
import { type CrashPoint, randomBytes, World } from '../support/world.js'

const bytes = randomBytes(4 * 102_400 + 10)
const checkpointPath = '/data/stream.ucp'

const worlds: World[] = []
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()))
})

/** Chunks that fit no part. */
function* stream(): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000)
}

interface Setting {
  readonly name: string
  readonly concurrency: number
  readonly denied: readonly string[]
  readonly stop: 'kill' | 'power failure'
}

async function crashAndResume(
  crash: CrashPoint,
  { concurrency, denied, stop }: Setting,
): Promise<string | undefined> {
  const w = await World.create(Buffer.of(), { denied })
  worlds.push(w)
  const options = () => ({ path: undefined, source: stream(), checkpointPath, concurrency })
  const first = w.process(crash)
  const result = await first.upload(options())
  await first.kill()
  const effect = first.effects[crash.index]
  if (effect === undefined) return undefined
  const where = `${stop} ${crash.when} effect ${crash.index}: ${effect}`
  if (stop === 'power failure') w.fs.powerFailure('durable')

  if (result === undefined) {
    const acknowledged = w.oss.acknowledged.length
    const finished = w.oss.completed.length
    const headerKept = w.fs.list().includes(checkpointPath)
    const second = w.process()
    const resumed = await second.upload(options())
    expect(resumed?.size, where).toBe(bytes.length)
    await second.kill()
    const before = new Set(
      w.oss.acknowledged
        .slice(0, acknowledged)
        .map(({ uploadId, partNumber }) => `${uploadId} ${partNumber}`),
    )
    const again = w.oss.acknowledged
      .slice(acknowledged)
      .filter(({ uploadId, partNumber }) => before.has(`${uploadId} ${partNumber}`))
    // I6: with a list nothing that was acknowledged is sent again; without it at most what was in flight, and after a power
    // failure what was recorded since the last sync.
    const allowed = !denied.includes('ListParts') ? 0 : stop === 'kill' ? concurrency : 5
    expect(again.length, where).toBeLessThanOrEqual(allowed)
    expect(w.oss.completed.length, where).toBe(finished > 0 && !headerKept ? 2 : 1)
  }
  expect(w.stored()?.equals(bytes), where).toBe(true)
  expect(w.fs.list(), where).toEqual([w.path])
  // The documented window: Initiate was answered, and the upload id was not yet on disk.
  const done = first.effects.slice(0, crash.index + (crash.when === 'after' ? 1 : 0))
  const initiated = done.some((name) => /^POST .*uploads$/.test(name))
  const durable = stop === 'kill' ? `rename ${checkpointPath}` : 'syncDirectory /data'
  expect(w.openUploadIds().length, where).toBe(initiated && !done.includes(durable) ? 1 : 0)
  await w.close()
  return effect
}

const putObjectOnly = ['ListParts', 'AbortMultipartUpload', 'ListMultipartUploads']

describe.each<Setting>([
  { name: 'one part at a time', concurrency: 1, denied: [], stop: 'kill' },
  { name: 'three parts at a time', concurrency: 3, denied: [], stop: 'kill' },
  { name: 'with oss:PutObject alone (I8)', concurrency: 2, denied: putObjectOnly, stop: 'kill' },
  { name: 'by power failure', concurrency: 2, denied: [], stop: 'power failure' },
  {
    name: 'by power failure with oss:PutObject alone',
    ...{ concurrency: 2, denied: putObjectOnly, stop: 'power failure' },
  },
])('a stream, crash at every step, $name', (setting) => {
  for (const when of ['before', 'after'] as const) {
    it(`${when} each effect`, async () => {
      const effects: string[] = []
      for (let index = 0; ; index++) {
        const effect = await crashAndResume({ index, when }, setting)
        if (effect === undefined) break
        effects.push(effect)
      }
      const text = effects.join('\n')
      for (const step of ['symlink', 'POST', 'rename', 'PUT', 'write', 'unlink']) {
        expect(text).toContain(step)
      }
      expect(effects.length).toBeGreaterThan(25)
    })
  }
})
