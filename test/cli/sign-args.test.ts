import { describe, expect, it } from 'vitest'
import { parseSignArgs, signUsage } from '../../src/cli/sign-args.js'

const parse = (line: string, env: Record<string, string> = {}) =>
  parseSignArgs(line.split(' ').filter(Boolean), env)

describe('parseSignArgs', () => {
  it('tells what is not said from what is empty', () => {
    expect(parse('explain')).toEqual({
      region: undefined,
      endpoint: undefined,
      pathStyle: undefined,
      errorFile: undefined,
      method: undefined,
      resource: undefined,
      query: undefined,
      headers: undefined,
      additionalHeaders: undefined,
      time: undefined,
      expiresSeconds: undefined,
      json: false,
    })
  })

  it('takes every option', () => {
    const line =
      'explain oss://b/a//k?x --region r --endpoint e --path-style --error-file - --method PUT --query a=b --query c ' +
      '--header A:b --sign-header a --time 20250102T030405Z --expires 5m --json'
    expect(parse(line)).toEqual({
      ...{ region: 'r', endpoint: 'e', pathStyle: true, errorFile: '-', method: 'PUT' },
      resource: { bucket: 'b', key: 'a//k?x' },
      ...{ query: { a: 'b', c: '' }, headers: { a: 'b' }, additionalHeaders: ['a'] },
      ...{ time: new Date('2025-01-02T03:04:05Z'), expiresSeconds: 300, json: true },
    })
  })

  it.each([
    ['oss://', undefined, undefined],
    ['oss://b', 'b', undefined],
    ['oss://b/', 'b', undefined],
    ['oss://b/k', 'b', 'k'],
  ])('%s is the service, a bucket or an object', (url, bucket, key) => {
    expect(parse(`explain ${url}`).resource).toEqual({ bucket, key })
  })

  it.each([
    ['', 'it is not said what to do'],
    ['verify', 'cannot sign "verify"'],
    ['explain https://b/k?x-oss-signature=sentinel', '"https://b/k" is not an oss:// URL'],
    ['explain oss://b/k more', 'more than one object is given'],
    ['explain --time now', '--time "now" is not a time'],
    ['explain --expires soon', '--expires "soon" is not a duration'],
    ['explain --header x', '--header has no name and value'],
    ['explain --query =x', '--query has no name'],
    ['explain --secret x', 'unknown option --secret'],
  ])('refuses "%s"', (line, message) => {
    expect(() => parse(line)).toThrow(message)
    expect(() => parse(line)).not.toThrow(/sentinel/)
  })
})

describe('signUsage', () => {
  it('names every option', () => {
    const named = [...signUsage.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name)
    // The resource is positional.
    expect(named).toHaveLength(Object.keys(parse('explain')).length - 1)
  })

  it('fits a line of 120 characters', () => {
    expect(signUsage.split('\n').filter((line) => line.length > 120)).toEqual([])
  })
})
