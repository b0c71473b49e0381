// The package in a project of somebody else: installed from the archive, compiled by TypeScript in every mode, and run as plain JavaScript.

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../house/source-tree.js'
import { installInto, pack } from '../support/packed.js'
import { runtimePath, temporaryFolder } from './ossup-process.js'

const run = promisify(execFile)

let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeAll(async () => {
  folder = await temporaryFolder()
  const types = ['node_modules/@types/node', 'node_modules/undici-types']
  await installInto(folder.path, await pack(folder.path), types)
  await writeFile(join(folder.path, 'package.json'), '{"private":true,"type":"module"}')
})

afterAll(() => folder[Symbol.asyncDispose]())

/** Touches each entry: values, types, unions that a caller narrows, and what a program disposes of. */
const program = `
import { OssClient, OssError, OssServiceError, uploadFile } from 'ossup'
import type { Credentials, UploadFileOptions, UploadFileResult } from 'ossup'
import { signRequest } from 'ossup/signing'
import { dispatcherTo, type FakeOss, type Fault, startFakeOss } from 'ossup/testing'

const credentials: Credentials = { accessKeyId: 'test-access-key-id', accessKeySecret: 'test-access-key-secret' }
const fault: Fault = { type: 'status', status: 503 }
const fake: FakeOss = await startFakeOss({ fault: ({ partNumber }) => (partNumber === 0 ? fault : undefined) })
const dispatcher = dispatcherTo(fake)
const client = new OssClient({ region: 'cn-hangzhou', credentials, dispatcher })
const options: UploadFileOptions = {
  source: new Uint8Array(300_000),
  bucket: 'examplebucket',
  key: 'k',
  partSize: 102_400,
}
const result: UploadFileResult = await uploadFile(client, options)
const parts: number = result.sent.parts
try {
  await uploadFile(client, { ...options, bucket: 'nobucket' })
} catch (error) {
  if (error instanceof OssServiceError) console.log(error.status, error.code, error instanceof OssError)
}
const { authorization } = signRequest(
  { method: 'GET', bucket: 'examplebucket', key: 'k' },
  { region: 'cn-hangzhou', credentials, time: new Date(0) },
)
console.log(result.outcome, parts, authorization.startsWith('OSS4-HMAC-SHA256 '))
console.log(fake.object('examplebucket', 'k')?.size, fake.acknowledged.length)
// Through connections of its own, too: not every runtime loads the undici that is installed.
const direct = new OssClient({ region: 'cn-hangzhou', credentials, endpoint: fake.endpoint })
console.log((await uploadFile(direct, { ...options, key: 'direct' })).outcome)
await direct.close()
await client.close()
await dispatcher.close()
await fake.close()
`

const printed = '404 NoSuchBucket true\ncompleted 3 true\n300000 3\ncompleted\n'

/** The program without what TypeScript adds to it. */
const javascript = program
  .replace(/^import type .*\n/gm, '')
  .replace(/\btype \w+,? ?/g, '')
  .replace(/: (?:Credentials|Fault|FakeOss|UploadFileOptions|UploadFileResult|number) =/g, ' =')

const tsc = join(repositoryRoot, 'node_modules/typescript/bin/tsc')
const common = ['--ignoreConfig', '--strict', '--target', 'es2022', '--lib', 'es2022']

describe('a project that has installed the package', () => {
  it.each([
    ['nodenext', 'nodenext'],
    ['node16', 'node16'],
    ['bundler', 'esnext'],
  ])('compiles under moduleResolution %s, and what comes out runs', async (resolution, module) => {
    const name = `typed-${resolution}`
    await writeFile(join(folder.path, `${name}.mts`), program)
    const mode = ['--module', module, '--moduleResolution', resolution, '--types', 'node']
    const checks = ['--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes']
    // The declarations that are shipped are checked as well: skipLibCheck stays off.
    await run(process.execPath, [tsc, ...common, ...mode, ...checks, `${name}.mts`], {
      cwd: folder.path,
    }).catch(({ stdout }) => expect(stdout).toBe(''))
    const { stdout } = await run(runtimePath, [join(folder.path, `${name}.mjs`)])
    expect(stdout).toBe(printed)
  })

  it('refuses what the types forbid', async () => {
    const wrong = `import { OssClient, uploadFile } from 'ossup'
      await uploadFile(new OssClient({ region: 'r' }), { path: 'f', bucket: 'b', key: 'k', partsize: 1 })\n`
    await writeFile(join(folder.path, 'wrong.mts'), wrong)
    const mode = ['--module', 'nodenext', '--types', 'node', '--noEmit']
    const compiled = run(process.execPath, [tsc, ...common, ...mode, 'wrong.mts'], {
      cwd: folder.path,
    })
    await expect(compiled).rejects.toMatchObject({ stdout: expect.stringContaining("'partsize'") })
  })

  it('runs it from plain JavaScript', async () => {
    await writeFile(join(folder.path, 'plain.mjs'), javascript)
    const { stdout, stderr } = await run(runtimePath, [join(folder.path, 'plain.mjs')])
    expect({ stdout, stderr }).toEqual({ stdout: printed, stderr: '' })
  })

  it('runs the command', async () => {
    const main = join(folder.path, 'node_modules/ossup/dist/cli/main.js')
    const { stdout } = await run(runtimePath, [main, '--version'])
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
