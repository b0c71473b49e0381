// Owns which files a command line of `ossup upload` names and the key of each: one file, or several below a prefix.

import { basename } from 'node:path'
import { parseObjectUrl, parseWholeNumber, usageError } from './args.js'
import { stdinName } from './stdin-args.js'

export interface Target {
  /** `-` for stdin. */
  readonly path: string
  readonly bucket: string
  readonly key: string
}

/** Files that one command uploads, and answers for together. */
export interface Several {
  readonly targets: readonly Target[]
  /** So many are uploaded at the same time. */
  readonly atOnce: number
  /** Named, and not uploaded: checkpoints of files that are. */
  readonly leftOut: readonly string[]
}

export interface Targets {
  readonly first: Target
  /** Undefined where one file is answered for as one. */
  readonly several: Several | undefined
}

interface Values {
  readonly files?: string | undefined
  readonly checkpoint?: string | undefined
  readonly 'checkpoint-dir'?: string | undefined
  readonly 'no-checkpoint'?: boolean | undefined
  readonly manifest?: string | undefined
  readonly shard?: string | undefined
  readonly json?: boolean | undefined
}

/**
 * A second file fills the gaps of the first, between its last part and the next file's first. More would only multiply what is in
 * flight, and lost by a crash, unless the files are small: then each is one request, and the time goes by waiting for answers.
 */
const defaultAtOnce = 2
const maxAtOnce = 16

/**
 * @param positionals files, and the destination behind them
 * @param help where the options are explained
 * @throws {OssError} `ERR_USAGE`
 */
export function parseTargets(
  positionals: readonly string[],
  values: Values,
  help: string,
): Targets {
  const named = positionals.slice(0, Math.max(1, positionals.length - 1))
  const url = positionals[named.length]
  if (named.length === 0 || named.includes('')) throw usageError('no file is given', help)
  if (url === undefined) {
    const what = named[0]?.startsWith('oss://') ? 'file' : 'destination'
    throw usageError(`no ${what} is given`, help)
  }
  assertLast(named, url)
  const atOnce = parseAtOnce(values.files)
  const leftOut = checkpointsAmong(named, values)
  const paths = named.filter((path) => !leftOut.includes(path))
  const isPrefix = url.endsWith('/')
  const targets = paths.length > 1 || isPrefix ? below(url, paths) : [at(url, paths[0] ?? '')]
  const [first, second] = targets
  if (first === undefined) throw usageError('no file is given', help)
  if (second !== undefined) assertForSeveral(values)
  // A program that lets a shell expand *.img wants one form of answer; a person with one file, all of its progress.
  const isSeveral = second !== undefined || leftOut.length > 0 || (isPrefix && values.json === true)
  return { first, several: isSeveral ? { targets, atOnce, leftOut } : undefined }
}

function assertLast(named: readonly string[], url: string): void {
  const early = named.find((path) => path.startsWith('oss://'))
  if (early === undefined) return
  throw usageError(
    `"${early}" stands before "${url.split('?')[0]}"`,
    'give the files first, then one destination, oss://<bucket>/<prefix>/',
  )
}

function parseAtOnce(text: string | undefined): number {
  if (text === undefined) return defaultAtOnce
  const number = parseWholeNumber('--files', text)
  if (number >= 1 && number <= maxAtOnce) return number
  throw usageError(`--files must be 1 to ${maxAtOnce}, not ${text}`, 'e.g. --files 4')
}

/** What `*` matches after a run that was interrupted: the state of that run, which the next one continues. */
function checkpointsAmong(named: readonly string[], values: Values): readonly string[] {
  if (values['no-checkpoint'] === true || values['checkpoint-dir'] !== undefined) return []
  const files = new Set(named)
  return named.filter((path) => files.has(/^(.+)\.ucp(?:\..*)?$/s.exec(path)?.[1] ?? ''))
}

function at(url: string, path: string): Target {
  return { path, ...parseObjectUrl(url) }
}

/** Each file under its base name. */
function below(url: string, paths: readonly string[]): readonly Target[] {
  // Refused in the words for a destination, before a name is put behind it.
  if (!url.startsWith('oss://')) parseObjectUrl(url)
  const prefix = url.endsWith('/') ? url : `${url}/`
  const byName = new Map<string, string>()
  return paths.map((path) => {
    const name = baseNameOf(path, paths.length)
    const other = byName.get(name)
    if (other !== undefined) {
      throw usageError(
        `${other} and ${path} would both be ${prefix}${name}`,
        'upload them by two commands with different prefixes',
      )
    }
    byName.set(name, path)
    return at(`${prefix}${name}`, path)
  })
}

function baseNameOf(path: string, count: number): string {
  if (path === stdinName) {
    throw count > 1
      ? usageError('stdin cannot be one of several files', 'upload it by a command of its own')
      : usageError('stdin has no name', 'give the whole key, e.g. oss://<bucket>/<prefix>/<name>')
  }
  const name = basename(path)
  if (!['', '.', '..'].includes(name)) return name
  throw usageError(`${path} is a directory`, 'name the files in it, e.g. dir/*')
}

function assertForSeveral(values: Values): void {
  if (values.shard !== undefined) {
    throw usageError('--shard is for one file', 'let the workers upload one file after the other')
  }
  if (values.checkpoint !== undefined) {
    throw usageError(
      '--checkpoint names one file, and several files need one each',
      'give --checkpoint-dir <directory>',
    )
  }
  if (values.manifest !== undefined) {
    throw usageError(
      '--manifest names one file, and several files need one each',
      'upload each by a command of its own; --json tells size, crc64 and etag of all',
    )
  }
}
