import { describe, expect, it } from 'vitest'
import { parsePresignArgs, presignUsage } from '../../src/cli/presign-args.js'

const parse = (line: string, env: Record<string, string> = {}) =>
  parsePresignArgs(line.split(' ').filter(Boolean), env)

describe('parsePresignArgs', () => {
  it('leaves to the library what is not given', () => {
    expect(parse('get oss://examplebucket/k --region cn-hangzhou')).toEqual({
      method: 'GET',
      bucket: 'examplebucket',
      key: 'k',
      region: 'cn-hangzhou',
      endpoint: undefined,
      pathStyle: undefined,
      cname: false,
      expiresSeconds: undefined,
      partNumber: undefined,
      uploadId: undefined,
      headers: {},
      additionalHeaders: [],
      json: false,
    })
  })

  it('takes every option', () => {
    const line =
      'upload-part oss://b/a/../k?#%20 --region r --endpoint e --path-style --cname --expires 7d --part-number 9 ' +
      '--upload-id U --header Content-MD5:x --header range:y --sign-header Range --sign-header host --json'
    expect(parse(line)).toEqual({
      ...{ method: 'PUT', bucket: 'b', key: 'a/../k?#%20', region: 'r', endpoint: 'e' },
      ...{ pathStyle: true, cname: true, expiresSeconds: 604_800, partNumber: 9, uploadId: 'U' },
      ...{ headers: { 'content-md5': 'x', range: 'y' }, additionalHeaders: ['Range', 'host'] },
      json: true,
    })
  })

  it.each([
    ['', 'no kind of request is given'],
    ['delete oss://b/k', 'cannot presign "delete"'],
    ['get', 'no object is given'],
    ['get oss://b', 'names no key'],
    ['get https://b/k', 'is not an oss:// URL'],
    ['get oss://b/k extra', 'more than one object is given'],
    ['get oss://b/k --expires soon', '--expires "soon" is not a duration'],
    ['get oss://b/k --part-number 1', '--part-number and --upload-id are for upload-part'],
    ['put oss://b/k --upload-id u', '--part-number and --upload-id are for upload-part'],
    ['upload-part oss://b/k --upload-id u', 'no --part-number is given'],
    ['upload-part oss://b/k --part-number 1', 'no --upload-id is given'],
    ['upload-part oss://b/k --part-number x --upload-id u', '--part-number must be a whole'],
    ['put oss://b/k --header range:x', '--header range would not be signed'],
    ['put oss://b/k --header range', '--header has no name and value'],
    ['put oss://b/k --secret x', 'unknown option --secret'],
  ])('refuses "%s"', (line, message) => {
    expect(() => parse(line)).toThrow(message)
  })
})

describe('presignUsage', () => {
  it('names every option', () => {
    const named = [...presignUsage.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name)
    // method, bucket and key are positional.
    expect(named).toHaveLength(Object.keys(parse('get oss://b/k')).length - 3)
  })

  it('fits a line of 120 characters', () => {
    expect(presignUsage.split('\n').filter((line) => line.length > 120)).toEqual([])
  })
})
