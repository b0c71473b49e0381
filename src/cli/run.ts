// Owns the dispatch of commands: the table of them, help and version. Nothing of the library is loaded here.

import { type CommandEntry, commands } from './commands.js'
import { completionSummary, completionSynopsis } from './completion-words.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'
import { version } from './version.js'

/** Of every command: what is loaded when it is asked for. */
const entries: ReadonlyMap<string, CommandEntry> = new Map([
  ...commands,
  [
    'completion',
    {
      synopsis: completionSynopsis,
      summary: completionSummary,
      load: async () => await (await import('./completion-command.js')).completionEntry.load(),
    },
  ],
])

const widest = Math.max(...[...entries.values()].map(({ synopsis }) => synopsis.length))

const usage = `usage: ossup <command> [arguments]

Uploads files to Alibaba Cloud OSS so that a failure of the network, the process or the machine costs at most the parts
that were in flight.

commands:
${[...entries.values()].map(({ synopsis, summary }) => `  ${synopsis.padEnd(widest)}  ${summary}`).join('\n')}

  ossup <command> --help   explains a command, its options, its environment and its exit status
  ossup --version          shows the version

example:
  export OSS_ACCESS_KEY_ID=... OSS_ACCESS_KEY_SECRET=...
  ossup upload ./disk.img oss://examplebucket/backup/disk.img --region cn-hangzhou
`

/** @returns the exit code; never throws. */
export async function run(io: Io): Promise<number> {
  try {
    return await dispatch(io)
  } catch (error) {
    const { refuse } = await import('./command.js')
    return refuse(io, error)
  }
}

async function dispatch(io: Io): Promise<number> {
  const [name, ...argv] = io.argv
  switch (name) {
    case '-h':
    case '--help':
      io.stdout.write(usage)
      return exitCodes.done
    case '--version':
      io.stdout.write(`${await version()}\n`)
      return exitCodes.done
  }
  // Help and the version are shown before anything more than this table is loaded.
  const { hasFlag, usageError } = await import('./args.js')
  if (name === undefined) throw usageError('no command is given', 'see: ossup --help')
  const entry = entries.get(name)
  if (entry === undefined) {
    const what = name.startsWith('-') ? 'option' : 'command'
    throw usageError(`unknown ${what} "${name.split('=')[0]}"`, 'see: ossup --help')
  }
  const { command } = await entry.load()
  if (hasFlag(argv, '-h', '--help')) {
    io.stdout.write(command.usage)
    return exitCodes.done
  }
  return command.run(io, argv)
}
