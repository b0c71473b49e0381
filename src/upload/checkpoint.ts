// The checkpoint of a running upload: what the journal says, and the order in which it is allowed to say more.

import { OssError } from '../primitives/errors.js'
import type { CheckpointSession } from './checkpoint-store.js'
import {
  encodeEntry,
  encodeHeader,
  encodePart,
  type JournalCompleting,
  type JournalContent,
  type JournalHeader,
  type JournalPart,
  type JournalSuperseded,
  parseJournal,
} from './journal.js'
import { PartNumbers, PartRecords } from './part-records.js'
import { nothingToWrite, type RecordBatch, RecordBatches } from './record-batches.js'
import type { SourceIdentity } from './source.js'

/** The journal's mark of an upload id that is gone because its object is complete. */
export const completedReason = 'completed'

export interface ConcludedUpload {
  readonly header: JournalHeader
  readonly source: SourceIdentity
  readonly completing: JournalCompleting
}

/** What an upload has to remember; without a session (`checkpoint: false`) it is remembered in memory only. */
export class Checkpoint {
  readonly #session: CheckpointSession | undefined
  readonly #records: RecordBatches | undefined
  #isShared = false
  #header: JournalHeader | undefined
  #source: SourceIdentity | undefined
  readonly #parts = new PartRecords()
  readonly #current = new PartNumbers()
  #completing: JournalCompleting | undefined
  #completingIsCurrent = false
  #superseded: JournalSuperseded[] = []
  /** Superseded upload ids that are known to be gone from OSS. */
  readonly #gone = new Set<string>()
  /** Where a damaged journal was moved to. */
  #quarantined: string | undefined

  private constructor(session: CheckpointSession | undefined) {
    this.#session = session
    this.#records = session && new RecordBatches(async (lines) => session.append(lines, false))
  }

  /**
   * Reads what an earlier run left. A torn last line is dropped; a damaged journal is set aside, and what of it can be
   * trusted is written anew.
   *
   * @throws {OssError} `ERR_OSS_CHECKPOINT_MISMATCH` for the format of a later version, `ERR_OSS_CHECKPOINT_IO`.
   */
  static async open(session: CheckpointSession | undefined, location: string): Promise<Checkpoint> {
    const checkpoint = new Checkpoint(session)
    const bytes = await session?.load()
    if (session === undefined || bytes === undefined) return checkpoint
    const parsed = parseJournal(bytes)
    switch (parsed.state) {
      case 'newer':
        throw new OssError(
          `the checkpoint ${location} has format version ${parsed.version}, and this ossup knows version 1`,
          {
            code: 'ERR_OSS_CHECKPOINT_MISMATCH',
            hint: 'use the ossup that wrote it, or another checkpoint',
          },
        )
      case 'unreadable':
        checkpoint.#quarantined = await session.quarantine()
        return checkpoint
      case 'damaged':
        // A copy: between here and the new text a crash must not leave a directory without the upload id (I9).
        checkpoint.#quarantined = await session.quarantine(bytes)
        checkpoint.#adopt(parsed.content)
        await checkpoint.#rewrite()
        return checkpoint
      case 'torn':
        checkpoint.#adopt(parsed.content)
        await checkpoint.#rewrite()
        return checkpoint
      case 'intact':
        checkpoint.#adopt(parsed.content)
        return checkpoint
    }
  }

  get quarantined(): string | undefined {
    return this.#quarantined
  }

  /** The upload that the journal is about; undefined when there is none, or it was given up. */
  get upload(): JournalHeader | undefined {
    const header = this.#header
    return this.#superseded.some(({ uploadId }) => uploadId === header?.uploadId)
      ? undefined
      : header
  }

  get parts(): Omit<PartRecords, 'set' | 'clear'> {
    return this.#parts
  }

  /** Parts recorded or verified against the source as it is now. */
  get current(): Omit<PartNumbers, 'add' | 'delete' | 'clear'> {
    return this.#current
  }

  get source(): SourceIdentity | undefined {
    return this.#source
  }

  get completing(): JournalCompleting | undefined {
    return this.#completing
  }

  /** Complete was sent for the source as it is now, not for an earlier state of it. */
  get completingIsCurrent(): boolean {
    return this.#completingIsCurrent
  }

  /** Given up, and not known to be gone. */
  get superseded(): readonly JournalSuperseded[] {
    return this.#superseded.filter(
      ({ uploadId, reason }) => reason !== completedReason && !this.#gone.has(uploadId),
    )
  }

  /** The marker that {@link Checkpoint.conclude} has left: what was completed, and of which source. */
  get concluded(): ConcludedUpload | undefined {
    const header = this.#header
    const marks = this.#superseded.filter(({ uploadId }) => uploadId === header?.uploadId)
    const isConcluded = marks.some(({ reason }) => reason === completedReason)
    if (!isConcluded || header === undefined || this.#completing === undefined) return undefined
    return { header, source: this.#source ?? header.source, completing: this.#completing }
  }

  /** The upload is one that several workers send. */
  get isShared(): boolean {
    return this.#isShared
  }

  get isKept(): boolean {
    return this.#session !== undefined
  }

  /** I1: when this resolves, the upload id is durable. */
  async begin(header: JournalHeader): Promise<void> {
    const before = this.#header
    this.#header = header
    this.#source = header.source
    this.#parts.clear()
    this.#current.clear()
    this.#completing = undefined
    this.#completingIsCurrent = false
    this.#superseded = [...this.superseded]
    try {
      await this.#rewrite()
    } catch (error) {
      // What could not be written is not there to be resumed.
      this.#header = before
      throw error
    }
  }

  /** From here on parts are compared with another state of the source. */
  async sourceIs(source: SourceIdentity): Promise<void> {
    this.#source = source
    this.#current.clear()
    this.#completingIsCurrent = false
    await this.#session?.append(encodeEntry({ type: 'source', ...source }), false)
  }

  /** I2: only for a part that OSS acknowledged, or that was verified. */
  async recordPart(part: JournalPart): Promise<void> {
    await this.gatherPart(part).write()
  }

  /** As {@link Checkpoint.recordPart}, in one write with those that are gathered until it is written. */
  gatherPart(part: JournalPart): RecordBatch {
    this.#parts.set(part)
    this.#current.add(part.number)
    return this.#records?.add(encodePart(part)) ?? nothingToWrite
  }

  /** Writes what is gathered; whether that failed is told to those who gathered it. */
  async writeGathered(): Promise<void> {
    await this.#records?.writeOpen()
  }

  /** Verified against the journal's own record: only `verify: 'stat'` will want to know which source it was. */
  async recordVerified(part: JournalPart): Promise<void> {
    if (!this.#current.has(part.number)) await this.recordPart(part)
  }

  /**
   * Takes over what the journals of several workers record, in one durable replacement.
   *
   * @param source as it is now, which `current` is about
   */
  async absorb(
    source: SourceIdentity,
    { parts, current }: Pick<JournalContent, 'parts' | 'current'>,
    completingIsCurrent: boolean,
  ): Promise<void> {
    this.#isShared = true
    this.#source = source
    this.#completingIsCurrent = completingIsCurrent
    for (const part of parts.values()) this.#parts.set(part)
    this.#current.clear()
    for (const number of current) this.#current.add(number)
    await this.#rewrite()
  }

  /** Instead of removing it: workers that come later learn from what is left that there is nothing to be done. */
  async conclude(): Promise<void> {
    const header = this.#header
    const completing = this.#completing
    if (header === undefined || completing === undefined) return await this.remove()
    const { uploadId, bucket, key, service } = header
    const mark = { uploadId, bucket, key, service, reason: completedReason }
    await this.#session?.replace(
      [
        encodeHeader({ ...header, source: this.#source ?? header.source }),
        encodeEntry({ type: 'completing', ...completing }),
        encodeEntry({ type: 'superseded', ...mark }),
      ].join(''),
    )
    this.#superseded.push(mark)
  }

  async recordCompleting(completing: JournalCompleting): Promise<void> {
    this.#completing = completing
    this.#completingIsCurrent = true
    await this.#session?.append(encodeEntry({ type: 'completing', ...completing }), true)
  }

  /** I9: durable before anything is done about it. */
  async supersede(superseded: JournalSuperseded): Promise<void> {
    this.#superseded.push(superseded)
    if (this.#header !== undefined) {
      await this.#session?.append(encodeEntry({ type: 'superseded', ...superseded }), true)
    }
  }

  /** The next header leaves out what is known to be gone from OSS. */
  settled(uploadId: string): void {
    // Its mark stays until then: without it the journal's own upload id would count as usable again.
    this.#gone.add(uploadId)
  }

  async remove(): Promise<void> {
    await this.#session?.remove()
    this.#header = undefined
  }

  async release(): Promise<void> {
    await this.#session?.release()
  }

  #adopt(content: JournalContent): void {
    this.#header = content.header
    this.#source = content.source
    for (const part of content.parts.values()) this.#parts.set(part)
    for (const number of content.current) this.#current.add(number)
    this.#completing = content.completing
    this.#completingIsCurrent = content.completingIsCurrent
    this.#superseded = [...content.superseded]
  }

  /** What is current stands behind the line that says what the source is now. */
  async #rewrite(): Promise<void> {
    const header = this.#header
    if (this.#session === undefined || header === undefined) return
    const lines = [encodeHeader(header)]
    for (const entry of this.#superseded) lines.push(encodeEntry({ type: 'superseded', ...entry }))
    lines.push(...this.#state(false))
    if (this.#source !== undefined && this.#source !== header.source) {
      lines.push(encodeEntry({ type: 'source', ...this.#source }))
    }
    lines.push(...this.#state(true))
    await this.#session.replace(lines.join(''))
  }

  #state(current: boolean): string[] {
    const lines: string[] = []
    for (const part of this.#parts.values()) {
      if (this.#current.has(part.number) === current) {
        lines.push(encodePart(part))
      }
    }
    if (this.#completing !== undefined && this.#completingIsCurrent === current) {
      lines.push(encodeEntry({ type: 'completing', ...this.#completing }))
    }
    return lines
  }
}
