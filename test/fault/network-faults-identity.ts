// Rows of the fault table: credentials that end, and clocks that are wrong.

import type { FailedAttempt } from '../../src/primitives/errors.js'
import type { FakeRequest } from '../support/fake-oss/index.js'
import { type FaultRow, status, type Topic } from './network-faults.js'
import { type Behaviour, corrected, fails, refused } from './network-outcomes.js'

const codes = [
  'SecurityTokenExpired',
  'InvalidSecurityToken',
  'AccessKeyIdAndSecurityTokenNotMatch',
  'InvalidAccessKeyId',
] as const

const credentials: readonly FaultRow[] = [
  ...codes.map(
    (code): FaultRow => ({
      name: `${code}, and there are new ones`,
      ...{ code, verdict: 'refresh', behaviour: corrected, renewable: true },
      fault: status(403, code),
    }),
  ),
  ...codes.slice(0, 1).map(
    (code): FaultRow => ({
      name: `${code}, and there are no others`,
      ...{ code, behaviour: refused, fault: status(403, code) },
    }),
  ),
]

const day = 86_400_000
const code = 'RequestTimeTooSkewed'
const clock = { code, verdict: 'skew' satisfies FailedAttempt['verdict'] } as const
/** A fault of the server's own making: it looks at the clock. */
const jump = (days: number): FaultRow => ({
  name: `${days < 0 ? 'ahead' : 'behind'} by ${Math.abs(days)} days`,
  ...{ ...clock, behaviour: corrected, lasting: ['once'] },
  fault: ({ setClock }) => {
    setClock(days * day)
    return undefined
  },
})

const twice: Behaviour = {
  ...corrected,
  ...Object.fromEntries(
    Object.entries(corrected).map(([operation, { once, always }]) => [
      operation,
      // Corrected by the lie, and back again.
      { once: { ...once, attempts: [3, 3] }, always: { ...always, attempts: [2, 2] } },
    ]),
  ),
}

const later = (): string => new Date(Date.now() + 3 * day).toISOString()
const clocks: readonly FaultRow[] = [
  jump(3),
  jump(-3),
  jump(400),
  {
    name: 'behind by 2 days, told by Date alone',
    ...{ ...clock, behaviour: corrected, lasting: ['once'] },
    fault: ({ setClock }) => {
      setClock(2 * day)
      return status(403, code)
    },
  },
  {
    name: 'OSS tells a wrong time',
    ...{ ...clock, behaviour: twice },
    fault: () => ({ type: 'status', status: 403, code, fields: { ServerTime: later() } }),
    except: { HeadObject: { always: fails('ambiguous', [3, 4], { code: 'ERR_OSS_AMBIGUOUS' }) } },
  },
  {
    name: 'OSS tells no time',
    ...{ code, behaviour: refused },
    fault: {
      ...{ type: 'status', status: 403, code },
      headers: { Date: 'Thu, 01 Jan 1970 00:00:00 GMT' },
    },
  },
]

/** The first attempt is not made with what the second one is. */
export const tokenOf = ({ headers }: FakeRequest): string | undefined =>
  headers['x-oss-security-token']

export const identityTopics: readonly Topic[] = [
  { title: 'credentials end', rows: credentials },
  { title: 'the clock is wrong', rows: clocks },
]
