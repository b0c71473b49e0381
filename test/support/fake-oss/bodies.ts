/** Owns the bytes of parts and objects: taking them in as they arrive and keeping them in memory, as digests or in files. */

import { createHash, type Hash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { Crc64, combineCrc64 } from './crc64.js'

/** Bytes that arrived in full. */
export interface StoredBody {
  readonly size: number
  /** Upper-case hex; '' where only digests are kept and it cannot be derived. */
  readonly md5: string
  readonly crc64: bigint
  /** Lower-case hex; undefined where it cannot be derived. */
  readonly sha256: string | undefined
  /** The file that holds the bytes, if one does. */
  readonly path?: string
  /** @throws {Error} where only digests are kept */
  read(): Buffer
  /** The same body with its first bit flipped; takes the place of this one. */
  corrupt(): StoredBody
  drop(): void
}

/** Takes a body in, chunk by chunk. Chunks are kept, not copied. */
export interface BodyReceiver {
  write(chunk: Buffer): void
  end(): StoredBody
  /** For a body that was cut off. */
  discard(): void
}

export interface BodyStore {
  receive(): BodyReceiver
  /** Bodies joined to one, which takes them over. */
  join(bodies: readonly StoredBody[]): StoredBody
}

interface Digests {
  readonly size: number
  readonly crc64: bigint
  readonly md5?: string
  readonly sha256?: string
}

function hexOf(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex')
}

/** A body whose missing hashes are computed when asked for. */
function storedBody(
  known: Digests,
  keep: { read?: () => Buffer; path?: string; corrupt: () => StoredBody; drop?: () => void },
): StoredBody {
  let { md5, sha256 } = known
  const read = keep.read
  return {
    size: known.size,
    crc64: known.crc64,
    get md5() {
      md5 ??= read === undefined ? '' : hexOf('md5', read()).toUpperCase()
      return md5
    },
    get sha256() {
      if (sha256 === undefined && read !== undefined) sha256 = hexOf('sha256', read())
      return sha256
    },
    ...(keep.path === undefined ? {} : { path: keep.path }),
    read() {
      if (read === undefined) throw new Error('this fake OSS keeps digests only, not bytes')
      return read()
    },
    corrupt: keep.corrupt,
    drop: keep.drop ?? (() => {}),
  }
}

class Digester {
  #size = 0
  readonly #crc64 = new Crc64()
  readonly #md5: Hash = createHash('md5')
  readonly #sha256: Hash | undefined

  constructor(withSha256: boolean) {
    this.#sha256 = withSha256 ? createHash('sha256') : undefined
  }

  update(chunk: Buffer): void {
    this.#size += chunk.length
    this.#crc64.update(chunk)
    this.#md5.update(chunk)
    this.#sha256?.update(chunk)
  }

  end(): Digests {
    return {
      size: this.#size,
      crc64: this.#crc64.value,
      md5: this.#md5.digest('hex').toUpperCase(),
      ...(this.#sha256 === undefined ? {} : { sha256: this.#sha256.digest('hex') }),
    }
  }
}

function joinedDigests(bodies: readonly StoredBody[]): Digests {
  const [only, second] = bodies
  if (only !== undefined && second === undefined) {
    return { size: only.size, crc64: only.crc64, md5: only.md5 }
  }
  return {
    size: bodies.reduce((sum, body) => sum + body.size, 0),
    crc64: bodies.reduce((crc, body) => combineCrc64(crc, body.crc64, body.size), 0n),
  }
}

/** Digests of altered bytes; md5 stays absent so that it is computed from what is now there. */
function digestsOf(bytes: Buffer): Digests {
  return { size: bytes.length, crc64: new Crc64().update(bytes).value }
}

function flipFirstBit(bytes: Buffer): Buffer {
  const altered = Buffer.from(bytes)
  if (altered.length > 0) altered[0] = (altered[0] as number) ^ 1
  return altered
}

function inMemory(digests: Digests, chunks: readonly Buffer[]): StoredBody {
  return storedBody(digests, {
    read: () => Buffer.concat(chunks),
    corrupt: () => {
      const bytes = flipFirstBit(Buffer.concat(chunks))
      return inMemory(digestsOf(bytes), [bytes])
    },
  })
}

/** Keeps the chunks as they came. */
export function memoryBodies(): BodyStore {
  const chunksOf = new WeakMap<StoredBody, readonly Buffer[]>()
  const remember = (digests: Digests, chunks: readonly Buffer[]) => {
    const body = inMemory(digests, chunks)
    chunksOf.set(body, chunks)
    return body
  }
  return {
    receive() {
      const digester = new Digester(false)
      const chunks: Buffer[] = []
      return {
        write(chunk) {
          digester.update(chunk)
          chunks.push(chunk)
        },
        end: () => remember(digester.end(), chunks),
        discard: () => {},
      }
    },
    join: (bodies) =>
      remember(
        joinedDigests(bodies),
        bodies.flatMap((body) => chunksOf.get(body) ?? [body.read()]),
      ),
  }
}

function digestOnly(digests: Digests): StoredBody {
  // Which bit changed does not matter here, only that the sums no longer agree with the sent bytes.
  return storedBody(digests, {
    corrupt: () =>
      digestOnly({ size: digests.size, crc64: digests.crc64 ^ 1n, md5: '0'.repeat(32) }),
  })
}

/** Keeps no bytes. */
export function digestBodies(): BodyStore {
  return {
    receive() {
      const digester = new Digester(true)
      return {
        write: (chunk) => digester.update(chunk),
        end: () => digestOnly(digester.end()),
        discard: () => {},
      }
    },
    join: (bodies) =>
      bodies.length === 1 && bodies[0] ? bodies[0] : digestOnly(joinedDigests(bodies)),
  }
}

function inFile(digests: Digests, path: string): StoredBody {
  return storedBody(digests, {
    path,
    read: () => readFileSync(path),
    corrupt: () => {
      const bytes = flipFirstBit(readFileSync(path))
      writeAll(path, bytes)
      return inFile(digestsOf(bytes), path)
    },
    drop: () => rmSync(path, { force: true }),
  })
}

function writeAll(path: string, bytes: Buffer): void {
  const file = openSync(path, 'w')
  writeFully(file, bytes, bytes.length)
  closeSync(file)
}

function writeFully(file: number, bytes: Buffer, length: number): void {
  for (let at = 0; at < length; ) at += writeSync(file, bytes, at, length - at)
}

/** Appends one file to another through a small buffer, so that memory does not grow with the object. */
function append(target: number, path: string): void {
  const buffer = Buffer.allocUnsafe(1024 * 1024)
  const source = openSync(path, 'r')
  for (let count = 1; count > 0; ) {
    count = readSync(source, buffer, 0, buffer.length, null)
    writeFully(target, buffer, count)
  }
  closeSync(source)
}

/** Keeps every body in a file of its own; synchronous, because a fake may block and then needs no ordering rules. */
export function fileBodies(directory: string): BodyStore {
  mkdirSync(directory, { recursive: true })
  let created = 0
  const nextPath = (kind: string) => {
    created += 1
    return join(directory, `${process.pid}-${String(created).padStart(6, '0')}.${kind}`)
  }
  return {
    receive() {
      const path = nextPath('part')
      const digester = new Digester(false)
      const file = openSync(path, 'w')
      return {
        write(chunk) {
          digester.update(chunk)
          writeFully(file, chunk, chunk.length)
        },
        end() {
          closeSync(file)
          return inFile(digester.end(), path)
        },
        discard() {
          closeSync(file)
          rmSync(path, { force: true })
        },
      }
    },
    join(bodies) {
      const digests = joinedDigests(bodies)
      const path = nextPath('object')
      const [first, ...others] = bodies.map((body) => body.path ?? '')
      if (first !== undefined) renameSync(first, path)
      const file = openSync(path, 'a')
      for (const other of others) {
        append(file, other)
        rmSync(other, { force: true })
      }
      closeSync(file)
      return inFile(digests, path)
    },
  }
}

/** Counts nothing and keeps nothing: for bodies of requests that are refused. */
export const noBody: BodyReceiver = {
  write: () => {},
  end: () => digestOnly({ size: 0, crc64: 0n }),
  discard: () => {},
}
