// Pure: which parts of a plan are one worker's share, and how the journal is called in which it keeps what it has done.

import { basename } from 'node:path'

/** One of several workers that send one object together. */
export interface Shard {
  /** 0..`count` - 1. */
  readonly index: number
  /** How many workers there are, 1..1000. */
  readonly count: number
}

export const maxShardCount = 1000

/** The numbers of a worker's parts, both included; `last` is below `first` where there are more workers than parts. */
export interface Share {
  readonly first: number
  readonly last: number
}

/** @throws {TypeError|RangeError} naming what is accepted. */
export function assertShard(value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('shard must be { index, count }')
  }
  const unknown = Object.keys(value).find((name) => name !== 'index' && name !== 'count')
  if (unknown !== undefined) throw new TypeError(`unknown option "shard.${unknown}"`)
  const { index, count } = value as Partial<Shard>
  if (!isWhole(count, 1, maxShardCount)) {
    throw new RangeError(
      `shard.count must be a whole number, 1 to ${maxShardCount}, not ${String(count)}`,
    )
  }
  if (!isWhole(index, 0, count - 1)) {
    throw new RangeError(
      `shard.index must be a whole number, 0 to ${count - 1} with a count of ${count}, not ${String(index)}`,
    )
  }
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
}

/** Contiguous, so that a worker reads the source from one place on; no two shares differ by more than one part. */
export function shareOf({ index, count }: Shard, parts: number): Share {
  const before = (shares: number): number => Math.floor((shares * parts) / count)
  return { first: before(index) + 1, last: before(index + 1) }
}

export function isInShare({ first, last }: Share, number: number): boolean {
  return number >= first && number <= last
}

/** @param path of the checkpoint that all workers share */
export function shardJournalPath(path: string, { index, count }: Shard): string {
  return `${path}.shard-${index}-of-${count}`
}

/** Of the names in the directory of the checkpoint: the journals of workers, also where only a lock or a beginning is there. */
export function shardJournalNames(path: string, names: readonly string[]): string[] {
  const start = `${basename(path)}.shard-`
  const journals = names.flatMap((name) => {
    const rest = name.startsWith(start) ? name.slice(start.length) : ''
    const [, which] = /^(\d{1,4}-of-\d{1,4})(?:\.lock|\.tmp)?$/.exec(rest) ?? []
    return which === undefined ? [] : [start + which]
  })
  return [...new Set(journals)].sort()
}
