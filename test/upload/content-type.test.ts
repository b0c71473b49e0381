import { describe, expect, it } from 'vitest'
import { contentTypeOf } from '../../src/upload/content-type.js'

describe('contentTypeOf', () => {
  it.each([
    ['a.json', 'application/json'],
    ['a.JSON', 'application/json'],
    ['dir.png/a.txt', 'text/plain; charset=utf-8'],
    ['/data/disk.tar.gz', 'application/gzip'],
    ['文件.html', 'text/html; charset=utf-8'],
    ['.mp4', 'video/mp4'],
    ['a.jpeg', 'image/jpeg'],
    ['a.7z', 'application/x-7z-compressed'],
  ])('of %s is %s', (name, type) => {
    expect(contentTypeOf(name)).toBe(type)
  })

  it.each(['', 'a', 'a.', 'a.unknown', 'dir.json/a', 'a.json/', 'a.json ', 'a.constructor'])(
    'of %j is not known',
    (name) => {
      expect(contentTypeOf(name)).toBe('application/octet-stream')
    },
  )

  it('is told by the first name that tells it', () => {
    expect(contentTypeOf('disk.img', 'backup/disk.json')).toBe('application/json')
    expect(contentTypeOf('a.png', 'backup/disk.json')).toBe('image/png')
    expect(contentTypeOf(undefined, 'k.json')).toBe('application/json')
    expect(contentTypeOf()).toBe('application/octet-stream')
  })
})
