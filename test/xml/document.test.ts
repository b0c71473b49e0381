// Owns the examples of the XML reader: what it refuses, its limits, and each getter.

import { describe, expect, it } from 'vitest'
import { OssError } from '../../src/primitives/errors.js'
import { parseXml, type XmlElement } from '../../src/xml/document.js'

const encode = (text: string) => new TextEncoder().encode(text)
const parse = (text: string) => parseXml(encode(text), 'R')

const malformed = (message?: RegExp) =>
  expect.toSatisfy(
    (error) =>
      error instanceof OssError &&
      error.code === 'ERR_OSS_MALFORMED_RESPONSE' &&
      error.cause === undefined &&
      (message === undefined || message.test(error.message)),
  )

describe('parseXml', () => {
  it('takes one of several roots, and says which', async () => {
    const root = await parseXml(encode('<B><C>1</C></B>'), ['A', 'B'])
    expect(root.name).toBe('B')
    await expect(parseXml(encode('<C>1</C>'), ['A', 'B'])).rejects.toEqual(malformed(/<A> or <B>/))
  })

  it.each([
    ['nothing', ''],
    ['blanks', ' \n'],
    ['text', 'secret'],
    ['an open root', '<R>secret'],
    ['a cut-off tag', '<R>secret</R'],
    ['an open comment', '<R>secret</R><!-- '],
    ['an open instruction', '<R>secret</R><?x'],
    ['open CDATA', '<R><![CDATA[secret</R>'],
    ['CDATA beside the root', '<R>secret</R><![CDATA[x]]>'],
    ['text after the root', '<R>secret</R>x'],
    ['crossed tags', '<R><a>secret</R></a>'],
    ['another root', '<secret>1</secret>'],
    ['two roots', '<R>secret</R><R>1</R>'],
    ['an empty root', '<R/>'],
    ['an attribute without quotes', '<R a=secret>1</R>'],
    ['a repeated attribute', '<R a="secret" a="secret">1</R>'],
    ['a bad reference', '<R>secret&#;</R>'],
    ['an entity', '<R>secret&e;</R>'],
    ['an upper-case entity', '<R>secret&AMP;</R>'],
    ['a NUL', '<R>secret\0</R>'],
    ['a DOCTYPE in a comment', '<R>secret<!-- <!DOCTYPE R> --></R>'],
    ['a DOCTYPE in lower case', '<!doctype R><R>secret</R>'],
    ['a prototype', '<R><__proto__><a>secret</a></__proto__></R>'],
    ['a constructor', '<R><constructor>secret</constructor></R>'],
  ])('refuses %s, without quoting it', async (_, text) => {
    await expect(parse(text)).rejects.toEqual(malformed(/^malformed answer: expected (?!.*secret)/))
  })

  it.each([
    ['UTF-16', Buffer.from('\uFEFF<R>1</R>', 'utf16le')],
    ['half a character', Buffer.from('<R>\u00e9</R>', 'latin1')],
    [
      'an encoded surrogate',
      Buffer.from([0x3c, 0x52, 0x3e, 0xed, 0xa0, 0x80, 0x3c, 0x2f, 0x52, 0x3e]),
    ],
  ])('refuses %s', async (_, bytes) => {
    await expect(parseXml(bytes, 'R')).rejects.toEqual(malformed())
  })

  it('expands no entities, however they are nested', async () => {
    const entities = Array.from(
      { length: 9 },
      (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`,
    )
    const bomb = `<!DOCTYPE R [<!ENTITY e0 "boom">${entities.join('')}]><R>&e9;</R>`
    await expect(parse(bomb)).rejects.toEqual(malformed(/DOCTYPE/))
  })

  it('leaves every prototype as it was', async () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString']) {
      await parse(`<R><${name}><polluted>1</polluted></${name}></R>`).catch(() => undefined)
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(Object.hasOwn(Object, 'polluted')).toBe(false)
  })

  it('reads up to 4 MiB unless told otherwise', async () => {
    const document = (size: number) => encode(`<R>${'x'.repeat(size - '<R></R>'.length)}</R>`)
    await expect(parseXml(document(4 * 1024 * 1024), 'R')).resolves.toBeDefined()
    await expect(parseXml(document(4 * 1024 * 1024 + 1), 'R')).rejects.toEqual(
      malformed(/4194304 bytes/),
    )
    await expect(parseXml(document(20), 'R', 20)).resolves.toBeDefined()
    await expect(parseXml(document(21), 'R', 20)).rejects.toEqual(malformed(/20 bytes/))
  })

  it('reads elements 16 deep and no deeper', async () => {
    const nested = (depth: number) =>
      `<R>${'<a>'.repeat(depth - 1)}1${'</a>'.repeat(depth - 1)}</R>`
    await expect(parse(nested(16))).resolves.toBeDefined()
    await expect(parse(nested(17))).rejects.toEqual(malformed())
    await expect(parse(nested(100_000))).rejects.toEqual(malformed())
  })

  it.each([
    ['elements', '<a/>'],
    ['references', '&amp;'],
    ['comments', '<!---->'],
    ['instructions', '<?x?>'],
    ['CDATA', '<![CDATA[]]>'],
    ['open tags', '<a>'],
    ['unclosed comments', '<!--'],
    ['unclosed instructions', '<?x '],
    ['less-than signs', '<'],
    ['quotes', `<a b='"`],
  ])('takes time in proportion for nothing but %s', async (_, unit) => {
    const text = `<R>${unit.repeat((1024 * 1024) / unit.length)}</R>`
    const start = performance.now()
    await parse(text).catch(() => undefined)
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})

describe('XmlElement', () => {
  let element: XmlElement
  const of = async (content: string) => {
    element = await parse(`<R>${content}</R>`)
    return element
  }

  it('text: one leaf, blanks and all', async () => {
    await of('<a> 1 </a><b/><c>1</c><c>2</c><d><e>1</e></d>')
    expect(element.text('a')).toBe(' 1 ')
    expect(element.text('b')).toBe('')
    expect(() => element.text('c')).toThrow('malformed answer: expected <R/c> once only')
    expect(() => element.text('d')).toThrow(
      'malformed answer: expected <R/d> without child elements',
    )
    expect(() => element.text('x')).toThrow('malformed answer: expected <R/x> to be there')
    expect(element.optionalText('x')).toBeUndefined()
    expect(() => element.optionalText('c')).toThrow(OssError)
  })

  it('names the whole path of a nested element', async () => {
    const [child] = (await of('<a><b>x</b></a>')).elements('a')
    expect(() => child?.integer('b')).toThrow('<R/a/b>')
  })

  it.each([
    ['0', 0],
    ['007', 7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('integer: %s', async (text, value) => {
    expect((await of(`<a>${text}</a>`)).integer('a')).toBe(value)
  })

  it.each([
    '-1',
    '+1',
    ' 1',
    '1.0',
    '1e3',
    '0x1',
    '9007199254740992',
    '12345678901234567',
    'NaN',
    '\u0661',
    '',
  ])('integer: not %j', async (text) => {
    await of(`<a>${text}</a>`)
    expect(() => element.integer('a')).toThrow(/<R\/a>/)
  })

  it('integer: within its range', async () => {
    await of('<a>1</a><b>3</b><c/>')
    expect(element.integer('a', { min: 1, max: 1 })).toBe(1)
    expect(() => element.integer('a', { min: 2 })).toThrow('from 2 to')
    expect(() => element.integer('b', { max: 2 })).toThrow('from 0 to 2')
    expect(element.optionalInteger('c')).toBeUndefined()
    expect(element.optionalInteger('x')).toBeUndefined()
    expect(() => element.optionalInteger('b', { max: 2 })).toThrow(OssError)
  })

  it('boolean: true and false only', async () => {
    await of('<a>true</a><b>false</b><c>TRUE</c><d>1</d>')
    expect([element.boolean('a'), element.boolean('b')]).toEqual([true, false])
    for (const name of ['c', 'd', 'x']) expect(() => element.boolean(name)).toThrow(OssError)
  })

  it.each([
    ['2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2024-02-29T00:00:00.9Z', '2024-02-29T00:00:00.900Z'],
    ['2026-01-02T03:04:05.123456789Z', '2026-01-02T03:04:05.123Z'],
  ])('date: %s', async (text, iso) => {
    expect((await of(`<a>${text}</a>`)).date('a').toISOString()).toBe(iso)
  })

  it.each([
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-02T24:00:00Z',
    '2026-01-02',
    '0',
    'undefined',
  ])('date: not %s', async (text) => {
    await of(`<a>${text}</a>`)
    expect(() => element.date('a')).toThrow(/<R\/a> to be a time/)
  })

  it('elements: none, one or several', async () => {
    await of('<a>1</a><b>1</b><b>2</b>')
    expect(['x', 'a', 'b'].map((name) => element.elements(name).length)).toEqual([0, 1, 2])
  })

  it('leafTexts: the first of each name, without a prototype', async () => {
    const texts = (await of('text<a>1</a><b><c>2</c></b><a>3</a><valueOf>4</valueOf>')).leafTexts()
    expect({ ...texts }).toEqual({ a: '1', valueOf: '4' })
    expect(Object.getPrototypeOf(texts)).toBeNull()
  })
})
