// Owns the judgement of `ossup verify`: whether a file, an object and a manifest have the same bytes, and the words. Pure.

import type { HeadObjectResult } from '../oss/object.js'
import type { Manifest } from '../upload/manifest.js'
import { count } from './progress-line.js'

/** What HeadObject told. */
export type Stored =
  | Pick<HeadObjectResult, 'size' | 'crc64' | 'etag' | 'versionId' | 'lastModified'>
  | 'missing'

export interface Knowledge {
  readonly local: {
    readonly path: string
    readonly size: number
    /** Decimal; undefined where the sizes told already. */
    readonly crc64?: string
  }
  readonly object?: { readonly name: string; readonly stored: Stored }
  readonly manifest?: Manifest
  /** Numbers of the manifest's parts whose local bytes are others. */
  readonly differingParts: readonly number[]
}

export interface Verdict {
  readonly verdict: 'equal' | 'different' | 'missing' | 'unknown'
  /** One fact each; empty when equal. */
  readonly reasons: readonly string[]
  readonly differingParts: readonly number[]
}

export function judge(knowledge: Knowledge): Verdict {
  const { object, manifest, differingParts } = knowledge
  if (object?.stored === 'missing') {
    return { verdict: 'missing', reasons: [`there is no object ${object.name}`], differingParts }
  }
  const reasons = [
    ...(object === undefined ? [] : differences(knowledge.local, 'the object', object.stored)),
    ...(manifest === undefined ? [] : differences(knowledge.local, 'the manifest', manifest)),
  ]
  if (differingParts.length > 0) reasons.push(partsWords(differingParts))
  if (reasons.length > 0) return { verdict: 'different', reasons, differingParts }
  if (object !== undefined && object.stored.crc64 === undefined) {
    const reason = 'the sizes are equal, and OSS tells no CRC-64 of the object'
    return { verdict: 'unknown', reasons: [reason], differingParts }
  }
  return { verdict: 'equal', reasons: [], differingParts }
}

function differences(
  local: Knowledge['local'],
  name: string,
  other: { readonly size: number; readonly crc64?: string },
): string[] {
  if (local.size !== other.size) {
    return [`the file has ${local.size} bytes, ${name} ${other.size}`]
  }
  if (local.crc64 === undefined || other.crc64 === undefined || local.crc64 === other.crc64) {
    return []
  }
  return [`the file has CRC-64 ${local.crc64}, ${name} ${other.crc64}`]
}

const maxNumbers = 8

function partsWords(numbers: readonly number[]): string {
  const shown = numbers.slice(0, maxNumbers).join(', ')
  const more = numbers.length > maxNumbers ? ', ...' : ''
  return `${count(numbers.length, 'part')} of the manifest ${numbers.length === 1 ? 'differs' : 'differ'}: ${shown}${more}`
}

/** One line whose first word is the verdict. */
export function verdictText({ verdict, reasons }: Verdict, knowledge: Knowledge): string {
  const { local, object, manifest } = knowledge
  const others = [
    ...(object === undefined ? [] : [object.name]),
    ...(manifest === undefined ? [] : ['the manifest']),
  ]
  const sides = [local.path, ...others].join(' and ')
  const why = verdict === 'equal' ? `${local.size} bytes, crc64 ${local.crc64}` : reasons.join('; ')
  return `${verdict}: ${sides}: ${why}`
}
