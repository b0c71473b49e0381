import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  type CompletedCommand,
  completionScript,
  type Shell,
  shells,
} from '../../src/cli/completion-script.js'

const option = (name: string, more = {}) => ({
  ...{ name, takesValue: false, mayRepeat: false, description: `what --${name} does` },
  ...more,
})

const commands: readonly CompletedCommand[] = [
  {
    name: 'send',
    summary: "it's what sends: all",
    words: [],
    options: [
      option('quick'),
      option('size', { takesValue: true, description: "bytes [or KiB], 'quoted': $HOME \\ `x`" }),
      option('meta', { takesValue: true, mayRepeat: true }),
    ],
  },
  { name: 'make', summary: 'makes', words: ['one', 'two'], options: [option('help')] },
]

const folder = mkdtempSync(join(tmpdir(), 'ossup-completion-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a script; undefined where there is no such shell. */
function shell(name: Shell, options: readonly string[], script: string) {
  const file = join(folder, `script.${name}`)
  writeFileSync(file, script)
  const { error, status, stdout, stderr } = spawnSync(name, [...options, file], {
    encoding: 'utf8',
  })
  return error === undefined ? { status, stdout, stderr } : undefined
}

const isThere = (name: Shell) => shell(name, [], '') !== undefined

describe('completionScript', () => {
  for (const name of shells) {
    // Said loudly: the test is listed as skipped.
    it.skipIf(!isThere(name))(`is ${name} (skipped where ${name} is not installed)`, () => {
      const checked = shell(name, ['-n'], completionScript(name, commands))
      expect(checked).toEqual({ status: 0, stdout: '', stderr: '' })
    })
  }

  it('has every command and option in every shell', () => {
    for (const name of shells) {
      const script = completionScript(name, commands)
      for (const word of [
        'send',
        'make',
        'quick',
        'size',
        'meta',
        'one',
        'two',
        'help',
        'version',
      ]) {
        expect(script, `${name}: ${word}`).toContain(word)
      }
    }
  })

  it.skipIf(!isThere('bash'))('completes in bash', () => {
    const complete = (...words: string[]) => {
      const line = words.map((word) => `'${word}'`).join(' ')
      const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _ossup; echo "\${COMPREPLY[*]}"`
      const answer = shell('bash', ['--norc'], `${completionScript('bash', commands)}\n${ask}`)
      expect(answer).toMatchObject({ status: 0, stderr: '' })
      return answer?.stdout.trim()
    }
    expect(complete('ossup', '')).toBe('send make --help --version')
    expect(complete('ossup', 'se')).toBe('send')
    expect(complete('ossup', 'send', '')).toBe('')
    expect(complete('ossup', 'send', '--')).toBe('--quick --size --meta')
    expect(complete('ossup', 'send', '--size', '--q')).toBe('')
    expect(complete('ossup', 'send', '--quick', '--q')).toBe('--quick')
    expect(complete('ossup', 'make', '')).toBe('one two')
    expect(complete('ossup', 'make', 't')).toBe('two')
    expect(complete('ossup', 'unknown', '')).toBe('')
  })

  it.skipIf(!isThere('fish'))('completes in fish', () => {
    const complete = (line: string) => {
      const ask = `complete -C '${line}'`
      const answer = shell('fish', ['--no-config'], `${completionScript('fish', commands)}\n${ask}`)
      expect(answer).toMatchObject({ status: 0, stderr: '' })
      return answer?.stdout.trimEnd().split('\n')
    }
    expect(complete('ossup s')).toEqual(["send\tit's what sends: all"])
    expect(complete('ossup send --si')).toEqual(["--size\tbytes [or KiB], 'quoted': $HOME \\ `x`"])
    expect(complete('ossup make t')).toEqual(['two'])
  })
})
