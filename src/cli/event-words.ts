// Owns which events of an upload are worth a line for a person, and the words. Pure.

import type { UploadEvent } from '../upload/events.js'
import { formatBytes } from './progress-line.js'

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
    numbers.length === 1 ? 'differs from the file and is' : 'differ from the file and are'
  return warning(`${nameParts(numbers)} ${they} sent again`)
}

export function partsLost(numbers: readonly number[]): Words {
  const they = numbers.length === 1 ? 'it is' : 'they are'
  return warning(`OSS no longer has ${nameParts(numbers)}: ${they} sent again`)
}

export function stillOpen(uploadId: string): Words {
  return warning(`upload ${uploadId} could not be aborted: its parts are billed until it is`)
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

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function warning(text: string): Words {
  return { kind: 'warning', text }
}

function note(text: string): Words {
  return { kind: 'note', text }
}
