// Owns credentials that an external program prints.

import {
  assertTemporary,
  decodeProfileCredentials,
  decodeServiceCredentials,
  parseJsonObject,
} from './credentials-json.js'
import { runProgram } from './machine.js'
import type { CredentialsSource } from './provider.js'
import {
  type RefreshingOptions,
  type RefreshingProvider,
  refreshingCredentials,
} from './refreshing.js'

export interface ProcessOptions extends RefreshingOptions {
  /** A path, or a name to look for in PATH. It is run as it is: no shell reads it. */
  readonly command: string
  /** @default [] */
  readonly args?: readonly string[] | undefined
  /** Milliseconds until the program is killed, 1 to 600,000. @default 60,000 */
  readonly timeout?: number | undefined
}

const what = 'the credentials program'

/**
 * Credentials that a program prints to stdout as one JSON object: `access_key_id`, `access_key_secret` and where they are
 * temporary `sts_token` and `expiration`, as for the Alibaba Cloud CLI; or `AccessKeyId`, `AccessKeySecret`, `SecurityToken` and
 * `Expiration`. Run again before they end. Its stderr is not looked at.
 *
 * The provider fails with `ERR_OSS_CREDENTIALS`, naming neither the command nor what it printed.
 * https://www.alibabacloud.com/help/en/doc-detail/121258.html
 *
 * @throws {TypeError|RangeError} for a command or a time limit that is none.
 */
export function processCredentials(options: ProcessOptions): RefreshingProvider {
  const { command, timeout = defaultTimeoutMs } = options
  if (typeof command !== 'string' || command === '') {
    throw new TypeError('command must be the path or name of a program')
  }
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > 600_000) {
    throw new RangeError(`timeout must be 1..600000 ms, not ${timeout}`)
  }
  return refreshingCredentials(processSource(options), options)
}

/** What the official SDKs give such a program. */
const defaultTimeoutMs = 60_000

export function processSource(options: ProcessOptions): CredentialsSource {
  const { command, args = [], timeout: timeoutMs = defaultTimeoutMs, signal } = options
  return async () => {
    const object = parseJsonObject(await runProgram({ command, args, timeoutMs, signal }), what)
    const isService = object['AccessKeyId'] !== undefined
    const decode = isService ? decodeServiceCredentials : decodeProfileCredentials
    const credentials = decode(object, what)
    if (object['mode'] === 'StsToken') assertTemporary(credentials, what, 'sts_token')
    return credentials
  }
}

/**
 * The words of a command line as a POSIX shell would split it: blanks separate, quotes group, a backslash takes the next
 * character literally. Nothing is expanded, and no operator has a meaning.
 *
 * @returns undefined for a line without a word, or with an open quote
 */
export function splitCommandLine(line: string): readonly [string, ...string[]] | undefined {
  const word = /(?:[^\s'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")+/y
  const words: string[] = []
  const blanks = /\s*/y
  let position = 0
  for (;;) {
    blanks.lastIndex = position
    blanks.exec(line)
    position = blanks.lastIndex
    if (position === line.length) break
    word.lastIndex = position
    const [found] = word.exec(line) ?? []
    if (found === undefined) return undefined
    words.push(unquote(found))
    position += found.length
  }
  const [command, ...args] = words
  return command === undefined || command === '' ? undefined : [command, ...args]
}

function unquote(word: string): string {
  return word.replace(
    /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])/g,
    (_, single?: string, double?: string, escaped?: string) =>
      // Between double quotes a backslash is itself before all but these.
      single ?? double?.replace(/\\([\\"$`\n])/g, '$1') ?? escaped ?? '',
  )
}
