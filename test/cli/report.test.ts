import { describe, expect, it } from 'vitest'
import type { Failure } from '../../src/cli/failure.js'
import { createReport } from '../../src/cli/report.js'
import { pretendIo, progressAt } from './fixtures.js'

const mib = 1024 * 1024
const destination = { bucket: 'examplebucket', key: 'dir/k' }
const result = {
  etag: 'ABC-10',
  crc64: '123',
  size: 100 * mib,
  parts: 10,
  uploadId: 'U',
  resumed: { parts: 4, bytes: 40 * mib },
  sent: { parts: 6, bytes: 60 * mib },
  outcome: 'completed',
  abandonedUploadIds: [],
} as const
const failure: Failure = {
  code: 'ERR_OSS_TRANSPORT',
  message: 'UploadPart failed: no complete answer',
  hint: 'check the network',
  exitCode: 3,
  resumable: true,
  uploadId: 'U',
  checkpointPath: 'f.ucp',
}

const words = (quiet = false) => {
  const io = pretendIo()
  return { io, report: createReport(io, { json: false, quiet }) }
}

const json = (quiet = false) => {
  const io = pretendIo()
  const lines = () =>
    io.out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return { io, lines, report: createReport(io, { json: true, quiet }) }
}

describe('in words', () => {
  it('the result is one line on stdout', () => {
    const { io, report } = words()
    report.result(destination, { ...result, resumed: { parts: 0, bytes: 0 } })
    expect(io.out).toBe('oss://examplebucket/dir/k  104857600 bytes  crc64 123  etag ABC-10\n')
    expect(io.err).toBe('')
  })

  it('a share that is done is the result of a worker', () => {
    const { io, report } = words()
    const shard = { index: 3, count: 16, parts: 2, bytes: 7 }
    const none = { parts: 0, bytes: 0 }
    report.result(destination, { ...result, outcome: 'shard-done', shard, resumed: none })
    expect(io.out).toBe('oss://examplebucket/dir/k  shard 3/16 done  2 parts  7 bytes\n')
  })

  it('a line break in a key does not break the line', () => {
    const { io, report } = words()
    report.result({ bucket: 'b', key: 'a\nb' }, result)
    expect(io.out).toMatch(/^oss:\/\/b\/a\\nb {2}.*\n$/)
  })

  it('a resumed upload says what it saved', () => {
    const { io, report } = words()
    report.result(destination, result)
    expect(io.err).toBe(
      'ossup: note: 4 parts (40.0 MiB) of an earlier run kept, 6 parts (60.0 MiB) sent\n',
    )
  })

  it('the reply of a callback server is shown, a long one in part', () => {
    const { io, report } = words()
    const once = { ...result, resumed: { parts: 0, bytes: 0 } }
    report.result(destination, { ...once, callback: { status: 200, body: '{"ok":1}', json: {} } })
    expect(io.err).toBe('ossup: note: the callback server answered {"ok":1}\n')
    const long = words()
    long.report.result(destination, { ...once, callback: { status: 200, body: 'x'.repeat(201) } })
    expect(long.io.err).toBe(`ossup: note: the callback server answered ${'x'.repeat(200)}...\n`)
  })

  it('a failed callback is a warning that says why', () => {
    const { io, report } = words()
    report.result(destination, {
      ...{ ...result, resumed: { parts: 0, bytes: 0 }, outcome: 'completed-callback-failed' },
      callback: { status: 203, body: '', code: 'CallbackFailed', message: 'status 502', ec: '7' },
    })
    expect(io.err).toBe(
      'ossup: warning: the object is stored, and its callback server did not accept the callback: status 502\n',
    )
  })

  it('a failure is one error line, then what is kept, then each upload that stays open', () => {
    const { io, report } = words()
    report.progress(progressAt(0))
    report.progress(progressAt(9 * mib, { partsDone: 3 }))
    report.event({ type: 'superseded', uploadId: 'A', reason: 'restart', open: true })
    report.failure(failure, ['A', 'B'])
    expect(io.err.split('\n')).toEqual([
      'ossup: error: UploadPart failed: no complete answer; check the network',
      'ossup: note: 3 of 10 parts are safe; run the same command again to resume',
      'ossup: warning: upload A could not be aborted: its parts are billed until it is',
      'ossup: warning: upload B could not be aborted: its parts are billed until it is',
      '',
    ])
  })

  it('a failure before the first part says that the upload is kept', () => {
    const { io, report } = words()
    report.failure(failure, [])
    expect(io.err).toContain(
      'ossup: note: the upload and its checkpoint f.ucp are kept; run the same command again to resume\n',
    )
  })

  it('counts what is safe of a stream, whose end nobody knows', () => {
    const { io, report } = words()
    report.progress(progressAt(30 * mib, { totalBytes: undefined, parts: undefined }))
    report.failure(failure, [])
    expect(io.err).toContain('note: 3 parts are safe; run the same command again to resume')
  })

  it('parts of an earlier run are safe before they have been compared', () => {
    const { io, report } = words()
    report.event({ type: 'resume', uploadId: 'U', parts: 7 })
    report.event({ type: 'part-differs', partNumber: 2 })
    report.progress(progressAt(0, { partsDone: 1 }))
    report.failure(failure, [])
    expect(io.err).toContain('note: 6 of 10 parts are safe')
  })

  it('a failure with nothing kept has no note', () => {
    const { io, report } = words()
    report.failure({ ...failure, resumable: false }, [])
    expect(io.err.split('\n')).toHaveLength(2)
  })

  it('parts that differ are gathered into one line', () => {
    const { io, report } = words()
    for (const partNumber of [3, 1, 2]) report.event({ type: 'part-differs', partNumber })
    report.event({ type: 'part-lost', partNumber: 9 })
    report.result(destination, { ...result, resumed: { parts: 0, bytes: 0 } })
    expect(io.err.split('\n')).toEqual([
      'ossup: warning: parts 1-3 differ from the source and are sent again',
      'ossup: warning: OSS no longer has part 9: it is sent again',
      '',
    ])
  })

  it('parts that differ are not held back for long', () => {
    const { io, report } = words()
    report.event({ type: 'part-differs', partNumber: 3 })
    report.progress(progressAt(0))
    expect(io.err).toBe('')
    io.wait(2_000)
    report.progress(progressAt(0))
    expect(io.err).toContain('part 3 differs')
  })

  it('a callback that failed is a warning beside the result', () => {
    const { io, report } = words()
    report.result(destination, { ...result, outcome: 'completed-callback-failed' })
    expect(io.err).toContain('ossup: warning: the object is stored, and its callback server')
    expect(io.out).not.toBe('')
  })

  it('quiet leaves errors, the result, and what would be billed unknown', () => {
    const { io, report } = words(true)
    report.event({ type: 'resume', uploadId: 'U', parts: 7 })
    report.progress(progressAt(50 * mib))
    report.result(destination, result)
    expect(io.err).toBe('')
    expect(io.out).not.toBe('')
    report.failure(failure, ['A'])
    const [error, open, ...rest] = io.err.split('\n')
    expect(error).toMatch(/^ossup: error: /)
    expect(open).toMatch(/^ossup: warning: .*\bA\b/)
    expect(rest).toEqual([''])
  })
})

describe('in JSON', () => {
  it('progress comes about twice a second, and with every phase', () => {
    const { io, lines, report } = json()
    for (let step = 0; step < 100; step++) {
      report.progress(progressAt(step * mib))
      io.wait(50)
    }
    report.progress(progressAt(100 * mib, { phase: 'completing' }))
    report.progress(progressAt(100 * mib, { phase: 'completed' }))
    expect(lines()).toHaveLength(12)
    expect(lines()[0]).toEqual({ type: 'progress', ...progressAt(0) })
  })

  it('an event keeps its name beside the type of the line', () => {
    const { lines, report } = json()
    report.event({ type: 'part-differs', partNumber: 3 })
    expect(lines()).toEqual([{ type: 'event', event: 'part-differs', partNumber: 3 }])
  })

  it('the result says what came of a callback', () => {
    const { lines, report } = json()
    const callback = { status: 200, body: '{"ok":1}', json: { ok: 1 } }
    report.result(destination, { ...result, callback })
    expect(lines()[0]).toMatchObject({ type: 'result', callback })
  })

  it('the result is complete', () => {
    const { lines, report } = json()
    report.result(destination, { ...result, versionId: 'V' })
    expect(lines()).toEqual([
      {
        type: 'result',
        etag: 'ABC-10',
        crc64: '123',
        size: 100 * mib,
        uploadId: 'U',
        outcome: 'completed',
        resumed: { parts: 4, bytes: 40 * mib },
        sent: { parts: 6, bytes: 60 * mib },
        parts: 10,
        bucket: 'examplebucket',
        key: 'dir/k',
        versionId: 'V',
        abandonedUploadIds: [],
      },
    ])
  })

  it('the upload id of PutObject is null', () => {
    const { lines, report } = json()
    const { uploadId: _, ...stored } = result
    report.result(destination, stored)
    expect(lines()[0]).toMatchObject({ uploadId: null })
  })

  it('a failure is one line on stderr, and stdout has nothing of it', () => {
    const { io, report } = json()
    report.failure(failure, ['A'])
    expect(JSON.parse(io.err)).toEqual({
      type: 'error',
      ...failure,
      abandonedUploadIds: ['A'],
    })
    expect(io.out).toBe('')
  })

  it('quiet leaves the result', () => {
    const { lines, report } = json(true)
    report.progress(progressAt(0))
    report.event({ type: 'resume', uploadId: 'U', parts: 7 })
    report.result(destination, result)
    expect(lines().map(({ type }) => type)).toEqual(['result'])
  })
})
