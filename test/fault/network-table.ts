// The fault table: every kind of trouble x operation x part x how long it lasts x how the source is read, and the outcome.

import type { FaultRow, Lasting, Mode, Topic } from './network-faults.js'
import { answerTopics } from './network-faults-answers.js'
import { connectionTopics } from './network-faults-connections.js'
import { identityTopics } from './network-faults-identity.js'
import { lieTopics } from './network-faults-lies.js'
import { type Operation, type Outcome, operations } from './network-outcomes.js'

export interface NetworkCase {
  readonly title: string
  readonly topic: string
  readonly row: FaultRow
  readonly operation: Operation
  /** Of an UploadPart: first, middle, last. */
  readonly part?: 1 | 2 | 3
  readonly mode: Mode
  readonly lasting: Lasting
  readonly expected: Outcome
}

export const topics: readonly Topic[] = [
  ...connectionTopics,
  ...answerTopics,
  ...identityTopics,
  ...lieTopics,
]

/** One request meets trouble at every position; trouble that lasts looks the same everywhere. */
const positions: { readonly [L in Lasting]: readonly (1 | 2 | 3)[] } = {
  once: [1, 2, 3],
  always: [2],
}

function casesOf({ title: topic, rows }: Topic): NetworkCase[] {
  return rows.flatMap((row) => {
    const { behaviour, except, on = operations, lasting = ['once', 'always'], modes = {} } = row
    const cases: Omit<NetworkCase, 'title'>[] = on.flatMap((operation) =>
      lasting.flatMap((lasts) => {
        const expected = except?.[operation]?.[lasts] ?? behaviour[operation][lasts]
        const base = { topic, row, operation, mode: 'file', lasting: lasts, expected } as const
        if (operation !== 'UploadPart') return [base]
        return positions[lasts].map((part) => ({ ...base, part }))
      }),
    )
    for (const [mode, outcomes] of Object.entries(modes)) {
      for (const lasts of lasting) {
        const expected = outcomes[lasts]
        const base = { topic, row, operation: 'UploadPart', mode: mode as Mode } as const
        cases.push({ ...base, part: 2, lasting: lasts, expected })
      }
    }
    return cases.map((one) => ({ ...one, title: titleOf(one) }))
  })
}

function titleOf({ row, operation, part, mode, lasting, expected }: Omit<NetworkCase, 'title'>) {
  const where = part === undefined ? operation : `${operation} ${part}`
  const how = mode === 'file' ? '' : ` of a ${mode}`
  const { ends } = expected
  const end = ends === 'finishes' ? ends : `fails (${ends})`
  return `${row.name}, ${lasting}, at ${where}${how}: ${end}`
}

export const cases: readonly NetworkCase[] = topics.flatMap(casesOf)
