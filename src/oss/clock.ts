// Pure: what OSS says the time is, and how far a clock is off.

import type { ServerTime } from '../primitives/errors.js'

/** Before this library existed, or a lifetime after: not a clock, but the default of one (1970) or a slip. */
const earliest = Date.UTC(2024, 0, 1)
const latest = Date.UTC(2100, 0, 1)

/**
 * The server's time: `ServerTime` of an error document, or the `Date` header, which a proxy may have put there.
 *
 * @returns undefined when neither is there, or what is there cannot be.
 */
export function serverTimeOf(
  serverTime: string | undefined,
  dateHeader: string | undefined,
): ServerTime | undefined {
  const own = plausible(serverTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/)
  if (own !== undefined) return { time: own, source: 'ServerTime' }
  const header = plausible(
    dateHeader,
    /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  )
  return header && { time: header, source: 'Date' }
}

function plausible(text: string | undefined, form: RegExp): Date | undefined {
  const trimmed = text?.trim() ?? ''
  const time = form.test(trimmed) ? Date.parse(trimmed) : Number.NaN
  return time >= earliest && time < latest ? new Date(time) : undefined
}
