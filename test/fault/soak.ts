// The soak: uploads under random faults in one process for half an hour (SOAK_MINUTES), which must not grow. See `npm run test:soak`.

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { growth, measure, mib, type Sample } from './soak-measure.js'
import { randomFrom, Soak } from './soak-uploads.js'

const minutes = Number(process.env['SOAK_MINUTES'] ?? 30)
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000_000)
/** Between two samples, each of which is taken when the client is closed and another one follows. */
const sampleMs = Math.max(1_000, (minutes * 60_000) / 40)

const samples: Sample[] = []
const startedAt = performance.now()
const passedMs = (): number => performance.now() - startedAt

function line({ counts }: Soak, { heap, rss, handles, sockets }: Sample): string {
  const { uploads, runs, faults, retries, bytes } = counts
  return [
    `${(passedMs() / 60_000).toFixed(1)} min:`,
    `${uploads} uploads in ${runs} runs (${mib(bytes)} MiB), ${faults} faults met, ${retries} retries,`,
    `RSS ${mib(rss)} MiB, heap ${mib(heap)} MiB, ${handles} handles, ${sockets} sockets`,
  ].join(' ')
}

console.log(`soak of ${minutes} minutes (SOAK_SEED=${seed})`)
const folder = await mkdtemp(join(tmpdir(), 'ossup-soak-'))
const handlesBefore = process.getActiveResourcesInfo().length
const problems: string[] = []
const soak = await Soak.start(folder, randomFrom(seed))
try {
  let printed = 0
  while (passedMs() < minutes * 60_000) {
    await soak.batch()
    if (passedMs() < samples.length * sampleMs) continue
    const working = process.getActiveResourcesInfo().length
    const connected = soak.oss.openConnections
    await soak.rest()
    const sample = measure(soak.oss.openConnections)
    samples.push(sample)
    if (Math.floor(passedMs() / 60_000) > printed) {
      printed = Math.floor(passedMs() / 60_000)
      console.log(`${line(soak, sample)} (${working} and ${connected} while it worked)`)
    }
  }
  problems.push(...growth(samples))
  const left = await readdir(folder)
  if (left.length > 0) problems.push(`files are left: ${left.join(', ')}`)
} catch (error) {
  problems.push(`an upload failed: ${error instanceof Error ? error.stack : String(error)}`)
} finally {
  await soak[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
}
// What is destroyed is gone a moment later.
await new Promise((resolve) => setTimeout(resolve, 500))
const last = measure(soak.oss.openConnections)
console.log(line(soak, last))
if (last.handles > handlesBefore + 1) {
  problems.push(`handles are left: ${process.getActiveResourcesInfo().join(', ')}`)
}
if (last.sockets > 0) problems.push(`${last.sockets} sockets are left`)
for (const problem of problems) console.error(`soak: ${problem}`)
console.log(problems.length === 0 ? 'soak: flat' : 'soak: FAILED')
process.exitCode = problems.length === 0 ? 0 : 1
