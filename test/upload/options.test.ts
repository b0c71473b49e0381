import { Readable } from 'node:stream'
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
    const { path, ...rest } = required
    expect(resolveOptions(required)).toEqual({
      ...rest,
      source: { kind: 'file', path },
      partSize: undefined,
      concurrency: 'auto',
      maxConcurrency: 32,
      checkpoint: { path: './file.bin.ucp', store: undefined },
      verify: 'content',
      adopt: false,
      restart: false,
      onAbort: 'keep',
      object: { headers: { 'Content-Type': 'application/octet-stream' } },
      callback: undefined,
      trafficLimit: undefined,
      sequential: false,
      contentMd5: false,
      manifest: false,
      retry: undefined,
      deadline: undefined,
      signal: undefined,
      onProgress: undefined,
      onEvent: undefined,
    })
  })

  it('are filled in for what is given as undefined', () => {
    const names = Object.keys(resolveOptions(required)).filter(
      (name) => !(name in required) && name !== 'object' && name !== 'source',
    )
    const nothing = Object.fromEntries(names.map((name) => [name, undefined]))
    const moreNothing = {
      ...nothing,
      ...{ checkpointPath: undefined, checkpointDir: undefined, checkpointStore: undefined },
      ...{ headers: undefined, metadata: undefined, acl: undefined, tagging: undefined },
    }
    expect(resolveWith(moreNothing)).toEqual(resolveOptions(required))
  })

  it('give way to what is given', () => {
    const { signal } = new AbortController()
    const given = {
      partSize: 102_400,
      concurrency: 7,
      retry: { attempts: 3 },
      deadline: 5_000,
      verify: 'stat',
      adopt: true,
      restart: true,
      onAbort: 'discard',
      contentMd5: true,
      signal,
      onProgress: () => {},
      onEvent: () => {},
    }
    const { path, ...rest } = { ...required, ...given }
    expect(resolveWith(given)).toMatchObject({ ...rest, source: { kind: 'file', path } })
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
      'checkpoint: false contradicts checkpointStore',
    ],
    [
      { checkpointPath: '/var/x', checkpointStore: store },
      'checkpointPath and checkpointStore exclude each other',
    ],
    [
      { checkpointDir: 'd', checkpointPath: 'x' },
      'checkpointPath and checkpointDir exclude each other',
    ],
    [{ checkpointDir: 'd', checkpointStore: store }, 'exclude each other'],
    [{ checkpoint: false, checkpointDir: 'd' }, 'checkpoint: false contradicts checkpointDir'],
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

describe('a source instead of a path', () => {
  const from = (source: unknown, change: object = {}) =>
    resolveWith({ path: undefined, source, ...change })
  const stream = () => Readable.from([])

  it('excludes a path by its type already', () => {
    const rest = { bucket: 'examplebucket', key: 'k' }
    const accepted: UploadFileOptions[] = [
      { ...rest, path: 'f' },
      { ...rest, source: stream(), path: undefined },
    ]
    const refused: UploadFileOptions[] = [
      // @ts-expect-error: the types forbid to give both
      { ...rest, path: 'f', source: stream() },
      // @ts-expect-error: the types forbid to give neither
      rest,
      // @ts-expect-error: the types forbid text as a source
      { ...rest, source: 'text' },
    ]
    for (const options of accepted) expect(() => resolveOptions(options)).not.toThrow()
    for (const options of refused) expect(() => resolveOptions(options)).toThrow(TypeError)
  })

  it('is told by its kind', () => {
    expect(from(Buffer.from('x')).source.kind).toBe('bytes')
    expect(from(new Blob(['x'])).source.kind).toBe('blob')
    expect(from(stream()).source.kind).toBe('stream')
  })

  it('has no checkpoint by default: there is no path to keep it beside', () => {
    expect(from(stream()).checkpoint).toBeUndefined()
    expect(from(Buffer.of(1), { checkpoint: false }).checkpoint).toBeUndefined()
    expect(from(stream(), { checkpointPath: 'x' }).checkpoint?.path).toBe('x')
    expect(from(stream(), { checkpointStore: store }).checkpoint?.store).toBe(store)
    expect(from(stream(), { checkpointDir: 'd' }).checkpoint?.path).toMatch(
      /^d\/file\.bin-[0-9a-f]{16}\.ucp$/,
    )
  })

  it('has the Content-Type of a Blob, else the one that a name tells', () => {
    const type = (source: unknown, change: object = {}) =>
      from(source, change).object.headers?.['Content-Type']
    expect(type(new Blob(['x'], { type: 'text/x-own' }))).toBe('text/x-own')
    expect(type(new File(['x'], 'a.json'))).toBe('application/json')
    expect(type(new File(['x'], 'a', { type: '' }), { key: 'k.png' })).toBe('image/png')
    expect(type(stream(), { key: 'k.tar' })).toBe('application/x-tar')
    expect(type(Buffer.of(1), { headers: { 'content-type': 'x/y' } })).toBe('x/y')
  })

  it.each<[object, string]>([
    [{ path: 'f', source: Buffer.of(1) }, 'path and source exclude each other'],
    [{ source: stream(), checkpoint: true }, 'checkpoint: true needs checkpointPath'],
    [{ source: stream(), verify: 'stat' }, 'verify: stat needs path'],
    [{ source: Buffer.of(1), verify: 'stat' }, 'verify: stat needs path'],
    [{ source: stream(), adopt: true }, 'adopt needs a source that can be read again'],
    [{ source: stream(), partSize: 5 * 1024 ** 3 }, 'partSize of a stream must be at most'],
    [{ source: 'text' }, 'source must not be a string: give the name of a file as path'],
  ])('%o is refused', (change, message) => {
    expect(thrown(() => resolveWith({ path: undefined, ...change })).message).toContain(message)
  })

  it('of bytes may be adopted, and have parts of any size', () => {
    expect(from(Buffer.of(1), { adopt: true, partSize: 5 * 1024 ** 3 }).adopt).toBe(true)
  })
})

describe('sequential', () => {
  it('is one part at a time, whatever the default is', () => {
    expect(resolveWith({ sequential: true })).toMatchObject({ sequential: true, concurrency: 1 })
    expect(resolveWith({ sequential: true, concurrency: 1 }).concurrency).toBe(1)
    expect(resolveWith({ sequential: false, concurrency: 9 }).concurrency).toBe(9)
  })

  it('contradicts more parts at a time', () => {
    expect(thrown(() => resolveWith({ sequential: true, concurrency: 2 }))).toEqual(
      new TypeError('sequential contradicts concurrency above 1: one part goes after another'),
    )
  })
})

describe('concurrency', () => {
  it('is found by itself, except where a number has consequences that the caller should know of', () => {
    const of = (change: object) => {
      const { concurrency, maxConcurrency } = resolveWith(change)
      return [concurrency, maxConcurrency]
    }
    const stream = { path: undefined, source: Readable.from([]) }
    expect(of({ concurrency: 'auto', maxConcurrency: 7 })).toEqual(['auto', 7])
    expect(of({ trafficLimit: 819_200 })).toEqual([4, 32])
    expect(of({ trafficLimit: 819_200, maxConcurrency: 2 })).toEqual([2, 2])
    expect(of(stream)).toEqual([4, 32])
    expect(of({ ...stream, concurrency: 9 })).toEqual([9, 32])
    expect(of({ sequential: true })).toEqual([1, 1])
  })

  it('as a number takes no maxConcurrency beside it', () => {
    expect(thrown(() => resolveWith({ concurrency: 4, maxConcurrency: 8 }))).toEqual(
      new TypeError('maxConcurrency needs concurrency "auto": a number is not changed'),
    )
  })
})

describe('what the object is stored with', () => {
  it('has the Content-Type that the names tell, unless one is given', () => {
    const type = (change: object) => resolveWith(change).object.headers?.['Content-Type']
    expect(type({})).toBe('application/octet-stream')
    expect(type({ path: 'a.png', key: 'k.json' })).toBe('image/png')
    expect(type({ path: 'a', key: 'k.json' })).toBe('application/json')
    expect(type({ path: 'a.png', headers: { 'content-type': 'x/y' } })).toBe('x/y')
    expect(type({ path: 'a.png', headers: { 'Content-Type': undefined } })).toBe('image/png')
    expect(type({ path: 'a.png', headers: { Expires: '0' } })).toBe('image/png')
  })

  it('has each header by one name', () => {
    expect(resolveWith({ headers: { expires: '0', 'CACHE-CONTROL': 'x' } }).object.headers).toEqual(
      {
        ...{ 'Content-Type': 'application/octet-stream', Expires: '0', 'Cache-Control': 'x' },
      },
    )
  })
})

describe('shard', () => {
  const shard = { index: 3, count: 16 }

  it('needs a place that all workers see', () => {
    expect(resolveWith({ shard, checkpointDir: '/state' }).shard).toEqual(shard)
    expect(resolveWith({ shard, checkpointPath: '/state/x' }).shard).toEqual(shard)
    for (const change of [{}, { checkpointStore: store }, { checkpoint: false }]) {
      expect(() => resolveWith({ shard, ...change })).toThrow(TypeError)
    }
  })

  it.each([
    [{ sequential: true }, 'shard contradicts sequential'],
    [{ adopt: true }, 'shard contradicts adopt'],
    [{ restart: true }, 'shard contradicts restart'],
    [{ onAbort: 'discard' }, 'shard contradicts onAbort: discard'],
    [{ shard: { index: 16, count: 16 } }, 'shard.index must be a whole number, 0 to 15'],
    [{ path: undefined, source: Buffer.of(1) }, 'shard needs path'],
    [{ checkpointPath: 'x', path: 'x.shard-0-of-2' }, 'path must not have the name of a journal'],
  ])('contradicts %o', (change, message) => {
    expect(() => resolveWith({ shard, checkpointPath: '/state/x', ...change })).toThrow(message)
  })
})

describe('a required option', () => {
  it.each(['path', 'bucket', 'key'])('%s is named when it is missing', (name) => {
    for (const absent of [undefined, {}]) {
      const { [name]: _, ...rest } = required as Record<string, string>
      const options = absent === undefined ? { ...rest, [name]: undefined } : rest
      const error = thrown(() => resolveOptions(options as unknown as UploadFileOptions))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toBe(`${name === 'path' ? 'path or source' : name} is required`)
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
    ['concurrency', [1, 2, 999, 1000, 'auto']],
    ['maxConcurrency', [1, 2, 999, 1000]],
    ['retry', [{}, { attempts: 1 }, { attempts: undefined, budget: 5 }]],
    ['deadline', [1, 2, 2_147_483_646, 2_147_483_647]],
    ['checkpoint', [true, false]],
    ['checkpointPath', ['x']],
    ['verify', ['content', 'stat']],
    ['adopt', [true, false]],
    ['restart', [true, false]],
    ['onAbort', ['keep', 'discard']],
    ['headers', [{}, { 'Content-Type': '' }, { 'content-type': 'a;b="c"' }, { EXPIRES: '0' }]],
    ['metadata', [{}, { a: 'b' }]],
    ['acl', ['private', 'default']],
    ['storageClass', ['Standard']],
    ['tagging', [{}, { a: '' }]],
    ['serverSideEncryption', [{ algorithm: 'SM4' }]],
    ['forbidOverwrite', [true, false]],
    ['requestPayer', ['requester']],
    ['callback', [{ url: 'https://example.com', body: 'x' }]],
    ['trafficLimit', [819_200, 838_860_800]],
    ['sequential', [true, false]],
    ['checkpointDir', ['x', '.', '/a/']],
    ['contentMd5', [true, false]],
    ['manifest', [true, false]],
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
      'concurrency must be a whole number, 1 to 1000, or "auto", not ',
    ],
    [
      'maxConcurrency',
      [null, 0, -1, 1001, 1.5, '4', 'auto'],
      RangeError,
      'maxConcurrency must be a whole number, 1 to 1000, not ',
    ],
    ['retry', [null, 1, 'x', [], { retries: 1 }], TypeError, 'retry'],
    ['retry', [{ attempts: 0 }, { budget: 1.5 }], RangeError, 'retry.'],
    [
      'deadline',
      [null, 0, -1, 2_147_483_648, 1.5, '5', Number.NaN, Number.POSITIVE_INFINITY],
      RangeError,
      'deadline must be a whole number of milliseconds, 1 to 2147483647, not ',
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
    ['metadata', [null, 1, 'a=b', [], { a_b: 'x' }], TypeError, 'metadata '],
    ['acl', nothing, TypeError, 'acl must be "private" or '],
    ['storageClass', nothing, TypeError, 'storageClass must be "Standard" or '],
    ['tagging', [null, 'a=b', [], { a: 1 }], TypeError, 'tagging'],
    ['serverSideEncryption', [null, 'AES256', {}], TypeError, 'serverSideEncryption'],
    ['forbidOverwrite', nothing, TypeError, 'forbidOverwrite must be true or false, not '],
    ['requestPayer', nothing, TypeError, 'requestPayer must be "requester", not '],
    ['callback', nothing, TypeError, 'callback'],
    ['trafficLimit', [null, 0, 819_199, 838_860_801, '819200'], RangeError, 'trafficLimit must be'],
    ['sequential', nothing, TypeError, 'sequential must be true or false, not '],
    ['checkpointDir', texts(['', 'a\0b']), TypeError, 'checkpointDir must be'],
    ['contentMd5', nothing, TypeError, 'contentMd5 must be true or false, not '],
    ['manifest', nothing, TypeError, 'manifest must be true or false, not '],
    [
      'headers',
      ['x', 1, null, [], { 'Content-Type': 'a\r\nb' }, { 'Content-Type': 'é' }, { Host: 'x' }],
      TypeError,
      'headers',
    ],
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
    expect(
      thrown(() => resolveWith({ headers: { 'Content-Type': 'sentinel\n' } })).message,
    ).not.toContain('sentinel')
  })

  it('quotes text that is not accepted', () => {
    expect(thrown(() => resolveWith({ verify: 'none' })).message).toBe(
      'verify must be "content" or "stat", not "none"',
    )
  })
})
