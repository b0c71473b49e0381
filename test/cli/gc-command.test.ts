import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runGc } from '../../src/cli/gc-command.js'
import type { Io } from '../../src/cli/io.js'
import { encodeHeader } from '../../src/upload/journal.js'
import { jsonLines, useBucket } from './bucket.js'

const bucket = useBucket()
const url = 'oss://examplebucket'
const gc = (argv: readonly string[], change?: Partial<Io>) =>
  bucket.run((io, args) => runGc(io, args), argv, change)
const open = () => bucket.fake.uploads('examplebucket').map(({ key }) => key)
const aborts = () =>
  bucket.fake.requests.filter(({ operation }) => operation === 'AbortMultipartUpload').length

/** A person at a terminal who types this. */
const typing = (text: string): Partial<Io> => ({
  stdinKind: () => 'terminal',
  async *stdin() {
    yield Buffer.from(text)
    throw new Error('a second line is not asked for')
  },
})

describe('ossup gc', () => {
  it('aborts what is older, and never what is younger', async () => {
    await bucket.begin('old/a', 2, 8)
    await bucket.begin('old/b', 1, 700)
    await bucket.begin('young/a', 1, 6)
    const { exitCode, out, err } = await gc([url, '--older-than', '7d', '--yes'])
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toMatch(
      /^ +8d .* oss:\/\/examplebucket\/old\/a\n +700d .*\/old\/b\naborted: 2 unfinished uploads, 3 parts, 300 B; kept: 1 younger than 7d\n$/,
    )
    expect(open()).toEqual(['young/a'])
  })

  it('leaves what may be younger by the second that a Date header does not tell', async () => {
    await bucket.begin('a', 0, 7)
    const { out } = await gc([url, '--older-than', '7d', '--yes'])
    expect(out).toBe('nothing to abort: 0 unfinished uploads; kept: 1 younger than 7d\n')
  })

  it('only looks with --dry-run', async () => {
    await bucket.begin('a', 2, 8)
    const { exitCode, out } = await gc([url, '--older-than', '7d', '--dry-run'])
    expect(exitCode).toBe(0)
    expect(out).toMatch(/\nwould abort: 1 unfinished upload, 2 parts, 200 B; kept: 0 younger/)
    expect([open(), aborts()]).toEqual([['a'], 0])
  })

  it('stays below the prefix', async () => {
    await bucket.begin('a/1', 0, 8)
    await bucket.begin('b/1', 0, 8)
    await gc([`${url}/a/`, '--older-than', '7d', '--yes'])
    expect(open()).toEqual(['b/1'])
  })

  it.each(['y\n', 'Yes\n', 'y\r\n'])('takes %j for a yes', async (text) => {
    await bucket.begin('a', 2, 8)
    const { exitCode, err } = await gc([url, '--older-than', '7d'], typing(text))
    expect({ exitCode, err }).toEqual({
      exitCode: 0,
      err: 'abort 1 unfinished upload, 2 parts, 200 B? [y/N] ',
    })
    expect(open()).toEqual([])
  })

  it.each(['\n', 'n\n', 'yesterday\n', 'no y\n'])('takes %j for a no', async (text) => {
    await bucket.begin('a', 2, 8)
    const { exitCode, err } = await gc([url, '--older-than', '7d'], typing(text))
    expect(exitCode).toBe(1)
    expect(err).toContain('ossup: error: nothing was aborted: you did not agree')
    expect([open(), aborts()]).toEqual([['a'], 0])
  })

  it('does not ask when there is nothing to abort', async () => {
    await bucket.begin('a', 2, 1)
    const answer = await gc([url, '--older-than', '7d'], typing(''))
    expect(answer).toEqual({
      exitCode: 0,
      out: 'nothing to abort: 0 unfinished uploads; kept: 1 younger than 7d\n',
      err: '',
    })
  })

  it('ends with the signal while it asks', async () => {
    await bucket.begin('a', 2, 8)
    const controller = new AbortController()
    const answer = await gc([url, '--older-than', '7d'], {
      signal: controller.signal,
      stdinKind: () => 'terminal',
      // biome-ignore lint/correctness/useYield: nothing is ever typed
      async *stdin() {
        controller.abort({ signal: 'SIGINT', exitCode: 130 })
        throw new Error('aborted')
      },
    })
    expect(answer.exitCode).toBe(130)
    expect(open()).toEqual(['a'])
  })

  it.each([-3, 3])('tells ages by the clock of OSS, with its own off by %i days', async (days) => {
    await bucket.begin('a', 0, 6)
    await bucket.begin('b', 0, 8)
    const now = () => new Date(Date.now() + days * 86_400_000)
    await bucket.run((io, args) => runGc(io, args, now), [url, '--older-than', '7d', '--yes'])
    expect(open()).toEqual(['a'])
  })

  it('keeps what a checkpoint records', async () => {
    const uploadId = await bucket.begin('a', 0, 8)
    await bucket.begin('b', 0, 8)
    const header = encodeHeader({
      ...{ bucket: 'examplebucket', key: 'a', service: 's', uploadId, partSize: 102_400 },
      ...{ settings: {}, source: { kind: 'stream' }, createdAt: '2026-01-01T00:00:00.000Z' },
    })
    await writeFile(join(bucket.folder, 'a.ucp'), header)
    const more = ['--yes', '--exclude-checkpoints', bucket.folder]
    const { out } = await gc([url, '--older-than', '7d', ...more])
    expect(out).toContain('kept: 0 younger than 7d, 1 that a checkpoint records')
    expect(open()).toEqual(['a'])
    await writeFile(join(bucket.folder, 'b.ucp'), 'damaged')
    expect(await gc([url, '--older-than', '7d', ...more])).toMatchObject({ exitCode: 1, out: '' })
    const nowhere = ['--yes', '--exclude-checkpoints', join(bucket.folder, 'none')]
    expect((await gc([url, '--older-than', '7d', ...nowhere])).err).toContain('cannot read')
    expect(open()).toEqual(['a'])
  })

  it('says it in JSON', async () => {
    const uploadId = await bucket.begin('a', 2, 8)
    await bucket.begin('b', 2, 1)
    const argv = [url, '--older-than', '7d', '--json']
    const looked = jsonLines((await gc([...argv, '--dry-run'])).out)
    const lines = jsonLines((await gc([...argv, '--yes'])).out)
    const sum = { uploads: 1, parts: 2, bytes: 200 }
    const upload = { type: 'upload', key: 'a', uploadId, parts: 2, bytes: 200 }
    expect(looked).toMatchObject([
      { ...upload, action: 'none' },
      { type: 'result', dryRun: true, found: sum, kept: { younger: 1, excluded: 0 } },
    ])
    expect(lines).toMatchObject([
      { ...upload, action: 'aborted' },
      { type: 'result', dryRun: false, found: sum, freed: sum, failed: 0 },
    ])
  })

  it('stops at the first refusal where aborting is denied', async () => {
    for (const key of ['a', 'b', 'c']) await bucket.begin(key, 0, 8)
    bucket.fake.setDenied(['AbortMultipartUpload'])
    const { exitCode, out, err } = await gc([url, '--older-than', '7d', '--yes'])
    expect(exitCode).toBe(1)
    expect(out).toContain('aborted: 0 unfinished uploads; kept')
    expect(err).toMatch(/\nossup: error: 3 uploads could not be aborted; .*oss:AbortMultipart.*\n$/)
    expect(aborts()).toBe(1)
  })

  it('goes on after an upload that cannot be aborted', async () => {
    for (const key of ['a', 'b', 'c']) await bucket.begin(key, 1, 8)
    bucket.fake.setFault(({ operation, key }) => {
      if (operation !== 'AbortMultipartUpload' || key !== 'b') return undefined
      return { type: 'replace', status: 204, body: '', apply: false }
    })
    const { exitCode, out, err } = await gc([url, '--older-than', '7d', '--yes'])
    expect(exitCode).toBe(1)
    expect(out).toContain('aborted: 2 unfinished uploads, 2 parts, 200 B')
    expect(err).toMatch(/warning: upload .*\/b: a part of it is still being received\n/)
    expect(err).toMatch(/error: 1 upload could not be aborted; /)
    expect(open()).toEqual(['b'])
  })

  it('does not count what somebody else has ended', async () => {
    const id = await bucket.begin('a', 1, 8)
    bucket.fake.setFault(({ operation }) => {
      if (operation === 'AbortMultipartUpload') bucket.fake.dropUpload(id)
      return undefined
    })
    const { exitCode, out } = await gc([url, '--older-than', '7d', '--yes'])
    expect(exitCode).toBe(0)
    expect(out).toContain('aborted: 0 unfinished uploads;')
  })

  it('does without sizes where ListParts is denied', async () => {
    await bucket.begin('a', 1, 8)
    bucket.fake.setDenied(['ListParts'])
    const { exitCode, out } = await gc([url, '--older-than', '7d', '--yes'])
    expect(exitCode).toBe(0)
    expect(out).toContain('aborted: 1 unfinished upload; kept')
    expect(open()).toEqual([])
  })
})
