import { describe, expect, it } from 'vitest'
import { parseTargets } from '../../src/cli/several-args.js'

const parse = (line: string, values: Parameters<typeof parseTargets>[1] = {}) =>
  parseTargets(line.split(' '), values, 'help')

const target = (path: string, key: string) => ({ path, bucket: 'b', key })

describe('parseTargets', () => {
  it('leaves one file with a key as it is', () => {
    expect(parse('dir/f oss://b/k')).toEqual({ first: target('dir/f', 'k'), several: undefined })
    expect(parse('- oss://b/k').first).toEqual(target('-', 'k'))
    expect(parse('f oss://b/k', { checkpoint: 'c', manifest: 'm' }).several).toBeUndefined()
  })

  it.each(['oss://b/p/', 'oss://b/p'])('puts several below %s', (url) => {
    const targets = [target('x/a.img', 'p/a.img'), target('b c'.replace(' ', '%20'), 'p/b%20c')]
    expect(parse(`x/a.img b%20c ${url}`)).toEqual({
      first: targets[0],
      several: { targets, atOnce: 2, leftOut: [] },
    })
  })

  it.each(['oss://b', 'oss://b/'])('puts several into %s', (url) => {
    expect(parse(`x y ${url}`).several?.targets.map(({ key }) => key)).toEqual(['x', 'y'])
  })

  it('puts one file below a destination that ends in a slash', () => {
    expect(parse('x/f oss://b/p/', { checkpoint: 'c' })).toEqual({
      ...{ first: target('x/f', 'p/f'), several: undefined },
    })
    expect(parse('f oss://b/').first.key).toBe('f')
  })

  it('answers a program in one form, however many files a pattern has matched', () => {
    const targets = [target('f', 'p/f')]
    expect(parse('f oss://b/p/', { json: true }).several?.targets).toEqual(targets)
    expect(parse('f oss://b/p', { json: true }).several).toBeUndefined()
  })

  it('takes how many at once', () => {
    for (const files of ['1', '16']) {
      expect(parse('f g oss://b/p/', { files }).several?.atOnce).toBe(Number(files))
    }
    for (const files of ['0', '17', '2.5', '']) {
      expect(() => parse('f g oss://b/p/', { files })).toThrow('--files must be')
    }
  })

  describe('leaves out what an interrupted run has left', () => {
    const line = 'a a.ucp a.ucp.lock a.ucp.corrupt-1 b.ucp ucp oss://b/p/'

    it('beside a file that is named', () => {
      const { several } = parse(line)
      expect(several?.targets.map(({ path }) => path)).toEqual(['a', 'b.ucp', 'ucp'])
      expect(several?.leftOut).toEqual(['a.ucp', 'a.ucp.lock', 'a.ucp.corrupt-1'])
    })

    it('also where one file remains, which goes where it went before', () => {
      const { first, several } = parse('a a.ucp oss://b/k')
      expect(first).toEqual(target('a', 'k'))
      expect(several?.leftOut).toEqual(['a.ucp'])
    })

    it('and nothing where checkpoints are elsewhere', () => {
      for (const values of [{ 'checkpoint-dir': 'd' }, { 'no-checkpoint': true }]) {
        expect(parse(line, values).several?.targets).toHaveLength(6)
      }
    })
  })

  it.each([
    ['f', 'no destination is given', 'help'],
    ['oss://b/k', 'no file is given', 'help'],
    ['f g', 'the destination is not an oss:// URL: "g"', 'oss://<bucket>/<key>'],
    ['f g h', 'the destination is not an oss:// URL: "h"', 'oss://<bucket>/<key>'],
    ['f oss://b/k g', '"oss://b/k" stands before "g"', 'the files first'],
    ['f oss:///', 'names no bucket', 'oss://<bucket>/<key>'],
    ['f oss://b', 'the destination oss://b names no key', 'oss://<bucket>/<key>'],
    ['x/f y/f oss://b/p/', 'x/f and y/f would both be oss://b/p/f', 'two commands'],
    ['f - oss://b/p/', 'stdin cannot be one of several files', 'a command of its own'],
    ['- oss://b/p/', 'stdin has no name', 'the whole key'],
    ['f .. oss://b/p/', '.. is a directory', 'dir/*'],
    ['/ oss://b/p/', '/ is a directory', 'dir/*'],
  ])('refuses "%s"', (line, message, hint) => {
    expect(() => parse(line)).toThrow(
      expect.objectContaining({
        code: 'ERR_USAGE',
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      }),
    )
  })

  it('refuses names that are empty', () => {
    expect(() => parseTargets([''], {}, 'help')).toThrow('no file is given')
    expect(() => parseTargets([], {}, 'help')).toThrow('no file is given')
    expect(() => parseTargets(['f', '', 'oss://b/p/'], {}, 'help')).toThrow('no file is given')
  })

  it('refuses the shares of workers in several files', () => {
    expect(() => parse('f g oss://b/p/', { shard: '0/2' })).toThrow('--shard is for one file')
    expect(parse('f oss://b/p/', { shard: '0/2' }).several).toBeUndefined()
  })

  it('refuses one checkpoint or one manifest for several, and says what to do', () => {
    expect(() => parse('f g oss://b/p/', { checkpoint: 'c' })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('--checkpoint-dir') }),
    )
    expect(() => parse('f g oss://b/p/', { manifest: 'm' })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('a command of its own') }),
    )
    expect(parse('f g oss://b/p/', { 'checkpoint-dir': 'd' }).several?.targets).toHaveLength(2)
  })
})
