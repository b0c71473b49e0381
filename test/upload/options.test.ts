import { describe, expect, it } from 'vitest'
import type { CheckpointStore } from '../../src/upload/checkpoint-store.js'
import { resolveOptions, type UploadFileOptions } from '../../src/upload/options.js'

const required = { path: './file.bin', bucket: 'examplebucket', key: 'dir/file.bin' }
const store: CheckpointStore = {
  location: 'elsewhere',
  exists: async () => false,
  acquire: () => Promise.reject(new Error('not used')),
}

const resolveWith = (change: object): ReturnType<typeof resolveOptions> =>
  resolveOptions({ ...required, ...change } as UploadFileOptions)

/** What a call throws. */
function thrown(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

describe('defaults', () => {
  it('are filled in for what is not given', () => {
    expect(resolveOptions(required)).toEqual({
      ...required,
      partSize: undefined,
      concurrency: 4,
      checkpoint: { path: './file.bin.ucp', store: undefined },
      verify: 'content',
      adopt: false,
      restart: false,
      onAbort: 'keep',
      contentType: undefined,
      signal: undefined,
      onProgress: undefined,
      onEvent: undefined,
    })
  })

  it('are filled in for what is given as undefined', () => {
    const names = Object.keys(resolveOptions(required)).filter((name) => !(name in required))
    const nothing = Object.fromEntries(names.map((name) => [name, undefined]))
    const moreNothing = { ...nothing, checkpointPath: undefined, checkpointStore: undefined }
    expect(resolveWith(moreNothing)).toEqual(resolveOptions(required))
  })

  it('give way to what is given', () => {
    const { signal } = new AbortController()
    const given = {
      partSize: 102_400,
      concurrency: 7,
      verify: 'stat',
      adopt: true,
      restart: true,
      onAbort: 'discard',
      contentType: 'text/plain; charset=utf-8',
      signal,
      onProgress: () => {},
      onEvent: () => {},
    }
    expect(resolveWith(given)).toMatchObject({ ...required, ...given })
  })
})

describe('the checkpoint', () => {
  it.each([
    [{}, { path: './file.bin.ucp', store: undefined }],
    [{ checkpoint: true }, { path: './file.bin.ucp', store: undefined }],
    [{ checkpoint: false }, undefined],
    [{ checkpointPath: '/var/x' }, { path: '/var/x', store: undefined }],
    [
      { checkpoint: true, checkpointPath: '/var/x' },
      { path: '/var/x', store: undefined },
    ],
    [{ checkpointStore: store }, { path: './file.bin.ucp', store }],
    [{ checkpointPath: 'file.bin.lock' }, { path: 'file.bin.lock', store: undefined }],
  ])('of %o is %o', (given, expected) => {
    expect(resolveWith(given).checkpoint).toEqual(expected)
  })

  it.each([
    [
      { checkpoint: false, checkpointPath: '/var/x' },
      'checkpoint: false contradicts checkpointPath',
    ],
    [
      { checkpoint: false, checkpointStore: store },
      'checkpoint: false contradicts checkpointPath and checkpointStore',
    ],
    [
      { checkpointPath: '/var/x', checkpointStore: store },
      'checkpointPath and checkpointStore exclude each other',
    ],
    [{ checkpointPath: required.path }, 'another file than path'],
    [{ checkpointPath: 'sub/../file.bin' }, 'another file than path'],
    [{ path: 'x.lock', checkpointPath: 'x' }, 'another file than path'],
    [{ path: 'x.tmp', checkpointPath: './x' }, 'another file than path'],
  ])('of %o is a contradiction', (given, message) => {
    const error = thrown(() => resolveWith(given))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(message)
  })
})

describe('a required option', () => {
  it.each(['path', 'bucket', 'key'])('%s is named when it is missing', (name) => {
    for (const absent of [undefined, {}]) {
      const { [name]: _, ...rest } = required as Record<string, string>
      const options = absent === undefined ? { ...rest, [name]: undefined } : rest
      const error = thrown(() => resolveOptions(options as unknown as UploadFileOptions))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toBe(`${name} is required`)
    }
  })
})

describe('an unknown option', () => {
  it.each([
    'parallel',
    'partsize',
    'PartSize',
    'checkpointFile',
    'toString',
    'constructor',
    'hasOwnProperty',
    '',
  ])('"%s" is refused by name', (name) => {
    const error = thrown(() => resolveWith({ [name]: undefined }))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe(`unknown option "${name}"`)
  })

  it('"__proto__" is refused by name', () => {
    const options = JSON.parse(JSON.stringify(required).replace('}', ',"__proto__":{}}'))
    expect(() => resolveOptions(options)).toThrow('unknown option "__proto__"')
  })
})

describe('what each option accepts', () => {
  it.each<[keyof UploadFileOptions, readonly unknown[]]>([
    ['path', ['a', ' ', '文件', '/a/b']],
    ['bucket', ['abc', 'a-b', 'a'.repeat(63), '123']],
    ['key', ['a', 'a/../b', 'a'.repeat(1023), 'é'.repeat(511), ' ']],
    ['partSize', [102_400, 102_401, 5 * 1024 ** 3 - 1, 5 * 1024 ** 3]],
    ['concurrency', [1, 2, 999, 1000]],
    ['checkpoint', [true, false]],
    ['checkpointPath', ['x']],
    ['verify', ['content', 'stat']],
    ['adopt', [true, false]],
    ['restart', [true, false]],
    ['onAbort', ['keep', 'discard']],
    ['contentType', ['', 'text/plain', 'a;b="c"']],
    ['signal', [AbortSignal.abort(), new AbortController().signal]],
    ['onProgress', [() => {}]],
    ['onEvent', [async () => {}]],
  ])('%s: %o', (name, values) => {
    for (const value of values) expect(() => resolveWith({ [name]: value })).not.toThrow()
  })

  const nothing = [null, 0, 1, 1n, 'x', {}, [], Number.NaN, Symbol('x'), Object.create(null)]
  const texts = (values: readonly unknown[]): unknown[] => [
    ...nothing.filter((value) => typeof value !== 'string'),
    ...values,
  ]

  it.each<[keyof UploadFileOptions, readonly unknown[], typeof Error, string]>([
    ['path', texts(['', 'a\0b', new URL('file:///a')]), TypeError, 'path must be'],
    [
      'bucket',
      texts(['', 'ab', 'a'.repeat(64), 'Abc', '-ab', 'ab-', 'a_b', 'a.b']),
      TypeError,
      'bucket must be 3..63',
    ],
    [
      'key',
      texts(['', '/a', '\\a', 'a'.repeat(1024), 'é'.repeat(512), '\ud800']),
      TypeError,
      'key ',
    ],
    [
      'partSize',
      [null, 0, 102_399, 5 * 1024 ** 3 + 1, 102_400.5, '102400', -102_400, Number.NaN, [], {}],
      RangeError,
      'partSize must be a whole number of bytes, 102400 (100 KiB) to 5368709120 (5 GiB), not ',
    ],
    [
      'concurrency',
      [null, 0, -1, 1001, 1.5, '4', 4n, Number.NaN, Number.POSITIVE_INFINITY],
      RangeError,
      'concurrency must be a whole number, 1 to 1000, not ',
    ],
    [
      'checkpoint',
      [...nothing, 'true', 'false'],
      TypeError,
      'checkpoint must be true or false, not ',
    ],
    ['checkpointPath', texts(['', 'a\0b']), TypeError, 'checkpointPath must be'],
    [
      'checkpointStore',
      [...nothing, { acquire: store.acquire }, { ...store, exists: true }],
      TypeError,
      'checkpointStore must be',
    ],
    [
      'verify',
      [...nothing, 'Content', 'none', true],
      TypeError,
      'verify must be "content" or "stat", not ',
    ],
    ['adopt', nothing, TypeError, 'adopt must be true or false, not '],
    ['restart', nothing, TypeError, 'restart must be true or false, not '],
    [
      'onAbort',
      [...nothing, 'abort', true],
      TypeError,
      'onAbort must be "keep" or "discard", not ',
    ],
    ['contentType', texts(['a\r\nb', 'a\nb', 'a\0b', 'é']), TypeError, 'content'],
    [
      'signal',
      [...nothing, new EventTarget(), { aborted: false }],
      TypeError,
      'signal must be an AbortSignal',
    ],
    ['onProgress', nothing, TypeError, 'onProgress must be a function'],
    ['onEvent', nothing, TypeError, 'onEvent must be a function'],
  ])('not %s: %o', (name, values, type, message) => {
    for (const value of values) {
      const error = thrown(() => resolveWith({ [name]: value }))
      expect(error, String(typeof value)).toBeInstanceOf(type)
      expect(error.message, String(typeof value)).toContain(message)
    }
  })

  it('names the limits of partSize', () => {
    for (const partSize of [102_399, 5 * 1024 ** 3 + 1]) {
      const error = thrown(() => resolveWith({ partSize }))
      expect(error).toBeInstanceOf(RangeError)
      expect(error.message).toContain(`102400 (100 KiB) to 5368709120 (5 GiB), not ${partSize}`)
    }
  })

  it('does not show the value of a header', () => {
    expect(thrown(() => resolveWith({ contentType: 'sentinel\n' })).message).not.toContain(
      'sentinel',
    )
  })

  it('quotes text that is not accepted', () => {
    expect(thrown(() => resolveWith({ verify: 'none' })).message).toBe(
      'verify must be "content" or "stat", not "none"',
    )
  })
})
