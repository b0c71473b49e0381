// Owns the shape of what a run has measured: what is written as JSON, shown as tables and held against the targets.

import type { Machine } from './machine.js'
import type { MemoryReport } from './memory.js'
import type { Comparison } from './pairs.js'
import type { StartupRow } from './startup.js'

export interface Results {
  readonly machine: Machine
  /** Ours is A, the peer is B. */
  readonly peers: readonly Comparison[]
  /** 8 in flight is A, 4 is B. */
  readonly concurrency: readonly Comparison[]
  /** The command is A, the library B. */
  readonly command: readonly Comparison[]
  /** With a checkpoint is A, without one is B. */
  readonly checkpoint?: Comparison
  readonly memory?: MemoryReport
  readonly startup?: readonly StartupRow[]
  /** How many times as fast as slicing-by-8 in WebAssembly, on a chunk in cache. */
  readonly crc64Factor?: number
}
