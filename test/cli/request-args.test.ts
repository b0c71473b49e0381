import { describe, expect, it } from 'vitest'
import {
  parseDuration,
  parseEndpointArgs,
  parseHeaders,
  parseParameters,
  parseTime,
} from '../../src/cli/request-args.js'

describe('parseEndpointArgs', () => {
  it('prefers options to the environment, and takes empty variables for none', () => {
    const env = { OSS_REGION: ' cn-beijing ', OSS_ENDPOINT: ' ' }
    expect(parseEndpointArgs({}, env)).toEqual({ region: 'cn-beijing' })
    expect(parseEndpointArgs({ region: 'r', endpoint: 'e', 'path-style': true }, env)).toEqual({
      ...{ region: 'r', endpoint: 'e', pathStyle: true },
    })
  })
})

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    ['90s', 90],
    ['15m', 900],
    ['1h', 3600],
    ['7d', 604_800],
    ['999999999', 999_999_999],
  ])('reads %s as %i seconds', (text, seconds) => {
    expect(parseDuration('--expires', text)).toBe(seconds)
  })

  it.each(['', '-1', '1.5h', '1 h', 'h', '1H', '1w', '1h30m', '1000000000', 'soon'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseDuration('--expires', text)).toThrow(
        `--expires "${text}" is not a duration`,
      )
    },
  )
})

describe('parseTime', () => {
  it.each([
    ['20250102T030405Z', '2025-01-02T03:04:05.000Z'],
    ['2025-01-02T03:04:05Z', '2025-01-02T03:04:05.000Z'],
    ['2025-01-02T03:04Z', '2025-01-02T03:04:00.000Z'],
    ['2025-01-02T03:04:05.678+08:00', '2025-01-01T19:04:05.678Z'],
  ])('reads %s', (text, iso) => {
    expect(parseTime('--time', text).toISOString()).toBe(iso)
  })

  it.each([
    '',
    'now',
    '2025',
    '2025-01-02',
    '2025-01-02T03:04:05',
    '20251302T030405Z',
    '1735787045',
  ])('refuses "%s"', (text) => {
    expect(() => parseTime('--time', text)).toThrow(`--time "${text}" is not a time`)
  })
})

describe('parseHeaders', () => {
  it('takes names in any case, values with colons, and no blanks around either', () => {
    expect(
      parseHeaders('--header', ['Content-Type:  text/plain; a=b ', 'Host: h:80', 'x-oss-a:']),
    ).toEqual({ 'content-type': 'text/plain; a=b', host: 'h:80', 'x-oss-a': '' })
  })

  it('keeps __proto__ as a name', () => {
    expect(Object.entries(parseHeaders('--header', ['__proto__: x']))).toEqual([['__proto__', 'x']])
  })

  it.each(['', 'sentinel', ': sentinel', ' : sentinel'])(
    'refuses %j without showing it',
    (text) => {
      const parse = () => parseHeaders('--header', [text])
      expect(parse).toThrow('--header has no name and value')
      expect(parse).not.toThrow(/sentinel/)
    },
  )

  it('refuses a name that is given twice', () => {
    expect(() => parseHeaders('--header', ['A: 1', 'a: 2'])).toThrow('--header a is given twice')
  })
})

describe('parseParameters', () => {
  it('takes values with equals signs and bare names, and decodes nothing', () => {
    expect(parseParameters('--query', ['a=b=c', 'uploads', 'b=', 'c%20=%2F'])).toEqual({
      ...{ a: 'b=c', uploads: '', b: '', 'c%20': '%2F' },
    })
  })

  it('refuses what has no name, and a name that is given twice', () => {
    expect(() => parseParameters('--query', ['=x'])).toThrow('--query has no name')
    expect(() => parseParameters('--query', ['a', 'a=1'])).toThrow('--query a is given twice')
  })
})
