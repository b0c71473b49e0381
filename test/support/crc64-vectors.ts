// The fixture's vectors that are written out, up to 1 MiB.

import { readFileSync } from 'node:fs'

interface Vector {
  readonly name: string
  readonly hex: string
  readonly repeat: number
  readonly lengthBytes: number
  /** Decimal. */
  readonly crc64: string
}

const file = new URL('../../fixtures/crc64/vectors.json', import.meta.url)

export const crc64Vectors = (JSON.parse(readFileSync(file, 'utf8')) as Partial<Vector>[]).filter(
  (vector): vector is Vector => vector.hex !== undefined && (vector.lengthBytes ?? 0) <= 1 << 20,
)
