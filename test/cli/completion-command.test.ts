import { describe, expect, it } from 'vitest'
import { refuse } from '../../src/cli/command.js'
import { commands } from '../../src/cli/commands.js'
import {
  completedCommands,
  completionEntry,
  completionUsage,
  runCompletion,
} from '../../src/cli/completion-command.js'
import { shells } from '../../src/cli/completion-script.js'
import { uploadFlags } from '../../src/cli/upload-args.js'
import { pretendIo } from './fixtures.js'

const complete = async (...argv: string[]) => {
  const io = pretendIo({ argv })
  const exitCode = await runCompletion(io, argv).catch((error: unknown) => refuse(io, error))
  return { exitCode, out: io.out, err: io.err }
}

describe('ossup completion', () => {
  it.each(shells)(
    'prints a script for %s that has every option of every command',
    async (shell) => {
      const { exitCode, out, err } = await complete(shell)
      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
      for (const [name, { load }] of [...commands, ['completion', completionEntry] as const]) {
        expect(out).toContain(name)
        for (const option of Object.keys((await load()).options)) expect(out).toContain(option)
      }
      for (const option of uploadFlags) expect(out).toContain(option)
    },
  )

  it('prints it in JSON', async () => {
    const { out } = await complete('bash', '--json')
    const result = { type: 'result', shell: 'bash', script: (await complete('bash')).out }
    expect(JSON.parse(out)).toEqual(result)
  })

  it.each([
    [[], 'no shell is given'],
    [['tcsh'], 'no shell is called "tcsh"'],
    [['bash', 'zsh'], 'more than one shell'],
    [['--what'], 'unknown option --what'],
  ])('%j is wrong usage', async (argv, message) => {
    const { exitCode, err } = await complete(...argv)
    expect(exitCode).toBe(2)
    expect(err).toContain(message)
  })

  it('names the shells', () => {
    for (const shell of shells) expect(completionUsage).toContain(`ossup completion ${shell}`)
  })
})

describe('completedCommands', () => {
  it('has a few words for every option', async () => {
    for (const { name, options } of await completedCommands()) {
      for (const { name: option, description } of options) {
        expect(description, `${name} --${option}`).toMatch(/^\S.{2,119}$/)
        expect(description, `${name} --${option}`).not.toMatch(/^[<[]/)
      }
    }
  })
})
