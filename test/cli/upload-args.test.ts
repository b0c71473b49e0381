import { describe, expect, it } from 'vitest'
import { parseUploadArgs, uploadFlags, uploadUsage } from '../../src/cli/upload-args.js'

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
      internal: undefined,
      accelerate: undefined,
      dualStack: undefined,
      cname: undefined,
      credentials: undefined,
      profile: undefined,
      partSize: undefined,
      concurrency: undefined,
      maxConcurrency: undefined,
      checkpoint: true,
      checkpointPath: undefined,
      checkpointDir: undefined,
      verify: undefined,
      adopt: false,
      restart: false,
      contentMd5: false,
      manifest: undefined,
      additionalHeaders: undefined,
      object: expect.objectContaining({ metadata: undefined, callbackText: undefined }),
      onAbort: undefined,
      ...{ retry: undefined, deadline: undefined },
      ...{ connectTimeout: undefined, idleTimeout: undefined, answerTimeout: undefined },
      json: false,
      quiet: false,
      verbose: false,
    })
  })

  it('takes every option', () => {
    const line =
      'f oss://examplebucket/k --region r --endpoint http://127.0.0.1:9000 --path-style --part-size 1MiB ' +
      '--concurrency 8 --checkpoint c --verify stat --adopt --restart --on-abort discard --json --quiet ' +
      '--credentials profile --profile p --content-md5 --manifest m.json --sign-header host --sign-header content-length'
    expect(parse(line)).toMatchObject({
      ...{ region: 'r', endpoint: 'http://127.0.0.1:9000', pathStyle: true, partSize: 1_048_576 },
      ...{ concurrency: 8, checkpoint: true, checkpointPath: 'c', verify: 'stat', adopt: true },
      ...{ restart: true, onAbort: 'discard', json: true, quiet: true },
      ...{
        credentials: 'profile',
        profile: 'p',
        contentMd5: true,
        manifest: 'm.json',
        additionalHeaders: ['host', 'content-length'],
      },
    })
  })

  it('takes the number of one of several workers', () => {
    const line = 'f oss://examplebucket/k --region r --checkpoint-dir d'
    expect(parse(`${line} --shard 3/16`).shard).toEqual({ index: 3, count: 16 })
    expect(parse(line).shard).toBeUndefined()
    expect(() => parse(`${line} --shard 3`)).toThrow('is not one of several workers')
  })

  it('takes - for stdin, which has a checkpoint only where one is named', () => {
    const stdin = '- oss://examplebucket/k --region r'
    expect(parse(stdin)).toMatchObject({ path: undefined, checkpoint: false })
    expect(parse(`${stdin} --checkpoint c`)).toMatchObject({
      checkpoint: true,
      checkpointPath: 'c',
    })
    expect(parse(`${stdin} --checkpoint-dir d --restart`)).toMatchObject({ checkpoint: true })
    expect(parse(`./${stdin}`)).toMatchObject({ path: './-', checkpoint: true })
    expect(() => parse(`${stdin} --restart`)).toThrow('--restart needs --checkpoint')
    expect(() => parse(`${stdin} --verify stat`)).toThrow('--verify stat needs a file')
    expect(() => parse(`${stdin} --adopt`)).toThrow('--adopt needs a file')
  })

  it('takes several files, of which the first stands for the rest', () => {
    const args = parse('x/f g oss://b/p/ --region r --files 3')
    expect(args).toMatchObject({ path: 'x/f', bucket: 'b', key: 'p/f', checkpoint: true })
    expect(args.several).toMatchObject({ atOnce: 3, leftOut: [] })
    expect(args.several?.targets.map(({ key }) => key)).toEqual(['p/f', 'p/g'])
  })

  it('takes the options of the object', () => {
    const { object } = parse(
      'f oss://b/k --region r --cache-control no-store --meta a=b --acl private --sequential',
    )
    expect(object).toMatchObject({
      headers: { 'Cache-Control': 'no-store' },
      ...{ metadata: { a: 'b' }, acl: 'private', sequential: true },
    })
  })

  it('takes how often to try, how long to wait, and whether to tell', () => {
    expect(
      parse('f oss://b/k --region r --attempts 3 --idle-timeout 90s --deadline 2h --verbose'),
    ).toMatchObject({
      ...{ retry: { attempts: 3 }, idleTimeout: 90_000, deadline: 7_200_000, verbose: true },
    })
  })

  it('takes a directory for checkpoints', () => {
    expect(parse('f oss://b/k --region r --checkpoint-dir d')).toMatchObject({
      ...{ checkpoint: true, checkpointPath: undefined, checkpointDir: 'd' },
    })
  })

  it.each([
    ['--internal', 'internal'],
    ['--accelerate', 'accelerate'],
    ['--dual-stack', 'dualStack'],
  ])('%s is a host of its own, in place of the one of the environment', (flag, name) => {
    const env = { OSS_ENDPOINT: 'https://e.example' }
    expect(parse(`f oss://b/k --region r ${flag}`, env)).toMatchObject({
      ...{ endpoint: undefined, [name]: true },
    })
  })

  it('takes a custom domain', () => {
    expect(parse('f oss://b/k --region r --endpoint e --cname')).toMatchObject({
      ...{ endpoint: 'e', cname: true },
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
    ['f oss://b/k extra --region r', '"oss://b/k" stands before "extra"'],
    ['f oss://b/k', 'no region is given'],
    ['f oss://b --region r', 'the destination oss://b names no key'],
    ['f oss://b/k --region r --part-size 1.1', '--part-size "1.1" is not a whole number of bytes'],
    [
      'f oss://b/k --region r --max-concurrency x',
      '--max-concurrency must be a whole number, not "x"',
    ],
    ['f oss://b/k --region r --concurrency x', '--concurrency must be a whole number, not "x"'],
    ['f oss://b/k --region r --verify x', '--verify cannot be "x"'],
    ['f oss://b/k --region r --credentials x', '--credentials cannot be "x"'],
    ['f oss://b/k --region r --credentials ecs --profile p', 'contradict each other'],
    ['f oss://b/k --region r --on-abort x', '--on-abort cannot be "x"'],
    ['f oss://b/k --region r --checkpoint c --no-checkpoint', 'contradict each other'],
    [
      'f oss://b/k --region r --checkpoint c --checkpoint-dir d',
      '--checkpoint and --checkpoint-dir contradict each other',
    ],
    [
      'f oss://b/k --region r --checkpoint-dir d --no-checkpoint',
      '--checkpoint-dir and --no-checkpoint contradict each other',
    ],
    ['f oss://b/k --region r --quiet --verbose', '--quiet and --verbose contradict each other'],
    ['f oss://b/k --region r --deadline soon', '--deadline "soon" is not a duration'],
    ['f oss://b/k --region r --meta a', '--meta has no name and value'],
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
    const named = [...uploadUsage.matchAll(/^ {2}--([a-z0-9-]+)/gm)].map(([, name]) => name)
    expect(named.toSorted()).toEqual(uploadFlags.toSorted())
  })

  it('fits a line of 120 characters', () => {
    expect(uploadUsage.split('\n').filter((line) => line.length > 120)).toEqual([])
  })
})
