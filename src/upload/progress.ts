// Counts bytes and parts, and reports them no more than ten times a second between parts.

import { tell, type UploadProgress } from './events.js'

const intervalMs = 100

/** An upload that had to start over counts from zero again; its listener sees counts stand still until they are passed. */
export function neverBack(
  listener: ((progress: UploadProgress) => void) | undefined,
): ((progress: UploadProgress) => void) | undefined {
  if (listener === undefined) return undefined
  const highest = { transferredBytes: 0, sentBytes: 0, resumedBytes: 0, partsDone: 0 }
  return (progress) => {
    for (const name of Object.keys(highest) as (keyof typeof highest)[]) {
      highest[name] = Math.max(highest[name], progress[name])
    }
    listener({ ...progress, ...highest })
  }
}

export class Progress {
  readonly #listener: ((progress: UploadProgress) => void) | undefined
  #totalBytes: number | undefined
  #parts: number | undefined
  #phase: UploadProgress['phase'] = 'sending'
  #transferred = 0
  #sent = 0
  #resumed = 0
  #done = 0
  #reportedAt = 0

  /** @param totalBytes undefined, like `parts`, until a stream has ended and {@link Progress.total} is told */
  constructor(
    listener: ((progress: UploadProgress) => void) | undefined,
    totalBytes?: number,
    parts?: number,
  ) {
    this.#listener = listener
    this.#totalBytes = totalBytes
    this.#parts = parts
  }

  /** Bytes that the network took; they may have to be sent again. */
  sent(bytes: number): void {
    this.#sent += bytes
    const now = performance.now()
    if (now - this.#reportedAt >= intervalMs) this.#report(now)
  }

  /** A part that an earlier run sent was found unchanged. */
  resumed(bytes: number): void {
    this.#resumed += bytes
    this.acknowledged(bytes)
  }

  acknowledged(bytes: number): void {
    this.#done += 1
    this.#transferred += bytes
    this.#report(performance.now())
  }

  /** What a stream turned out to have; reported when it is complete. */
  total(bytes: number, parts: number): void {
    this.#totalBytes = bytes
    this.#parts = parts
  }

  phase(phase: UploadProgress['phase']): void {
    if (this.#phase === phase) return
    this.#phase = phase
    this.#report(performance.now())
  }

  get sentBytes(): number {
    return this.#sent
  }

  #report(now: number): void {
    this.#reportedAt = now
    const completed = this.#phase === 'completed'
    const totalBytes = this.#totalBytes
    const parts = this.#parts
    const transferred = Math.min(this.#transferred, (totalBytes ?? Number.POSITIVE_INFINITY) - 1)
    tell(this.#listener, {
      phase: this.#phase,
      // The last part's acknowledgement is not yet success: the last byte counts when the object was checked.
      transferredBytes: completed ? (totalBytes ?? 0) : Math.max(0, transferred),
      totalBytes,
      sentBytes: this.#sent,
      resumedBytes: this.#resumed,
      // A part that was repaired is acknowledged twice; a completed object that was only found has all of them.
      partsDone: completed ? (parts ?? 0) : Math.min(this.#done, parts ?? this.#done),
      parts,
    })
  }
}
