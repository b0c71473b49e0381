// Compares `concurrency: 'auto'` with fixed numbers over a distant link: the fake OSS answers late and takes so much a connection.
//
// npx tsx bench/link.ts [--mbit 100] [--latency 50] [--mib 512] [--part 8] [--fixed 4,8,16,32] [--pairs 3]

import { execFile } from 'node:child_process'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { startFakeOss } from '../test/support/fake-oss/index.js'

const { values } = parseArgs({
  options: {
    mbit: { type: 'string', default: '100' },
    latency: { type: 'string', default: '50' },
    mib: { type: 'string', default: '512' },
    part: { type: 'string', default: '8' },
    fixed: { type: 'string', default: '4,8,16,32' },
    pairs: { type: 'string', default: '3' },
  },
})
const mib = 1024 * 1024
const credentials = { accessKeyId: 'test-access-key-id', accessKeySecret: 'test-access-key-secret' }
const library = new URL('../dist/index.js', import.meta.url).href
const settings = ['auto', ...values.fixed.split(',')]

const client = `
import { OssClient, uploadFile } from ${JSON.stringify(library)}
const { client, upload } = JSON.parse(process.argv[1])
const oss = new OssClient(client)
await uploadFile(oss, upload)
await oss.close()`

const folder = await mkdtemp(join(tmpdir(), 'ossup-link-'))
await using oss = await startFakeOss({
  store: 'digest',
  credentials: [credentials],
  latencyMs: Number(values.latency),
  bytesPerSecondPerConnection: (Number(values.mbit) * 1e6) / 8,
})
try {
  const path = join(folder, 'file')
  await writeFile(path, '')
  await truncate(path, Number(values.mib) * mib)
  const seconds = new Map<string, number[]>(settings.map((name) => [name, []]))
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    for (const name of settings) {
      const task = {
        client: { region: 'cn-hangzhou', endpoint: oss.endpoint, pathStyle: true, credentials },
        upload: {
          ...{ path, bucket: 'examplebucket', key: `k-${name}-${pair}`, checkpoint: false },
          partSize: Number(values.part) * mib,
          concurrency: name === 'auto' ? name : Number(name),
        },
      }
      const startedAt = performance.now()
      const args = ['--input-type=module', '-e', client, JSON.stringify(task)]
      await promisify(execFile)(process.execPath, args)
      seconds.get(name)?.push((performance.now() - startedAt) / 1000)
    }
  }
  const median = (list: readonly number[]): number =>
    list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN
  const best = Math.min(...settings.slice(1).map((name) => median(seconds.get(name) ?? [])))
  console.log(
    `${values.mib} MiB in parts of ${values.part} MiB, ${values.mbit} Mbit/s a connection, ${values.latency} ms`,
  )
  for (const name of settings) {
    const taken = median(seconds.get(name) ?? [])
    console.log(
      `${name.padStart(4)}  ${taken.toFixed(2)} s  ${((100 * best) / taken).toFixed(0)} % of the best`,
    )
  }
} finally {
  await rm(folder, { recursive: true })
}
