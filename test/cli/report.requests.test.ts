import { describe, expect, it } from 'vitest'
import type { Failure } from '../../src/cli/failure.js'
import { createReport } from '../../src/cli/report.js'
import type { UploadFileResult } from '../../src/upload/result.js'
import { pretendIo } from './fixtures.js'

const failure: Failure = {
  code: 'ERR_OSS_TRANSPORT',
  message: 'UploadPart failed: no complete answer',
  hint: 'check the network',
  exitCode: 3,
  resumable: true,
}
const result: UploadFileResult = {
  ...{ etag: 'ABC-10', crc64: '123', size: 1, parts: 10, uploadId: 'U', outcome: 'completed' },
  ...{ resumed: { parts: 0, bytes: 0 }, sent: { parts: 10, bytes: 1 }, abandonedUploadIds: [] },
}

const scene = (options: { json?: boolean; verbose?: boolean } = {}) => {
  const io = pretendIo()
  const { json = false, verbose = false } = options
  const report = createReport(io, { json, quiet: false, verbose })
  const lines = () =>
    io.out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return { io, report, lines }
}

const upload3 = { operation: 'UploadPart', partNumber: 3, attempt: 1 } as const
const reset = { code: 'ERR_OSS_TRANSPORT', cause: 'ECONNRESET' } as const
const attempt = { type: 'attempt', ...upload3, ...reset, durationMs: 7 } as const
const retry = { type: 'retry', ...upload3, ...reset, reason: 'network', waitMs: 380 } as const

describe('requests, retries and attempts', () => {
  it('a failure after several attempts has their history, and the page of OSS about it', () => {
    const { io, report } = scene()
    const one = {
      ...{ startedAt: '2025-01-02T03:04:05.678Z', durationMs: 120, code: 'InternalError' },
      ...{ status: 500, requestId: 'R' },
    }
    report.failure(
      {
        ...failure,
        ...{ code: 'InternalError', ec: '0001-1', hint: 'wait' },
        recommendDoc: 'https://api.aliyun.com/troubleshoot?q=0001-1',
        attempts: [
          { ...one, verdict: 'server', waitMs: 400 },
          { ...one, verdict: 'fail' },
        ],
      },
      [],
    )
    expect(io.err.split('\n')).toEqual([
      'ossup: error: UploadPart failed: no complete answer; wait',
      'ossup: note: attempt 1 at 03:04:05Z, 120 ms: 500 InternalError (request id R); then waited 400 ms',
      'ossup: note: attempt 2 at 03:04:05Z, 120 ms: 500 InternalError (request id R)',
      'ossup: note: more about EC 0001-1: https://api.aliyun.com/troubleshoot?q=0001-1',
      expect.stringContaining('run the same command again to resume'),
      '',
    ])
  })

  it('a single retry is silent, and --verbose says it', () => {
    const calm = scene()
    calm.report.event(attempt)
    calm.report.event(retry)
    expect(calm.io.err).toBe('')
    const { io, report } = scene({ verbose: true })
    report.event(attempt)
    report.event(retry)
    expect(io.err).toBe(
      'ossup: note: part 3: UploadPart attempt 1 failed after 7 ms: ECONNRESET; again in 380 ms\n',
    )
  })

  it('a failed attempt that is the last one is said before the error', () => {
    const { io, report } = scene({ verbose: true })
    report.event(attempt)
    report.failure(failure, [])
    expect(io.err).toMatch(/^ossup: note: part 3: .*\nossup: error: /)
  })

  it('requests do not keep parts that differ from being gathered', () => {
    const { io, report } = scene()
    for (const partNumber of [1, 2]) {
      report.event({ type: 'part-differs', partNumber })
      report.event({ ...attempt, partNumber })
    }
    report.result({ bucket: 'b', key: 'k' }, result)
    expect(io.err).toContain('parts 1-2 differ')
  })

  it('nothing from outside breaks a line', () => {
    const { io, report } = scene({ verbose: true })
    report.event({ ...attempt, code: 'A\nossup: error: forged', status: 500, requestId: 'R\r' })
    report.failure({ ...failure, resumable: false }, [])
    expect(io.err.split('\n')).toHaveLength(3)
    expect(io.err).not.toContain('\r')
  })

  it('attempts are lines with --verbose alone', () => {
    const calm = scene({ json: true })
    calm.report.event(attempt)
    calm.report.event(retry)
    expect(calm.lines().map(({ event }) => event)).toEqual(['retry'])
    const { lines, report } = scene({ json: true, verbose: true })
    report.event(attempt)
    const { type: event, ...details } = attempt
    expect(lines()).toEqual([{ type: 'event', event, ...details }])
  })
})
