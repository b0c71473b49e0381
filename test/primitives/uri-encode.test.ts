import { describe, expect, it } from 'vitest'
import { encodeUriComponent, encodeUriPath } from '../../src/primitives/uri-encode.js'

describe('encodeUriComponent', () => {
  it.each([
    ['', ''],
    ['AZaz09-._~', 'AZaz09-._~'],
    [' ', '%20'],
    ['+', '%2B'],
    ['%', '%25'],
    ['%20', '%2520'],
    ['/', '%2F'],
    ["*!'()", '%2A%21%27%28%29'],
    ['?#&=;:@', '%3F%23%26%3D%3B%3A%40'],
    ['\0\x01\x1f\x7f', '%00%01%1F%7F'],
    ['\u0080\u07ff', '%C2%80%DF%BF'],
    ['\u0800\uffff', '%E0%A0%80%EF%BF%BF'],
    ['\u{10000}\u{10ffff}', '%F0%90%80%80%F4%8F%BF%BF'],
    ['é', '%C3%A9'],
    ['e\u0301', 'e%CC%81'],
    ['\ufeff', '%EF%BB%BF'],
  ])('writes %j as %s', (text, expected) => {
    expect(encodeUriComponent(text)).toBe(expected)
  })

  it.each(['\ud800', '\udc00', 'a\udc00\ud800b'])('refuses the lone surrogate in %j', (text) => {
    expect(() => encodeUriComponent(text)).toThrow(TypeError)
    expect(() => encodeUriComponent(text, 'key')).toThrow(/^key has a lone surrogate/)
  })
})

describe('encodeUriPath', () => {
  it.each([
    ['a/b', 'a/b'],
    ['/a//b/', '/a//b/'],
    ['./a/../b', './a/../b'],
    ['a%2Fb', 'a%252Fb'],
    ['%252F', '%25252F'],
    ['\\', '%5C'],
    ['a b/é', 'a%20b/%C3%A9'],
  ])('writes %j as %s', (text, expected) => {
    expect(encodeUriPath(text)).toBe(expected)
  })

  it('names the option it refuses', () => {
    expect(() => encodeUriPath('a/\ud800', 'key')).toThrow(/^key has a lone surrogate/)
  })
})
