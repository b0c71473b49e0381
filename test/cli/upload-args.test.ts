import { describe, expect, it } from 'vitest'
import { parseUploadArgs, uploadUsage } from '../../src/cli/upload-args.js'

const parse = (line: string, env: Record<string, string> = {}) =>
  parseUploadArgs(line.split(' ').filter(Boolean), env)

describe('parseUploadArgs', () => {
  it('leaves to the library what is not given', () => {
    expect(parse('f oss://examplebucket/k --region cn-hangzhou')).toEqual({
      path: 'f',
      bucket: 'examplebucket',
      key: 'k',
      region: 'cn-hangzhou',
      endpoint: undefined,
      pathStyle: undefined,
      partSize: undefined,
      concurrency: undefined,
      checkpoint: true,
      checkpointPath: undefined,
      verify: undefined,
      adopt: false,
      restart: false,
      onAbort: undefined,
      json: false,
      quiet: false,
    })
  })

  it('takes every option', () => {
    const line =
      'f oss://examplebucket/k --region r --endpoint http://127.0.0.1:9000 --path-style --part-size 1MiB ' +
      '--concurrency 8 --checkpoint c --verify stat --adopt --restart --on-abort discard --json --quiet'
    expect(parse(line)).toMatchObject({
      ...{ region: 'r', endpoint: 'http://127.0.0.1:9000', pathStyle: true, partSize: 1_048_576 },
      ...{ concurrency: 8, checkpoint: true, checkpointPath: 'c', verify: 'stat', adopt: true },
      ...{ restart: true, onAbort: 'discard', json: true, quiet: true },
    })
  })

  it('takes region and endpoint from the environment, and rather from the options', () => {
    const env = { OSS_REGION: 'cn-beijing', OSS_ENDPOINT: 'https://e.example' }
    expect(parse('f oss://b/k', env)).toMatchObject({
      region: 'cn-beijing',
      endpoint: 'https://e.example',
    })
    expect(parse('f oss://b/k --region r --endpoint e', env)).toMatchObject({
      region: 'r',
      endpoint: 'e',
    })
  })

  it.each([
    ['', 'no file is given'],
    ['f', 'no destination is given'],
    ['f oss://b/k extra --region r', 'more than a file and a destination are given'],
    ['f oss://b/k', 'no region is given'],
    ['f oss://b --region r', 'the destination oss://b names no key'],
    ['f oss://b/k --region r --part-size 1.1', '--part-size "1.1" is not a whole number of bytes'],
    ['f oss://b/k --region r --concurrency x', '--concurrency must be a whole number, not "x"'],
    ['f oss://b/k --region r --verify x', '--verify cannot be "x"'],
    ['f oss://b/k --region r --on-abort x', '--on-abort cannot be "x"'],
    ['f oss://b/k --region r --checkpoint c --no-checkpoint', 'contradict each other'],
    ['f oss://b/k --region r --restart --no-checkpoint', 'contradict each other'],
  ])('refuses "%s"', (line, message) => {
    expect(() => parse(line)).toThrow(message)
  })

  it('does not take an empty variable for a region', () => {
    expect(() => parse('f oss://b/k', { OSS_REGION: ' ' })).toThrow('no region is given')
  })
})

describe('uploadUsage', () => {
  it('names every option', () => {
    const args = Object.keys(parse('f oss://b/k --region r'))
    const named = new Set([...uploadUsage.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name))
    // path, bucket and key are positional; checkpoint and checkpointPath come from two options.
    expect(named.size).toBe(args.length - 3)
  })

  it('fits a line of 120 characters', () => {
    expect(uploadUsage.split('\n').filter((line) => line.length > 120)).toEqual([])
  })
})
