// Owns the forms of what the smaller commands answer: JSON lines, notes beside the answer, ages, and columns.

import { type Io, oneLine, wordLine } from './io.js'

/** One line of JSON on stdout. */
export function answerJson(io: Pick<Io, 'stdout'>, type: string, members: object): void {
  io.stdout.write(`${JSON.stringify({ type, ...members })}\n`)
}

/** One line on stdout; file names and keys cannot make two of it. */
export function answerLine(io: Pick<Io, 'stdout'>, text: string): void {
  io.stdout.write(`${oneLine(text)}\n`)
}

/** What is beside the answer: on stderr for people, among the lines of JSON for programs. */
export function sayBeside(
  io: Pick<Io, 'stdout' | 'stderr'>,
  json: boolean,
  kind: 'note' | 'warning',
  text: string,
): void {
  if (json) answerJson(io, kind, { text })
  else io.stderr.write(wordLine(kind, text))
}

/** `name      value`, one fact a line. */
export function answerFacts(
  io: Pick<Io, 'stdout'>,
  facts: readonly (readonly [name: string, value: string])[],
): void {
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, value] of facts) answerLine(io, `${name.padEnd(width)}  ${value}`)
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** Its two largest units: `42s`, `12m 3s`, `5h 7m`, `3d 4h`. */
export function formatAge(ms: number): string {
  const whole = Math.max(0, ms)
  const units = [
    [day, 'd'],
    [hour, 'h'],
    [minute, 'm'],
    [second, 's'],
  ] as const
  const first = units.findIndex(([size]) => whole >= size)
  if (first < 0) return '0s'
  const texts = units.slice(first, first + 2).map(([size, name], index) => {
    const above = index === 0 ? Number.POSITIVE_INFINITY : (units[first]?.[0] ?? size)
    return [Math.floor((whole % above) / size), name] as const
  })
  return texts
    .filter(([number], index) => index === 0 || number > 0)
    .map(([number, name]) => `${number}${name}`)
    .join(' ')
}
