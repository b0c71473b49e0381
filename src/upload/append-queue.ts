// Owns the order of lines on their way into a file: one write after another, each of all lines that have come while the one before was under way.

import { setImmediate } from 'node:timers/promises'

interface Append {
  readonly line: string
  readonly durable: boolean
  resolve(): void
  reject(error: unknown): void
}

/**
 * Parts that end together do not wait for each other: their lines are written together. The first write that fails fails all that
 * follow, because the file may end in half a line.
 */
export class AppendQueue {
  readonly #write: (lines: string, durable: boolean) => Promise<void>
  readonly #waiting: Append[] = []
  /** Never fails. */
  #writing: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  /** @param write of one line when that is a durable one, else of one or more */
  constructor(write: (lines: string, durable: boolean) => Promise<void>) {
    this.#write = write
  }

  /** @returns what settles as the write that the line was part of. */
  append(line: string, durable: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, durable, resolve, reject })
      this.#writing ??= this.#writeAll()
    })
  }

  /** Waits until nothing is being written; never fails. */
  async idle(): Promise<void> {
    await this.#writing
  }

  async #writeAll(): Promise<void> {
    // With those of all parts whose answers are read in this turn of the event loop; and so that this never ends before the caller has
    // got hold of it.
    await setImmediate()
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      try {
        if (this.#failure !== undefined) throw this.#failure.error
        const durable = batch.some((append) => append.durable)
        await this.#write(batch.map(({ line }) => line).join(''), durable)
        for (const { resolve } of batch) resolve()
      } catch (error) {
        this.#failure ??= { error }
        for (const { reject } of batch) reject(error)
      }
    }
    // In the same moment in which there is nothing more to do, so that what comes next begins anew.
    this.#writing = undefined
  }

  /** A durable line is for itself: it takes long, and the others need not wait for that. */
  #takeBatch(): readonly Append[] {
    const durable = this.#waiting.findIndex((append) => append.durable)
    return this.#waiting.splice(0, durable < 0 ? this.#waiting.length : Math.max(1, durable))
  }
}
