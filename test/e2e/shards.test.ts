import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startFakeOss } from '../support/fake-oss/index.js'
import { credentials, type Ended, startOssup, temporaryFolder, towards } from './ossup-process.js'

const seed = Number(process.env['OSSUP_SEED'] ?? Date.now() % 1_000_000_000)
/** Each is a random one; a long walk asks for two hundred. */
const schedules = Number(process.env['SHARD_SCHEDULES'] ?? 3)

const workers = 8
const concurrency = 2
const partSize = 100 * 1024

/** mulberry32: small, and the same everywhere. */
function randomFrom(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const outcomeOf = ({ stdout }: Ended): string =>
  JSON.parse(stdout.trim().split('\n').at(-1) ?? '').outcome

/** The worker that completed the upload has lived to say so. */
const isConcluded = async (checkpoint: string): Promise<boolean> =>
  (await readFile(checkpoint, 'utf8').catch(() => '')).includes('"reason":"completed"')

/** Who finishes when a worker never returns. */
type End = 'nobody is missing' | 'other workers' | 'one process alone'

async function walk(index: number): Promise<void> {
  const random = randomFrom(seed + index * 7_919)
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1))
  const parts = between(5, 48)
  const bytes = Buffer.alloc((parts - 1) * partSize + between(1, partSize))
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    bytes.writeUInt32LE((random() * 2 ** 32) >>> 0, at)
  }
  const ends: readonly End[] = ['nobody is missing', 'other workers', 'one process alone']
  const end = ends[between(0, 2)]
  const missing = end === 'nobody is missing' ? -1 : between(0, workers - 1)
  const denied = random() < 0.25 ? ['ListParts', 'AbortMultipartUpload'] : []

  await using folder = await temporaryFolder()
  await using fake = await startFakeOss({
    credentials: [credentials],
    denied,
    latencyMs: 3,
    bytesPerSecondPerConnection: 1_500_000,
  })
  await writeFile(join(folder.path, 'f.bin'), bytes)
  await mkdir(join(folder.path, 'state'))
  const checkpoint = join(folder.path, 'state/f.ucp')
  const argv = [
    ...['upload', 'f.bin', 'oss://examplebucket/k', ...towards(fake), '--json'],
    ...['--checkpoint', checkpoint, '--part-size', String(partSize)],
    ...['--concurrency', String(concurrency)],
  ]
  const start = (...more: string[]) => startOssup([...argv, ...more], { cwd: folder.path })
  let kills = 0
  const outcomes: string[] = []

  const plans = Array.from({ length: workers }, (_, shard) => {
    const deaths = Array.from({ length: between(0, 2) }, () => ({
      afterMs: between(0, 1_500),
      restartMs: between(0, 300),
    }))
    // One that never returns dies at least once, or does not even start.
    const never = shard === missing
    return { shard, startMs: between(0, 400), deaths, never, absent: never && random() < 0.3 }
  })
  const live = async ({ shard, startMs, deaths, never, absent }: (typeof plans)[number]) => {
    if (absent) return
    await pause(startMs)
    const lives = never && deaths.length === 0 ? [{ afterMs: 900, restartMs: 0 }] : deaths
    for (const { afterMs, restartMs } of lives) {
      const running = start('--shard', `${shard}/${workers}`)
      const early = await Promise.race([running.ended, pause(afterMs)])
      if (early === undefined) {
        running.child.kill('SIGKILL')
        await running.ended
        kills += 1
      }
      await pause(restartMs)
    }
    if (never) return
    const ended = await start('--shard', `${shard}/${workers}`).ended
    expect(ended, `worker ${shard}`).toMatchObject({ exitCode: 0, stderr: '' })
    outcomes.push(outcomeOf(ended))
  }
  await Promise.all(plans.map(live))
  if (end === 'other workers') {
    const others = between(2, 3)
    for (let shard = 0; shard < others; shard++) {
      const ended = await start('--shard', `${shard}/${others}`).ended
      expect(ended).toMatchObject({ exitCode: 0, stderr: '' })
      outcomes.push(outcomeOf(ended))
    }
  } else if (end === 'one process alone' && !(await isConcluded(checkpoint))) {
    const ended = await start().ended
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' })
    outcomes.push(outcomeOf(ended))
  }

  expect(fake.object('examplebucket', 'k')?.read().equals(bytes)).toBe(true)
  expect(fake.completed).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome === 'completed').length).toBeLessThanOrEqual(1)
  expect(outcomes.filter((outcome) => outcome !== 'shard-done')).not.toEqual([])
  // A kill between the answer to Initiate and the shared checkpoint loses an upload id, which has no parts.
  const open = fake.uploads('examplebucket')
  expect(open.length).toBeLessThanOrEqual(kills)
  for (const upload of open) expect(upload.parts.size).toBe(0)
  // What was in flight when a worker was killed may have been on its way to OSS still.
  const numbers = fake.acknowledged.map(({ partNumber }) => partNumber)
  expect(numbers.length - new Set(numbers).size).toBeLessThanOrEqual(kills * concurrency)

  // A worker that comes back late finds everything done, and nothing is left but what tells it so.
  const requests = fake.requests.length
  const late = await start('--shard', `${between(0, workers - 1)}/${workers}`).ended
  expect(late).toMatchObject({ exitCode: 0, stderr: '' })
  expect(outcomeOf(late)).toBe('completed-reconciled')
  const operations = fake.requests.slice(requests).map(({ operation }) => operation)
  expect(operations).toEqual(['HeadObject'])
  expect(await readdir(join(folder.path, 'state'))).toEqual(['f.ucp'])
}

describe(`eight processes as eight machines (OSSUP_SEED=${seed})`, () => {
  it.each(Array.from({ length: schedules }, (_, index) => index))(
    'send one object together in random schedule %i, with kills and restarts',
    (index) => walk(index),
  )
})
