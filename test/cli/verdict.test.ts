import { describe, expect, it } from 'vitest'
import { judge, type Knowledge, verdictText } from '../../src/cli/verdict.js'
import type { Manifest } from '../../src/upload/manifest.js'

const local = { path: 'f', size: 5, crc64: '7' }
const stored = { size: 5, crc64: '7', etag: 'E' }
const manifest = { size: 5, crc64: '7' } as Manifest
const differingParts: number[] = []
const named = (object: typeof stored | 'missing' | { size: number; etag: string }) => ({
  object: { name: 'oss://b/k', stored: object },
})

const cases: readonly [Omit<Knowledge, 'differingParts'>, string][] = [
  [{ local, ...named(stored) }, 'equal: f and oss://b/k: 5 bytes, crc64 7'],
  [{ local, manifest }, 'equal: f and the manifest: 5 bytes, crc64 7'],
  [
    { local, manifest, ...named(stored) },
    'equal: f and oss://b/k and the manifest: 5 bytes, crc64 7',
  ],
  [{ local, ...named('missing') }, 'missing: f and oss://b/k: there is no object oss://b/k'],
  [
    { local, ...named({ ...stored, crc64: '8' }) },
    'different: f and oss://b/k: the file has CRC-64 7, the object 8',
  ],
  [
    { local: { path: 'f', size: 6 }, ...named(stored), manifest },
    'different: f and oss://b/k and the manifest: the file has 6 bytes, the object 5; the file has 6 bytes, the manifest 5',
  ],
  [
    { local, ...named({ size: 5, etag: 'E' }) },
    'unknown: f and oss://b/k: the sizes are equal, and OSS tells no CRC-64 of the object',
  ],
  [
    { local, ...named({ size: 5, etag: 'E' }), manifest: { ...manifest, crc64: '9' } },
    'different: f and oss://b/k and the manifest: the file has CRC-64 7, the manifest 9',
  ],
]

describe('judge', () => {
  it.each(cases)('%j', (knowledge, text) => {
    const known = { ...knowledge, differingParts }
    const verdict = judge(known)
    expect(verdictText(verdict, known)).toBe(text)
    expect(text.startsWith(`${verdict.verdict}: `)).toBe(true)
    expect(verdict.reasons.length > 0).toBe(verdict.verdict !== 'equal')
  })

  it('names the first parts that differ, and counts all', () => {
    const known = { local, manifest: { ...manifest, crc64: '9' } }
    expect(judge({ ...known, differingParts: [3] }).reasons).toContain(
      '1 part of the manifest differs: 3',
    )
    const many = judge({ ...known, differingParts: [1, 2, 3, 4, 5, 6, 7, 8, 9] })
    expect(many.reasons[1]).toBe('9 parts of the manifest differ: 1, 2, 3, 4, 5, 6, 7, 8, ...')
  })
})
