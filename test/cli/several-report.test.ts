import { describe, expect, it } from 'vitest'
import type { Failure } from '../../src/cli/failure.js'
import { SeveralReport } from '../../src/cli/several-report.js'
import type { UploadFileResult } from '../../src/upload/result.js'
import { jsonLines } from './bucket.js'
import { type PretendedOptions, pretendIo, progressAt } from './fixtures.js'

const result: UploadFileResult = {
  ...{ etag: 'E', crc64: '1', size: 5, parts: 1, outcome: 'completed', abandonedUploadIds: [] },
  ...{ resumed: { parts: 0, bytes: 0 }, sent: { parts: 1, bytes: 5 } },
}
const failure = (exitCode: number, more: Partial<Failure> = {}): Failure => ({
  ...{ code: 'ERR_OSS_TRANSPORT', message: 'it broke', hint: 'mend it', exitCode },
  ...{ resumable: exitCode === 3, checkpointPath: 'f.ucp', ...more },
})
const interruption = { signal: 'SIGINT', exitCode: 130 } as const
const cut = failure(130, { code: 'SIGINT', resumable: true })

function scene(paths: string, options: object = {}, io: PretendedOptions = {}) {
  const files = paths.split(' ').map((path) => ({ path, size: 1024 * 1024 }))
  const pretended = pretendIo(io)
  const report = new SeveralReport(pretended, { json: false, quiet: false, ...options }, files)
  const store = (index: number) =>
    report.ofFile(index).result({ bucket: 'b', key: `p/${files[index]?.path}` }, result)
  return { io: pretended, report, store }
}

describe('in words', () => {
  it('each result is a line on stdout, and the sum a note', () => {
    const { io, report, store } = scene('f g')
    store(1)
    store(0)
    expect(report.summary(undefined)).toBe(0)
    expect(io.out).toBe(
      'oss://b/p/g  5 bytes  crc64 1  etag E\noss://b/p/f  5 bytes  crc64 1  etag E\n',
    )
    expect(io.err).toBe('ossup: note: 2 uploaded\n')
  })

  it('everything that is said of a file names it', () => {
    const { io, report, store } = scene('f g')
    const file = report.ofFile(0)
    file.event({ type: 'resume', uploadId: 'U', parts: 3 })
    file.failure(failure(3), ['A'])
    store(1)
    expect(report.summary(undefined)).toBe(3)
    expect(io.err.split('\n')).toEqual([
      'ossup: note: f: continuing upload U, which has 3 parts',
      'ossup: error: f: it broke; mend it',
      expect.stringMatching(
        /^ossup: note: f: the upload and its checkpoint f.ucp are kept; run the/,
      ),
      expect.stringContaining('ossup: warning: f: upload A could not be aborted'),
      'ossup: note: 1 uploaded, 1 failed; run the command again with f to resume',
      '',
    ])
  })

  it('does not name a file twice', () => {
    const { io, report } = scene('f g')
    report.ofFile(0).failure(failure(1, { message: 'cannot read f: there is no such file' }), [])
    expect(io.err).toMatch(/^ossup: error: cannot read f: there/)
  })

  it.each([
    ['of one', [3], 'run the command again with a to resume'],
    ['of three', [3, 3, 3], 'run the command again with a b c to resume'],
    ['of many', [3, 3, 3, 3], 'run the command again with those that are not stored to resume'],
    ['of all', [3, 3, 3, 3, 3], 'run the same command again to resume'],
    ['of one that cannot be resumed', [1], 'run the command again with a'],
  ])('says what to run again after the failure %s', (_, codes, hint) => {
    const { io, report, store } = scene('a b c d e')
    for (const [index, code] of codes.entries()) report.ofFile(index).failure(failure(code), [])
    for (let index = codes.length; index < 5; index++) store(index)
    report.summary(undefined)
    expect(io.err.trimEnd().endsWith(`failed; ${hint}`), io.err).toBe(true)
  })

  it('a signal is told once, and what it left alone is counted', () => {
    const { io, report, store } = scene('a b c d')
    store(0)
    report.ofFile(1).failure(failure(1), [])
    report.ofFile(2).failure(cut, [])
    expect(report.summary(interruption)).toBe(130)
    expect(io.err.split('\n').slice(-4)).toEqual([
      expect.stringContaining('note: c: the upload and its checkpoint f.ucp are kept'),
      'ossup: error: cancelled by SIGINT; run the command again with b c d',
      'ossup: note: 1 uploaded, 1 failed, 2 not finished',
      '',
    ])
  })

  it('a signal that came when everything was stored changes nothing', () => {
    const { report, store } = scene('a')
    store(0)
    expect(report.summary(interruption)).toBe(0)
  })

  it('quiet leaves errors alone', () => {
    const { io, report, store } = scene('a b', { quiet: true })
    report.leftOut(['a.ucp'])
    store(0)
    report.ofFile(1).failure(failure(3), [])
    report.summary(undefined)
    expect(io.err).toBe('ossup: error: b: it broke; mend it\n')
  })

  it('names what it leaves out', () => {
    const { io, report } = scene('a')
    report.leftOut(['a.ucp'])
    expect(io.err).toMatch(/^ossup: note: a.ucp is a checkpoint of another .*\n$/)
  })

  it('a failure before the first is one line', () => {
    const { io, report } = scene('a b')
    report.failure(failure(2))
    expect(io.err).toBe('ossup: error: it broke; mend it\n')
  })
})

describe('on a terminal', () => {
  const shown = (text: string) => text.split('\r').at(-1)?.replaceAll('\x1b[K', '')

  it('one line stands for all, until all are stored', () => {
    const { io, report, store } = scene('a b', {}, { isTTY: true, columns: 120 })
    report.ofFile(0).progress(progressAt(512 * 1024, { totalBytes: 1024 * 1024 }))
    expect(shown(io.err)).toMatch(/^sending +\[#+-+\] +25 % +0\.5 \/ 2\.0 MiB.* 0\/2 files$/)
    io.wait(1_000)
    report.ofFile(1).event({
      ...{ type: 'retry', operation: 'UploadPart', partNumber: 1, attempt: 1, reason: 'network' },
      ...{ code: 'ERR_OSS_TRANSPORT', waitMs: 5 },
    })
    store(0)
    expect(shown(io.err)).toMatch(/retrying 1 .*1\/2 files$/)
    store(1)
    report.summary(undefined)
    expect(shown(io.err)).toMatch(
      /^completed +\[#+\] +100 % .*2\/2 files\nossup: note: 2 uploaded\n$/,
    )
  })

  it('the line does not outlast a failure', () => {
    const { io, report, store } = scene('a b', {}, { isTTY: true, columns: 120 })
    report.ofFile(0).failure(failure(3), [])
    io.wait(1_000)
    store(1)
    expect(shown(io.err)).toContain('1/2 files, 1 failed')
    report.summary(undefined)
    expect(shown(io.err)).toMatch(/^ossup: note: 1 uploaded, 1 failed; .*\n$/)
  })
})

describe('in JSON', () => {
  it('each line says of which file it is, and the last one is the sum', () => {
    const { io, report, store } = scene('f g h', { json: true })
    report.leftOut(['f.ucp'])
    report.ofFile(0).progress(progressAt(5))
    report.ofFile(0).event({ type: 'resume', uploadId: 'U', parts: 3 })
    store(0)
    report.ofFile(1).failure(failure(4), ['A'])
    expect(report.summary(interruption)).toBe(130)
    const lines = jsonLines(io.out)
    expect(lines).toEqual([
      { type: 'note', text: expect.stringContaining('f.ucp') },
      expect.objectContaining({ type: 'progress', file: 'f' }),
      { type: 'event', event: 'resume', file: 'f', uploadId: 'U', parts: 3 },
      expect.objectContaining({ type: 'result', path: 'f', bucket: 'b', key: 'p/f' }),
      {
        ...{ type: 'summary', uploaded: 1, failed: 1, unfinished: 1, bytes: 5 },
        ...{ again: ['g', 'h'], exitCode: 130 },
      },
    ])
    expect(jsonLines(io.err)).toEqual([
      expect.objectContaining({ type: 'error', file: 'g', exitCode: 4, abandonedUploadIds: ['A'] }),
    ])
  })

  it('a failure before the first is one line', () => {
    const { io, report } = scene('a b', { json: true })
    report.failure(failure(2))
    expect(jsonLines(io.err)).toEqual([expect.objectContaining({ type: 'error', exitCode: 2 })])
  })
})

describe('the exit code', () => {
  it.each([
    [[0, 0], 0],
    [[0, 3, 3], 3],
    [[3, 4, 0], 4],
    [[4, 3, 1], 1],
    [[1, 2, 4], 2],
  ])('of %j is %i', (codes, exitCode) => {
    const { report, store } = scene('a b c'.slice(0, 2 * codes.length - 1))
    for (const [index, code] of codes.entries()) {
      if (code === 0) store(index)
      else report.ofFile(index).failure(failure(code), [])
    }
    expect(report.summary(undefined)).toBe(exitCode)
  })
})
