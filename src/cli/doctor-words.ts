// Owns what `ossup doctor` says of each thing that it tried: what is missing, what that costs, and the way out. Pure.

import { OssError, OssServiceError } from '../primitives/errors.js'
import type { Diagnosis, Probe, ProbeName } from '../upload/probe-bucket.js'
import { formatAge } from './answer.js'

/** What does not work without it. */
const costs: Readonly<Record<ProbeName, string>> = {
  credentials: 'nothing works',
  clock: 'nothing works',
  bucket: 'nothing works',
  PutObject: 'no upload works',
  ListParts:
    'a resumed upload relies on its checkpoint alone, and list and gc do not show what uploads hold',
  HeadObject:
    'a lost answer to Complete cannot be settled (ERR_OSS_AMBIGUOUS), and verify does not work',
  AbortMultipartUpload:
    'uploads that are given up stay and are billed, and abort and gc do not work',
  ListMultipartUploads: '--adopt, list and gc do not work',
}

/** What a RAM policy has to allow; that of HeadObject is OSS's GetObject. */
const actions: Readonly<Partial<Record<ProbeName, string>>> = {
  PutObject: 'oss:PutObject',
  ListParts: 'oss:ListParts',
  HeadObject: 'oss:GetObject',
  AbortMultipartUpload: 'oss:AbortMultipartUpload',
  ListMultipartUploads: 'oss:ListMultipartUploads',
}

export interface Finding {
  readonly name: ProbeName
  readonly result: Probe['result']
  /** What was seen, or what a failure costs. */
  readonly detail: string
  readonly hint: string
  readonly code?: string
  readonly requestId?: string
}

export function findingsOf(diagnosis: Diagnosis): readonly Finding[] {
  return diagnosis.probes.map((probe) => findingOf(probe, diagnosis))
}

function findingOf({ name, result, error }: Probe, { probes, offsetMs }: Diagnosis): Finding {
  const wasReached = probes.some((probe) => probe.name === 'bucket' && probe.result === 'works')
  const codes = {
    ...(error instanceof OssError && { code: error.code }),
    ...(error instanceof OssServiceError && error.requestId && { requestId: error.requestId }),
  }
  switch (result) {
    case 'works':
      return { name, result, detail: name === 'clock' ? clockWords(offsetMs) : '', hint: '' }
    case 'unknown':
      return { name, result, detail: unknownWords(name, wasReached), hint: '' }
    case 'denied': {
      const action = actions[name]
      const hint = action === undefined ? '' : `grant ${action} to the RAM user or role`
      return { name, result, detail: costs[name], hint, ...codes }
    }
    case 'failed': {
      const message = error instanceof Error ? error.message : String(error)
      const hint = (error instanceof OssError ? error.hint : undefined) ?? placeHint(error)
      return { name, result, detail: message, hint, ...codes }
    }
  }
}

/** OSS names the right endpoint to those who have come to a wrong one. */
function placeHint(error: unknown): string {
  const endpoint = error instanceof OssServiceError ? error.fields['Endpoint'] : undefined
  return endpoint === undefined ? '' : `the bucket is at ${endpoint}`
}

function unknownWords(name: ProbeName, wasReached: boolean): string {
  if (name === 'clock' && wasReached) return 'OSS did not say what time it is'
  return 'could not be tried'
}

/** OSS takes a `Date` header of whole seconds, so that less than this is nothing. */
const unremarkableMs = 2_000
/** https://www.alibabacloud.com/help/en/oss/user-guide/0002-authentication: what is signed further off is refused. */
const refusedMs = 15 * 60_000

function clockWords(offsetMs = 0): string {
  const off = Math.abs(offsetMs)
  if (off < unremarkableMs) return 'as that of OSS'
  const words = `${formatAge(off)} ${offsetMs > 0 ? 'behind' : 'ahead of'} OSS`
  return off < refusedMs
    ? `${words}; OSS accepts 15 minutes`
    : `${words}: OSS refuses such requests; ossup corrects itself at the first refusal, other programs do not`
}

const widths = { name: 20, result: 7 } as const

/** `ListParts             denied   what that costs; what to do`. */
export function findingLine({ name, result, detail, hint }: Finding): string {
  const words = [detail, hint].filter((text) => text !== '').join('; ')
  return `${name.padEnd(widths.name)}  ${result.padEnd(widths.result)}  ${words}`.trimEnd()
}
