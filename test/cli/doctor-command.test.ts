import { describe, expect, it } from 'vitest'
import { doctorCommand, doctorOptions, runDoctor } from '../../src/cli/doctor-command.js'
import { probeNames } from '../../src/upload/probe-bucket.js'
import { useBucket } from './bucket.js'

const bucket = useBucket()
const url = 'oss://examplebucket'
const doctor = (...argv: string[]) => bucket.run((io, args) => runDoctor(io, args), argv)

describe('ossup doctor', () => {
  it('finds that everything works, and leaves nothing', async () => {
    const { exitCode, out, err } = await doctor(`${url}/dir/`)
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    const lines = out.trimEnd().split('\n')
    expect(lines[0]).toBe(`${url}/dir/ at ${bucket.fake.endpoint}, region cn-hangzhou`)
    expect(lines.slice(1, -1).map((line) => line.split(/ +/).slice(0, 2))).toEqual(
      probeNames.map((name) => [name, 'works']),
    )
    expect(lines.at(-1)).toBe('uploads would work')
    expect(bucket.fake.uploads('examplebucket')).toEqual([])
  })

  it('says what a missing permission costs, and that uploads would work', async () => {
    bucket.fake.setDenied(['ListParts', 'HeadObject', 'ListMultipartUploads'])
    const { exitCode, out } = await doctor(url)
    expect(exitCode).toBe(0)
    expect(out).toMatch(/^ListParts +denied .*; grant oss:ListParts to the RAM user or role$/m)
    expect(out).toMatch(/^HeadObject +denied .*; grant oss:GetObject to/m)
    expect(out).toMatch(
      /^ListMultipartUploads +denied .*--adopt.*; grant oss:ListMultipartUploads/m,
    )
    expect(out).toMatch(/\nuploads would work\n$/)
  })

  it('names the upload that it has to leave', async () => {
    bucket.fake.setDenied(['AbortMultipartUpload'])
    const { exitCode, err } = await doctor(url)
    const id = bucket.fake.uploads('examplebucket')[0]?.uploadId
    expect(exitCode).toBe(0)
    expect(err).toMatch(/^ossup: warning: an upload of 13 bytes could not be aborted .*\n$/)
    expect(err).toContain(`: ossup abort ${url}/.ossup-doctor-`)
    expect(err).toContain(` --upload-id ${id}\n`)
  })

  it('fails where uploads would not work', async () => {
    bucket.fake.setDenied(['InitiateMultipartUpload'])
    expect(await doctor(url)).toMatchObject({
      exitCode: 1,
      out: expect.stringMatching(
        /PutObject +denied +no upload works; grant oss:PutObject.*uploads would not work\n$/s,
      ),
    })
    bucket.fake.setDenied([])
    const nobody = await doctor('oss://nobucket')
    expect(nobody.exitCode).toBe(1)
    expect(nobody.out).toMatch(/^bucket +failed .*NoSuchBucket/m)
  })

  it('says it in JSON', async () => {
    bucket.fake.setDenied(['ListParts'])
    const { out } = await doctor(url, '--json')
    const result = JSON.parse(out)
    expect(result).toMatchObject({
      ...{ type: 'result', uploads: true, bucket: 'examplebucket', prefix: '', left: null },
      ...{ region: 'cn-hangzhou', endpoint: bucket.fake.endpoint, offsetMs: expect.any(Number) },
    })
    expect(result.checks).toHaveLength(probeNames.length)
    expect(result.checks).toContainEqual(
      expect.objectContaining({ name: 'ListParts', result: 'denied', code: 'AccessDenied' }),
    )
  })

  it.each([
    [[], 'no bucket is given'],
    [['oss://examplebucket', 'x'], 'more than one bucket'],
    [['oss://examplebucket//x'], 'key must not start'],
    [[`oss://examplebucket/${'x'.repeat(1000)}`], 'key must be 1..1023'],
  ])('%j is wrong usage', async (argv, message) => {
    const { exitCode, err } = await doctor(...argv)
    expect(exitCode).toBe(2)
    expect(err).toContain(message)
  })

  it('explains its options', () => {
    for (const name of Object.keys(doctorOptions)) {
      expect(doctorCommand.usage).toContain(`  --${name}`)
    }
  })
})
