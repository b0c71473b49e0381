import { describe, expect, it } from 'vitest'
import {
  hasFlag,
  parseChoice,
  parseObjectUrl,
  parseOptions,
  parseShard,
  parseSize,
  parseWholeNumber,
} from '../../src/cli/args.js'

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    ['102400', 102_400],
    ['100KiB', 102_400],
    ['100K', 102_400],
    ['100k', 102_400],
    ['1MiB', 1_048_576],
    ['1 MiB', 1_048_576],
    ['8mib', 8_388_608],
    ['5GiB', 5_368_709_120],
    ['5G', 5_368_709_120],
    ['1.5MiB', 1_572_864],
    ['0.5KiB', 512],
    ['1.0', 1],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize('--part-size', text)).toBe(bytes)
  })

  it.each([
    '',
    'x',
    'MiB',
    '-1',
    '+1',
    '1e6',
    '1MB',
    '1KB',
    '1TiB',
    '1,5MiB',
    '.5M',
    '1.M',
    '0x10',
    ' 1',
  ])('refuses %j and names the forms', (text) => {
    expect(() => parseSize('--part-size', text)).toThrow(`--part-size "${text}" is not a size`)
  })

  it.each(['0.5', '1.0001KiB', '0.3MiB'])(
    'refuses %s, which is no whole number of bytes',
    (text) => {
      expect(() => parseSize('--part-size', text)).toThrow('is not a whole number of bytes')
    },
  )
})

describe('parseObjectUrl', () => {
  it.each([
    ['oss://b/k', 'b', 'k'],
    ['oss://b/dir/k', 'b', 'dir/k'],
    ['oss://b/dir/', 'b', 'dir/'],
    ['oss://b//k', 'b', '/k'],
    ['oss://b/a b%20c?d#e', 'b', 'a b%20c?d#e'],
    ['oss://b/a/../b', 'b', 'a/../b'],
    ['oss://b/line\nbreak', 'b', 'line\nbreak'],
  ])('%j is taken literally', (url, bucket, key) => {
    expect(parseObjectUrl(url)).toEqual({ bucket, key })
  })

  it.each([
    ['oss://b', 'the destination oss://b names no key'],
    ['oss://b/', 'the destination oss://b names no key'],
    ['oss:///k', 'the destination names no bucket'],
    ['oss://', 'the destination names no bucket'],
    ['b/k', 'the destination is not an oss:// URL: "b/k"'],
    ['s3://b/k', 'the destination is not an oss:// URL: "s3://b/k"'],
  ])('refuses %s', (url, message) => {
    expect(() => parseObjectUrl(url)).toThrow(message)
  })

  it('does not repeat the query of a presigned URL', () => {
    expect(() => parseObjectUrl('https://b.example/k?x-oss-signature=abc')).toThrow(/k"$/)
  })
})

describe('parseWholeNumber', () => {
  it('takes digits only', () => {
    expect(parseWholeNumber('--concurrency', '4')).toBe(4)
    for (const text of ['', '4.0', '-1', '1e3', 'four', '0x4']) {
      expect(() => parseWholeNumber('--concurrency', text)).toThrow('must be a whole number')
    }
  })
})

describe('parseShard', () => {
  it('takes an index and a count', () => {
    expect(parseShard('--shard', '3/16')).toEqual({ index: 3, count: 16 })
    expect(parseShard('--shard', '0/1')).toEqual({ index: 0, count: 1 })
    for (const text of ['', '3', '3/', '/16', '-1/2', '1/2/3', 'a/b', '1.0/2', ' 1/2']) {
      expect(() => parseShard('--shard', text)).toThrow('is not one of several workers')
    }
  })
})

describe('parseChoice', () => {
  it('names the accepted values', () => {
    expect(parseChoice('--verify', 'stat', ['content', 'stat'])).toBe('stat')
    expect(() => parseChoice('--verify', 'none', ['content', 'stat'])).toThrow(
      expect.objectContaining({ hint: 'give --verify content or --verify stat' }),
    )
  })
})

describe('parseOptions', () => {
  const table = { size: { type: 'string' }, fast: { type: 'boolean' } } as const
  const parse = (...argv: string[]) => parseOptions(argv, table, 'see: help')

  it('gives values and positionals', () => {
    const { values, positionals } = parse('a', '--size=1', '--fast', '--', '--b')
    expect({ ...values }).toEqual({ size: '1', fast: true })
    expect(positionals).toEqual(['a', '--b'])
  })

  it.each([
    [['--what'], 'unknown option --what', 'see: help'],
    [['-x'], 'unknown option -x', 'see: help'],
    [['--size'], 'option --size needs a value', 'see: help'],
    [['--size', '-1'], 'option --size needs a value', 'see: help'],
    [['--fast=yes'], 'option --fast takes no value', 'see: help'],
  ])('refuses %j', (argv, message, hint) => {
    expect(() => parse(...argv)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message, hint }),
    )
  })

  it('sends whoever gives a secret as an option to the environment, and does not repeat it', () => {
    const refused = expect.objectContaining({
      message: 'unknown option --access-key-secret',
      hint: expect.stringContaining('environment'),
    })
    expect(() => parse('--access-key-secret=abc')).toThrow(refused)
  })
})

describe('hasFlag', () => {
  it('looks before -- only', () => {
    expect(hasFlag(['a', '--help'], '-h', '--help')).toBe(true)
    expect(hasFlag(['a', '--', '--help'], '-h', '--help')).toBe(false)
  })
})
