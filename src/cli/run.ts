// Owns the dispatch of commands: the table of them, help and version. Nothing of the library is loaded here.

import { readFile } from 'node:fs/promises'
import { hasFlag, usageError } from './args.js'
import { type Command, refuse } from './command.js'
import { exitCodes } from './failure.js'
import type { Io } from './io.js'

/** Each command is a file of its own, loaded when it is asked for. */
const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['upload', async () => (await import('./upload-command.js')).uploadCommand],
  ['presign', async () => (await import('./presign-command.js')).presignCommand],
  ['sign', async () => (await import('./sign-command.js')).signCommand],
])

const usage = `usage: ossup <command> [arguments]

Uploads files to Alibaba Cloud OSS so that a failure of the network, the process or the machine costs at most the parts
that were in flight.

commands:
  upload <file> oss://<bucket>/<key>   upload a file, or continue an upload that was interrupted
  presign <what> oss://<bucket>/<key>  print a URL that makes one request without credentials
  sign explain [oss://...]             print how a request is signed, and why OSS refused its signature

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
  const load = commands.get(name)
  if (load === undefined) {
    const what = name.startsWith('-') ? 'option' : 'command'
    throw usageError(`unknown ${what} "${name.split('=')[0]}"`, 'see: ossup --help')
  }
  const command = await load()
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
