// The memory of the command as a whole process: README's figure for small containers.

import { execFile } from 'node:child_process'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { platform } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import {
  credentials,
  isNode,
  runtimePath,
  startOssup,
  temporaryFolder,
  towards,
} from './ossup-process.js'

const mib = 1024 * 1024

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let fake: FakeOss

beforeAll(async () => {
  folder = await temporaryFolder()
  fake = await startFakeOss({ store: 'digest', credentials: [credentials] })
})

afterAll(async () => {
  await fake.close()
  await folder[Symbol.asyncDispose]()
})

/** Peak of the whole process, as Linux counts it. */
async function peakMib(sizeMib: number, ...options: string[]): Promise<number> {
  const report = join(folder.path, 'peak.txt')
  const preload = join(folder.path, 'preload.cjs')
  await writeFile(join(folder.path, 'f.bin'), '')
  await truncate(join(folder.path, 'f.bin'), sizeMib * mib)
  await writeFile(
    preload,
    `const { readFileSync, writeFileSync } = require('node:fs')
     process.on('exit', () => writeFileSync(${JSON.stringify(report)}, readFileSync('/proc/self/status')))`,
  )
  const argv = ['upload', 'f.bin', 'oss://examplebucket/k', ...options, ...towards(fake)]
  const started = startOssup(argv, { cwd: folder.path, nodeOptions: ['--require', preload] })
  expect(await started.ended).toMatchObject({ exitCode: 0 })
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(await readFile(report, 'utf8'))?.[1]) / 1024
}

describe.runIf(isNode && platform() === 'linux')('the memory of an upload', () => {
  it('is less than 110 MiB, eight parts of 16 MiB in flight', async () => {
    const options = ['--part-size', '16MiB', '--concurrency', '8']
    expect(await peakMib(384, ...options)).toBeLessThan(110)
  })

  it('does not grow with the number of parts: a thousand small ones take what eight large ones do', async () => {
    const few = await peakMib(1024, '--part-size', '128MiB', '--concurrency', '8')
    const many = await peakMib(1024, '--part-size', '1MiB', '--concurrency', '8')
    // 1.04 on Node 20; newer ones begin with more space for young objects.
    expect(many / few).toBeLessThan(1.2)
  })

  it('is less than 90 MiB on Node 20 for a few parts: the parser of answers is left as it is, or takes little', async () => {
    const { stdout } = await promisify(execFile)(runtimePath, ['--version'])
    const major = Number(/\d+/.exec(stdout)?.[0])
    // On Node 20 it is 67 MiB, and 103 where the parser is optimised.
    const limit = major < 22 ? 90 : 110
    const peak = await peakMib(32, '--part-size', '8MiB', '--concurrency', '4')
    expect(peak).toBeLessThan(limit)
  })
})
