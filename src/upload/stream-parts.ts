// Cuts a stream into parts, each whole in memory: it is read no further than the buffers that are free for it.

import { Crc64, combineCrc64, formatCrc64 } from '../primitives/crc64.js'
import { OssError } from '../primitives/errors.js'
import type { Expected } from './inspect-object.js'
import { PartBuffers } from './part-reader.js'
import { maxPartCount, maxStreamPartSize } from './plan.js'
import type { ChunkReader } from './stream-source.js'

/** Memory for one part at a time: its bytes, and what sending them takes. */
export class PartMemory {
  readonly buffers: PartBuffers = new PartBuffers()
  readonly #partSize: number
  #bytes: Uint8Array | undefined

  constructor(partSize: number) {
    this.#partSize = partSize
  }

  /** Pages that a short part does not touch cost nothing. */
  get bytes(): Uint8Array {
    this.#bytes ??= allocate(this.#partSize)
    return this.#bytes
  }
}

/** A part of the stream, for as long as its memory is not given away again. */
export interface StreamPart {
  /** 1..10,000. */
  readonly number: number
  readonly bytes: Uint8Array
  /** Decimal. */
  readonly crc64: string
}

export class PartCutter {
  readonly partSize: number
  readonly #reader: ChunkReader
  readonly #maxParts: number
  readonly #crc = new Crc64()
  /** One part is cut after another, whoever asks. */
  #tail: Promise<unknown> = Promise.resolve()
  #rest: Uint8Array | undefined
  #ended = false
  #count = 0
  #size = 0
  #whole = 0n

  constructor(reader: ChunkReader, partSize: number, maxParts: number = maxPartCount) {
    this.partSize = partSize
    this.#reader = reader
    this.#maxParts = maxParts
  }

  /** The stream has given all that it has. */
  get ended(): boolean {
    return this.#ended
  }

  /** Parts that were cut. */
  get count(): number {
    return this.#count
  }

  /** What was cut so far, as one object. */
  get whole(): Expected {
    return { size: this.#size, crc64: formatCrc64(this.#whole) }
  }

  /**
   * Cuts the next part into `memory`. Every part but the last has `partSize` bytes.
   *
   * @returns undefined at the end of the stream.
   * @throws {OssError} `ERR_OSS_SOURCE` as the stream does, `ERR_OSS_SOURCE_TOO_LARGE` when it needs more parts than there are.
   * @throws `signal.reason` when the signal aborted.
   */
  next(memory: PartMemory, signal: AbortSignal | undefined): Promise<StreamPart | undefined> {
    const part = this.#tail.then(() => this.#cut(memory, signal))
    // Behind a failure there is nothing more: what was read for the part that failed is lost.
    this.#tail = part
    part.catch(() => {})
    return part
  }

  async #cut(memory: PartMemory, signal: AbortSignal | undefined): Promise<StreamPart | undefined> {
    this.#crc.reset()
    let filled = 0
    while (filled < this.partSize && !this.#ended) {
      this.#rest ??= await this.#reader.next(signal)
      if (this.#rest === undefined) {
        this.#ended = true
        break
      }
      if (this.#count === this.#maxParts) throw tooLarge(this.#size, this.partSize)
      const piece = this.#rest.subarray(0, this.partSize - filled)
      memory.bytes.set(piece, filled)
      this.#crc.update(piece)
      filled += piece.byteLength
      const left = this.#rest.subarray(piece.byteLength)
      this.#rest = left.byteLength > 0 ? left : undefined
    }
    if (filled === 0) return undefined
    const crc = this.#crc.digest()
    this.#count += 1
    this.#size += filled
    this.#whole = combineCrc64(this.#whole, crc, filled)
    return {
      number: this.#count,
      bytes: memory.bytes.subarray(0, filled),
      crc64: formatCrc64(crc),
    }
  }
}

function allocate(size: number): Uint8Array {
  try {
    return Buffer.allocUnsafeSlow(size)
  } catch (error) {
    throw new OssError(`there is no memory for a part of ${size} bytes of the stream`, {
      code: 'ERR_OSS_SOURCE',
      hint: 'use a smaller partSize (--part-size) or concurrency',
      cause: error,
    })
  }
}

/** A stream four times as long is one that a person may have misjudged. */
function tooLarge(size: number, partSize: number): OssError {
  const larger = Math.min(4 * partSize, maxStreamPartSize)
  const reach = Math.floor((larger * maxPartCount) / 1024 ** 3)
  return new OssError(
    `the stream has more than ${size} bytes, which is ${maxPartCount} parts of ${partSize} bytes: an object has no more parts`,
    {
      code: 'ERR_OSS_SOURCE_TOO_LARGE',
      hint: `nothing was published; run again with a larger partSize (--part-size): ${larger} is enough for ${reach} GiB`,
    },
  )
}
