// Gathers the records of parts that end at about the same time, so that they are one write.

/** Records that are written together. */
export interface RecordBatch {
  /** Writes them, the first time. When it resolves, they are in the journal; a failure is told to everybody who asks. */
  write(): Promise<void>
}

export const nothingToWrite: RecordBatch = { write: () => Promise.resolve() }

type Append = (lines: string) => Promise<void>

export class RecordBatches {
  /** Takes lines, and has not been written. */
  #open: Batch | undefined
  readonly #close: Append

  /** @param append adds lines to the journal */
  constructor(append: Append) {
    this.#close = (lines) => {
      this.#open = undefined
      return append(lines)
    }
  }

  /** @returns the batch that `line` will be written with. */
  add(line: string): RecordBatch {
    this.#open ??= new Batch(this.#close)
    this.#open.lines += line
    return this.#open
  }

  /** Writes what is there; whether that failed is told to those who added it. */
  async writeOpen(): Promise<void> {
    await this.#open?.write().catch(() => {})
  }
}

class Batch implements RecordBatch {
  lines = ''
  readonly #append: Append
  #written: Promise<void> | undefined

  constructor(append: Append) {
    this.#append = append
  }

  write(): Promise<void> {
    this.#written ??= this.#append(this.lines)
    return this.#written
  }
}
