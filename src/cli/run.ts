// Owns the dispatch of commands: the table of them, help and version. Nothing of the library is loaded here.

import { readFile } from 'node:fs/promises'
import { hasFlag, usageError } from './args.js'
import { refuse } from './command.js'
import { type CommandEntry, commands } from './commands.js'
import { completionEntry } from './completion-command.js'
import { exitCodes } from './failure.js'
import type { Io } from './io.js'

/** Of every command: what is loaded when it is asked for. */
const entries: ReadonlyMap<string, CommandEntry> = new Map([
  ...commands,
  ['completion', completionEntry],
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
    return refuse(io, error)
  }
}

async function dispatch(io: Io): Promise<number> {
  const [name, ...argv] = io.argv
  switch (name) {
    case undefined:
      throw usageError('no command is given', 'see: ossup --help')
    case '-h':
    case '--help':
      io.stdout.write(usage)
      return exitCodes.done
    case '--version':
      io.stdout.write(`${await version()}\n`)
      return exitCodes.done
  }
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

/** Of the package that this file is part of. */
async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const manifest: { readonly version: string } = JSON.parse(text)
  return manifest.version
}
