import { describe, expect, it } from 'vitest'
import { assertBelongs, settingsDigest } from '../../src/upload/belongs.js'
import type { JournalHeader } from '../../src/upload/journal.js'
import { resolveOptions, type UploadFileOptions } from '../../src/upload/options.js'

const service = 'region cn-hangzhou'
const options: UploadFileOptions = {
  path: '/data/file.bin',
  bucket: 'examplebucket',
  key: 'dir/file.bin',
  headers: { 'Content-Type': 'text/x-sentinel-value' },
}
const header: JournalHeader = {
  bucket: 'examplebucket',
  key: 'dir/file.bin',
  service,
  uploadId: 'UPLOAD-1',
  partSize: 8_388_608,
  settings: settingsDigest({ object: { headers: { 'Content-Type': 'text/x-sentinel-value' } } }),
  source: { dev: '1', ino: '2', size: '3', mtimeNs: '4', ctimeNs: '5' },
  createdAt: '2025-01-02T03:04:05.678Z',
}

const check = (
  changedHeader: Partial<JournalHeader>,
  changedOptions: object = {},
  actual = service,
): void =>
  assertBelongs(
    { ...header, ...changedHeader },
    resolveOptions({ ...options, ...changedOptions }),
    actual,
    '/data/file.bin.ucp',
  )

function refusal(...args: Parameters<typeof check>): Error & { code?: string; hint?: string } {
  try {
    check(...args)
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not refused')
}

describe('a checkpoint that belongs', () => {
  it('is accepted', () => {
    expect(() => check({})).not.toThrow()
  })

  it('may have any part size when the caller asks for none', () => {
    expect(() => check({ partSize: 102_400 })).not.toThrow()
    expect(() => check({ partSize: 102_400 }, { partSize: 102_400 })).not.toThrow()
  })

  it('may have been begun with another path, concurrency or way of verifying', () => {
    expect(() => check({}, { path: '/elsewhere', concurrency: 9, verify: 'stat' })).not.toThrow()
  })
})

describe('a checkpoint that does not belong', () => {
  it.each<[string, Parameters<typeof check>, string]>([
    [
      'bucket',
      [{ bucket: 'otherbucket' }],
      'it is for oss://otherbucket/dir/file.bin, not oss://examplebucket/dir/file.bin',
    ],
    [
      'key',
      [{ key: 'dir/other.bin' }],
      'it is for oss://examplebucket/dir/other.bin, not oss://examplebucket/dir/file.bin',
    ],
    [
      'service',
      [{ service: 'region cn-beijing' }],
      'it is for region cn-beijing, not region cn-hangzhou',
    ],
    [
      'service',
      [{}, {}, 'http://127.0.0.1:9000'],
      'it is for region cn-hangzhou, not http://127.0.0.1:9000',
    ],
    ['part size', [{}, { partSize: 102_400 }], 'its part size is 8388608, not 102400'],
    [
      'Content-Type',
      [{}, { headers: { 'content-type': 'text/plain' } }],
      'it was begun with another Content-Type',
    ],
    [
      'absence of a Content-Type now',
      [{}, { headers: undefined }],
      'it was begun with another Content-Type',
    ],
    [
      'absence of a Content-Type then',
      [{ settings: {} }],
      'it was begun with another Content-Type',
    ],
    [
      'header that this version does not send',
      [{ settings: { ...header.settings, 'x-oss-storage-class': '1f', 'cache-control': '2e' } }],
      'it was begun with another cache-control, x-oss-storage-class',
    ],
  ])('is refused for its %s, which is named', (_, args, difference) => {
    const error = refusal(...args)
    expect(error).toMatchObject({ name: 'OssError', code: 'ERR_OSS_CHECKPOINT_MISMATCH' })
    expect(error.message).toBe(
      `the checkpoint /data/file.bin.ucp belongs to another upload: ${difference}`,
    )
    expect(error.hint).toContain('restart (--restart)')
    expect(error.hint).toContain('checkpointPath, --checkpoint')
  })

  it('is refused with all its differences at once', () => {
    const { message } = refusal(
      { key: 'other', service: 'elsewhere', settings: {} },
      { partSize: 102_400 },
    )
    for (const part of [
      'oss://examplebucket/other',
      'it is for elsewhere',
      'part size is 8388608',
      'another Content-Type',
    ]) {
      expect(message).toContain(part)
    }
    expect(message.split('; ')).toHaveLength(4)
  })

  it('is refused without the value of any header (I10)', () => {
    for (const settings of [
      {},
      settingsDigest({ object: { headers: { 'Content-Type': 'text/x-sentinel-then' } } }),
    ]) {
      const error = refusal({ settings })
      expect(`${error.message} ${error.hint}`).not.toContain('sentinel')
    }
  })
})

describe('settingsDigest', () => {
  it('has a checksum for each header, not its value', () => {
    expect(
      settingsDigest({ object: { headers: { 'Content-Type': 'text/x-sentinel-value' } } }),
    ).toEqual({
      'Content-Type': expect.stringMatching(/^[0-9a-f]{1,16}$/),
    })
  })

  it('has one for every option that Initiate and Complete are told of, and shows none', () => {
    const digest = settingsDigest({
      object: {
        headers: { expires: 'sentinel' },
        metadata: { a: 'sentinel' },
        acl: 'private',
        storageClass: 'IA',
        tagging: { a: 'sentinel' },
        serverSideEncryption: { algorithm: 'KMS', keyId: 'sentinel' },
        forbidOverwrite: true,
        requestPayer: 'requester',
      },
      callback: { url: 'https://sentinel.example', body: 'x' },
      sequential: true,
    })
    expect(Object.keys(digest).sort()).toEqual([
      ...['Expires', 'acl', 'callback', 'forbidOverwrite', 'metadata', 'requestPayer'],
      ...['sequential', 'serverSideEncryption', 'storageClass', 'tagging'],
    ])
    for (const sum of Object.values(digest)) expect(sum).toMatch(/^[0-9a-f]{1,16}$/)
  })

  it('is the same for what means the same', () => {
    const of = (object: object) => settingsDigest({ object })
    expect(of({ headers: { expires: '0' } })).toEqual(of({ headers: { Expires: '0' } }))
    expect(of({ metadata: { A: '1', b: '2' } })).toEqual(of({ metadata: { b: '2', a: '1' } }))
    expect(of({ tagging: { a: '1', b: '2' } })).toEqual(of({ tagging: { b: '2', a: '1' } }))
    expect(of({ tagging: { A: '1' } })).not.toEqual(of({ tagging: { a: '1' } }))
    expect(of({ forbidOverwrite: false, metadata: {}, tagging: {} })).toEqual({})
    expect(settingsDigest({ object: {}, sequential: false, callback: undefined })).toEqual({})
  })

  it('leaves out what is not sent', () => {
    expect(settingsDigest({ object: {} })).toEqual({})
    expect(settingsDigest({ object: { headers: { 'Content-Type': undefined } } })).toEqual({})
  })

  it('tells absent from empty', () => {
    expect(settingsDigest({ object: { headers: { 'Content-Type': '' } } })).not.toEqual(
      settingsDigest({ object: {} }),
    )
  })
})
