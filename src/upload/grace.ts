// Owns requests that a cancellation should let finish, within limits: what OSS answers must not get lost.

import type { UploadEnvironment } from './environment.js'

/** Milliseconds that a request gets to answer after its upload was cancelled. */
const graceMs = 5_000

/**
 * Runs `request` with a signal that aborts some seconds after the caller's: an upload id whose answer was thrown away
 * would be an orphan (I9), and a caller who cancels does not want to wait for a server that is silent.
 */
export async function withGrace<T>(
  environment: Pick<UploadEnvironment, 'sleep'>,
  signal: AbortSignal | undefined,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const finished = new AbortController()
  const onAbort = (): void => {
    environment.sleep(graceMs, finished.signal).then(
      () => late.abort(signal?.reason),
      () => {},
    )
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await request(late.signal)
  } finally {
    signal?.removeEventListener('abort', onAbort)
    finished.abort()
  }
}
