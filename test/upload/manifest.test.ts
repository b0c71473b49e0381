import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { encodeManifest, type Manifest, parseManifest } from '../../src/upload/manifest.js'

const bytes = Buffer.from('some bytes that are stored')
const part = (number: number, content: Buffer, more = {}) => ({
  number,
  size: content.length,
  crc64: formatCrc64(crc64(content)),
  etag: `E${number}`,
  ...more,
})

const manifest: Manifest = {
  bucket: 'examplebucket',
  key: 'dir/k "é"\n',
  size: bytes.length,
  crc64: formatCrc64(crc64(bytes)),
  etag: 'E-2',
  versionId: 'V',
  uploadId: 'U',
  parts: [part(1, bytes.subarray(0, 9), { requestId: 'R' }), part(2, bytes.subarray(9))],
  startedAt: '2026-01-02T03:04:05.678Z',
  completedAt: '2026-01-02T03:04:06Z',
  outcome: 'completed',
}

const edited = (change: object): string =>
  JSON.stringify({ ...JSON.parse(encodeManifest(manifest)), ...change })

describe('encodeManifest', () => {
  it('is JSON that can be read, with each part on a line of its own', () => {
    const text = encodeManifest(manifest)
    expect(text.endsWith('\n}\n')).toBe(true)
    expect(JSON.parse(text)).toEqual({ format: 'ossup-manifest', version: 1, ...manifest })
    expect(text.split('\n').filter((line) => line.includes('"number"'))).toHaveLength(2)
  })

  it.each([
    ['with everything', manifest],
    ['of one PutObject', withoutOptional({ parts: [] })],
    ['of an empty object', withoutOptional({ parts: [], size: 0, crc64: '0', etag: '' })],
  ])('comes back from parseManifest as it was: %s', (_, what) => {
    expect(parseManifest(encodeManifest(what))).toEqual({ state: 'valid', manifest: what })
  })

  function withoutOptional(change: Partial<Manifest>): Manifest {
    const { uploadId: _, versionId: __, ...rest } = manifest
    return { ...rest, ...change }
  }
})

describe('parseManifest', () => {
  it.each([
    ['', /not JSON/],
    ['[]', /no manifest of ossup/],
    ['null', /no manifest of ossup/],
    ['{"format":"ossup-checkpoint"}', /no manifest of ossup/],
    ['{"format":"ossup-manifest"}', /no version/],
    [edited({ bucket: '' }), /its bucket/],
    [edited({ size: -1 }), /its size/],
    [edited({ size: '26' }), /its size/],
    [edited({ crc64: '18446744073709551616' }), /its crc64/],
    [edited({ etag: 5 }), /its etag/],
    [edited({ versionId: null }), /its versionId/],
    [edited({ outcome: 'toString' }), /its outcome/],
    [edited({ startedAt: 'yesterday' }), /its startedAt/],
    [edited({ completedAt: '2026-99-01T00:00:00Z' }), /its completedAt/],
    [edited({ parts: undefined }), /its parts/],
    [edited({ parts: [{ number: 1 }] }), /its parts/],
    [edited({ parts: manifest.parts.slice(1) }), /not numbered from 1/],
    [edited({ parts: manifest.parts.slice(0, 1) }), /have 9 bytes, and the object 26/],
    [edited({ parts: manifest.parts.map((one) => ({ ...one, crc64: '1' })) }), /is not that of/],
  ])('%s proves nothing', (text, reason) => {
    expect(parseManifest(text)).toEqual({
      state: 'invalid',
      reason: expect.stringMatching(reason),
    })
  })

  it('leaves what a later version has written to that version', () => {
    expect(parseManifest(edited({ version: 2 }))).toEqual({ state: 'newer', version: 2 })
  })

  it('ignores members that it does not know', () => {
    expect(parseManifest(edited({ comment: 'x' }))).toEqual({ state: 'valid', manifest })
  })

  it('has a result for any text, and for any change of a right one', () => {
    fc.assert(
      fc.property(fc.string(), fc.json(), (text, json) => {
        for (const each of [text, json]) expect(parseManifest(each).state).toBe('invalid')
      }),
    )
    const names = Object.keys(JSON.parse(encodeManifest(manifest)))
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.jsonValue(), (name, value) => {
        const parsed = parseManifest(edited({ [name]: value }))
        if (parsed.state === 'valid') expect(parsed.manifest).toHaveProperty('parts')
      }),
    )
  })
})
