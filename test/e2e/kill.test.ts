import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startFakeOss } from '../support/fake-oss/index.js'
import { credentials, startOssup, temporaryFolder, towards, until } from './ossup-process.js'

const seed = Number(process.env['OSSUP_SEED'] ?? Date.now() % 1_000_000_000)
/** `npm run test:soak` asks for a hundred. */
const moments = Number(process.env['OSSUP_KILLS'] ?? 20)
const momentsWithoutListing = 6

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

/** The numbers of the parts that a journal records. */
function recordedParts(journal: string): Set<number> {
  const complete = journal.split('\n').slice(0, -1)
  const lines = complete.map((line) => JSON.parse(line))
  return new Set(lines.filter(({ type }) => type === 'part').map(({ number }) => number))
}

async function killAndResume(index: number, denied: readonly string[]): Promise<void> {
  const random = randomFrom(seed + index * 7_919)
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1))
  const partSize = between(100 * 1024, 1024 * 1024)
  const concurrency = between(2, 5)
  const size = between(5_500_000, 6_500_000)
  const bytes = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((random() * 2 ** 32) >>> 0, at)

  await using folder = await temporaryFolder()
  await using fake = await startFakeOss({
    credentials: [credentials],
    denied,
    latencyMs: 3,
    bytesPerSecondPerConnection: 3_000_000,
  })
  await writeFile(join(folder.path, 'f.bin'), bytes)
  const argv = [
    ...['upload', 'f.bin', 'oss://examplebucket/k', ...towards(fake), '--json'],
    ...['--part-size', String(partSize), '--concurrency', String(concurrency)],
  ]
  const first = startOssup(argv, { cwd: folder.path })

  // The moment: while it starts, while it sends, or while it completes.
  const moment = random()
  const sentBytes = () =>
    fake.requests.reduce(
      (sum, { operation, bodyBytes }) => sum + (operation === 'UploadPart' ? bodyBytes : 0),
      0,
    )
  const ended = () => first.child.exitCode !== null
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  if (moment < 0.15) await pause(moment * 3_000)
  else if (moment < 0.85) {
    const share = (moment - 0.15) / 0.7
    await until(() => sentBytes() >= share * size || ended())
  } else {
    await until(() => fake.acknowledged.length >= Math.ceil(size / partSize) || ended())
    await pause((moment - 0.85) * 200)
  }
  const acknowledged = new Set(fake.acknowledged.map(({ partNumber }) => partNumber))
  first.child.kill('SIGKILL')
  const killed = await first.ended
  if (killed.exitCode === 0) {
    expect(fake.object('examplebucket', 'k')?.read().equals(bytes)).toBe(true)
    return
  }
  expect(killed.signal).toBe('SIGKILL')
  const journal = await readFile(join(folder.path, 'f.bin.ucp'), 'utf8').catch(() => '')
  const recorded = recordedParts(journal)
  const connections = fake.connections
  // Killed between the removal of the checkpoint and the end of the process: the upload had succeeded.
  const hadSucceeded = journal === '' && fake.completed.length === 1
  if (hadSucceeded) expect(fake.object('examplebucket', 'k')?.read().equals(bytes)).toBe(true)

  const second = await startOssup(argv, { cwd: folder.path }).ended
  expect(second).toMatchObject({ exitCode: 0, stderr: '' })
  const result = JSON.parse(second.stdout.trim().split('\n').at(-1) ?? '')
  expect(result.resumed.parts + result.sent.parts).toBe(Math.ceil(size / partSize))

  expect(fake.object('examplebucket', 'k')?.read().equals(bytes)).toBe(true)
  expect(await readdir(folder.path)).toEqual(['f.bin'])
  if (hadSucceeded) return

  const sentAgain = fake.requests
    .filter(({ operation, connection }) => operation === 'UploadPart' && connection > connections)
    .map(({ partNumber = 0 }) => partNumber)
  expect(sentAgain.filter((partNumber) => recorded.has(partNumber))).toEqual([])
  const acknowledgedAgain = sentAgain.filter((partNumber) => acknowledged.has(partNumber))
  // Without listing, a part whose acknowledgement was on its way is not known of.
  if (denied.length === 0) expect(acknowledgedAgain).toEqual([])
  else expect(acknowledgedAgain.length).toBeLessThanOrEqual(concurrency)

  expect(fake.completed).toHaveLength(1)
  // Between the answer to Initiate and the checkpoint an upload id can be lost; it has no parts.
  const open = fake.uploads('examplebucket')
  expect(open.length).toBeLessThanOrEqual(journal === '' ? 1 : 0)
  for (const { parts } of open) expect(parts.size).toBe(0)
}

describe(`kill -9 (OSSUP_SEED=${seed})`, () => {
  it.concurrent.each(Array.from({ length: moments }, (_, index) => index))(
    'at random moment %i: the next run finishes and sends nothing again that OSS had acknowledged',
    (index) => killAndResume(index, []),
  )

  it.concurrent.each(Array.from({ length: momentsWithoutListing }, (_, index) => moments + index))(
    'at random moment %i, with ListParts denied: what was recorded is not sent again',
    (index) => killAndResume(index, ['ListParts', 'AbortMultipartUpload', 'ListMultipartUploads']),
  )
})
