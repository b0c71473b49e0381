// Rows of the fault table: connections that are not made, break, or fall silent.

import { type FaultRow, type Obstacle, type Topic, withContent } from './network-faults.js'
import { lostModes, retriedModes } from './network-faults-answers.js'
import { fails, finishes, harmless, lost, refused, retried } from './network-outcomes.js'

const breaking: readonly FaultRow[] = [
  {
    name: 'reset before the body',
    ...{ code: 'ERR_OSS_TRANSPORT', verdict: 'network', behaviour: retried(3), attempts: 3 },
    fault: { type: 'reset' },
  },
  {
    name: 'reset in mid-body',
    ...{ code: 'ERR_OSS_TRANSPORT', verdict: 'network', behaviour: retried(), on: withContent },
    ...{ fault: { type: 'reset', afterBodyBytes: 20_000 }, modes: retriedModes },
  },
  {
    name: 'reset at the end of the body',
    ...{ code: 'ERR_OSS_TRANSPORT', verdict: 'network', behaviour: retried(), on: withContent },
    fault: { type: 'reset', afterBodyBytes: 2 ** 30 },
  },
  {
    name: 'reset behind the operation',
    ...{ code: 'ERR_OSS_TRANSPORT', verdict: 'network', behaviour: lost() },
    ...{ fault: { type: 'reset-after-apply' }, modes: lostModes },
  },
]

/** Long enough for a busy machine; a body adds 32 KiB/s to it. */
const answerTimeout = 1_000
const silentModes: FaultRow['modes'] = {
  stream: { once: finishes(2), always: fails('resumes', 2) },
  sequential: { once: finishes(2), always: fails('resumes', 2) },
}
const silence: readonly FaultRow[] = [
  {
    name: 'silence',
    says: /\(answerTimeout\)/,
    ...{ code: 'ERR_OSS_TIMEOUT', verdict: 'network', behaviour: retried(2), modes: silentModes },
    ...{ fault: { type: 'hang' }, answerTimeout, attempts: 2 },
  },
  {
    name: 'silence behind the operation',
    ...{ code: 'ERR_OSS_TIMEOUT', verdict: 'network', behaviour: lost(2) },
    ...{ fault: { type: 'hang', apply: true }, answerTimeout, attempts: 2 },
  },
  {
    name: 'a body that is not taken',
    ...{ code: 'ERR_OSS_TIMEOUT', verdict: 'network', behaviour: retried(2), on: withContent },
    ...{ fault: { type: 'stall', afterBodyBytes: 20_000 }, answerTimeout, attempts: 2 },
  },
]

const slowness: readonly FaultRow[] = [
  {
    name: 'a late answer',
    ...{ code: '', behaviour: harmless, fault: { type: 'delay', ms: 150 } },
    on: ['InitiateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'PutObject'],
  },
  {
    name: 'an answer in drops',
    ...{ code: '', behaviour: harmless, answerTimeout },
    on: ['InitiateMultipartUpload', 'ListParts', 'CompleteMultipartUpload'],
    // Longer than the limit as a whole, shorter from drop to drop.
    fault: { type: 'drip', pieces: 12, ms: 120 },
  },
]

/** Three attempts where OSS has not answered before, else as many as the policy has. */
const unreachable = (obstacle: Obstacle, name: string, code: string, cause: string): FaultRow => ({
  ...{ name, obstacle, code, cause, verdict: 'unreachable', behaviour: retried(4, 3) },
  // The upload lists its id before it gives it up.
  except: { AbortMultipartUpload: { always: finishes(3, { open: 1 }) } },
})
const unreached: readonly FaultRow[] = [
  unreachable('refused', 'connection refused', 'ERR_OSS_TRANSPORT', 'ECONNREFUSED'),
  unreachable('no name', 'name not found', 'ERR_OSS_TRANSPORT', 'ENOTFOUND'),
  unreachable(
    'no answer to connect',
    'no connection in time',
    'ERR_OSS_TIMEOUT',
    'UND_ERR_CONNECT_TIMEOUT',
  ),
]

const untrusted: readonly FaultRow[] = [
  {
    name: 'certificate not trusted',
    ...{ code: 'ERR_OSS_TRANSPORT', behaviour: refused, obstacle: 'certificate' },
    ...{ cause: 'DEPTH_ZERO_SELF_SIGNED_CERT', says: /not trusted.*NODE_EXTRA_CA_CERTS/ },
  },
]

export const connectionTopics: readonly Topic[] = [
  { title: 'the connection breaks', rows: breaking },
  { title: 'the other side falls silent', rows: silence },
  { title: 'everything is slow', rows: slowness },
  { title: 'OSS cannot be reached', rows: unreached },
  { title: 'the connection is not trusted', rows: untrusted },
]
