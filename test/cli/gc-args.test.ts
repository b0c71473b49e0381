import { describe, expect, it } from 'vitest'
import { gcOptions, gcUsage, parseGcArgs } from '../../src/cli/gc-args.js'

const parse = (argv: readonly string[], kind: 'data' | 'terminal' = 'terminal') =>
  parseGcArgs(argv, { env: { OSS_REGION: 'cn-hangzhou' }, stdinKind: () => kind })

const url = 'oss://examplebucket/dir/'

describe('parseGcArgs', () => {
  it('has what is given, and agrees to nothing by default', () => {
    expect(parse([url, '--older-than', '7d'])).toMatchObject({
      ...{ bucket: 'examplebucket', prefix: 'dir/', olderThan: '7d', olderThanMs: 604_800_000 },
      ...{ dryRun: false, yes: false, json: false, checkpointDirs: [] },
    })
    const more = ['--yes', '--exclude-checkpoints', 'a', '--exclude-checkpoints', 'b']
    expect(parse([url, '--older-than', '90m', ...more])).toMatchObject({
      ...{ olderThanMs: 5_400_000, yes: true, checkpointDirs: ['a', 'b'] },
    })
  })

  it.each([
    [[], /no bucket is given/],
    [[url], /no --older-than is given/],
    [[url, '--older-than', '7'], /--older-than 7 has no unit/],
    [[url, '--older-than', '0s'], /must not be 0/],
    [[url, '--older-than', '-7d'], /needs a value/],
    [[url, '--older-than', '7 days'], /is not a duration/],
    [[url, 'x', '--older-than', '7d'], /more than one bucket/],
  ])('refuses %j', (argv, message) => {
    expect(() => parse(argv)).toThrow(message)
  })

  it('needs --yes where nobody can be asked, unless it only looks', () => {
    const argv = [url, '--older-than', '7d']
    expect(() => parse(argv, 'data')).toThrow(/stdin is no terminal/)
    expect(parse([...argv, '--yes'], 'data').yes).toBe(true)
    expect(parse([...argv, '--dry-run'], 'data').dryRun).toBe(true)
  })

  it('explains its options', () => {
    for (const name of Object.keys(gcOptions)) expect(gcUsage).toContain(`  --${name}`)
  })
})
