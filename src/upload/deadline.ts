// Owns the one limit to the whole time of an upload, for those who want one.

import { OssError } from '../primitives/errors.js'
import type { UploadEnvironment } from './environment.js'
import type { UploadSettings } from './options.js'

const deadlines = new WeakSet<object>()

/** Runs `live` with settings whose signal aborts when the deadline has passed too. */
export async function withDeadline<Result>(
  environment: Pick<UploadEnvironment, 'every'>,
  settings: UploadSettings,
  live: (settings: UploadSettings) => Promise<Result>,
): Promise<Result> {
  const { deadline, signal } = settings
  if (deadline === undefined) return await live(settings)
  const either = new AbortController()
  const onAbort = (): void => either.abort(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const stop = environment.every(deadline, () => either.abort(passed(deadline)))
  try {
    return await live({ ...settings, signal: either.signal })
  } finally {
    stop()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** True for the error of a deadline: a failure like others, and nobody's wish to cancel. */
export function isDeadline(reason: unknown): boolean {
  return typeof reason === 'object' && reason !== null && deadlines.has(reason)
}

function passed(deadline: number): OssError {
  const error = new OssError(`the upload was not complete within ${deadline / 1000} s (deadline)`, {
    code: 'ERR_OSS_TIMEOUT',
  })
  deadlines.add(error)
  return error
}
