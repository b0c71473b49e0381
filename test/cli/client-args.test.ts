import { describe, expect, it } from 'vitest'
import { parseOptions } from '../../src/cli/args.js'
import {
  assertName,
  clientEnvironment,
  clientOptions,
  clientUsage,
  parseBucketUrl,
  parseClientArgs,
  withClient,
} from '../../src/cli/client-args.js'
import type { OssClient } from '../../src/oss/client.js'
import { OssError } from '../../src/primitives/errors.js'
import { useBucket } from './bucket.js'

const parse = (argv: string[], env: Record<string, string> = {}) =>
  parseClientArgs(parseOptions(argv, clientOptions, 'help').values, env)

describe('parseClientArgs', () => {
  it('takes what is not given from the environment', () => {
    const env = { OSS_REGION: 'cn-a', OSS_ENDPOINT: 'http://e' }
    expect(parse([], env)).toMatchObject({ region: 'cn-a', endpoint: 'http://e' })
    expect(parse(['--region', 'cn-b'], env)).toMatchObject({ region: 'cn-b', endpoint: 'http://e' })
  })

  it.each(['internal', 'accelerate', 'dual-stack'])('--%s goes before OSS_ENDPOINT', (name) => {
    const args = parse([`--${name}`, '--region', 'cn-a'], { OSS_ENDPOINT: 'http://e' })
    expect(args.endpoint).toBeUndefined()
    expect([args.internal, args.accelerate, args.dualStack].filter(Boolean)).toEqual([true])
  })

  it('has the rest', () => {
    const more = ['--cname', '--path-style', '--request-payer', '--profile', 'p']
    expect(parse(['--endpoint', 'http://e', ...more])).toMatchObject({
      ...{ cname: true, pathStyle: true, requestPayer: 'requester', profile: 'p' },
    })
    expect(parse(['--region', 'r']).requestPayer).toBeUndefined()
  })

  it('takes how often to try and how long to wait', () => {
    const more = ['--attempts', '2', '--connect-timeout', '5', '--idle-timeout', '1m']
    expect(parse(['--region', 'r', ...more, '--answer-timeout', '3m'])).toMatchObject({
      ...{ retry: { attempts: 2 }, connectTimeout: 5_000, idleTimeout: 60_000 },
      answerTimeout: 180_000,
    })
    expect(parse(['--region', 'r'])).toMatchObject({ retry: undefined, idleTimeout: undefined })
  })

  it.each([
    [[], /no region is given/],
    [['--region', 'r', '--attempts', 'x'], /--attempts must be a whole number/],
    [['--region', 'r', '--answer-timeout', 'x'], /--answer-timeout "x" is not a duration/],
    [['--region', 'r', '--credentials', 'x'], /--credentials cannot be/],
  ])('refuses %j', (argv, message) => {
    expect(() => parse(argv)).toThrow(message)
  })

  it('explains each option and each variable', () => {
    for (const name of Object.keys(clientOptions)) expect(clientUsage).toContain(`  --${name}`)
    expect(clientEnvironment).toContain('OSS_SESSION_TOKEN')
    const long = `${clientUsage}\n${clientEnvironment}`.split('\n').filter((l) => l.length > 120)
    expect(long).toEqual([])
  })
})

describe('parseBucketUrl', () => {
  it.each([
    ['oss://examplebucket', 'examplebucket', ''],
    ['oss://examplebucket/', 'examplebucket', ''],
    ['oss://examplebucket/a/ b?', 'examplebucket', 'a/ b?'],
  ])('%s', (text, bucket, prefix) => {
    expect(parseBucketUrl(text, 'help')).toEqual({ bucket, prefix })
  })

  it.each([
    [undefined, /no bucket is given/],
    ['examplebucket?x=secret', /^"examplebucket" is not an oss:/],
    ['oss://', /names no bucket/],
    ['oss:///a', /names no bucket/],
    ['oss://Bad', /bucket must be 3..63/],
  ])('refuses %s', (text, message) => {
    expect(() => parseBucketUrl(text, 'help')).toThrow(message)
  })
})

describe('assertName', () => {
  it('makes a mistake of usage out of what is refused', () => {
    const check = () => {
      throw new TypeError('no')
    }
    expect(() => assertName(check, 'see')).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', hint: 'see' }),
    )
  })
})

describe('withClient', () => {
  const bucket = useBucket()
  const use = (act: () => Promise<number>, argv: string[] = []) =>
    bucket.run((io) => withClient(io, parse(argv, { ...io.env } as never), 'see help', act), [])

  it('gives the exit code of what uses it', async () => {
    expect(await use(async () => 5)).toEqual({ exitCode: 5, out: '', err: '' })
  })

  it('reports what fails in one line', async () => {
    const fail = async () => {
      throw new OssError('it failed', { code: 'ERR_OSS_TRANSPORT', hint: 'do so' })
    }
    expect(await use(fail)).toEqual({
      ...{ exitCode: 1, out: '', err: 'ossup: error: it failed; do so\n' },
    })
  })

  it('hands on how often to try and how long to wait', async () => {
    const retries: unknown[] = []
    const ask = (argv: string[], more = {}) =>
      bucket.run((io) => {
        const args = parse(argv, { ...io.env } as never)
        const note = async (client: OssClient) => {
          retries.push(client.retry.attempts)
          return 0
        }
        return withClient(io, args, 'see help', note, more)
      }, [])
    await ask([])
    await ask([], { retry: { attempts: 3 } })
    await ask(['--attempts', '2'], { retry: { attempts: 3 } })
    expect(retries).toEqual([10, 3, 2])
    const wrong = await ask(['--idle-timeout', '0'])
    expect(wrong).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('--idle-timeout must'),
    })
  })

  it('tells a wrong option from a mistake of ours', async () => {
    const wrong = await use(async () => 0, ['--region', 'oss-cn-a'])
    expect(wrong).toMatchObject({ exitCode: 2, err: expect.stringContaining('--region must be') })
    const ours = await use(async () => {
      throw new TypeError('oops')
    })
    expect(ours).toMatchObject({ exitCode: 1, err: expect.stringContaining('internal error') })
  })
})
