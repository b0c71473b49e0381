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

async function nodeMajor(): Promise<number> {
  const { stdout } = await promisify(execFile)(runtimePath, ['--version'])
  return Number(/\d+/.exec(stdout)?.[0])
}

describe.runIf(isNode && platform() === 'linux')('the memory of an upload', () => {
  it('is less than 95 MiB on Node 20 and 125 on later ones, eight parts in flight, be they a thousand or eight', async () => {
    const limit = (await nodeMajor()) < 22 ? 95 : 125
    const few = await peakMib(1024, '--part-size', '128MiB', '--concurrency', '8')
    const many = await peakMib(1024, '--part-size', '1MiB', '--concurrency', '8')
    expect(few).toBeLessThan(limit)
    expect(many).toBeLessThan(limit)
    // 1.04 on Node 20; later ones begin with more space for young objects.
    expect(many / few).toBeLessThan(1.2)
  })

  it('is less than 90 MiB on Node 20 for a few parts: the parser of answers is left as it is, or takes little', async () => {
    // On Node 20 it is 67 MiB, and 103 where the parser is optimised.
    const limit = (await nodeMajor()) < 22 ? 90 : 110
    const peak = await peakMib(32, '--part-size', '8MiB', '--concurrency', '4')
    expect(peak).toBeLessThan(limit)
  })
})
