import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.js'
import { presignUsage } from '../../src/cli/presign-args.js'
import { run } from '../../src/cli/run.js'
import { signUsage } from '../../src/cli/sign-args.js'
import { uploadUsage } from '../../src/cli/upload-args.js'
import { pretendIo } from './fixtures.js'

const runWith = async (...argv: string[]) => {
  const io = pretendIo({ argv })
  return { exitCode: await run(io), out: io.out, err: io.err }
}

describe('run', () => {
  it.each(['--help', '-h'])('%s explains the commands on stdout', async (flag) => {
    const { exitCode, out, err } = await runWith(flag)
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toMatch(/^usage: ossup <command>.*example:.*\n$/s)
    expect(out.split('\n').filter((line) => line.length > 120)).toEqual([])
  })

  it('names every command with a few words', async () => {
    const { out } = await runWith('--help')
    for (const [name, { synopsis, summary }] of commands) {
      expect(out).toMatch(new RegExp(`^  ${name} .* {2}${summary}$`, 'm'))
      expect(out).toContain(`  ${synopsis}  `)
      expect((await runWith(name, '--help')).out).toContain(`usage: ossup ${name} `)
    }
  })

  it.each([
    ['upload', '--help'],
    ['upload', '-h'],
    ['upload', 'f', '--help', '--unknown'],
  ])('%s %s explains the command', async (...argv) => {
    expect(await runWith(...argv)).toEqual({ exitCode: 0, out: uploadUsage, err: '' })
  })

  it.each([
    ['presign', presignUsage],
    ['sign', signUsage],
    ['sign explain', signUsage],
  ])('%s --help explains the command', async (line, out) => {
    expect(await runWith(...line.split(' '), '--help')).toEqual({ exitCode: 0, out, err: '' })
  })

  it('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(await runWith('--version')).toEqual({ exitCode: 0, out: `${version}\n`, err: '' })
  })

  it.each([
    [[], 'no command is given; see: ossup --help'],
    [['uplaod'], 'unknown command "uplaod"; see: ossup --help'],
    [['--verbose'], 'unknown option "--verbose"; see: ossup --help'],
    [['--secret=abc'], 'unknown option "--secret"; see: ossup --help'],
    [['toString'], 'unknown command "toString"; see: ossup --help'],
    [['upload'], 'no file is given; see: ossup upload --help'],
    [['upload', '--what'], 'unknown option --what; see: ossup upload --help'],
    [['presign'], 'no kind of request is given; see: ossup presign --help'],
    [['sign'], 'it is not said what to do; see: ossup sign --help'],
    [['completion'], 'no shell is given; give bash, zsh or fish'],
    [['gc', 'oss://examplebucket'], 'no --older-than is given; e.g. --older-than 7d'],
  ])('%j is refused in one line', async (argv, line) => {
    expect(await runWith(...argv)).toEqual({
      exitCode: 2,
      out: '',
      err: `ossup: error: ${line}\n`,
    })
  })
})
