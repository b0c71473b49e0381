import { describe, expect, it } from 'vitest'
import { hintFor, signatureHint } from '../../src/oss/hints.js'

describe('hintFor', () => {
  it.each([
    ['SignatureDoesNotMatch', /OSS_ACCESS_KEY_SECRET/],
    ['InvalidAccessKeyId', /OSS_ACCESS_KEY_ID/],
    ['NoSuchBucket', /bucket name/],
    ['AccessDenied', /grant/],
    ['RequestTimeTooSkewed', /clock/],
    ['SecurityTokenExpired', /new STS credentials/],
    ['EntityTooSmall', /100 KiB/],
    ['InvalidDigest', /changed between two reads/],
  ])('says what to do about %s', (code, hint) => {
    expect(hintFor(code, undefined, 403)).toMatch(hint)
  })

  it('goes by the EC where one code has several causes', () => {
    expect(hintFor('InvalidArgument', '0002-00000226', 400)).toMatch(/region/)
    expect(hintFor('AccessDenied', '0002-00000226', 403)).toMatch(/region in which the bucket/)
    expect(hintFor('AccessDenied', '0003-00000001', 403)).toMatch(/grant/)
  })

  it.each([
    [299, undefined],
    [300, /redirects are not followed/],
    [399, /redirects are not followed/],
    [400, undefined],
    [428, undefined],
    [429, /again later/],
    [430, undefined],
    [499, undefined],
    [500, /again later/],
    [599, /again later/],
  ])('falls back to the status of an unknown code: %i', (status, hint) => {
    const said = hintFor('Unheard', undefined, status)
    if (hint === undefined) expect(said).toBeUndefined()
    else expect(said).toMatch(hint)
  })

  it('prefers what the code says to what the status says', () => {
    expect(hintFor('NoSuchBucket', undefined, 500)).toMatch(/bucket name/)
  })

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', ''])(
    'has no hint for the code %j, which every object knows',
    (name) => {
      expect(hintFor(name, undefined, 400)).toBeUndefined()
      expect(hintFor('Unheard', name, 400)).toBeUndefined()
    },
  )
})

describe('signatureHint', () => {
  const difference = { text: 'CanonicalRequest', line: 1, ours: 'GET', theirs: 'PUT' } as const

  it('is the likely cause as one sentence without a full stop', () => {
    expect(signatureHint({ steps: [], difference, likelyCause: 'a proxy changed it.' })).toBe(
      'likely cause: a proxy changed it',
    )
  })

  it('names the variables when no line differs, and the command when nothing could be compared', () => {
    expect(signatureHint({ steps: [], likelyCause: 'every line agrees.' })).toBe(
      'every line agrees; check that OSS_ACCESS_KEY_SECRET belongs to OSS_ACCESS_KEY_ID',
    )
    expect(signatureHint({ steps: [] })).toBe(
      'check that OSS_ACCESS_KEY_SECRET belongs to OSS_ACCESS_KEY_ID, or run ossup sign explain',
    )
  })
})
