// Owns the options of `ossup upload` that say how often it tries and how long it waits; their ranges are the library's.

import type { OssClientOptions } from '../oss/client.js'
import type { UploadFileOptions } from '../upload/options.js'
import { parseWholeNumber } from './args.js'
import { parseDuration } from './request-args.js'

export type NetworkArgs = Pick<UploadFileOptions, 'retry' | 'deadline'> &
  Pick<OssClientOptions, 'connectTimeout' | 'idleTimeout' | 'answerTimeout'>

/** For `parseArgs`. */
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
