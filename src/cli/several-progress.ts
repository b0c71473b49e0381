// Owns the sum of the progress of several files: what one line can tell of all together. Pure.

import type { UploadProgress } from '../upload/events.js'
import type { ShownProgress } from './progress-display.js'

const summed = [
  'transferredBytes',
  'totalBytes',
  'sentBytes',
  'resumedBytes',
  'partsDone',
  'parts',
] as const

type Sums = Record<(typeof summed)[number], number>

interface File extends Sums {
  phase: UploadProgress['phase'] | 'waiting' | 'ended'
}

export class SeveralProgress {
  readonly #files: readonly File[]
  readonly #sums: Sums = newSums(0)
  /** How many files are in each phase. */
  readonly #phases = new Map<File['phase'], number>()
  #done = 0
  #failed = 0

  /** @param sizes bytes of each file, as far as they are known before it is opened */
  constructor(sizes: readonly number[]) {
    this.#files = sizes.map((size) => ({ phase: 'waiting', ...newSums(size) }))
    for (const { totalBytes } of this.#files) this.#sums.totalBytes += totalBytes
  }

  update(index: number, progress: UploadProgress): void {
    const file = this.#files[index]
    if (file === undefined || file.phase === 'ended') return
    for (const name of summed) this.#set(file, name, progress[name] ?? 0)
    this.#enter(file, progress.phase)
  }

  /** It is stored, or has failed: then nothing more is to come of it. */
  ended(index: number, isStored: boolean): void {
    const file = this.#files[index]
    if (file === undefined || file.phase === 'ended') return
    if (isStored) this.#done += 1
    else {
      this.#failed += 1
      this.#set(file, 'totalBytes', file.transferredBytes)
    }
    this.#enter(file, 'ended')
  }

  get progress(): ShownProgress {
    const files = { done: this.#done, failed: this.#failed, total: this.#files.length }
    return { phase: this.#phase, ...this.#sums, files }
  }

  /** What nothing but that is done in; the end only when every file is stored and checked. */
  get #phase(): UploadProgress['phase'] {
    if (this.#done === this.#files.length) return 'completed'
    const running = [...this.#phases].filter(([phase, number]) => phase !== 'ended' && number > 0)
    const [only, other] = running.map(([phase]) => phase)
    return other === undefined && (only === 'verifying' || only === 'completing') ? only : 'sending'
  }

  #set(file: File, name: keyof Sums, value: number): void {
    this.#sums[name] += value - file[name]
    file[name] = value
  }

  #enter(file: File, phase: File['phase']): void {
    if (file.phase === phase) return
    this.#phases.set(file.phase, (this.#phases.get(file.phase) ?? 0) - 1)
    this.#phases.set(phase, (this.#phases.get(phase) ?? 0) + 1)
    file.phase = phase
  }
}

function newSums(totalBytes: number): Sums {
  const none = { transferredBytes: 0, sentBytes: 0, resumedBytes: 0, partsDone: 0, parts: 0 }
  return { ...none, totalBytes }
}
