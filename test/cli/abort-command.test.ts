import { describe, expect, it } from 'vitest'
import { abortCommand, abortOptions, runAbort } from '../../src/cli/abort-command.js'
import { useBucket } from './bucket.js'

const bucket = useBucket()
const pauses: number[] = []
const abort = (...argv: string[]) => {
  pauses.length = 0
  const sleep = async (ms: number) => void pauses.push(ms)
  return bucket.run((io, args) => runAbort(io, args, sleep), argv)
}
const open = () => bucket.fake.uploads('examplebucket').map(({ uploadId }) => uploadId)

/** The first aborts answer, and the upload stays. */
function surviveAborts(count: number) {
  let aborts = 0
  bucket.fake.setFault(({ operation }) => {
    if (operation !== 'AbortMultipartUpload' || ++aborts > count) return undefined
    return { type: 'replace', status: 204, body: '', apply: false }
  })
}

describe('ossup abort', () => {
  it('aborts that upload, and no other one', async () => {
    const id = await bucket.begin('k', 2)
    const other = await bucket.begin('k', 1)
    expect(await abort('oss://examplebucket/k', '--upload-id', id)).toEqual({
      exitCode: 0,
      out: `aborted upload ${id} of oss://examplebucket/k\n`,
      err: '',
    })
    expect(open()).toEqual([other])
  })

  it('says it in JSON', async () => {
    const uploadId = await bucket.begin('k', 2)
    const { out } = await abort('oss://examplebucket/k', '--upload-id', uploadId, '--json')
    expect(JSON.parse(out)).toEqual({
      ...{ type: 'result', outcome: 'aborted', confirmed: true },
      ...{ bucket: 'examplebucket', key: 'k', uploadId },
    })
  })

  it('waits for a part that is being received, and aborts again', async () => {
    const id = await bucket.begin('k', 2)
    surviveAborts(2)
    const { exitCode, err } = await abort('oss://examplebucket/k', '--upload-id', id)
    expect({ exitCode, err }).toEqual({
      exitCode: 0,
      err: 'ossup: note: a part was being received and is left: aborting again\n',
    })
    expect(pauses).toEqual([1000, 2000])
    expect(open()).toEqual([])
  })

  it('gives up on an upload that does not go away', async () => {
    const id = await bucket.begin('k', 2)
    surviveAborts(100)
    const { exitCode, err } = await abort('oss://examplebucket/k', '--upload-id', id)
    expect(exitCode).toBe(1)
    expect(err).toContain('was aborted 6 times and is still there; something goes on sending')
  })

  it('fails for an upload that OSS does not have', async () => {
    const { exitCode, out, err } = await abort('oss://examplebucket/k', '--upload-id', 'none')
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toMatch(/^ossup: error: OSS has no upload none of .*; it was completed or .*\n$/)
  })

  it('says that it cannot see whether the upload is gone', async () => {
    const id = await bucket.begin('k', 2)
    bucket.fake.setDenied(['ListParts'])
    const { exitCode, err } = await abort('oss://examplebucket/k', '--upload-id', id)
    expect(exitCode).toBe(0)
    expect(err).toMatch(/^ossup: note: ListParts is denied: .*\n$/)
  })

  it('fails with a hint where aborting is denied', async () => {
    const id = await bucket.begin('k', 2)
    bucket.fake.setDenied(['AbortMultipartUpload'])
    const { exitCode, err } = await abort('oss://examplebucket/k', '--upload-id', id, '--json')
    expect(exitCode).toBe(1)
    expect(JSON.parse(err)).toMatchObject({
      code: 'AccessDenied',
      hint: expect.stringContaining('oss:AbortMultipartUpload'),
    })
    expect(open()).toEqual([id])
  })

  it('ends with the signal while it waits', async () => {
    const id = await bucket.begin('k', 2)
    surviveAborts(100)
    const controller = new AbortController()
    const sleep = async () => controller.abort({ signal: 'SIGINT', exitCode: 130 })
    const argv = ['oss://examplebucket/k', '--upload-id', id]
    const { signal } = controller
    const answer = await bucket.run((io, args) => runAbort(io, args, sleep), argv, { signal })
    expect(answer).toMatchObject({ exitCode: 130 })
  })

  it.each([
    [[], 'no object is given'],
    [['oss://examplebucket'], 'names no key'],
    [['oss://examplebucket/k'], 'no --upload-id is given'],
    [['oss://examplebucket/k', '--upload-id', ''], 'uploadId must be'],
    [['oss://examplebucket//k', '--upload-id', 'u'], 'key must not start'],
    [['oss://Bad/k', '--upload-id', 'u'], 'bucket must be'],
    [['oss://examplebucket/k', 'x', '--upload-id', 'u'], 'more than one object'],
  ])('%j is wrong usage', async (argv, message) => {
    const { exitCode, err } = await abort(...argv)
    expect(exitCode).toBe(2)
    expect(err).toContain(message)
    expect(bucket.fake.requests).toEqual([])
  })

  it('explains its options', () => {
    for (const name of Object.keys(abortOptions)) {
      expect(abortCommand.usage).toContain(`  --${name}`)
    }
  })
})
