// Owns `ossup completion`: from the table of commands and the options that they are parsed with to a script for a shell.

import { answerJson } from './answer.js'
import { type OptionTable, parseOptions, usageError } from './args.js'
import type { Command } from './command.js'
import { type CommandEntry, commands } from './commands.js'
import {
  type CompletedCommand,
  type CompletedOption,
  completionScript,
  shells,
} from './completion-script.js'
import { completionSummary, completionSynopsis } from './completion-words.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'

export const completionUsage: string = `usage: ossup completion bash|zsh|fish

Prints a script with which a shell completes the commands and options of ossup.

options:
  --json      one JSON line with the script; a failure is one JSON line on stderr
  -h, --help  show this text

exit status:
  0    printed
  2    wrong usage

examples:
  source <(ossup completion bash)
  ossup completion bash > ~/.local/share/bash-completion/completions/ossup
  ossup completion zsh > "\${fpath[1]}/_ossup"
  ossup completion fish > ~/.config/fish/completions/ossup.fish
`

const options = { json: { type: 'boolean', default: false } } as const

/** For `parseArgs`. */
export const completionOptions: OptionTable = options

const help = 'see: ossup completion --help'

export const completionCommand: Command = { usage: completionUsage, run: runCompletion }

export const completionEntry: CommandEntry = {
  synopsis: completionSynopsis,
  summary: completionSummary,
  load: async () => ({ command: completionCommand, options: completionOptions, words: shells }),
}

export async function runCompletion(io: Io, argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, options, help)
  const [name, extra] = positionals
  if (name === undefined) throw usageError('no shell is given', 'give bash, zsh or fish')
  if (extra !== undefined) throw usageError('more than one shell is given', help)
  const shell = shells.find((each) => each === name)
  if (shell === undefined)
    throw usageError(`no shell is called "${name}"`, 'give bash, zsh or fish')
  const script = completionScript(shell, await completedCommands())
  if (values.json) answerJson(io, 'result', { shell, script })
  else io.stdout.write(script)
  return exitCodes.done
}

/** Every command with the options that it is parsed with, and the words of its usage text. */
export async function completedCommands(): Promise<readonly CompletedCommand[]> {
  const entries = [...commands, ['completion', completionEntry] as const]
  return await Promise.all(
    entries.map(async ([name, { summary, load }]) => {
      const { command, options, words = [] } = await load()
      const described = Object.entries(options).map(
        ([option, { type, multiple }]): CompletedOption => ({
          name: option,
          takesValue: type === 'string',
          mayRepeat: multiple === true,
          description: descriptionOf(option, command.usage),
        }),
      )
      const showHelp = {
        ...{ name: 'help', takesValue: false, mayRepeat: false },
        description: 'show the explanation',
      }
      return { name, summary, words, options: [...described, showHelp] }
    }),
  )
}

/** The first fact of the line that explains an option; empty where there is none. */
function descriptionOf(option: string, usage: string): string {
  const line = new RegExp(
    `^  --${option}(?: (?:[<[]|<name>=)\\S*)?(?:\\n)? {1,}(\\S.*)$`,
    'm',
  ).exec(usage)
  return (line?.[1] ?? '').split(/[;,:] | \(/)[0]?.trim() ?? ''
}
