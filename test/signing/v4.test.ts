import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  additionalHeaderNames,
  authorization,
  canonicalHeaders,
  canonicalQuery,
  canonicalRequest,
  canonicalUri,
  credential,
  credentialScope,
  type PresignableRequest,
  type PresigningContext,
  presignUrl,
  signature,
  signingKey,
  signRequest,
  stringToSign,
  timestampOf,
} from '../../src/signing/index.js'
import { parseTimestamp } from '../support/signing-vectors.js'

interface Fixture {
  readonly form: 'header' | 'presign'
  readonly request: PresignableRequest
  readonly context: Omit<PresigningContext, 'time'> & { readonly time: string }
}

const folder = new URL('../../fixtures/signing/', import.meta.url)
const cases = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

it('has at least the eight cases', () => {
  expect(cases.length).toBeGreaterThanOrEqual(8)
})

/** Each step is fed the *files* of the steps before it, so that one wrong step fails one test. */
describe.each(cases)('fixtures/signing/%s', (name) => {
  const file = (step: string) => readFileSync(new URL(`${name}/${step}`, folder), 'utf8')
  const { form, request, context } = JSON.parse(file('request.json')) as Fixture
  const { region, product = 'oss', credentials, time: timestamp } = context
  const { accessKeyId, accessKeySecret, securityToken } = credentials
  const given = request.headers ?? {}
  const wanted = request.additionalHeaders ?? []

  const headers =
    form === 'presign'
      ? given
      : {
          ...given,
          'x-oss-date': timestamp,
          'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
          ...(securityToken && { 'x-oss-security-token': securityToken }),
        }
  const names = file('5-additional-headers.txt')
  const query =
    form === 'header'
      ? request.query
      : {
          ...request.query,
          'x-oss-signature-version': 'OSS4-HMAC-SHA256',
          'x-oss-credential': `${accessKeyId}/${file('1-scope.txt')}`,
          'x-oss-date': timestamp,
          'x-oss-expires': String(context.expiresSeconds),
          ...(names && { 'x-oss-additional-headers': names }),
          ...(securityToken && { 'x-oss-security-token': securityToken }),
        }

  it('1-scope.txt', () => {
    expect(timestampOf(parseTimestamp(timestamp))).toBe(timestamp)
    expect(credentialScope(timestamp, region, product)).toBe(file('1-scope.txt'))
  })
  it('2-canonical-uri.txt', () => {
    expect(canonicalUri(request.bucket, request.key)).toBe(file('2-canonical-uri.txt'))
  })
  it('3-canonical-query.txt', () => {
    expect(canonicalQuery(query ?? {})).toBe(file('3-canonical-query.txt'))
  })
  it('4-canonical-headers.txt', () => {
    expect(canonicalHeaders(headers, wanted)).toBe(file('4-canonical-headers.txt'))
  })
  it('5-additional-headers.txt', () => {
    expect(additionalHeaderNames(headers, wanted)).toBe(names)
  })
  it('6-canonical-request.txt', () => {
    expect(
      canonicalRequest(
        request.method,
        file('2-canonical-uri.txt'),
        file('3-canonical-query.txt'),
        file('4-canonical-headers.txt'),
        names,
      ),
    ).toBe(file('6-canonical-request.txt'))
  })
  it('7-string-to-sign.txt', () => {
    expect(stringToSign(timestamp, file('1-scope.txt'), file('6-canonical-request.txt'))).toBe(
      file('7-string-to-sign.txt'),
    )
  })
  it('8-signing-key.hex', () => {
    const key = signingKey(accessKeySecret, timestamp.slice(0, 8), region, product)
    expect(key.toString('hex')).toBe(file('8-signing-key.hex'))
  })
  it('9-authorization.txt', () => {
    const key = Buffer.from(file('8-signing-key.hex'), 'hex')
    const hex = signature(key, file('7-string-to-sign.txt'))
    const expected = file('9-authorization.txt')
    if (form === 'presign') expect(expected).toContain(`x-oss-signature=${hex}`)
    else {
      const who = credential(accessKeyId, file('1-scope.txt'))
      expect(authorization(who, names, hex)).toBe(expected)
    }
  })
  it('all steps together', () => {
    const signing = { ...context, time: parseTimestamp(timestamp) }
    const signed = form === 'presign' ? presignUrl(request, signing) : signRequest(request, signing)
    expect(signed.canonicalRequest).toBe(file('6-canonical-request.txt'))
    expect(signed.stringToSign).toBe(file('7-string-to-sign.txt'))
    expect('url' in signed ? signed.url : signed.authorization).toBe(file('9-authorization.txt'))
  })
})

describe('1 time and scope', () => {
  it.each([
    ['2025-01-02T03:04:05.999Z', '20250102T030405Z'],
    ['2024-02-29T23:59:59Z', '20240229T235959Z'],
    ['2024-12-31T23:59:59.999-01:00', '20250101T005959Z'],
    ['0000-01-01T00:00:00Z', '00000101T000000Z'],
    ['9999-12-31T23:59:59Z', '99991231T235959Z'],
  ])('writes %s as %s', (iso, expected) => {
    expect(timestampOf(new Date(iso))).toBe(expected)
  })
})

describe('2 canonical URI', () => {
  it.each([
    [undefined, undefined, '/'],
    ['examplebucket', undefined, '/examplebucket/'],
    ['examplebucket', '/leading', '/examplebucket//leading'],
    ['examplebucket', 'dir/', '/examplebucket/dir/'],
    ['examplebucket', 'a%20b', '/examplebucket/a%2520b'],
    ['examplebucket', '\\', '/examplebucket/%5C'],
  ])('of bucket %j and key %j is %s', (bucket, key, expected) => {
    expect(canonicalUri(bucket, key)).toBe(expected)
  })
})

describe('3 canonical query', () => {
  it('is empty without parameters', () => expect(canonicalQuery({})).toBe(''))
  it('writes an empty value without an equals sign', () => {
    expect(canonicalQuery({ uploads: '' })).toBe('uploads')
  })
  it('sorts after encoding, by name and not by the whole pair', () => {
    expect(canonicalQuery({ a: '', B: '', '|p': '', key: 'v', 'key-2': 'v' })).toBe(
      '%7Cp&B&a&key=v&key-2=v',
    )
  })
  it('encodes a slash, a blank and a plus', () => {
    expect(canonicalQuery({ 'a/b': 'c d+e' })).toBe('a%2Fb=c%20d%2Be')
  })
})

describe('4 canonical headers', () => {
  it('is empty when nothing is signed', () => {
    expect(canonicalHeaders({ host: 'h', date: 'd', 'content-length': '1' }, [])).toBe('')
  })
  it('signs names that begin with a signed name only when asked', () => {
    expect(canonicalHeaders({ 'content-type-x': '1', 'x-ossa': '2', 'x-oss-': '3' }, [])).toBe(
      'x-oss-:3\n',
    )
  })
  it('trims blanks and tabs, keeps inner runs and other white space', () => {
    expect(canonicalHeaders({ 'x-oss-a': ' \t a  b\u00a0\t' }, [])).toBe('x-oss-a:a  b\u00a0\n')
  })
})

describe('5 additional headers', () => {
  it('is empty when none apply', () => {
    expect(additionalHeaderNames({ 'content-type': 'a', 'x-oss-a': 'b' }, [])).toBe('')
    expect(additionalHeaderNames({ 'content-type': 'a' }, ['Content-Type', 'absent', ''])).toBe('')
  })
  it('is lower case, unique, sorted', () => {
    const headers = { Range: 'r', Host: 'h' }
    expect(additionalHeaderNames(headers, ['range', 'HOST', 'host', 'Range'])).toBe('host;range')
  })
})

describe('9 authorization', () => {
  it('omits AdditionalHeaders when none apply', () => {
    expect(authorization('id/scope', '', 'hex')).toBe(
      'OSS4-HMAC-SHA256 Credential=id/scope,Signature=hex',
    )
  })
})

describe('what an auditor has to read', () => {
  const source = (path: string) =>
    readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8')
  const files = readdirSync(new URL('../../src/signing', import.meta.url))
    .map((name) => `signing/${name}`)
    .concat('primitives/uri-encode.ts')

  it('is less than 450 lines', () => {
    const lines = files.map((path) => source(path).split('\n').length - 1)
    expect(lines.reduce((sum, count) => sum + count)).toBeLessThan(450)
  })

  it('imports node:crypto, the encoder and its own folder, and nothing else', () => {
    const imported = new Set(
      files.flatMap((path) =>
        [...source(path).matchAll(/(?:from|import\(|import) ?'([^']+)'/g)].map((match) => match[1]),
      ),
    )
    expect([...imported].sort()).toEqual([
      '../primitives/uri-encode.js',
      './credentials.js',
      './presign-url.js',
      './sign-request.js',
      './v4.js',
      'node:crypto',
    ])
  })

  it('has the steps in order, each with its specification', () => {
    const headings = [...source('signing/v4.ts').matchAll(/^\/\/ (\d)\. .+: (https:.+)$/gm)]
    expect(headings.map((match) => match[1])).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9'])
    expect(new Set(headings.map((match) => match[2])).size).toBe(1)
  })

  it('has neither clock nor environment nor I/O', () => {
    for (const path of files) {
      expect(source(path)).not.toMatch(/new Date\(|Date\.now|process\.|node:fs|fetch\(|console\./)
    }
  })
})
