// Owns the options of `ossup upload` that say how the object is stored, published and reported; their ranges are the library's.

import { readFile } from 'node:fs/promises'
import type { UploadFileOptions } from '../upload/options.js'
import { parseWholeNumber, usageError } from './args.js'

type Settings = Pick<
  UploadFileOptions,
  | 'headers'
  | 'metadata'
  | 'acl'
  | 'storageClass'
  | 'tagging'
  | 'serverSideEncryption'
  | 'forbidOverwrite'
  | 'requestPayer'
  | 'trafficLimit'
  | 'sequential'
>

export interface ObjectArgs extends Settings {
  /** JSON, or `@` and the name of a file that has it. */
  readonly callbackText: string | undefined
}

/** For `parseArgs`. */
export const objectOptions = {
  'content-type': { type: 'string' },
  'cache-control': { type: 'string' },
  'content-disposition': { type: 'string' },
  'content-encoding': { type: 'string' },
  expires: { type: 'string' },
  meta: { type: 'string', multiple: true },
  acl: { type: 'string' },
  'storage-class': { type: 'string' },
  tagging: { type: 'string', multiple: true },
  sse: { type: 'string' },
  'sse-key-id': { type: 'string' },
  'sse-data-encryption': { type: 'string' },
  'forbid-overwrite': { type: 'boolean', default: false },
  'request-payer': { type: 'boolean', default: false },
  callback: { type: 'string' },
  'traffic-limit': { type: 'string' },
  sequential: { type: 'boolean', default: false },
} as const

type Values = {
  readonly [K in keyof typeof objectOptions]?: (typeof objectOptions)[K] extends { multiple: true }
    ? readonly string[] | undefined
    : (typeof objectOptions)[K] extends { type: 'boolean' }
      ? boolean | undefined
      : string | undefined
}

/**
 * What is not given is undefined. Words such as those of `--acl` are passed on as they are: the library knows which there are.
 *
 * @throws {OssError} `ERR_USAGE`
 */
export function parseObjectArgs(values: Values): ObjectArgs {
  const limit = values['traffic-limit']
  return {
    headers: {
      'Content-Type': values['content-type'],
      'Cache-Control': values['cache-control'],
      'Content-Disposition': values['content-disposition'],
      'Content-Encoding': values['content-encoding'],
      Expires: values.expires,
    },
    metadata: parsePairs('--meta', values.meta),
    acl: values.acl as Settings['acl'],
    storageClass: values['storage-class'] as Settings['storageClass'],
    tagging: parsePairs('--tagging', values.tagging),
    serverSideEncryption: parseEncryption(values),
    forbidOverwrite: values['forbid-overwrite'] || undefined,
    requestPayer: values['request-payer'] ? 'requester' : undefined,
    trafficLimit: limit === undefined ? undefined : parseWholeNumber('--traffic-limit', limit),
    sequential: values.sequential || undefined,
    callbackText: values.callback,
  }
}

/** The callback as the library takes it; what is in it is for the library to check. */
export async function loadCallback(
  text: string | undefined,
): Promise<UploadFileOptions['callback']> {
  if (text === undefined) return undefined
  const json = text.startsWith('@') ? await readCallbackFile(text.slice(1)) : text
  try {
    return JSON.parse(json) as UploadFileOptions['callback']
  } catch {
    const hint = `e.g. --callback '{"url":"https://example.com/uploaded","body":"key=\${object}"}'`
    throw usageError('--callback is not JSON', hint)
  }
}

async function readCallbackFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    throw usageError(`--callback: cannot read ${path} (${code})`, 'name a file that has the JSON')
  }
}

/** `name=value` each; what follows the first `=` is the value. */
function parsePairs(
  option: string,
  texts: readonly string[] = [],
): Readonly<Record<string, string>> | undefined {
  const pairs = new Map<string, string>()
  for (const text of texts) {
    const [name = '', ...rest] = text.split('=')
    if (name === '' || rest.length === 0) {
      throw usageError(`${option} has no name and value`, `write it as ${option} name=value`)
    }
    if (pairs.has(name)) {
      throw usageError(`${option} ${name} is given twice`, 'a name can have one value')
    }
    pairs.set(name, rest.join('='))
  }
  return pairs.size === 0 ? undefined : Object.fromEntries(pairs)
}

function parseEncryption(values: Values): Settings['serverSideEncryption'] {
  const { sse: algorithm, 'sse-key-id': keyId, 'sse-data-encryption': dataEncryption } = values
  if (algorithm === undefined) {
    const [alone] = Object.entries({ keyId, dataEncryption }).filter(([, v]) => v !== undefined)
    if (alone === undefined) return undefined
    const option = alone[0] === 'keyId' ? '--sse-key-id' : '--sse-data-encryption'
    throw usageError(`${option} needs --sse`, 'add --sse KMS')
  }
  const given = { keyId, dataEncryption }
  const present = Object.entries(given).filter(([, value]) => value !== undefined)
  return { algorithm, ...Object.fromEntries(present) } as Settings['serverSideEncryption']
}
