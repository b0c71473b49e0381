// Owns reading a command line: strict options, sizes, and names of objects, each refused in words that say what to do.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { isNodeError, OssError } from '../primitives/errors.js'

/** The code of every mistake on the command line. */
export const usageCode = 'ERR_USAGE'

export function usageError(message: string, hint: string): OssError {
  return new OssError(message, { code: usageCode, hint })
}

/** What `util.parseArgs` reads a command line with. */
export type OptionTable = NonNullable<ParseArgsConfig['options']>

type Parsed<T extends OptionTable> = ReturnType<
  typeof parseArgs<{ options: T; strict: true; allowPositionals: true }>
>

/**
 * `util.parseArgs`, strict, with its errors in our own form.
 *
 * @param help where the options are explained, e.g. `see: ossup upload --help`
 */
export function parseOptions<const T extends OptionTable>(
  argv: readonly string[],
  options: T,
  help: string,
): Parsed<T> {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true })
  } catch (error) {
    if (!isNodeError(error) || !error.code?.startsWith('ERR_PARSE_ARGS_')) throw error
    throw refusal(error.code, error.message, help)
  }
}

/** Node's message without its advice; it names the option and never the value. */
function refusal(code: string, message: string, help: string): OssError {
  const option = /'(-[^' ]*)/.exec(message)?.[1] ?? ''
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const isSecret = /secret|access-?key|token|password/i.test(option)
    const secretHint = 'credentials are read from the environment: set OSS_ACCESS_KEY_ID'
    return usageError(`unknown option ${option}`, isSecret ? secretHint : help)
  }
  if (/argument missing|ambiguous/.test(message)) {
    return usageError(`option ${option} needs a value`, help)
  }
  if (/does not take/.test(message)) return usageError(`option ${option} takes no value`, help)
  return usageError(message.split(/\.\s|\n/)[0] ?? message, help)
}

const units: Readonly<Record<string, bigint>> = {
  '': 1n,
  k: 1024n,
  kib: 1024n,
  m: 1024n ** 2n,
  mib: 1024n ** 2n,
  g: 1024n ** 3n,
  gib: 1024n ** 3n,
}

/** Bytes, or a number with K, M, G or KiB, MiB, GiB, all of them binary. A fraction must come out as whole bytes. */
export function parseSize(option: string, text: string): number {
  const [, whole = '', fraction = '', unit = ''] =
    /^(\d{1,15})(?:\.(\d{1,15}))?\s?([a-z]*)$/i.exec(text) ?? []
  const factor = units[unit.toLowerCase()]
  if (whole === '' || factor === undefined) {
    throw usageError(
      `${option} "${text}" is not a size`,
      'give bytes or a number with KiB, MiB or GiB, e.g. 8MiB',
    )
  }
  const scaled = BigInt(whole + fraction) * factor
  const scale = 10n ** BigInt(fraction.length)
  if (scaled % scale !== 0n) {
    throw usageError(`${option} "${text}" is not a whole number of bytes`, 'use a smaller unit')
  }
  return Number(scaled / scale)
}

export function parseWholeNumber(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw usageError(`${option} must be a whole number, not "${text}"`, `e.g. ${option} 4`)
}

/** `<index>/<count>`, from 0 on, e.g. `3/16`; ranges are left to the library. */
export function parseShard(
  option: string,
  text: string,
): { readonly index: number; readonly count: number } {
  const [, index, count] = /^(\d{1,15})\/(\d{1,15})$/.exec(text) ?? []
  if (index !== undefined && count !== undefined) {
    return { index: Number(index), count: Number(count) }
  }
  throw usageError(
    `${option} "${text}" is not one of several workers`,
    `give its number from 0 on and how many there are, e.g. ${option} 3/16`,
  )
}

export function parseChoice<const T extends string>(
  option: string,
  text: string,
  accepted: readonly T[],
): T {
  const chosen = accepted.find((choice) => choice === text)
  if (chosen !== undefined) return chosen
  throw usageError(
    `${option} cannot be "${text}"`,
    `give ${accepted.map((choice) => `${option} ${choice}`).join(' or ')}`,
  )
}

/** `oss://<bucket>/<key>`; the key is taken as it stands, so `%20`, `?` and `#` are part of it. */
export function parseObjectUrl(text: string): { readonly bucket: string; readonly key: string } {
  const [, bucket = '', key = ''] = /^oss:\/\/([^/]*)(?:\/(.*))?$/s.exec(text) ?? []
  const form = 'write it as oss://<bucket>/<key>'
  if (!text.startsWith('oss://')) {
    // What follows a question mark may be the signature of a presigned URL.
    throw usageError(`the destination is not an oss:// URL: "${text.split('?')[0]}"`, form)
  }
  if (bucket === '') throw usageError('the destination names no bucket', form)
  if (key === '') throw usageError(`the destination oss://${bucket} names no key`, form)
  return { bucket, key }
}

/** True for an option before `--`. */
export function hasFlag(argv: readonly string[], ...names: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).some((argument) => names.includes(argument))
}
