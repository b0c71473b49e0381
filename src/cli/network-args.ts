// Owns the options that say how often a command tries and how long it waits; their ranges are the library's.

import type { OssClientOptions } from '../oss/client.js'
import type { UploadFileOptions } from '../upload/options.js'
import { parseWholeNumber } from './args.js'
import { parseDuration } from './request-args.js'

export type RequestArgs = Pick<
  OssClientOptions,
  'retry' | 'connectTimeout' | 'idleTimeout' | 'answerTimeout'
>

export type NetworkArgs = RequestArgs & Pick<UploadFileOptions, 'deadline'>

/** The part of a usage text that explains them, without the deadline. */
export const requestUsage = `\
  --attempts <n>        tries of each request, 1 to 100, with growing pauses; default 10; 1 tries nothing twice
  --connect-timeout <t> time to establish a connection, 1s to 10m; default 10s
  --idle-timeout <t>    time in which the network may take no byte of what is sent, 1s to 1d; default 60s
  --answer-timeout <t>  time to wait for the answer once everything is sent, 1s to 1d; default 2m`

/** For `parseArgs`; all but the deadline are options of every command that talks to OSS. */
export const networkOptions = {
  attempts: { type: 'string' },
  'connect-timeout': { type: 'string' },
  'idle-timeout': { type: 'string' },
  'answer-timeout': { type: 'string' },
  deadline: { type: 'string' },
} as const

type Values = { readonly [K in keyof typeof networkOptions]?: string | undefined }

/**
 * What is not given is undefined.
 *
 * @throws {OssError} `ERR_USAGE`
 */
export function parseNetworkArgs(values: Values): NetworkArgs {
  const milliseconds = (name: keyof Values): number | undefined => {
    const text = values[name]
    return text === undefined ? undefined : parseDuration(`--${name}`, text) * 1000
  }
  const { attempts } = values
  return {
    retry:
      attempts === undefined ? undefined : { attempts: parseWholeNumber('--attempts', attempts) },
    connectTimeout: milliseconds('connect-timeout'),
    idleTimeout: milliseconds('idle-timeout'),
    answerTimeout: milliseconds('answer-timeout'),
    deadline: milliseconds('deadline'),
  }
}
