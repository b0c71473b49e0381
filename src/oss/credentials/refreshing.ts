// Owns when credentials are asked for again: ahead of their end, once for all who wait, and never more often than useful.

import {
  assertCredentials,
  type CredentialsSource,
  credentialsError,
  type ExpiringCredentials,
} from './provider.js'

/** A provider that keeps credentials until they are near their end. */
export interface RefreshingProvider {
  (): Promise<ExpiringCredentials>
  /**
   * Gets new credentials. With `force` even if the present ones seem good, as when OSS has refused their token; it then
   * rejects when there are no new ones. Calls while one is under way share its result.
   */
  refresh(options?: { readonly force?: boolean | undefined }): Promise<ExpiringCredentials>
}

export interface RefreshingOptions {
  /** Injection point for tests: the clock that the end of credentials is compared with. @default () => new Date() */
  readonly now?: (() => Date) | undefined
  /**
   * Aborted when the program stops: it ends the call that is under way, and no other is made. What is held stays usable.
   * @default none: a call ends by itself or by its time limit
   */
  readonly signal?: AbortSignal | undefined
}

/** Of the time that is left when credentials arrive, the share after which new ones are asked for. */
const shareOfLifetime = 0.8
const leadMs = 5 * 60_000
/** A service may repeat the same credentials until shortly before their end: it is not asked with every request. */
const minIntervalMs = 30_000
/** Credentials that do not say when they end; the shortest that STS issues live for 15 minutes. */
const unknownLifetimeMs = 10 * 60_000
const firstBackoffMs = 1_000
const maxBackoffMs = 30_000

interface Held {
  readonly credentials: ExpiringCredentials
  /** Milliseconds since 1970. */
  readonly refreshAt: number
  readonly expiresAt: number
}

/**
 * Keeps what `source` gives, and asks it again when 80 % of the lifetime have passed or 5 minutes are left, whichever is
 * earlier; every 10 minutes if there is no `expiration`, or one that has passed when they arrive: then the clock of this machine is
 * likely to be wrong, and they are used. If they have expired indeed, OSS refuses them. All who ask meanwhile wait for one call.
 *
 * When that fails, the present credentials are used while they are valid, and the next attempt is made 1 s later, then 2 s, 4 s,
 * up to 30 s. Without valid ones the provider fails as `source` did, and with the same error until the next attempt is due.
 */
export function refreshingCredentials(
  source: CredentialsSource,
  options: RefreshingOptions = {},
): RefreshingProvider {
  const now = (): number => (options.now?.() ?? new Date()).getTime()
  let held: Held | undefined
  let underway: Promise<ExpiringCredentials> | undefined
  let failure: { readonly error: unknown; readonly count: number; readonly at: number } | undefined

  const ask = async (): Promise<ExpiringCredentials> => {
    try {
      options.signal?.throwIfAborted()
      const credentials = await source()
      assertCredentials(credentials)
      held = hold(credentials, now())
      failure = undefined
      return credentials
    } catch (error) {
      failure = { error, count: (failure?.count ?? 0) + 1, at: now() }
      throw error
    }
  }

  const renew = (): Promise<ExpiringCredentials> => {
    if (underway !== undefined) return underway
    const asked = ask()
    // Not within `ask`: a source that throws before it returns a promise has ended before this is set.
    underway = asked
    const ended = (): void => {
      underway = undefined
    }
    asked.then(ended, ended)
    return asked
  }

  const refresh: RefreshingProvider['refresh'] = async ({ force = false } = {}) => {
    if (force) return renew()
    const time = now()
    if (held !== undefined && time < held.refreshAt) return held.credentials
    const valid = held !== undefined && time < held.expiresAt ? held.credentials : undefined
    if (underway === undefined && failure !== undefined && time < nextAttempt(failure)) {
      if (valid !== undefined) return valid
      throw failure.error
    }
    try {
      return await renew()
    } catch (error) {
      if (valid !== undefined) return valid
      throw error
    }
  }
  return Object.assign(() => refresh(), { refresh })
}

function hold(credentials: ExpiringCredentials, time: number): Held {
  const { expiration } = credentials
  const expiresAt = expiration?.getTime() ?? Number.POSITIVE_INFINITY
  if (Number.isNaN(expiresAt))
    throw credentialsError('the expiration of the credentials is no date')
  const left = expiresAt - time
  // Nobody issues credentials that have ended: a wrong clock is likelier, and OSS, which is asked next, tells the time.
  if (expiration === undefined || left <= 0) {
    return {
      credentials,
      refreshAt: time + unknownLifetimeMs,
      expiresAt: Number.POSITIVE_INFINITY,
    }
  }
  const early = Math.min(left * shareOfLifetime, left - leadMs)
  const soonest = Math.min(left * shareOfLifetime, minIntervalMs)
  return { credentials, refreshAt: time + Math.max(early, soonest), expiresAt }
}

function nextAttempt({ count, at }: { readonly count: number; readonly at: number }): number {
  return at + Math.min(firstBackoffMs * 2 ** (count - 1), maxBackoffMs)
}
