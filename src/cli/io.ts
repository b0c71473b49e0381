// Owns what a command is given of its process, and the form of every line that it says to a person.

/** One of the standard streams; writing never throws. */
export interface Output {
  write(text: string): void
  /** True when the stream is a terminal whose line can be redrawn. */
  readonly isTTY: boolean
  /** Width of the terminal in characters. */
  readonly columns: number
  /** True once nobody reads any more, as when `head` has enough; what is written then is lost. */
  readonly isClosed: boolean
}

/** The reason of {@link Io.signal}. */
export interface Interruption {
  readonly signal: 'SIGINT' | 'SIGTERM'
  /** 128 and the number of the signal. */
  readonly exitCode: number
}

export interface Io {
  /** Arguments after the name of the program. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Read only by who asks for it; ends with an error when {@link Io.signal} aborts. */
  readonly stdin: () => AsyncIterable<Uint8Array>
  /** What {@link Io.stdin} would read; asking does not open it. */
  readonly stdinKind: () => 'data' | 'directory' | 'terminal'
  readonly stdout: Output
  readonly stderr: Output
  /** Aborted by the first SIGINT or SIGTERM, with an {@link Interruption}. */
  readonly signal: AbortSignal
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
}

/** Line breaks, control characters and marks that reorder text would let a file name forge lines of their own. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** `text` on one line: what is not printable is escaped as in JSON. */
export function oneLine(text: string): string {
  return text.replace(
    unprintable,
    (character) =>
      shortEscapes[character] ??
      `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
}

/** Lower case, no full stop, one fact a line. */
export function wordLine(kind: 'error' | 'warning' | 'note', text: string): string {
  return `ossup: ${kind}: ${oneLine(text)}\n`
}

export function isInterruption(value: unknown): value is Interruption {
  return typeof value === 'object' && value !== null && 'signal' in value && 'exitCode' in value
}
