import { symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runStatus, statusCommand, statusOptions } from '../../src/cli/status-command.js'
import { systemEnvironment } from '../../src/upload/environment.js'
import { encodeEntry, encodeHeader, type JournalEntry } from '../../src/upload/journal.js'
import { openSource } from '../../src/upload/source.js'
import { useBucket } from './bucket.js'

const bucket = useBucket()
const createdAt = '2026-01-02T03:04:05.000Z'
const now = () => new Date('2026-01-04T04:04:05.000Z')
const partSize = 102_400
const part = (number: number, size = partSize): JournalEntry => ({
  ...{ type: 'part', number, size, crc64: '1', etag: 'E' },
})

/** A file and its checkpoint, of which two parts of three are done. */
async function begun(entries: readonly JournalEntry[] = [part(1), part(3, 5)], stream = false) {
  const file = join(bucket.folder, 'f.bin')
  await writeFile(file, Buffer.alloc(2 * partSize + 5))
  const source = await openSource(file, systemEnvironment.fs)
  const header = encodeHeader({
    ...{ bucket: 'examplebucket', key: 'dir/k', service: 'region cn-hangzhou', uploadId: 'U1' },
    ...{ partSize, settings: {}, createdAt },
    source: stream ? { kind: 'stream' } : source.identity,
  })
  await source.close()
  await writeFile(`${file}.ucp`, header + entries.map(encodeEntry).join(''))
  return file
}

const status = (...argv: string[]) => bucket.run((io, args) => runStatus(io, args, now), argv)

/** The facts by their names. */
async function facts(...argv: string[]) {
  const { exitCode, out, err } = await status(...argv)
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
  const lines = out.trimEnd().split('\n')
  return Object.fromEntries(lines.map((line) => line.split(/ {2,}(.*)/).slice(0, 2)))
}

describe('ossup status', () => {
  it('says what is done, what is left, and that nothing has changed', async () => {
    const file = await begun()
    expect(await facts(`${file}.ucp`)).toEqual({
      destination: 'oss://examplebucket/dir/k (region cn-hangzhou)',
      'upload id': 'U1',
      begun: '2026-01-02T03:04:05.000Z, 2d 1h ago',
      parts: 'of 100.0 KiB',
      done: '2 of 3 parts, 100.0 KiB of 200.0 KiB (50 %)',
      left: '1 part, 100.0 KiB',
      source: `${file}: unchanged (size, times, inode)`,
      lock: 'none: no upload is running',
    })
    expect(bucket.fake.requests).toEqual([])
  })

  it('says it in JSON', async () => {
    const file = await begun()
    const { out } = await status(`${file}.ucp`, '--json')
    expect(JSON.parse(out)).toEqual({
      ...{ type: 'status', bucket: 'examplebucket', key: 'dir/k', service: 'region cn-hangzhou' },
      ...{ uploadId: 'U1', createdAt, ageSeconds: 49 * 3600, checkpointPath: `${file}.ucp` },
      ...{ state: 'intact', partSize, size: 2 * partSize + 5 },
      done: { parts: 2, bytes: partSize + 5 },
      left: { parts: 1, bytes: partSize },
      completing: false,
      source: { path: file, state: 'same' },
      lock: null,
      abandonedUploadIds: [],
    })
  })

  it('notices that the file is another one, gone, or elsewhere', async () => {
    const file = await begun()
    await truncate(file, 7)
    expect((await facts(`${file}.ucp`))['source']).toContain('changed: its size went from')
    const none = await facts(`${file}.ucp`, '--source', join(bucket.folder, 'none'))
    expect(none['source']).toContain('not there; name it with --source')
  })

  it('names the process that has it', async () => {
    const file = await begun()
    const self = { ...(await systemEnvironment.identify()), nonce: 'n' }
    await symlink(JSON.stringify(self), `${file}.ucp.lock`)
    expect((await facts(`${file}.ucp`))['lock']).toMatch(
      new RegExp(`^held by process ${process.pid} on .*: the upload is running$`),
    )
  })

  it('knows that a stream has no end before it is there', async () => {
    const file = await begun([part(1)], true)
    expect(await facts(`${file}.ucp`)).toMatchObject({
      done: '1 part, 100.0 KiB',
      left: expect.stringContaining('not known'),
      source: expect.stringContaining('a stream was uploaded'),
    })
  })

  it('tells what the next run has to settle', async () => {
    const file = await begun([
      { type: 'completing', size: 5, crc64: '1' },
      {
        ...{ type: 'superseded', uploadId: 'U0', bucket: 'b', key: 'k', service: 's' },
        reason: 'restart',
      },
    ])
    await writeFile(`${file}.ucp`, 'cut', { flag: 'a' })
    expect(await facts(`${file}.ucp`)).toMatchObject({
      complete: expect.stringContaining('the object may be stored'),
      'given up': 'upload U0 (restart); the next run aborts it',
      damage: expect.stringContaining('cut the last line off'),
    })
  })

  it.each([
    [[], 2, 'no checkpoint is given; see: ossup status --help'],
    [['a', 'b'], 2, 'more than one checkpoint is given'],
    [['none.ucp'], 1, 'there is no checkpoint none.ucp; check the name'],
    [['--what'], 2, 'unknown option --what; see: ossup status --help'],
  ])('%j is refused in one line', async (argv, exitCode, message) => {
    const answer = await status(...argv)
    expect(answer).toMatchObject({ exitCode, out: '' })
    expect(answer.err).toMatch(/^ossup: error: [^\n]*\n$/)
    expect(answer.err).toContain(message)
  })

  it('explains its options', () => {
    for (const name of Object.keys(statusOptions)) {
      expect(statusCommand.usage).toContain(`  --${name}`)
    }
  })
})
