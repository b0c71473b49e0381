// Shows the main job from outside: a real upload is killed half-way, continued by the same command, and compared.
// Everything runs on this machine, against the fake OSS of the tests; no account is needed.

import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, existsSync, rmSync } from 'node:fs'
import { mkdtemp, open, readFile, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FakeOss, startFakeOss } from '../test/support/fake-oss/index.js'

const mib = 1024 * 1024
const size = 256 * mib
const partSize = 8 * mib
const concurrency = 4
const parts = size / partSize
/** 8 s for the whole file, so that there is something to watch. */
const bytesPerSecondPerConnection = size / concurrency / 8
/** The file, and twice while the parts become an object. */
const neededBytes = 3 * size + 64 * mib

const bucket = 'examplebucket'
const key = 'demo/data.bin'
const command = join(import.meta.dirname, '../dist/cli/main.js')

const say = (text: string): void => console.log(text)
const inMib = (bytes: number): string => `${(bytes / mib).toFixed(1)} MiB`

const children = new Set<ChildProcess>()
let folder: string | undefined

/** Leaves nothing behind; synchronous, because it also runs when the demo is interrupted. */
function cleanUp(): void {
  for (const child of children) child.kill('SIGKILL')
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
}

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    cleanUp()
    process.exit(exitCode)
  })
}

/** Writes random bytes and returns their SHA-256. */
async function makeFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'w')
  try {
    for (let written = 0; written < size; written += partSize) {
      const bytes = randomBytes(partSize)
      hash.update(bytes)
      await file.write(bytes)
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: mib })) hash.update(chunk)
  return hash.digest('hex')
}

interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

/** The real command, as a process of its own; what it says is seen as it comes. */
function startUpload(
  cwd: string,
  endpoint: string,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const argv = [
    ...['upload', 'data.bin', `oss://${bucket}/${key}`],
    ...['--region', 'cn-hangzhou', '--endpoint', endpoint],
    ...['--part-size', `${partSize / mib}MiB`, '--concurrency', String(concurrency)],
  ]
  say(`\n$ ossup ${argv.join(' ')}`)
  const child = spawn(process.execPath, [command, ...argv], {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      OSS_ACCESS_KEY_ID: 'test-access-key-id',
      OSS_ACCESS_KEY_SECRET: 'test-access-key-secret',
      OSS_SESSION_TOKEN: '',
    },
  })
  children.add(child)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exitCode, signal) => {
      children.delete(child)
      resolve({ exitCode, signal })
    })
  })
  return { child, ended }
}

/** Resolves when half of the parts are acknowledged, or the upload has ended before. */
async function halfWay(fake: FakeOss, ended: Promise<Ended>): Promise<void> {
  let over = false
  const stop = (): void => {
    over = true
  }
  ended.then(stop, stop)
  while (!over && fake.acknowledged.length < parts / 2) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function showCheckpoint(path: string): Promise<number> {
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const recorded = entries.filter(({ type }) => type === 'part').length
  say(
    '\nThe checkpoint data.bin.ucp, written line by line while the parts were acknowledged, holds:',
  )
  say(`  upload id       ${entries[0]?.['uploadId']}`)
  say(`  part size       ${entries[0]?.['partSize']} bytes`)
  say(`  parts recorded  ${recorded} of ${parts}`)
  say('Its first lines:')
  for (const line of lines.slice(0, 3)) {
    say(`  ${line.length > 110 ? `${line.slice(0, 107)}...` : line}`)
  }
  return recorded
}

function sentBytes(
  fake: FakeOss,
  isCounted: (connection: number, part: number) => boolean,
): number {
  return fake.requests
    .filter(({ operation }) => operation === 'UploadPart')
    .filter(({ connection, partNumber = 0 }) => isCounted(connection, partNumber))
    .reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
}

function table(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value] of rows) say(`  ${name.padEnd(width)}  ${value}`)
}

/** @returns what is off; nothing when all is well */
async function demonstrate(cwd: string, fake: FakeOss): Promise<readonly string[]> {
  const source = join(cwd, 'data.bin')
  const checkpoint = `${source}.ucp`
  say(`1. Making a file of ${inMib(size)} of random bytes.`)
  const sourceSha256 = await makeFile(source)

  say(
    '\n2. Uploading it to a fake OSS on this machine, which checks every signature and takes some 8 seconds.',
  )
  const first = startUpload(cwd, fake.endpoint)
  await halfWay(fake, first.ended)
  const acknowledged = new Map(fake.acknowledged.map((part) => [part.partNumber, part.size]))
  first.child.kill('SIGKILL')
  const killed = await first.ended
  const firstConnections = fake.connections
  if (killed.signal !== 'SIGKILL') return [`the upload ended by itself (exit ${killed.exitCode})`]
  if (process.stderr.isTTY) say('')
  say(`\n3. kill -9: OSS had acknowledged ${acknowledged.size} of ${parts} parts.`)
  const recorded = await showCheckpoint(checkpoint)

  say('\n4. Running the same command again.')
  const { exitCode } = await startUpload(cwd, fake.endpoint).ended
  const object = fake.object(bucket, key)
  const storedSha256 = object?.path === undefined ? object?.sha256 : await sha256Of(object.path)
  const isFirst = (connection: number): boolean => connection <= firstConnections
  const before = sentBytes(fake, isFirst)
  const after = sentBytes(fake, (connection) => !isFirst(connection))
  const again = sentBytes(
    fake,
    (connection, part) => !isFirst(connection) && acknowledged.has(part),
  )
  const confirmed = [...acknowledged.values()].reduce((sum, bytes) => sum + bytes, 0)
  const isRemoved = !existsSync(checkpoint) && !existsSync(`${checkpoint}.lock`)
  const isEqual = storedSha256 === sourceSha256

  say('\n5. What came of it, by the log of the fake OSS:\n')
  table([
    ['size', `${size} bytes (${inMib(size)})`],
    ['parts', `${parts} of ${inMib(partSize)}`],
    ['sent before the kill', `${inMib(before)}, of which ${inMib(confirmed)} acknowledged`],
    ['sent after the kill', inMib(after)],
    ['acknowledged and sent again', `${again} bytes`],
    ['SHA-256 of the source', sourceSha256],
    ['SHA-256 of the object', storedSha256 ?? 'there is no object'],
    ['equal', isEqual ? 'yes' : 'NO'],
    ['checkpoint removed', isRemoved ? 'yes' : 'NO'],
  ])
  return [
    ...(recorded > 0 ? [] : ['the checkpoint recorded no part']),
    ...(exitCode === 0 ? [] : [`the second run failed (exit ${exitCode})`]),
    ...(again === 0 ? [] : [`${again} acknowledged bytes were sent again`]),
    ...(isEqual ? [] : ['the object differs from the source']),
    ...(object?.size === size ? [] : ['the object has another size']),
    ...(isRemoved ? [] : ['the checkpoint or its lock was left behind']),
    ...(fake.completed.length === 1 ? [] : ['the upload was not completed exactly once']),
    ...(fake.uploads(bucket).length === 0 ? [] : ['an unfinished upload was left behind']),
  ]
}

async function main(): Promise<number> {
  if (!existsSync(command)) {
    say('The command is not built: run `npm run build` first.')
    return 1
  }
  const { bavail, bsize } = await statfs(tmpdir())
  if (bavail * bsize < neededBytes) {
    say(`This needs ${inMib(neededBytes)} for temporary files: set TMPDIR to a disk that has them.`)
    return 1
  }
  folder = await mkdtemp(join(tmpdir(), 'ossup-demo-'))
  const directory = join(folder, 'oss')
  await using fake = await startFakeOss({
    buckets: [bucket],
    directory,
    bytesPerSecondPerConnection,
  })
  const startedAt = performance.now()
  const faults = await demonstrate(folder, fake)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  if (faults.length === 0) say(`\nAll as it should be, in ${seconds} s.`)
  for (const fault of faults) say(`\nSomething is off: ${fault}.`)
  return faults.length === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} finally {
  cleanUp()
}
