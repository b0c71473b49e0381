import { describe, expect, it } from 'vitest'
import { usageError } from '../../src/cli/args.js'
import { describeFailure, failureJson, failureText } from '../../src/cli/failure.js'
import { type FailedAttempt, OssError, OssServiceError } from '../../src/primitives/errors.js'

const help = 'see: help'

const failed = (code: string, resumable: boolean) => {
  const error = new OssError('it failed', { code })
  error.upload = {
    bucket: 'b',
    key: 'k',
    uploadId: 'U',
    checkpointPath: 'f.ucp',
    resumable,
    abandonedUploadIds: [],
  }
  return error
}

describe('describeFailure', () => {
  it('says what to do about credentials, where running again alone would not help', () => {
    const error = new OssError('there is no config.json', { code: 'ERR_OSS_CREDENTIALS' })
    expect(describeFailure(error, help).hint).toContain('OSS_ACCESS_KEY_ID')
  })

  it.each([
    ['a failure without a checkpoint', failed('ERR_OSS_TRANSPORT', false), 1],
    ['a failure before the upload', new OssError('no file', { code: 'ERR_OSS_SOURCE' }), 1],
    ['a resumable failure', failed('ERR_OSS_TRANSPORT', true), 3],
    ['a checkpoint in use', failed('ERR_OSS_CHECKPOINT_LOCKED', true), 3],
    ['a checkpoint of another upload', failed('ERR_OSS_CHECKPOINT_MISMATCH', false), 4],
    ['a mistake on the command line', usageError('no file', help), 2],
    ['an option that the library refuses', new RangeError('partSize is too small'), 2],
    ['an option of the wrong kind', new TypeError('key must not start with "/"'), 2],
    ['SIGINT', { signal: 'SIGINT', exitCode: 130 }, 130],
    ['SIGTERM', { signal: 'SIGTERM', exitCode: 143 }, 143],
    ['an error nobody expects', new Error('oops'), 1],
    ['something that is no error', 'oops', 1],
  ])('%s has its exit code', (_, error, exitCode) => {
    expect(describeFailure(error, help).exitCode).toBe(exitCode)
  })

  it('calls options by the names that were typed', () => {
    expect(describeFailure(new RangeError('partSize must be ...'), help).message).toBe(
      '--part-size must be ...',
    )
    expect(describeFailure(new TypeError('bucket must be ...'), help).message).toBe(
      'bucket must be ...',
    )
    for (const [option, flag] of [
      ['headers["Cache-Control"]', '--cache-control'],
      ['metadata', '--meta'],
      ['storageClass', '--storage-class'],
      ['serverSideEncryption.algorithm', '--sse'],
      ['serverSideEncryption.keyId', '--sse-key-id'],
      ['callback.url', '--callback.url'],
      ['dualStack', '--dual-stack'],
      ['checkpointDir', '--checkpoint-dir'],
      ['retry.attempts', '--attempts'],
      ['connectTimeout', '--connect-timeout'],
      ['idleTimeout', '--idle-timeout'],
      ['answerTimeout', '--answer-timeout'],
      ['deadline', '--deadline'],
    ]) {
      expect(describeFailure(new TypeError(`${option} must`), help).message).toBe(`${flag} must`)
    }
  })

  it('takes a TypeError of a running upload for a bug, not for a mistake of the caller', () => {
    expect(describeFailure(new TypeError('x is not a function'), help, true)).toMatchObject({
      code: 'ERR_INTERNAL',
      exitCode: 1,
      message: 'internal error: x is not a function',
    })
  })

  it('carries what OSS said and what is kept', () => {
    const error = new OssServiceError('UploadPart failed: no', {
      code: 'AccessDenied',
      status: 403,
      requestId: 'R',
      ec: '0003-00000001',
      hint: 'grant it',
    })
    error.upload = {
      bucket: 'b',
      key: 'k',
      uploadId: 'U',
      checkpointPath: 'f.ucp',
      resumable: true,
      abandonedUploadIds: [],
    }
    const failure = describeFailure(error, help)
    expect(failure).toEqual({
      code: 'AccessDenied',
      message: 'UploadPart failed: no',
      hint: 'grant it',
      exitCode: 3,
      resumable: true,
      requestId: 'R',
      ec: '0003-00000001',
      status: 403,
      uploadId: 'U',
      checkpointPath: 'f.ucp',
    })
    expect(failureText(failure)).toBe('UploadPart failed: no; grant it')
    expect(JSON.parse(failureJson(failure))).toEqual({ type: 'error', ...failure })
  })

  it('carries the attempts, and the page of OSS about the error', () => {
    const error = new OssServiceError('no', {
      ...{ code: 'AccessDenied', status: 403, ec: '0003-00000001' },
      fields: { RecommendDoc: 'https://api.aliyun.com/troubleshoot?q=0003-00000001' },
    })
    const attempts: readonly FailedAttempt[] = [
      {
        ...{ startedAt: '2025-01-02T03:04:05.000Z', durationMs: 12 },
        ...{ code: 'AccessDenied', status: 403, verdict: 'fail' },
      },
    ]
    error.attempts = attempts
    expect(describeFailure(error, help)).toMatchObject({
      recommendDoc: 'https://api.aliyun.com/troubleshoot?q=0003-00000001',
      attempts,
    })
    const elsewhere = new OssServiceError('no', {
      ...{ code: 'AccessDenied', status: 403, fields: { RecommendDoc: 'https://evil.example' } },
    })
    expect(describeFailure(elsewhere, help)).not.toHaveProperty('recommendDoc')
    expect(describeFailure(elsewhere, help)).not.toHaveProperty('attempts')
  })

  it('says what to do about a deadline, with and without something to resume', () => {
    expect(describeFailure(failed('ERR_OSS_TIMEOUT', true), help).hint).toMatch(/to resume$/)
    expect(describeFailure(failed('ERR_OSS_TIMEOUT', false), help).hint).toMatch(/--deadline/)
  })

  it('leaves out what is not known', () => {
    expect(describeFailure(new OssError('no', { code: 'ERR_OSS_SOURCE' }), help)).toEqual({
      code: 'ERR_OSS_SOURCE',
      message: 'no',
      hint: 'run again',
      exitCode: 1,
      resumable: false,
    })
  })
})
