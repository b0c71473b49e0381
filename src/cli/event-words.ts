// Owns which events of an upload are worth a line for a person, and the words. Pure.

import type { UploadEvent } from '../upload/events.js'
import type { UploadFileResult } from '../upload/result.js'
import { count, formatBytes } from './progress-line.js'

export interface Words {
  readonly kind: 'warning' | 'note'
  readonly text: string
}

/** @returns undefined for what a person need not know, and for what is said later and together. */
export function wordsFor(event: UploadEvent): Words | undefined {
  switch (event.type) {
    case 'degraded':
      // A policy that grants oss:PutObject alone is a good one: no reason to warn every time.
      return note(`${event.operation} is denied: ${event.consequence}`)
    case 'checkpoint-quarantined':
      return warning(
        `the checkpoint was damaged and is now ${event.path}` +
          (event.uploadId === undefined ? '' : `; it held upload ${event.uploadId}`),
      )
    case 'checkpoint-left':
      return warning('the object is stored, and its checkpoint could not be removed: delete it')
    case 'resume':
      return note(`continuing upload ${event.uploadId}, which has ${count(event.parts, 'part')}`)
    case 'source-differs':
      return warning(
        `${event.path} is not as it was when the upload began: its parts are compared with it`,
      )
    case 'superseded':
      // One that is still open is named at the end, where it is not overlooked.
      return event.open ? undefined : note(`upload ${event.uploadId} was aborted: ${event.reason}`)
    case 'found': {
      const found = `unfinished upload ${event.uploadId} matches ${formatBytes(event.matchingBytes)}`
      return note(
        event.adopted
          ? `${found}: continuing it`
          : `${found}: left alone, and billed until it is aborted`,
      )
    }
    case 'reconcile':
      return reconciliation[event.result]
    case 'part-found':
      return note(`OSS has part ${event.partNumber} already: it is not sent again`)
    case 'repair':
      return warning(`OSS does not accept part ${event.partNumber}: it is sent again`)
    default:
      return undefined
  }
}

const reconciliation: Readonly<Record<string, Words>> = {
  stored: note('the answer to Complete left open what happened: the object is stored'),
  'not-stored': note('the answer to Complete left open what happened: the object is not stored'),
  unknown: warning(
    'the answer to Complete left open what happened, and looking at the object did not tell',
  ),
}

export function partsDiffer(numbers: readonly number[]): Words {
  const they =
    numbers.length === 1 ? 'differs from the source and is' : 'differ from the source and are'
  return warning(`${nameParts(numbers)} ${they} sent again`)
}

export function partsLost(numbers: readonly number[]): Words {
  const they = numbers.length === 1 ? 'it is' : 'they are'
  return warning(`OSS no longer has ${nameParts(numbers)}: ${they} sent again`)
}

export function stillOpen(uploadId: string): Words {
  return warning(`upload ${uploadId} could not be aborted: its parts are billed until it is`)
}

/** A reply is for programs; a person wants to see that there is one. */
const maxReplyLength = 200

/** @returns undefined where no callback was asked for */
export function callbackWords({ outcome, callback }: UploadFileResult): Words | undefined {
  if (outcome === 'completed-callback-failed') {
    const why = callback?.message === undefined ? '' : `: ${callback.message}`
    return warning(
      `the object is stored, and its callback server did not accept the callback${why}`,
    )
  }
  if (callback === undefined) return undefined
  const { body } = callback
  const shown = body.length > maxReplyLength ? `${body.slice(0, maxReplyLength)}...` : body
  return note(`the callback server answered ${shown}`)
}

/** @returns undefined where the object is stored */
export function shardWords({ outcome, shard }: UploadFileResult): string | undefined {
  if (outcome !== 'shard-done' || shard === undefined) return undefined
  const { index, count: workers, parts, bytes } = shard
  return `shard ${index}/${workers} done  ${count(parts, 'part')}  ${bytes} bytes`
}

const maxRanges = 8

/** E.g. `parts 1, 3-7, 9`; of many ranges only the first few. */
function nameParts(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const range = ranges.at(-1)
    if (range !== undefined && number === range.last + 1) range.last = number
    else ranges.push({ first: number, last: number })
  }
  const shown = ranges
    .slice(0, maxRanges)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
  if (ranges.length > maxRanges) shown.push(`... (${numbers.length} in all)`)
  return `${numbers.length === 1 ? 'part' : 'parts'} ${shown.join(', ')}`
}

function warning(text: string): Words {
  return { kind: 'warning', text }
}

function note(text: string): Words {
  return { kind: 'note', text }
}
