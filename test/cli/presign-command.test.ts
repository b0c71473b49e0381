import { describe, expect, it, vi } from 'vitest'
import { runPresign } from '../../src/cli/presign-command.js'
import { pretendIo } from './fixtures.js'

vi.mock('undici', () => {
  throw new Error('no HTTP client is needed to presign')
})
vi.mock('fast-xml-parser', () => {
  throw new Error('no parser is needed to presign')
})

const env = {
  OSS_ACCESS_KEY_ID: 'EXAMPLEKEYID',
  OSS_ACCESS_KEY_SECRET: 'examplesecret',
  OSS_REGION: 'cn-hangzhou',
}
const time = new Date('2025-01-02T03:04:05Z')

const presignWith = async (argv: readonly string[], variables: Record<string, string> = env) => {
  const io = pretendIo({ argv: ['presign', ...argv], env: variables })
  return { exitCode: await runPresign(io, argv, () => time), out: io.out, err: io.err }
}

describe('runPresign', () => {
  it('prints one URL and nothing else: that of docs/signing.md', async () => {
    const object = 'oss://examplebucket/reports/2025 Q1+résumé~.txt'
    const part = ['--part-number', '1', '--upload-id', '0004B9894A22E5B1888A1E29F8236E2D']
    expect(await presignWith(['upload-part', object, ...part, '--expires', '1h'])).toEqual({
      exitCode: 0,
      out: 'https://examplebucket.oss-cn-hangzhou.aliyuncs.com/reports/2025%20Q1%2Br%C3%A9sum%C3%A9~.txt?partNumber=1&uploadId=0004B9894A22E5B1888A1E29F8236E2D&x-oss-credential=EXAMPLEKEYID%2F20250102%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=20250102T030405Z&x-oss-expires=3600&x-oss-signature=5bc2469bd3239bb441bd3023d06390ba37df7d489b0e3f05b4c5aed5b2d657f1&x-oss-signature-version=OSS4-HMAC-SHA256\n',
      err: '',
    })
  })

  it.each([
    [[], 'https://examplebucket.oss-cn-hangzhou.aliyuncs.com/k?'],
    [['--endpoint', 'http://oss.test:8080'], 'http://examplebucket.oss.test:8080/k?'],
    [['--endpoint', 'oss.test', '--path-style'], 'https://oss.test/examplebucket/k?'],
    [['--endpoint', 'http://127.0.0.1:9000'], 'http://127.0.0.1:9000/examplebucket/k?'],
    [['--endpoint', 'files.example.com', '--cname'], 'https://files.example.com/k?'],
  ])('%j leads to %s', async (more, start) => {
    const { out } = await presignWith(['get', 'oss://examplebucket/k', ...more])
    expect(out.startsWith(start)).toBe(true)
  })

  it('says in JSON what has to be sent, and when it expires', async () => {
    const more = ['--json', '--header', 'Content-Type: a/b', '--sign-header', 'host']
    const { out } = await presignWith(['put', 'oss://examplebucket/k', ...more])
    expect(JSON.parse(out)).toEqual({
      type: 'presigned',
      url: expect.stringContaining('x-oss-additional-headers=host&'),
      method: 'PUT',
      headers: { 'content-type': 'a/b' },
      expiresAt: '2025-01-02T04:04:05.000Z',
    })
    expect(out.endsWith('}\n')).toBe(true)
  })

  it.each([
    [['get', 'oss://examplebucket/k', '--expires', '8d'], 2, '--expires must be an integer from 1'],
    [['get', 'oss://examplebucket/k', '--expires', '0'], 2, '--expires must be an integer from 1'],
    [['get', 'oss://examplebucket//k'], 2, 'key must not start with "/"'],
    [['get', 'oss://Bad/k'], 2, 'bucket must be 3..63'],
    [['get', 'oss://examplebucket/k', '--region', 'oss-cn-x'], 2, '--region must be the bare id'],
    [['put', 'oss://examplebucket/k', '--sign-header', 'range'], 2, '--sign-header has range'],
    [['put', 'oss://examplebucket/k', '--sign-header', 'a_b'], 2, '--sign-header must be names'],
    [['put', 'oss://examplebucket/k', '--header', 'x-oss-a: é'], 2, 'encodeURIComponent'],
    [['put', 'oss://examplebucket/k', '--cname'], 2, '--cname needs endpoint'],
    [
      ['put', 'oss://examplebucket/k', '--endpoint', 'e.test', '--cname', '--path-style'],
      2,
      '--cname contradicts',
    ],
    [
      ['upload-part', 'oss://examplebucket/k', '--part-number', '10001', '--upload-id', 'U'],
      2,
      '--part-number must be 1..10000',
    ],
  ])('%j is refused in one line', async (argv, exitCode, message) => {
    const refused = await presignWith(argv)
    expect(refused).toMatchObject({ exitCode, out: '' })
    expect(refused.err).toMatch(/^ossup: error: .*; see: ossup presign --help\n$/)
    expect(refused.err).toContain(message)
  })

  it('needs credentials and a region', async () => {
    const { OSS_ACCESS_KEY_SECRET: _, ...half } = env
    expect(await presignWith(['get', 'oss://examplebucket/k'], half)).toMatchObject({
      exitCode: 1,
      out: '',
      err: expect.stringContaining('OSS_ACCESS_KEY_SECRET is not set'),
    })
    const { OSS_REGION: __, ...nowhere } = env
    expect(await presignWith(['get', 'oss://examplebucket/k'], nowhere)).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('--region is required'),
    })
  })

  it('refuses in JSON when it was to answer in JSON', async () => {
    const { err } = await presignWith(['get', 'oss://Bad/k', '--json'])
    expect(JSON.parse(err)).toMatchObject({ type: 'error', code: 'ERR_USAGE', exitCode: 2 })
  })
})
