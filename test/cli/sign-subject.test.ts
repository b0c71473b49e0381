import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSignArgs } from '../../src/cli/sign-args.js'
import { subjectOf } from '../../src/cli/sign-subject.js'
import { presignUrl, signRequest } from '../../src/signing/index.js'

const time = new Date('2025-01-02T03:04:05Z')
const now = new Date('2030-01-01T00:00:00Z')
const credentials = { accessKeyId: 'AK', accessKeySecret: 'SK', securityToken: 'TOKEN' }
const context = { region: 'cn-hangzhou', credentials, time }
const request = {
  method: 'PUT',
  bucket: 'examplebucket',
  key: 'a b/../%/é?',
  query: { partNumber: '1', uploadId: 'U=/&' },
  headers: { 'content-type': 'text/plain', 'x-oss-meta-a': '1:2', 'content-length': '3' },
  additionalHeaders: ['content-length'],
}
const answer = signRequest(request, context)
const origin = 'https://examplebucket.oss.test'

const subject = (line: string, told: Parameters<typeof subjectOf>[1] = answer) =>
  subjectOf(parseSignArgs(['explain', ...line.split(' ').filter(Boolean)], {}), told, now)

describe('subjectOf', () => {
  it('is what was described, now, when there is no answer', () => {
    expect(subject('oss://b/k --method PUT --region r', {})).toEqual({
      request: { method: 'PUT', bucket: 'b', key: 'k' },
      time: now,
      region: 'r',
      taken: [],
      isDescribed: true,
    })
    expect(subject('', {}).request).toEqual({ method: 'GET' })
  })

  it('takes everything from the answer when nothing was described, and says so', () => {
    const { taken, isDescribed, ...rest } = subject('')
    expect(isDescribed).toBe(false)
    expect(rest).toEqual({ request, time, expiresSeconds: undefined, region: 'cn-hangzhou' })
    expect(taken).toEqual([
      'method PUT',
      'bucket and key',
      'query',
      'time 20250102T030405Z',
      'headers content-length, content-type, x-oss-meta-a',
      'additional headers content-length',
      'region cn-hangzhou',
    ])
    // Signing it again gives what OSS shows.
    expect(signRequest(rest.request, context).canonicalRequest).toBe(answer.canonicalRequest)
  })

  it('takes no part of the target when another part was described: its absence is meant', () => {
    expect(subject('oss://b/k').request).toMatchObject({ method: 'GET', bucket: 'b', key: 'k' })
    expect(subject('oss://b/k').request.query).toBeUndefined()
    expect(subject('--method PUT').request.bucket).toBeUndefined()
    expect(subject('--query uploads').request).toMatchObject({ query: { uploads: '' } })
  })

  it('takes no header when one was described, and always the time unless it was', () => {
    const described = subject('--header x-oss-meta-a:1')
    expect(described.request.headers).toEqual({ 'x-oss-meta-a': '1' })
    expect(described.request.additionalHeaders).toBeUndefined()
    expect(described.time).toEqual(time)
    expect(subject('--time 20260102T030405Z').time).toEqual(new Date('2026-01-02T03:04:05Z'))
    expect(subject('--time 20260102T030405Z').taken.join()).not.toContain('time')
    expect(subject('--sign-header host').request.additionalHeaders).toEqual(['host'])
  })

  it('knows when all that can be compared was described', () => {
    const described = 'oss://examplebucket/k --method PUT'
    expect(subject(described).isDescribed).toBe(false)
    expect(subject(`${described} --header a:1`).isDescribed).toBe(true)
    const bare = signRequest({ ...request, headers: {}, additionalHeaders: [] }, context)
    expect(subject(described, bare)).toMatchObject({
      isDescribed: true,
      taken: ['time 20250102T030405Z', 'region cn-hangzhou'],
    })
  })

  it('takes the region only when neither region nor endpoint were given', () => {
    expect(subject('--region r').region).toBe('r')
    expect(subject('--endpoint oss-cn-beijing.aliyuncs.com').region).toBeUndefined()
  })

  it('recognises a presigned URL by its query', () => {
    const presigned = presignUrl({ ...request, origin }, { ...context, expiresSeconds: 60 })
    const { taken, ...rest } = subject('', presigned)
    expect(rest).toMatchObject({ request, time, expiresSeconds: 60 })
    expect(taken).toContain('expiry 60 s')
    const again = { ...context, expiresSeconds: rest.expiresSeconds ?? 0 }
    expect(presignUrl({ ...rest.request, origin }, again).canonicalRequest).toBe(
      presigned.canonicalRequest,
    )
    expect(subject('--expires 5m', presigned).expiresSeconds).toBe(300)
  })

  it('makes do with the string to sign', () => {
    const { stringToSign } = answer
    expect(subject('oss://b/k', { stringToSign })).toMatchObject({ time, region: 'cn-hangzhou' })
  })

  it.each([
    ['/', { bucket: undefined, key: undefined }],
    ['/b/', { bucket: 'b', key: undefined }],
    ['/b//k/', { bucket: 'b', key: '/k/' }],
    ['/b/%', { bucket: 'b', key: '%' }],
  ])('reads the canonical URI %s', (uri, resource) => {
    const canonicalRequest = `GET\n${uri}\n\n\n\nUNSIGNED-PAYLOAD`
    expect(subject('', { canonicalRequest }).request).toMatchObject(resource)
  })

  it('survives any answer', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (canonicalRequest, stringToSign) => {
        expect(subject('', { canonicalRequest, stringToSign }).time).toBeInstanceOf(Date)
      }),
    )
    const broken = '20251302T030405Z'
    for (const text of [
      `GET\n/\n\nx-oss-date:${broken}\n\n\nUNSIGNED-PAYLOAD`,
      `A\n${broken}\n//`,
    ]) {
      expect(subject('', { canonicalRequest: text, stringToSign: text }).time).toEqual(now)
    }
  })
})
