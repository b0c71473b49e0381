// Pure: what the plan needs, what the journal records and what OSS lists -> what becomes of each part (I3).

import { type PartPlan, partRange } from './plan.js'

export interface RecordedPart {
  readonly size: number
  readonly crc64: string
  readonly etag: string
}

export interface ServerPart {
  readonly size: number
  readonly etag: string
  readonly crc64?: string | undefined
}

/** What the local bytes of a part must equal for it to count as done. */
export type Expectation = { readonly crc64: string } | { readonly md5: string }

export interface PartToVerify {
  readonly number: number
  readonly etag: string
  readonly expect: Expectation
  /** The journal knew it; else it was only listed. */
  readonly recorded: boolean
}

export interface Reconciliation {
  /** Done without another look: only under `verify: 'stat'`. */
  readonly keep: readonly number[]
  readonly verify: readonly PartToVerify[]
  readonly send: readonly number[]
  /** Recorded, and no longer on the server; also in `send`. */
  readonly lost: readonly number[]
}

/**
 * @param listed undefined when OSS does not let us list: then the journal stands alone (I8).
 * @param trusted numbers that need no verification although the journal's word is all there is.
 */
export function reconcileParts(
  plan: PartPlan,
  recorded: Pick<ReadonlyMap<number, RecordedPart>, 'get'>,
  listed: ReadonlyMap<number, ServerPart> | undefined,
  trusted: Pick<ReadonlySet<number>, 'has'>,
): Reconciliation {
  const keep: number[] = []
  const verify: PartToVerify[] = []
  const send: number[] = []
  const lost: number[] = []
  for (let number = 1; number <= plan.count; number++) {
    const part = reconcilePart(number, partRange(plan, number).size, recorded, listed)
    if (part === 'lost') lost.push(number)
    if (part === 'lost' || part === 'absent') send.push(number)
    else if (part.recorded && trusted.has(number)) keep.push(number)
    else verify.push(part)
  }
  return { keep, verify, send, lost }
}

/** One part of `size` bytes: what it has to equal to count as done, or why it has to be sent. */
export function reconcilePart(
  number: number,
  size: number,
  recorded: Pick<ReadonlyMap<number, RecordedPart>, 'get'>,
  listed: ReadonlyMap<number, ServerPart> | undefined,
): PartToVerify | 'absent' | 'lost' {
  const record = sized(recorded.get(number), size)
  const server = sized(listed?.get(number), size)
  if (record !== undefined && (listed === undefined || agrees(record, server))) {
    return { number, etag: record.etag, expect: { crc64: record.crc64 }, recorded: true }
  }
  const expect = server && expectationOf(server)
  if (server !== undefined && expect !== undefined) {
    return { number, etag: server.etag, expect, recorded: false }
  }
  return record === undefined ? 'absent' : 'lost'
}

/** A part of another size belongs to another plan, or was cut off: it is as good as absent. */
function sized<T extends { readonly size: number }>(
  part: T | undefined,
  size: number,
): T | undefined {
  return part?.size === size ? part : undefined
}

function agrees(record: RecordedPart, server: ServerPart | undefined): boolean {
  return (
    server !== undefined &&
    server.etag === record.etag &&
    (server.crc64 === undefined || server.crc64 === record.crc64)
  )
}

/** A part's ETag is the MD5 of its bytes unless the bucket encrypts with KMS; then it says nothing that can be checked. */
function expectationOf(server: ServerPart): Expectation | undefined {
  if (server.crc64 !== undefined) return { crc64: server.crc64 }
  return /^[0-9A-Fa-f]{32}$/.test(server.etag) ? { md5: server.etag.toUpperCase() } : undefined
}
