import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseOptions } from '../../src/cli/args.js'
import { loadCallback, objectOptions, parseObjectArgs } from '../../src/cli/object-args.js'

const parse = (...argv: string[]) => parseObjectArgs(parseOptions(argv, objectOptions, '').values)

describe('parseObjectArgs', () => {
  it('leaves to the library what is not given', () => {
    const { headers, ...others } = parse()
    expect(Object.values({ ...headers, ...others }).filter((v) => v !== undefined)).toEqual([])
  })

  it('takes every option', () => {
    const given = parse(
      ...['--content-type', 'text/plain', '--cache-control', 'no-store'],
      ...['--content-disposition', 'inline', '--content-encoding', 'gzip', '--expires', '0'],
      ...['--meta', 'author=me=you', '--meta', 'empty=', '--acl', 'private'],
      ...['--storage-class', 'IA', '--tagging', 'a=1', '--tagging', 'b=2'],
      ...['--sse', 'KMS', '--sse-key-id', 'K', '--sse-data-encryption', 'SM4'],
      ...['--forbid-overwrite', '--request-payer', '--callback', '@c.json'],
      ...['--traffic-limit', '819200', '--sequential'],
    )
    expect(given).toEqual({
      headers: {
        'Content-Type': 'text/plain',
        'Cache-Control': 'no-store',
        'Content-Disposition': 'inline',
        'Content-Encoding': 'gzip',
        Expires: '0',
      },
      metadata: { author: 'me=you', empty: '' },
      acl: 'private',
      storageClass: 'IA',
      tagging: { a: '1', b: '2' },
      serverSideEncryption: { algorithm: 'KMS', keyId: 'K', dataEncryption: 'SM4' },
      forbidOverwrite: true,
      requestPayer: 'requester',
      trafficLimit: 819_200,
      sequential: true,
      callbackText: '@c.json',
    })
  })

  it('passes words on as they are: the library knows which there are', () => {
    expect(parse('--acl', 'nobody', '--sse', 'DES')).toMatchObject({
      acl: 'nobody',
      serverSideEncryption: { algorithm: 'DES' },
    })
  })

  it.each([
    [['--meta', 'a'], '--meta has no name and value'],
    [['--meta', '=a'], '--meta has no name and value'],
    [['--meta', 'a=1', '--meta', 'a=2'], '--meta a is given twice'],
    [['--tagging', 'a'], '--tagging has no name and value'],
    [['--traffic-limit', '1m'], '--traffic-limit must be a whole number, not "1m"'],
    [['--sse-key-id', 'K'], '--sse-key-id needs --sse'],
    [['--sse-data-encryption', 'SM4'], '--sse-data-encryption needs --sse'],
  ])('refuses %j', (argv, message) => {
    expect(() => parse(...argv)).toThrow(message)
  })

  it('takes names that objects have anyway for what they are', () => {
    expect(parse('--meta', '__proto__=x').metadata).toEqual(
      Object.fromEntries([['__proto__', 'x']]),
    )
  })
})

describe('loadCallback', () => {
  const callback = { url: 'https://example.com/x', body: `key=\${object}` }
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ossup-callback-'))
    await writeFile(join(folder, 'c.json'), `${JSON.stringify(callback)}\n`)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is nothing when nothing is given', async () => {
    expect(await loadCallback(undefined)).toBeUndefined()
  })

  it('reads JSON', async () => {
    expect(await loadCallback(JSON.stringify(callback))).toEqual(callback)
  })

  it('reads JSON from a file', async () => {
    expect(await loadCallback(`@${join(folder, 'c.json')}`)).toEqual(callback)
  })

  it.each(['', '{', 'https://example.com'])('refuses %j, which is no JSON', async (text) => {
    await expect(loadCallback(text)).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: '--callback is not JSON',
    })
  })

  it('names the file that cannot be read', async () => {
    const path = join(folder, 'none.json')
    await expect(loadCallback(`@${path}`)).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: `--callback: cannot read ${path} (ENOENT)`,
    })
  })
})
