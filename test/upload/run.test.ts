import { describe, expect, it } from 'vitest'
import { resolveEndpoint } from '../../src/oss/endpoint.js'
import { OssError, OssServiceError } from '../../src/primitives/errors.js'
import { isDenied, isServiceError, isUnsettled, serviceOf } from '../../src/upload/run.js'

const service = (status: number, code: string): OssServiceError =>
  new OssServiceError('no', { status, code })
const local = (code: string): OssError => new OssError('no', { code })

describe('isServiceError', () => {
  it('knows the codes it is asked for', () => {
    expect(isServiceError(service(404, 'NoSuchUpload'), 'NoSuchUpload')).toBe(true)
    expect(isServiceError(service(404, 'NoSuchUpload'), 'NoSuchKey', 'NoSuchUpload')).toBe(true)
    expect(isServiceError(service(404, 'NoSuchUpload'), 'NoSuchKey')).toBe(false)
    expect(isServiceError(service(404, 'NoSuchUpload'))).toBe(false)
  })

  it.each([local('NoSuchUpload'), { code: 'NoSuchUpload' }, undefined])(
    'does not take %s for one',
    (error) => {
      expect(isServiceError(error, 'NoSuchUpload')).toBe(false)
    },
  )
})

describe('isDenied', () => {
  it.each([
    [service(403, 'AccessDenied'), true],
    // HEAD has no document.
    [service(403, 'HttpStatus403'), true],
    [service(403, 'InvalidAccessKeyId'), false],
    [service(403, 'SignatureDoesNotMatch'), false],
    [service(403, 'RequestTimeTooSkewed'), false],
    [service(403, 'SecurityTokenExpired'), false],
    [service(404, 'AccessDenied'), false],
    [service(404, 'NoSuchUpload'), false],
    [local('AccessDenied'), false],
    [undefined, false],
  ])('of %s is %s', (error, expected) => {
    expect(isDenied(error)).toBe(expected)
  })
})

describe('isUnsettled', () => {
  it.each([
    [service(500, 'InternalError'), true],
    [service(503, 'ServiceUnavailable'), true],
    [service(599, 'HttpStatus599'), true],
    [service(408, 'RequestTimeout'), true],
    [service(499, 'HttpStatus499'), false],
    [service(409, 'FileAlreadyExists'), false],
    [service(403, 'AccessDenied'), false],
    [service(203, 'CallbackFailed'), false],
    [local('ERR_OSS_TRANSPORT'), true],
    [local('ERR_OSS_TIMEOUT'), true],
    [local('ERR_OSS_MALFORMED_RESPONSE'), true],
    [local('ERR_OSS_CREDENTIALS'), false],
    [local('ERR_OSS_SOURCE_CHANGED'), false],
    [local('ERR_OSS_CHECKPOINT_IO'), false],
    [new Error('ERR_OSS_TRANSPORT'), false],
    [new DOMException('aborted', 'AbortError'), false],
    [undefined, false],
  ])('of %s is %s', (error, expected) => {
    expect(isUnsettled(error)).toBe(expected)
  })
})

describe('serviceOf', () => {
  it.each([
    [{ region: 'cn-hangzhou' }, 'region cn-hangzhou'],
    [{ endpoint: 'oss-cn-hangzhou-internal.aliyuncs.com' }, 'region cn-hangzhou'],
    [{ endpoint: 'http://oss-cn-hangzhou.aliyuncs.com:8080' }, 'region cn-hangzhou'],
    [{ region: 'cn-hangzhou', endpoint: 'oss-accelerate.aliyuncs.com' }, 'region cn-hangzhou'],
    [{ endpoint: 'oss-cn-beijing.aliyuncs.com' }, 'region cn-beijing'],
    [{ region: 'cn-hangzhou', endpoint: 'http://127.0.0.1:9000' }, 'http://127.0.0.1:9000'],
    [{ region: 'cn-hangzhou', endpoint: 'https://minio.example.com' }, 'https://minio.example.com'],
    [{ region: 'cn-hangzhou', endpoint: 'https://notaliyuncs.com' }, 'https://notaliyuncs.com'],
    [
      { region: 'cn-hangzhou', endpoint: 'https://x.aliyuncs.com.example.com' },
      'https://x.aliyuncs.com.example.com',
    ],
  ])('of %o is %s', (options, expected) => {
    expect(serviceOf(resolveEndpoint(options))).toBe(expected)
  })
})
