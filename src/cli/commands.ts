// Owns the table of commands: the file of each, loaded when it is asked for, and the options that it is parsed with.

import type { OptionTable } from './args.js'
import type { Command } from './command.js'

export interface LoadedCommand {
  readonly command: Command
  /** What its command line is parsed with. */
  readonly options: OptionTable
  /** What its first argument can be, where that is one of a few words. */
  readonly words?: readonly string[]
}

export interface CommandEntry {
  /** Without the program's name. */
  readonly synopsis: string
  /** A few words. */
  readonly summary: string
  load(): Promise<LoadedCommand>
}

/** All but `completion`, which is made of this table. */
export const commands: ReadonlyMap<string, CommandEntry> = new Map<string, CommandEntry>([
  [
    'upload',
    {
      synopsis: 'upload <file>... oss://<bucket>/<key>',
      summary: 'upload a file, or continue an upload that was interrupted',
      async load() {
        const [{ uploadCommand }, { uploadFlags, uploadUsage }] = await Promise.all([
          import('./upload-command.js'),
          import('./upload-args.js'),
        ])
        return { command: uploadCommand, options: optionTable(uploadFlags, uploadUsage) }
      },
    },
  ],
  [
    'status',
    {
      synopsis: 'status <checkpoint>',
      summary: 'print what a checkpoint records: done, left, and by whom',
      async load() {
        const { statusCommand, statusOptions } = await import('./status-command.js')
        return { command: statusCommand, options: statusOptions }
      },
    },
  ],
  [
    'plan',
    {
      synopsis: 'plan <file> oss://<bucket>/<key>',
      summary: 'print what an upload would send; nothing is sent',
      async load() {
        const { planCommand, planOptions } = await import('./plan-command.js')
        return { command: planCommand, options: planOptions }
      },
    },
  ],
  [
    'verify',
    {
      synopsis: 'verify <file> oss://<bucket>/<key>',
      summary: 'compare a file with what is stored; nothing is downloaded',
      async load() {
        const { verifyCommand, verifyOptions } = await import('./verify-command.js')
        return { command: verifyCommand, options: verifyOptions }
      },
    },
  ],
  [
    'list',
    {
      synopsis: 'list oss://<bucket>[/<prefix>]',
      summary: 'list unfinished uploads and what they hold',
      async load() {
        const { listCommand, listOptions } = await import('./list-command.js')
        return { command: listCommand, options: listOptions }
      },
    },
  ],
  [
    'abort',
    {
      synopsis: 'abort oss://<bucket>/<key>',
      summary: 'abort one unfinished upload',
      async load() {
        const { abortCommand, abortOptions } = await import('./abort-command.js')
        return { command: abortCommand, options: abortOptions }
      },
    },
  ],
  [
    'gc',
    {
      synopsis: 'gc oss://<bucket>[/<prefix>]',
      summary: 'abort unfinished uploads that are older than a given age',
      async load() {
        const [{ gcCommand }, { gcOptions }] = await Promise.all([
          import('./gc-command.js'),
          import('./gc-args.js'),
        ])
        return { command: gcCommand, options: gcOptions }
      },
    },
  ],
  [
    'doctor',
    {
      synopsis: 'doctor oss://<bucket>',
      summary: 'try which permissions and settings work',
      async load() {
        const { doctorCommand, doctorOptions } = await import('./doctor-command.js')
        return { command: doctorCommand, options: doctorOptions }
      },
    },
  ],
  [
    'presign',
    {
      synopsis: 'presign <what> oss://<bucket>/<key>',
      summary: 'print a URL that makes one request without credentials',
      async load() {
        const [{ presignCommand }, { presignOptions }] = await Promise.all([
          import('./presign-command.js'),
          import('./presign-args.js'),
        ])
        const words = ['get', 'put', 'upload-part']
        return { command: presignCommand, options: presignOptions, words }
      },
    },
  ],
  [
    'sign',
    {
      synopsis: 'sign explain [oss://...]',
      summary: 'print how a request is signed, and why OSS refused its signature',
      async load() {
        const [{ signCommand }, { signOptions }] = await Promise.all([
          import('./sign-command.js'),
          import('./sign-args.js'),
        ])
        return { command: signCommand, options: signOptions, words: ['explain'] }
      },
    },
  ],
])

/** Of names whose usage text shows which of them take a value: `--name <value>`. */
function optionTable(names: readonly string[], usage: string): OptionTable {
  return Object.fromEntries(
    names.map((name) => {
      const takesValue = new RegExp(`^  --${name} <`, 'm').test(usage)
      return [name, { type: takesValue ? 'string' : 'boolean' }]
    }),
  )
}
