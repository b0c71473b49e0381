import { describe, expect, it } from 'vitest'
import { listCommand, listOptions, newSum, runList } from '../../src/cli/list-command.js'
import { jsonLines, useBucket } from './bucket.js'

const bucket = useBucket()
const list = (...argv: string[]) => bucket.run((io, args) => runList(io, args), argv)

describe('ossup list', () => {
  it('has one line for each upload, and the sum', async () => {
    const b = await bucket.begin('b', 0, 40)
    const a = await bucket.begin('dir/a\nforged', 3, 2)
    expect(await list('oss://examplebucket')).toEqual({
      exitCode: 0,
      out: `     40d         0 B      0 parts  Standard     ${b}  oss://examplebucket/b
      2d       300 B      3 parts  Standard     ${a}  oss://examplebucket/dir/a\\nforged
total: 2 unfinished uploads, 3 parts, 300 B
`,
      err: '',
    })
    const below = await list('oss://examplebucket/dir/')
    expect(below.out).toMatch(/^.*forged\ntotal: 1 unfinished upload, 3 parts, 300 B\n$/)
  })

  it('says it in JSON', async () => {
    const uploadId = await bucket.begin('k', 2, 1)
    const lines = jsonLines((await list('oss://examplebucket/', '--json')).out)
    expect(lines).toEqual([
      {
        ...{ type: 'upload', bucket: 'examplebucket', key: 'k', uploadId },
        initiated: expect.stringMatching(/Z$/),
        ageSeconds: 86_401,
        ...{ storageClass: 'Standard', parts: 2, bytes: 200 },
      },
      { type: 'result', bucket: 'examplebucket', prefix: '', uploads: 1, parts: 2, bytes: 200 },
    ])
  })

  it('stops when nobody reads any more', async () => {
    for (let key = 1; key <= 40; key++) await bucket.begin(`k${key}`, 0)
    let lines = 0
    const stdout = {
      ...{ isTTY: false, columns: 80 },
      write() {
        lines += 1
      },
      get isClosed() {
        return lines >= 2
      },
    }
    const { exitCode, err } = await bucket.run(runList, ['oss://examplebucket'], { stdout })
    expect({ exitCode, err, lines }).toEqual({ exitCode: 0, err: '', lines: 2 })
    const asked = bucket.fake.requests.filter(({ operation }) => operation === 'ListParts')
    expect(asked.length).toBeLessThan(40)
  })

  it('asks for no parts with --no-bytes', async () => {
    await bucket.begin('k', 2)
    const before = bucket.fake.requests.length
    const { out } = await list('oss://examplebucket', '--no-bytes')
    expect(out).toMatch(/^ +1s +- +- {2}Standard .*\ntotal: 1 unfinished upload\n$/)
    expect(bucket.fake.requests.slice(before).map(({ operation }) => operation)).toEqual([
      'ListMultipartUploads',
    ])
  })

  it('does without the sizes, and says so, where ListParts is denied', async () => {
    await bucket.begin('k', 2)
    await bucket.begin('l', 2)
    bucket.fake.setDenied(['ListParts'])
    const { exitCode, out, err } = await list('oss://examplebucket')
    expect(exitCode).toBe(0)
    expect(out).toMatch(/total: 2 unfinished uploads\n$/)
    expect(err).toMatch(/^ossup: note: ListParts is denied: .*; grant oss:ListParts[^\n]*\n$/)
    const lines = jsonLines((await list('oss://examplebucket', '--json')).out)
    expect(lines.map(({ type }) => type)).toEqual(['note', 'upload', 'upload', 'result'])
    expect(lines.at(-1)).toMatchObject({ uploads: 2, parts: null, bytes: null })
  })

  it('fails with a hint where listing is denied', async () => {
    bucket.fake.setDenied(['ListMultipartUploads'])
    const { exitCode, out, err } = await list('oss://examplebucket')
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toMatch(
      /^ossup: error: ListMultipartUploads failed: .*grant oss:ListMultipart.*\n$/,
    )
  })

  it.each([
    [[], 'no bucket is given'],
    [['k'], '"k" is not an oss:// URL'],
    [['oss://Bad'], 'bucket must be'],
    [['oss://examplebucket', 'x'], 'more than one bucket'],
  ])('%j is wrong usage', async (argv, message) => {
    const { exitCode, err } = await list(...argv)
    expect(exitCode).toBe(2)
    expect(err).toContain(message)
    expect(bucket.fake.requests).toEqual([])
  })

  it('explains its options', () => {
    for (const name of Object.keys(listOptions)) expect(listCommand.usage).toContain(`  --${name}`)
  })
})

describe('newSum', () => {
  it('knows no bytes as soon as those of one upload are not known', () => {
    const sum = newSum(true)
    const upload = { key: 'k', uploadId: 'u', initiated: new Date() }
    sum.add({ ...upload, held: { parts: 1, bytes: 2 } })
    expect(sum.members()).toEqual({ uploads: 1, parts: 1, bytes: 2 })
    sum.add(upload)
    expect(sum.members()).toEqual({ uploads: 2, parts: null, bytes: null })
  })
})
