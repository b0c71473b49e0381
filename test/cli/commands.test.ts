import { describe, expect, it } from 'vitest'
import { refuse } from '../../src/cli/command.js'
import { commands } from '../../src/cli/commands.js'
import { completionEntry } from '../../src/cli/completion-command.js'
import { uploadFlags } from '../../src/cli/upload-args.js'
import { pretendIo } from './fixtures.js'

const all = [...commands, ['completion', completionEntry] as const].map(([name, entry]) => ({
  name,
  ...entry,
}))

/** What the command line of a command says to some words; usage errors only, since nothing is reachable. */
async function refusal(name: string, argv: readonly string[]): Promise<string> {
  const entry = all.find((each) => each.name === name)
  const io = pretendIo({ argv: [name, ...argv], env: { OSS_REGION: 'cn-hangzhou' } })
  try {
    await (await entry?.load())?.command.run(io, argv)
  } catch (error) {
    refuse(io, error)
  }
  return io.err
}

/** `--name` or `-n` at the beginning of a line of a usage text, and whether a value follows. */
function explained(usage: string): ReadonlyMap<string, boolean> {
  const lines = usage.matchAll(/^ {2}(?:-h, )?--([a-z0-9-]+)( <)?/gm)
  return new Map([...lines].map(([, name = '', value]) => [name, value !== undefined]))
}

describe('the table of commands', () => {
  it.each(all)(
    '$name is explained, in lines that fit',
    async ({ name, synopsis, summary, load }) => {
      const { usage } = (await load()).command
      expect(synopsis.split(' ')[0]).toBe(name)
      expect(summary).toMatch(/^[a-z][^.]*$/)
      expect(usage).toMatch(new RegExp(`^usage: ossup ${name} `))
      for (const part of ['\noptions:\n', '\nexit status:\n', '\nexample', '  -h, --help']) {
        expect(usage).toContain(part)
      }
      expect(usage.split('\n').filter((line) => line.length > 120)).toEqual([])
    },
  )

  it.each(all)(
    '$name explains the options that it is parsed with, and no others',
    async ({ load }) => {
      const { command, options } = await load()
      const listed = explained(command.usage)
      expect([...listed.keys()].toSorted()).toEqual([...Object.keys(options), 'help'].toSorted())
      for (const [option, { type }] of Object.entries(options)) {
        expect(listed.get(option), `--${option} has a value`).toBe(type === 'string')
      }
    },
  )

  it.each(all)('$name has --json', async ({ load }) => {
    expect((await load()).options).toHaveProperty(
      'json',
      expect.objectContaining({ type: 'boolean' }),
    )
  })

  it('knows of each option of upload whether it takes a value', async () => {
    const options = (await commands.get('upload')?.load())?.options ?? {}
    expect(Object.keys(options)).toEqual(uploadFlags)
    for (const [name, { type }] of Object.entries(options)) {
      const said = await refusal('upload', [`--${name}`])
      expect(said.includes(`option --${name} needs a value`), name).toBe(type === 'string')
    }
  })

  it.each(all)('$name refuses an option that it has not', async ({ name }) => {
    expect(await refusal(name, ['--what'])).toMatch(
      new RegExp(`^ossup: error: unknown option --what; see: ossup ${name} --help\n$`),
    )
  })

  it('names the words that can come first', async () => {
    for (const [name, words] of [
      ['presign', ['get', 'put', 'upload-part']],
      ['sign', ['explain']],
    ] as const) {
      const { command, words: given } = (await commands.get(name)?.load()) ?? {}
      expect(given).toEqual(words)
      expect(command?.usage).toContain(words.join('|'))
    }
  })
})
