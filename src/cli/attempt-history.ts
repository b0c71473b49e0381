// Owns what a failure tells of the attempts before it, on a few lines, and of the page that OSS has about it. Pure.

import type { FailedAttempt } from '../primitives/errors.js'
import { causeOf, formatSpan } from './request-words.js'

/** So that a failure stays on one screen. */
const maxLines = 8
const firstLines = 4
const lastLines = maxLines - firstLines - 1

/** The library keeps no more, so that the first one here need not be the first one made. */
const allKept = 50

/** @returns nothing where a single attempt was made: the error says all of it. */
export function historyLines(attempts: readonly FailedAttempt[]): readonly string[] {
  const { length } = attempts
  if (length < 2) return []
  const line = (attempt: FailedAttempt, index: number): string =>
    lineOf(attempt, length < allKept ? `attempt ${index + 1}` : 'attempt')
  const all = attempts.map(line)
  if (length <= maxLines) return all
  const middle = attempts.slice(firstLines, -lastLines)
  const causes = [...new Set(middle.map(causeOf))]
  const alike = causes.length === 1 && causes[0] === causeOf(attempts[firstLines - 1] ?? {})
  const others = causes.length > 3 ? [...causes.slice(0, 3), '...'] : causes
  const rest = alike ? 'more like it' : `more: ${others.join(', ')}`
  return [...all.slice(0, firstLines), `... ${middle.length} ${rest}`, ...all.slice(-lastLines)]
}

function lineOf(attempt: FailedAttempt, name: string): string {
  const { startedAt, durationMs, requestId, verdict, waitMs } = attempt
  // The day is known to whoever reads it; the zone is not.
  const time = startedAt.replace(/^.*T(\d\d:\d\d:\d\d).*$/, '$1Z')
  const id = requestId === undefined ? '' : ` (request id ${requestId})`
  const then =
    verdict === 'refresh'
      ? '; then got other credentials'
      : verdict === 'skew'
        ? '; then corrected the clock'
        : waitMs === undefined
          ? ''
          : `; then waited ${formatSpan(waitMs)}`
  return `${name} at ${time}, ${formatSpan(durationMs)}: ${causeOf(attempt)}${id}${then}`
}

const longestUrl = 300

/** OSS's page about an error, from its answer: only if it is one of Alibaba Cloud's, because people open what they are shown. */
export function recommendedDoc(text: string | undefined): string | undefined {
  const trimmed = text?.trim() ?? ''
  if (trimmed.length > longestUrl || !URL.canParse(trimmed)) return undefined
  const { protocol, hostname, port, username, password, href } = new URL(trimmed)
  const isTheirs = /(?:^|\.)(?:alibabacloud|aliyun)\.com$/.test(hostname)
  const isPlain = protocol === 'https:' && port + username + password === ''
  return isTheirs && isPlain ? href : undefined
}
