// Draws docs/kill-and-resume.svg: what a terminal shows while a real upload is killed, looked at, continued and verified.
// Everything runs on this machine, against the fake OSS of the tests; the text of the picture is what the command wrote.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startFakeOss } from '../test/support/fake-oss/index.js'

const mib = 1024 * 1024
/** 64 parts of 8 MiB, the default. */
const size = 512 * mib
/** By then about as many are in flight. */
const partsBeforeKill = 24
/** 2 s for each part. */
const bytesPerSecondPerConnection = 4 * mib
const columns = 104

const command = join(import.meta.dirname, '../dist/cli/main.js')
const picture = join(import.meta.dirname, '../docs/kill-and-resume.svg')

/** Makes stderr of the command a terminal of that width. The machine's own name is nobody's business. */
const asTerminal = `
import os from 'node:os'
import { syncBuiltinESMExports } from 'node:module'
os.hostname = () => 'laptop'
syncBuiltinESMExports()
Object.assign(process.stderr, { isTTY: true, columns: ${columns} })`

type Kind = 'typed' | 'said' | 'stopped'

interface Line {
  readonly kind: Kind
  readonly text: string
}

/** What stays on a terminal of bytes that redraw a line. */
function asShown(bytes: string): readonly string[] {
  const lines = bytes.split('\n').map((line) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what erases the rest of a line
    const redrawn = line.split('\r').map((text) => text.replace(/\x1b\[K.*$/, ''))
    return (redrawn.findLast((text) => text !== '') ?? '').trimEnd()
  })
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

class Terminal {
  readonly #cwd: string
  readonly #environment: NodeJS.ProcessEnv
  readonly lines: Line[] = []

  constructor(cwd: string, endpoint: string) {
    this.#cwd = cwd
    this.#environment = {
      TZ: 'UTC',
      TERM: 'xterm',
      OSS_REGION: 'cn-hangzhou',
      OSS_ENDPOINT: endpoint,
      OSS_ACCESS_KEY_ID: 'test-access-key-id',
      OSS_ACCESS_KEY_SECRET: 'test-access-key-secret',
    }
  }

  /** @param watch may kill the command while it runs */
  async type(typed: string, watch?: (child: ChildProcess) => Promise<void>): Promise<void> {
    if (this.lines.length > 0) this.lines.push({ kind: 'said', text: '' })
    this.lines.push({ kind: 'typed', text: `$ ${typed}` })
    const preload = `data:text/javascript,${encodeURIComponent(asTerminal)}`
    const argv = ['--import', preload, command, ...typed.split(' ').slice(1)]
    const child = spawn(process.execPath, argv, { cwd: this.#cwd, env: this.#environment })
    let bytes = ''
    for (const stream of [child.stderr, child.stdout]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        bytes += text
      })
    }
    const ended = new Promise<NodeJS.Signals | number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (exitCode, signal) => resolve(signal ?? exitCode))
    })
    await watch?.(child)
    const end = await ended
    this.lines.push(...asShown(bytes).map((text) => ({ kind: 'said' as const, text })))
    // It cannot say so itself: the shell does.
    if (end === 'SIGKILL') this.lines.push({ kind: 'stopped', text: 'Killed' })
    else if (end !== 0) throw new Error(`${typed} ended with ${end}:\n${bytes}`)
  }
}

const fontSize = 14
/** Of every common monospaced font, within a few thousandths. */
const characterWidth = fontSize * 0.602
const lineHeight = 20
const [left, top] = [18, 52]

const colours: Readonly<Record<Kind, string>> = {
  typed: '#7ee787',
  said: '#d1d9e0',
  stopped: '#ff7b72',
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Its own dark ground makes it readable on a light and on a dark page. */
function draw(lines: readonly Line[]): string {
  const longest = Math.max(...lines.map(({ text }) => text.length))
  const width = Math.ceil(2 * left + longest * characterWidth)
  const height = top + lines.length * lineHeight
  const texts = lines.flatMap(({ kind, text }, index) => {
    if (text === '') return []
    const y = top + index * lineHeight
    // Whatever font there is, a line takes the room that it has here.
    const length = (text.length * characterWidth).toFixed(1)
    return `<text x="${left}" y="${y}" textLength="${length}" fill="${colours[kind]}">${escaped(text)}</text>`
  })
  const lights = ['#ff5f57', '#febc2e', '#28c840'].map(
    (colour, index) => `<circle cx="${22 + 20 * index}" cy="19" r="6" fill="${colour}"/>`,
  )
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    '<title>An upload is killed and resumed</title>',
    '<desc>A terminal: ossup upload is killed half-way, ossup status tells what is done, the same command continues and ends with the CRC-64 of the object, ossup verify finds it equal to the file.</desc>',
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="9" fill="#0d1117" stroke="#59636e"/>`,
    ...lights,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${fontSize}" xml:space="preserve">`,
    ...texts,
    '</g>',
    '</svg>',
  ].join('\n')}\n`
}

if (!existsSync(command)) throw new Error('The command is not built: run `npm run build` first.')
const folder = await mkdtemp(join(tmpdir(), 'ossup-picture-'))
try {
  // Sizes and checksums of the object are enough.
  await using fake = await startFakeOss({ store: 'digest', bytesPerSecondPerConnection })
  // Only the end of it is on the disk; what is sent are 512 MiB all the same.
  await writeFile(join(folder, 'disk.img'), '')
  await truncate(join(folder, 'disk.img'), size - mib)
  await appendFile(join(folder, 'disk.img'), randomBytes(mib))
  const terminal = new Terminal(folder, fake.endpoint)
  const object = 'oss://examplebucket/backup/disk.img'
  await terminal.type(`ossup upload disk.img ${object}`, async (child) => {
    while (child.exitCode === null && fake.acknowledged.length < partsBeforeKill) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    // Long enough for the acknowledged parts to be on disk and on the screen.
    await new Promise((resolve) => setTimeout(resolve, 200))
    child.kill('SIGKILL')
  })
  await terminal.type('ossup status disk.img.ucp')
  await terminal.type(`ossup upload disk.img ${object}`)
  await terminal.type(`ossup verify disk.img ${object}`)
  await writeFile(process.argv[2] ?? picture, draw(terminal.lines))
  for (const { text } of terminal.lines) console.log(text)
} finally {
  await rm(folder, { recursive: true, force: true })
}
