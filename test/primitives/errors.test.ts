import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { isNodeError, OssError, OssServiceError } from '../../src/primitives/errors.js'

describe('OssError', () => {
  it('is an Error with a message, a name and a code', () => {
    const error = new OssError('no answer', { code: 'ERR_OSS_TRANSPORT' })
    expect(error).toBeInstanceOf(Error)
    expect(error.message).toBe('no answer')
    expect(error.name).toBe('OssError')
    expect(error.code).toBe('ERR_OSS_TRANSPORT')
    expect(error.stack).toContain('errors.test.ts')
  })

  it('has no property for what it was not told', () => {
    const error = new OssError('m', { code: 'C' })
    expect(Object.keys(error).sort()).toEqual(['code', 'name'])
    expect('cause' in error).toBe(false)
    expect(inspect(error)).not.toContain('undefined')
    const told = { code: 'C', operation: undefined, hint: undefined, cause: undefined }
    expect(Object.keys(new OssError('m', told)).sort()).toEqual(['code', 'name'])
  })

  it('keeps operation, hint and cause', () => {
    const cause = new Error('first')
    const error = new OssError('m', { code: 'C', operation: 'UploadPart', hint: 'h', cause })
    expect(error).toMatchObject({ operation: 'UploadPart', hint: 'h' })
    expect(error.cause).toBe(cause)
  })

  it.each([0, '', false, null])('keeps a cause that is %j', (cause) => {
    expect(new OssError('m', { code: 'C', cause }).cause).toBe(cause)
  })

  it('can be told what became of the upload', () => {
    const error = new OssError('m', { code: 'C' })
    const upload = { bucket: 'b', key: 'k', resumable: true, abandonedUploadIds: [] }
    error.upload = upload
    expect(error.upload).toBe(upload)
    expect(JSON.parse(JSON.stringify(error))).toEqual({ name: 'OssError', code: 'C', upload })
  })
})

describe('OssServiceError', () => {
  it('is an OssError that says all that OSS said', () => {
    const fields = { ServerTime: '2026-01-02T03:04:05.000Z' }
    const error = new OssServiceError('m', {
      code: 'RequestTimeTooSkewed',
      status: 403,
      operation: 'PutObject',
      hint: 'h',
      requestId: 'R',
      hostId: 'H',
      ec: '0002-00000504',
      fields,
    })
    expect(error).toBeInstanceOf(OssError)
    expect({ ...error }).toEqual({
      name: 'OssServiceError',
      code: 'RequestTimeTooSkewed',
      status: 403,
      operation: 'PutObject',
      hint: 'h',
      requestId: 'R',
      hostId: 'H',
      ec: '0002-00000504',
      fields,
    })
  })

  it('has empty texts for what OSS did not say', () => {
    expect({ ...new OssServiceError('m', { code: 'HttpStatus502', status: 502 }) }).toStrictEqual({
      name: 'OssServiceError',
      code: 'HttpStatus502',
      status: 502,
      requestId: '',
      hostId: '',
      ec: '',
      fields: {},
    })
  })
})

describe('the explanation of a refused signature', () => {
  it('can be read, and is in no log, JSON or copy', () => {
    const explanation = { steps: [], likelyCause: 'sentinel' }
    const told = { code: 'SignatureDoesNotMatch', status: 403, explanation }
    const error = new OssServiceError('m', told)
    expect(error.explanation).toBe(explanation)
    for (const text of [inspect(error), JSON.stringify(error), inspect({ ...error })]) {
      expect(text).not.toContain('sentinel')
    }
  })
})

describe('isNodeError', () => {
  it.each([
    [Object.assign(new Error('m'), { code: 'ENOENT' }), true],
    [new OssError('m', { code: 'C' }), true],
    [Object.assign(new Error('m'), { code: 5 }), false],
    [new Error('m'), false],
    [{ code: 'ENOENT', message: 'm' }, false],
    ['ENOENT', false],
    [undefined, false],
    [null, false],
  ])('%s: %s', (value, expected) => {
    expect(isNodeError(value)).toBe(expected)
  })
})
