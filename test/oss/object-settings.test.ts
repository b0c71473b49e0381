import { describe, expect, it } from 'vitest'
import {
  assertObjectSettings,
  completeHeaders,
  initiateHeaders,
  namedHeaders,
  type ObjectSettings,
  payerHeader,
  putHeaders,
} from '../../src/oss/object-settings.js'

const everything: ObjectSettings = {
  headers: {
    'Content-Type': 'text/plain',
    'cache-control': 'no-store',
    'Content-Disposition': 'attachment; filename="a.txt"',
    'Content-Encoding': 'gzip',
    Expires: 'Wed, 21 Oct 2026 07:28:00 GMT',
  },
  metadata: { Author: 'someone', 'a-1': '' },
  acl: 'public-read',
  storageClass: 'IA',
  tagging: { 'a b': 'c+d', 'k/=': '' },
  serverSideEncryption: { algorithm: 'KMS', keyId: 'key-1', dataEncryption: 'SM4' },
  forbidOverwrite: true,
  requestPayer: 'requester',
}

/** Without what is undefined, as it is sent. */
const sent = (headers: Record<string, string | undefined>) =>
  Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))

const kept = {
  'content-type': 'text/plain',
  'cache-control': 'no-store',
  'content-disposition': 'attachment; filename="a.txt"',
  'content-encoding': 'gzip',
  expires: 'Wed, 21 Oct 2026 07:28:00 GMT',
  'x-oss-meta-author': 'someone',
  'x-oss-meta-a-1': '',
  'x-oss-storage-class': 'IA',
  'x-oss-tagging': 'a%20b=c%2Bd&k%2F%3D=',
  'x-oss-server-side-encryption': 'KMS',
  'x-oss-server-side-encryption-key-id': 'key-1',
  'x-oss-server-side-data-encryption': 'SM4',
}
const publishing = { 'x-oss-forbid-overwrite': 'true', 'x-oss-request-payer': 'requester' }

describe('which operation carries which setting', () => {
  it('Initiate carries what the object keeps, and no ACL', () => {
    const { acl: _, ...settings } = everything
    expect(sent(initiateHeaders(settings))).toEqual({ ...kept, ...publishing })
  })

  it('PutObject carries everything', () => {
    expect(sent(putHeaders(everything))).toEqual({
      ...{ ...kept, ...publishing, 'x-oss-object-acl': 'public-read' },
    })
  })

  it('Complete carries what is about publishing', () => {
    expect(sent(completeHeaders(everything))).toEqual({
      ...{ ...publishing, 'x-oss-object-acl': 'public-read' },
    })
  })

  it('every other operation carries who pays', () => {
    expect(sent(payerHeader(everything))).toEqual({ 'x-oss-request-payer': 'requester' })
  })

  it('what is not given is not sent', () => {
    const nothing = { headers: {}, metadata: {}, tagging: {}, forbidOverwrite: false }
    const empty: ObjectSettings[] = [{}, nothing, { headers: { Expires: undefined } }]
    for (const settings of empty) {
      expect(sent(putHeaders(settings))).toEqual({})
      expect(sent(completeHeaders(settings))).toEqual({})
    }
  })
})

describe('namedHeaders', () => {
  it('gives each header the one name that it has here', () => {
    expect(namedHeaders({ expires: '0', 'Content-Type': undefined })).toEqual({ Expires: '0' })
    expect(namedHeaders(undefined)).toEqual({})
  })
})

describe('a setting that OSS takes', () => {
  it.each<[string, ObjectSettings]>([
    ['any of the five headers, in any case', everything],
    ['8 KiB of metadata', { metadata: { a: 'x'.repeat(8191) } }],
    ['a short value of metadata', { metadata: { 'A-b-9': ' '.trim() } }],
    ...(['private', 'public-read', 'public-read-write', 'default'] as const).map(
      (acl): [string, ObjectSettings] => [`ACL ${acl}`, { acl }],
    ),
    ...(['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive'] as const).map(
      (storageClass): [string, ObjectSettings] => [storageClass, { storageClass }],
    ),
    [
      '10 tags',
      { tagging: Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`k${n}`, ''])) },
    ],
    ['a long tag', { tagging: { ['k'.repeat(128)]: 'v'.repeat(256) } }],
    ['a tag in another script', { tagging: { 标签: 'é ü +-=._:/' } }],
    ['AES256', { serverSideEncryption: { algorithm: 'AES256' } }],
    ['SM4', { serverSideEncryption: { algorithm: 'SM4' } }],
    ['KMS with the key of OSS', { serverSideEncryption: { algorithm: 'KMS' } }],
    [
      'a key',
      { serverSideEncryption: { algorithm: 'KMS', keyId: 'k', dataEncryption: undefined } },
    ],
  ])('%s', (_, settings) => {
    expect(() => assertObjectSettings(settings)).not.toThrow()
  })
})

describe('a setting that OSS does not take is refused by name', () => {
  it.each<[object, typeof Error, string]>([
    [{ headers: 'x' }, TypeError, 'headers must be an object of names and values'],
    [{ headers: [] }, TypeError, 'headers must be an object'],
    [{ headers: { 'Content-MD5': 'x' } }, TypeError, 'headers takes Cache-Control, Content-Dispo'],
    [{ headers: { 'x-oss-meta-a': 'x' } }, TypeError, 'not "x-oss-meta-a"'],
    [{ headers: { Authorization: 'x' } }, TypeError, 'not "Authorization"'],
    [{ headers: { Expires: '0', expires: '1' } }, TypeError, 'headers has Expires twice'],
    [{ headers: { 'cache-control': 1 } }, TypeError, 'headers["Cache-Control"] must be a string'],
    [{ headers: { expires: 'a\r\nb: c' } }, TypeError, 'headers["Expires"] must be ASCII'],
    [{ headers: { expires: 'é' } }, TypeError, 'for example with encodeURIComponent'],
    [{ headers: { expires: ' 0' } }, TypeError, 'must not begin or end with a blank'],
    [{ metadata: 1 }, TypeError, 'metadata must be an object'],
    [{ metadata: { a_b: 'x' } }, TypeError, 'metadata "a_b" must be letters, digits and hyphens'],
    [{ metadata: { 'a:b': 'x' } }, TypeError, 'metadata "a:b" must be letters'],
    [{ metadata: { '': 'x' } }, TypeError, 'metadata "" must be letters'],
    [{ metadata: { é: 'x' } }, TypeError, 'metadata "é" must be letters'],
    [{ metadata: { A: 'x', a: 'y' } }, TypeError, 'metadata has "a" twice: OSS keeps names in'],
    [
      { metadata: { a: '文' } },
      TypeError,
      'metadata "a" must be ASCII without line breaks: encode',
    ],
    [{ metadata: { a: 'x\ny' } }, TypeError, 'metadata "a" must be ASCII'],
    [{ metadata: { a: undefined } }, TypeError, 'metadata "a" must be a string'],
    [{ metadata: { a: 'x'.repeat(8192) } }, RangeError, 'metadata must be at most 8192 bytes'],
    [{ acl: 'Private' }, TypeError, 'acl must be "private" or "public-read" or'],
    [{ acl: true }, TypeError, 'not boolean'],
    [{ storageClass: 'standard' }, TypeError, 'storageClass must be "Standard" or "IA"'],
    [{ tagging: 'a=b' }, TypeError, 'tagging must be an object'],
    [
      { tagging: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`k${n}`, ''])) },
      RangeError,
      'tagging must be at most 10 tags, not 11',
    ],
    [{ tagging: { '': 'v' } }, RangeError, 'tagging: a key must be 1..128 characters, not 0'],
    [
      { tagging: { ['k'.repeat(129)]: '' } },
      RangeError,
      'a key must be 1..128 characters, not 129',
    ],
    [{ tagging: { k: 'v'.repeat(257) } }, RangeError, 'a value must be 0..256 characters, not 257'],
    [{ tagging: { k: 'a&b' } }, TypeError, 'tagging: a value must be letters, digits, blanks and'],
    [{ tagging: { 'k@': '' } }, TypeError, 'tagging: a key must be letters'],
    [{ tagging: { k: 1 } }, TypeError, 'tagging must have strings as values'],
    [{ serverSideEncryption: 'AES256' }, TypeError, 'serverSideEncryption must be an object'],
    [{ serverSideEncryption: {} }, TypeError, 'serverSideEncryption.algorithm must be "AES256" or'],
    [
      { serverSideEncryption: { algorithm: 'AES256', keyId: 'k' } },
      TypeError,
      'serverSideEncryption.algorithm must be "KMS" for keyId and dataEncryption, not "AES256"',
    ],
    [
      { serverSideEncryption: { algorithm: 'SM4', dataEncryption: 'SM4' } },
      TypeError,
      'must be "KMS" for keyId',
    ],
    [
      { serverSideEncryption: { algorithm: 'KMS', keyid: 'k' } },
      TypeError,
      'serverSideEncryption has no "keyid"',
    ],
    [
      { serverSideEncryption: { algorithm: 'KMS', keyId: '' } },
      TypeError,
      'serverSideEncryption.keyId must not be empty',
    ],
    [
      { serverSideEncryption: { algorithm: 'KMS', dataEncryption: 'AES256' } },
      TypeError,
      'serverSideEncryption.dataEncryption must be "SM4"',
    ],
    [{ forbidOverwrite: 'true' }, TypeError, 'forbidOverwrite must be true or false'],
    [{ requestPayer: true }, TypeError, 'requestPayer must be "requester", not boolean'],
  ])('%j', (settings, type, message) => {
    for (const act of [
      () => assertObjectSettings(settings),
      () => putHeaders(settings),
      () => initiateHeaders(settings),
      () => completeHeaders(settings),
    ]) {
      expect(act).toThrow(type)
      expect(act).toThrow(message)
    }
  })

  it('without the value of a header', () => {
    const act = () => assertObjectSettings({ metadata: { a: 'sentinel\n' } })
    expect(act).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('sentinel') }),
    )
  })
})
