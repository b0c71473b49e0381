import { describe, expect, it } from 'vitest'
import {
  assertBucketName,
  assertObjectKey,
  assertPartNumber,
  assertUploadId,
  type EndpointOptions,
  hostOf,
  requestTarget,
  resolveEndpoint,
} from '../../src/oss/endpoint.js'

const region = 'cn-hangzhou'

describe('resolveEndpoint: origin', () => {
  it.each([
    ['cn-hangzhou', 'https://oss-cn-hangzhou.aliyuncs.com'],
    ['ap-southeast-1', 'https://oss-ap-southeast-1.aliyuncs.com'],
  ])('derives the public endpoint of %s, over https', (id, origin) => {
    expect(resolveEndpoint({ region: id })).toEqual({ region: id, pathStyle: false, origin })
  })

  it.each([
    ['oss.example.com', 'https://oss.example.com'],
    ['oss.example.com/', 'https://oss.example.com'],
    ['OSS.Example.COM', 'https://oss.example.com'],
    ['oss.example.com:8443', 'https://oss.example.com:8443'],
    ['oss.example.com:443', 'https://oss.example.com'],
    ['oss.example.com:80', 'https://oss.example.com:80'],
    ['https://oss.example.com', 'https://oss.example.com'],
    ['HTTPS://oss.example.com/', 'https://oss.example.com'],
    ['http://oss.example.com', 'http://oss.example.com'],
    ['http://oss.example.com:80', 'http://oss.example.com'],
    ['http://oss.example.com:9000/', 'http://oss.example.com:9000'],
    ['http://oss.example.com:65535', 'http://oss.example.com:65535'],
    ['localhost:9000', 'https://localhost:9000'],
    ['127.0.0.1', 'https://127.0.0.1'],
    ['[::1]:9000', 'https://[::1]:9000'],
  ])('takes %s for %s: cleartext only when it says so', (endpoint, origin) => {
    expect(resolveEndpoint({ region, endpoint }).origin).toBe(origin)
  })

  it.each([
    '',
    'https://',
    'https:///',
    'ftp://oss.example.com',
    'file:///etc/passwd',
    'https://oss.example.com:65536',
    'https://oss.example.com/path',
    'oss.example.com/path',
    'https://oss.example.com//',
    'https://oss.example.com/?query=1',
    'oss.example.com?query=1',
    'https://oss.example.com/#fragment',
    'https://user@oss.example.com',
    'https://:sentinel-password@oss.example.com',
    'https://user:sentinel-password@oss.example.com',
    'http:oss.example.com',
    'two words',
    '::1',
  ])('refuses %j, naming the option and quoting nothing', (endpoint) => {
    const act = () => resolveEndpoint({ region, endpoint })
    expect(act).toThrow(
      new TypeError('endpoint must be [http:// or https://]host[:port], without path or query'),
    )
  })
})

describe('resolveEndpoint: region', () => {
  it.each([
    ['oss-cn-hangzhou.aliyuncs.com', 'cn-hangzhou'],
    ['https://oss-cn-hangzhou.aliyuncs.com', 'cn-hangzhou'],
    ['http://oss-cn-hangzhou.aliyuncs.com:80', 'cn-hangzhou'],
    ['oss-cn-hangzhou-internal.aliyuncs.com', 'cn-hangzhou'],
    ['oss-ap-southeast-1.aliyuncs.com', 'ap-southeast-1'],
    ['cn-hangzhou.oss.aliyuncs.com', 'cn-hangzhou'],
    ['OSS-CN-HANGZHOU.ALIYUNCS.COM', 'cn-hangzhou'],
  ])('is taken from %s', (endpoint, expected) => {
    expect(resolveEndpoint({ endpoint }).region).toBe(expected)
  })

  it('given beside an endpoint is believed', () => {
    const endpoint = 'oss-accelerate.aliyuncs.com'
    expect(resolveEndpoint({ region, endpoint })).toEqual({
      region,
      pathStyle: false,
      origin: 'https://oss-accelerate.aliyuncs.com',
    })
  })

  it.each([
    ['us-east-1', 'oss-cn-hangzhou.aliyuncs.com', 'cn-hangzhou'],
    ['us-east-1', 'http://oss-cn-hangzhou-internal.aliyuncs.com', 'cn-hangzhou'],
    ['us-east-1', 'https://cn-hangzhou.oss.aliyuncs.com', 'cn-hangzhou'],
    ['cn-shanghai', 'oss-cn-shanghai-finance-1.aliyuncs.com', 'cn-shanghai-finance-1'],
  ])('%s is refused beside %s, and the fix is named', (id, endpoint, told) => {
    const host = endpoint.replace(/^https?:\/\//, '')
    expect(() => resolveEndpoint({ region: id, endpoint })).toThrow(
      new TypeError(
        `region ${id} contradicts the endpoint ${host}: use region ${told}, or leave one of the two out`,
      ),
    )
  })

  it.each([
    ['cn-hangzhou', 'oss-cn-hangzhou.aliyuncs.com'],
    ['cn-hangzhou', 'oss-cn-hangzhou-internal.aliyuncs.com'],
    ['cn-hangzhou', 'cn-hangzhou.oss.aliyuncs.com'],
    ['cn-shanghai-finance-1', 'oss-cn-shanghai-finance-1-pub.aliyuncs.com'],
    ['us-east-1', 'oss-accelerate-overseas.aliyuncs.com'],
    ['us-east-1', 'examplebucket.oss-cn-hangzhou.aliyuncs.com'],
    ['us-east-1', 'oss.example.com'],
  ])('%s is accepted beside %s', (id, endpoint) => {
    expect(resolveEndpoint({ region: id, endpoint }).region).toBe(id)
  })

  it.each([
    [{}],
    [{ endpoint: 'oss.example.com' }],
    [{ endpoint: 'http://127.0.0.1:9000' }],
    [{ endpoint: 'oss-cn-hangzhou.aliyuncs.com.evil.example' }],
    [{ endpoint: 'evil-oss-cn-hangzhou.aliyuncs.com' }],
    [{ endpoint: 'examplebucket.oss-cn-hangzhou.aliyuncs.com' }],
    [{ endpoint: 'oss-accelerate.aliyuncs.com' }],
    [{ endpoint: 'oss-accelerate-overseas.aliyuncs.com' }],
  ] as [EndpointOptions][])('is required with %j, which does not tell it', (options) => {
    expect(() => resolveEndpoint(options)).toThrow(
      new TypeError('region is required (e.g. cn-hangzhou): every V4 signature contains it'),
    )
  })

  it('with the prefix of the endpoint is refused, and the fix is named', () => {
    expect(() => resolveEndpoint({ region: 'oss-cn-hangzhou' })).toThrow(
      new TypeError('region must be the bare id: "cn-hangzhou", not "oss-cn-hangzhou"'),
    )
  })

  it.each([
    '',
    '-',
    'CN-HANGZHOU',
    'cn_hangzhou',
    'cn-hangzhou-',
    '-cn',
    'cn--x',
    'cn/x',
    'cn.x',
    'a b',
    'a\n',
  ])('%j is refused', (id) => {
    expect(() => resolveEndpoint({ region: id })).toThrow(
      new TypeError(`region "${id}" is not a region id: lower-case letters, digits and hyphens`),
    )
  })
})

describe('resolveEndpoint: addressing style', () => {
  it.each([
    ['oss-cn-hangzhou.aliyuncs.com', false],
    ['oss.example.com', false],
    ['my.localhost', false],
    ['localhost.example.com', false],
    ['1.2.3.4.example.com', false],
    ['localhost', true],
    ['http://localhost:9000', true],
    ['127.0.0.1', true],
    ['http://127.0.0.1:9000', true],
    ['http://10.1.2.3', true],
    ['http://[::1]:9000', true],
    ['[2001:db8::1]', true],
  ])('of %s: path style is %s by default', (endpoint, pathStyle) => {
    expect(resolveEndpoint({ region, endpoint }).pathStyle).toBe(pathStyle)
  })

  it.each([
    [undefined, true],
    ['oss.example.com', true],
    ['localhost', false],
    ['127.0.0.1', true],
  ])('of %s can be set to %s', (endpoint, pathStyle) => {
    expect(resolveEndpoint({ region, endpoint, pathStyle }).pathStyle).toBe(pathStyle)
  })

  it.each(['127.0.0.1', 'http://[::1]:9000'])(
    'of %s cannot be virtual-hosted: a bucket cannot precede an address',
    (endpoint) => {
      expect(() => resolveEndpoint({ region, endpoint, pathStyle: false })).toThrow(
        new TypeError('pathStyle must be true for an IP endpoint: a bucket cannot precede it'),
      )
    },
  )
})

describe('resolveEndpoint: which host', () => {
  it.each([
    ['internal', 'https://oss-cn-hangzhou-internal.aliyuncs.com'],
    ['accelerate', 'https://oss-accelerate.aliyuncs.com'],
    ['dualStack', 'https://cn-hangzhou.oss.aliyuncs.com'],
  ])('the option %s calls %s', (name, origin) => {
    expect(resolveEndpoint({ region, [name]: true })).toEqual({ region, pathStyle: false, origin })
    expect(resolveEndpoint({ region, [name]: false }).origin).toBe(
      'https://oss-cn-hangzhou.aliyuncs.com',
    )
  })

  it.each(['internal', 'accelerate', 'dualStack'])('%s needs a region, which is signed', (name) => {
    expect(() => resolveEndpoint({ [name]: true })).toThrow('region is required')
  })

  it('cname calls the custom domain as it is', () => {
    const endpoint = 'files.example.com'
    expect(resolveEndpoint({ region, endpoint, cname: true })).toEqual({
      region,
      pathStyle: false,
      cname: true,
      origin: 'https://files.example.com',
    })
    expect(resolveEndpoint({ region, endpoint: '127.0.0.1:9000', cname: true }).pathStyle).toBe(
      false,
    )
    expect(resolveEndpoint({ region, endpoint, cname: false })).not.toHaveProperty('cname')
  })

  it.each<[EndpointOptions, string]>([
    [{ internal: true, accelerate: true }, 'internal contradicts accelerate: each is a host'],
    [{ internal: true, dualStack: true }, 'internal contradicts dualStack: each is a host'],
    [{ accelerate: true, dualStack: true }, 'accelerate contradicts dualStack: each is a host'],
    [{ endpoint: 'x.example', internal: true }, 'internal contradicts endpoint, which names'],
    [{ endpoint: 'x.example', accelerate: true }, 'accelerate contradicts endpoint'],
    [{ endpoint: 'x.example', dualStack: true }, 'dualStack contradicts endpoint'],
    [{ cname: true }, 'cname needs endpoint: the custom domain of the bucket'],
    [{ cname: true, internal: true }, 'cname needs endpoint'],
    [
      { endpoint: 'x.example', cname: true, pathStyle: true },
      'cname contradicts pathStyle: a custom domain stands for its bucket',
    ],
    [
      { endpoint: 'oss-cn-hangzhou.aliyuncs.com', cname: true },
      'cname must be false for oss-cn-hangzhou.aliyuncs.com, which serves every bucket',
    ],
    [{ endpoint: 'oss-accelerate.aliyuncs.com', cname: true }, 'cname must be false for'],
  ])('a host cannot be chosen twice: %o', (options, message) => {
    expect(() => resolveEndpoint({ region, ...options })).toThrow(message)
  })

  it.each(['pathStyle', 'internal', 'accelerate', 'dualStack', 'cname'])(
    '%s is true or false, and nothing like it',
    (name) => {
      for (const value of ['true', 1, 0, null, {}]) {
        expect(() => resolveEndpoint({ region, [name]: value })).toThrow(
          `${name} must be true or false, not ${typeof value}`,
        )
      }
    },
  )
})

describe('requestTarget', () => {
  const virtual = { region, pathStyle: false, origin: 'http://oss.example.com:9000' }
  const path = { region, pathStyle: true, origin: 'http://[::1]:9000' }

  it('puts the bucket before the host, and the port after it', () => {
    expect(requestTarget(virtual, 'examplebucket', 'a b/c')).toEqual({
      origin: 'http://examplebucket.oss.example.com:9000',
      path: '/a%20b/c',
    })
  })

  it('puts the bucket before the key in path style', () => {
    expect(requestTarget(path, 'examplebucket', 'a b/c')).toEqual({
      origin: 'http://[::1]:9000',
      path: '/examplebucket/a%20b/c',
    })
  })

  it('puts the bucket nowhere for a custom domain', () => {
    const custom = { region, pathStyle: false, cname: true, origin: 'https://files.example.com' }
    expect(requestTarget(custom, 'examplebucket', 'a b/c')).toEqual({
      origin: 'https://files.example.com',
      path: '/a%20b/c',
    })
  })

  it('ends with the slash that belongs to the bucket when there is no key', () => {
    expect(requestTarget(virtual, 'examplebucket', undefined).path).toBe('/')
    expect(requestTarget(path, 'examplebucket', undefined).path).toBe('/examplebucket/')
  })

  it('folds nothing: dots, slashes and percent signs are part of the key', () => {
    expect(requestTarget(virtual, 'b-1', 'a/../b//./%2F').path).toBe('/a/../b//./%252F')
  })
})

describe('assertBucketName', () => {
  it.each(['abc', 'a-b', '0a9', '123', 'a'.repeat(62), 'a'.repeat(63), `a${'-'.repeat(61)}z`])(
    'accepts %s',
    (name) => {
      expect(() => assertBucketName(name)).not.toThrow()
    },
  )

  it.each([
    '',
    'a',
    'ab',
    'a'.repeat(64),
    '-ab',
    'ab-',
    'Abc',
    'a_b',
    'a.b',
    'a/b',
    'a b',
    'abc\n',
    'äbc',
    '../..',
    undefined,
    null,
    123,
  ])('refuses the bucket name %j', (name) => {
    expect(() => assertBucketName(name)).toThrow(/^bucket must be 3\.\.63 lower-case letters/)
  })
})

describe('assertObjectKey', () => {
  it.each([
    'a',
    '.',
    '..',
    'a/',
    'a//b',
    ' ',
    'a\\b',
    'a'.repeat(1022),
    'a'.repeat(1023),
    'é'.repeat(511),
    `${'é'.repeat(511)}a`,
    '😀'.repeat(255),
  ])('accepts %s', (key) => {
    expect(() => assertObjectKey(key)).not.toThrow()
  })

  it.each([
    ['a'.repeat(1024), 1024],
    ['é'.repeat(512), 1024],
    ['😀'.repeat(256), 1024],
  ])('counts the bytes of UTF-8 and not characters: refuses %s', (key, bytes) => {
    expect(() => assertObjectKey(key)).toThrow(
      new TypeError(`key must be 1..1023 bytes in UTF-8, not ${bytes}`),
    )
  })

  it.each(['', undefined, null, 5])('refuses %j', (key) => {
    expect(() => assertObjectKey(key)).toThrow(new TypeError('key must be a non-empty string'))
  })

  it.each(['/', '/a', '\\', '\\a', '//a'])('refuses %j, as OSS does', (key) => {
    expect(() => assertObjectKey(key)).toThrow(
      new TypeError('key must not start with "/" or "\\": OSS refuses such names'),
    )
  })

  it.each(['\ud800', 'a\udc00b'])('refuses a lone surrogate', (key) => {
    expect(() => assertObjectKey(key)).toThrow(
      new TypeError('key has a lone surrogate and no UTF-8 form'),
    )
  })
})

describe('assertUploadId', () => {
  it('accepts any text, digits included', () => {
    expect(() => assertUploadId('0')).not.toThrow()
  })

  it.each(['', undefined, null, 5])('refuses %j', (uploadId) => {
    expect(() => assertUploadId(uploadId)).toThrow(
      new TypeError('uploadId must be a non-empty string'),
    )
  })
})

describe('assertPartNumber', () => {
  it.each([1, 2, 9_999, 10_000])('accepts %i', (partNumber) => {
    expect(() => assertPartNumber(partNumber)).not.toThrow()
  })

  it.each([0, -1, 10_001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', undefined, null])(
    'refuses %j',
    (partNumber) => {
      expect(() => assertPartNumber(partNumber)).toThrow(
        new RangeError(`partNumber must be 1..10000, not ${partNumber}`),
      )
    },
  )
})

describe('hostOf', () => {
  it.each([
    ['https://oss.example.com', 'oss.example.com'],
    ['http://oss.example.com:8080', 'oss.example.com:8080'],
    ['http://[::1]:9000', '[::1]:9000'],
  ])('%s is called with Host: %s', (origin, host) => {
    expect(hostOf(origin)).toBe(host)
  })
})
