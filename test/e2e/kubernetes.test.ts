// Runs the commands of examples/kubernetes/job.yaml as processes of this machine: all workers of the Job together store the file.

import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Job } from 'kubernetes-types/batch/v1.js'
import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { expect, it } from 'vitest'
import { startFakeOss } from '../support/fake-oss/index.js'
import { containerOf, environmentOf, readManifests, wordsOf } from '../support/kubernetes.js'
import { randomBytes } from '../support/world.js'
import { credentials, startOssup, temporaryFolder } from './ossup-process.js'

const folder = join(import.meta.dirname, '../../examples/kubernetes')
const read = (name: string) => readManifests(readFileSync(join(folder, name), 'utf8'))[0]

it('the workers of the example store one object, and leave no journal', async () => {
  await using fake = await startFakeOss({ credentials: [credentials] })
  await using work = await temporaryFolder()
  const job = read('job.yaml') as Job
  const { data = {} } = read('settings.yaml') as ConfigMap
  const file = join(work.path, 'volume.img')
  const checkpoints = join(work.path, 'checkpoint')
  const bytes = randomBytes(4_000_000)
  await writeFile(file, bytes)
  await mkdir(checkpoints)
  const settings: ConfigMap = { data: { ...data, FILE: file } }

  const worker = (index: number) => {
    const container = containerOf(job)
    const variables = environmentOf(container, settings, index)
    const [, ...argv] = wordsOf(container, variables)
    // What cannot be had here is the network of the region, and a token of Kubernetes.
    const instead: Readonly<Record<string, readonly string[]>> = {
      '/checkpoint': [checkpoints],
      oidc: ['environment'],
      '--internal': ['--endpoint', fake.endpoint, '--part-size', '100KiB'],
    }
    const words = argv.flatMap((word) => instead[word] ?? [word])
    return startOssup(words, { cwd: work.path, env: variables }).ended
  }
  const count = job.spec?.completions ?? 0
  const ended = await Promise.all(Array.from({ length: count }, (_, index) => worker(index)))

  for (const { exitCode, stderr } of ended) expect(exitCode, stderr).toBe(0)
  expect(fake.object('examplebucket', 'backup/volume.img')?.read().equals(bytes)).toBe(true)
  const begun = fake.requests.filter(({ operation }) => operation === 'InitiateMultipartUpload')
  expect(begun).toHaveLength(1)
  expect(readdirSync(checkpoints).filter((name) => name.includes('shard'))).toEqual([])
})
