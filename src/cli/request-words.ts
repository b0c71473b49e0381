// Owns the words for what happens to single requests: attempts, retries, credentials, clock, waiting. Pure.

import type { RequestEvent } from '../oss/scope.js'
import type { FailedAttempt } from '../primitives/errors.js'
import type { UploadEvent } from '../upload/events.js'
import type { Words } from './event-words.js'
import { count } from './progress-line.js'

type Of<Type extends UploadEvent['type']> = Extract<UploadEvent, { readonly type: Type }>

/** E.g. `380 ms`, `6.2 s`, `2 min 5 s`, `2 h 5 min`, `3 d 1 h`: two units at most. */
export function formatSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1).replace(/\.0$/, '')} s`
  const seconds = Math.round(ms / 1000)
  const amounts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = amounts.findIndex(([amount]) => amount > 0)
  const shown = amounts.slice(first, first + 2).filter(([amount]) => amount > 0)
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(' ')
}

/** What Node, undici and this library call it, in words; other names of Node are words that people look for. */
const plainCauses: ReadonlyMap<string, string> = new Map([
  ['UND_ERR_SOCKET', 'the connection was closed'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no connection in time'],
  ['ERR_OSS_TRANSPORT', 'no complete answer'],
  ['ERR_OSS_TIMEOUT', 'a time limit passed'],
  ['ERR_OSS_MALFORMED_RESPONSE', "the answer is not OSS's"],
  ['ERR_OSS_CHECKSUM_MISMATCH', 'other bytes arrived than were sent'],
])

/** Why an attempt failed: `ECONNRESET`, `503 ServiceUnavailable`, `status 502`. */
export function causeOf({
  code = '',
  cause,
  status,
}: Partial<Pick<FailedAttempt, 'code' | 'cause' | 'status'>>): string {
  if (status !== undefined) {
    return code === `HttpStatus${status}` ? `status ${status}` : `${status} ${code}`.trim()
  }
  return plainCauses.get(cause ?? '') ?? cause ?? plainCauses.get(code) ?? code
}

function about({ partNumber }: { readonly partNumber?: number }): string {
  return partNumber === undefined ? '' : `part ${partNumber}: `
}

function support({ requestId = '', ec = '' }: { requestId?: string; ec?: string }): string {
  const ids = [...(requestId ? [`request id ${requestId}`] : []), ...(ec ? [`EC ${ec}`] : [])]
  return ids.length === 0 ? '' : ` (${ids.join(', ')})`
}

/** With `again` the failed attempt and what is done about it are one line. */
export function attemptWords(event: Of<'attempt'>, again?: Of<'retry'>): Words {
  const { operation, attempt, durationMs, status } = event
  const took = formatSpan(durationMs)
  if (event.code === undefined) {
    const which = attempt === 1 ? '' : `, attempt ${attempt}`
    return note(
      `${about(event)}${operation} answered ${status} in ${took}${which}${support(event)}`,
    )
  }
  const failed = `${about(event)}${operation} attempt ${attempt} failed after ${took}: ${causeOf(event)}`
  const then = again === undefined ? '' : `; again in ${formatSpan(again.waitMs)}`
  return note(`${failed}${support(event)}${then}`)
}

export function retryWords(event: Of<'retry'>): Words {
  const { operation, attempt, waitMs, code, cause } = event
  const what = event.partNumber === undefined ? `${operation}: ` : about(event)
  const why = causeOf({ code, ...(cause !== undefined && { cause }) })
  return note(`${what}attempt ${attempt} failed: ${why}; again in ${formatSpan(waitMs)}`)
}

export function throttleWords({ concurrency, code }: Of<'throttle'>): Words {
  return note(`OSS asks for less (${code}): ${count(concurrency, 'part')} at a time`)
}

export function refreshWords({ code, result }: Of<'refresh'>): Words {
  const refused = `OSS refused the credentials (${code})`
  switch (result) {
    case 'refreshed':
      return note(`${refused}: others are used from now on`)
    case 'unchanged':
      return note(`${refused}: there are no others`)
    case 'failed':
      return { kind: 'warning', text: `${refused}, and getting others failed` }
  }
}

export function skewWords({ offsetMs, source }: Of<'skew'>): Words {
  const way = offsetMs > 0 ? 'behind' : 'ahead'
  const whose = source === 'ServerTime' ? "OSS's time" : 'the time that the answer was dated with'
  return {
    kind: 'warning',
    text: `this machine's clock is ${formatSpan(Math.abs(offsetMs))} ${way}: requests are signed with ${whose}`,
  }
}

export function stallWords(event: Of<'stall'>, verbose: boolean): Words {
  const span = formatSpan(event.idleMs)
  const what = event.phase === 'sending' ? `no byte moved for ${span}` : `no answer for ${span}`
  const which = event.partNumber === undefined ? `${event.operation}: ` : about(event)
  return note(`${verbose ? which : ''}${what}; waiting`)
}

export type WatchedEvent = RequestEvent | Of<'throttle'>

const watched: ReadonlySet<string> = new Set<WatchedEvent['type']>([
  ...(['attempt', 'retry', 'refresh', 'skew', 'stall', 'throttle'] as const),
])

export function isWatched(event: UploadEvent): event is WatchedEvent {
  return watched.has(event.type)
}

function note(text: string): Words {
  return { kind: 'note', text }
}
