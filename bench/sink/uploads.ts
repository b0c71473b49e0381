// Owns what the sink remembers: the sizes and CRC-64s of parts, never their bytes, and the objects completed from them.

export interface Crc64Api {
  readonly Crc64: new () => {
    update(chunk: Uint8Array): void
    digest(): bigint
    reset(): void
  }
  combineCrc64(first: bigint, second: bigint, secondLengthBytes: number): bigint
}

export interface StoredPart {
  readonly size: number
  readonly crc64: bigint
  readonly etag: string
}

export interface StoredObject {
  readonly size: number
  readonly crc64: bigint
}

export class Uploads {
  readonly objects: StoredObject[] = []
  readonly #parts = new Map<string, Map<number, StoredPart>>()
  readonly #combine: Crc64Api['combineCrc64']
  #count = 0

  constructor(combine: Crc64Api['combineCrc64']) {
    this.#combine = combine
  }

  initiate(): string {
    this.#count += 1
    const id = `UPLOAD${this.#count}`
    this.#parts.set(id, new Map())
    return id
  }

  parts(id: string): ReadonlyMap<number, StoredPart> | undefined {
    return this.#parts.get(id)
  }

  /** @returns false when there is no such upload */
  put(id: string, number: number, part: StoredPart): boolean {
    return this.#parts.get(id)?.set(number, part) !== undefined
  }

  abort(id: string): boolean {
    return this.#parts.delete(id)
  }

  store(object: StoredObject): void {
    this.objects.push(object)
  }

  /** @returns undefined when the list names a part that is not there, or with another ETag */
  complete(
    id: string,
    list: readonly { readonly number: number; readonly etag: string }[],
  ): StoredObject | undefined {
    const parts = this.#parts.get(id)
    let size = 0
    let crc64 = 0n
    for (const { number, etag } of list) {
      const part = parts?.get(number)
      if (part === undefined || part.etag !== etag) return undefined
      size += part.size
      crc64 = this.#combine(crc64, part.crc64, part.size)
    }
    this.#parts.delete(id)
    this.store({ size, crc64 })
    return { size, crc64 }
  }
}
