import { describe, expect, it } from 'vitest'
import { hintFor, portalHint, signatureHint } from '../../src/oss/hints.js'

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

describe('hints by operation', () => {
  it.each([
    ['PutObject', 'oss:PutObject'],
    ['InitiateMultipartUpload', 'oss:PutObject'],
    ['UploadPart', 'oss:PutObject'],
    ['CompleteMultipartUpload', 'oss:PutObject'],
    ['ListParts', 'oss:ListParts'],
    ['AbortMultipartUpload', 'oss:AbortMultipartUpload'],
    ['ListMultipartUploads', 'oss:ListMultipartUploads'],
    ['HeadObject', 'oss:GetObject'],
    ['toString', 'this operation'],
  ])('%s needs %s', (operation, action) => {
    expect(hintFor('AccessDenied', undefined, 403, operation)).toBe(
      `grant ${action} to the RAM user or role, and check the bucket and its region`,
    )
  })
})

describe('answers that are not OSS’s', () => {
  const answer = (headers: Record<string, string>, body = '') => ({
    headers,
    body: Buffer.from(body),
  })
  const portal = /^a captive portal or a proxy answered in place of OSS/

  it.each([
    [{ 'content-type': 'text/html; charset=utf-8' }, ''],
    [{}, '<!doctype HTML>'],
    [{ 'x-oss-request-id': 'R' }, '\r\n\t<html\n>'],
    [{}, '\ufeff<!DOCTYPE html>'],
  ])('are pages: %j %j', (headers, body) => {
    expect(portalHint(answer(headers, body))).toMatch(portal)
    expect(hintFor('HttpStatus502', '', 502, 'UploadPart', answer(headers, body))).toMatch(portal)
  })

  it.each([
    [{ 'content-type': 'text/html', 'x-oss-request-id': 'R' }, 'x'],
    [{ 'content-type': 'application/xml' }, '<Error/>'],
    [{ 'content-type': 'text/htmlx' }, '<htmlish>'],
    [{}, ''],
  ])('are no pages: %j %j', (headers, body) => {
    expect(portalHint(answer(headers, body))).toBeUndefined()
  })

  const redirected = (location: string) =>
    hintFor('HttpStatus302', '', 302, 'UploadPart', answer({ location }, '<html>'))
  const rule = 'redirects are not followed: use the endpoint of the bucket'

  it.each([
    [
      'https://b.oss-cn-beijing.aliyuncs.com/k?x=secret',
      `${rule} (this one leads to b.oss-cn-beijing.aliyuncs.com)`,
    ],
    [
      'http://user:pass@login.hotel.example:8080/?token=secret',
      `${rule}, or log in to the network, where login.hotel.example is its login page`,
    ],
    ['/elsewhere', rule],
    ['javascript:alert(1)', rule],
    ['http://', rule],
    [`http://${'a'.repeat(254)}/`, rule],
  ])('are redirects to %s', (location, hint) => {
    expect(redirected(location)).toBe(hint)
  })
})
