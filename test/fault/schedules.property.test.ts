// Random schedules of crashes, faults and edits against a model: what success means, and what must be left at the end.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FakeRequest } from '../support/fake-oss/index.js'
import {
  isDenial,
  leftOpen,
  material,
  partSize,
  scheduleOf,
  size,
  type Trouble,
  trouble,
  walkLength,
} from '../support/schedules.js'
import { World } from '../support/world.js'

const { numRuns, ...seed } = walkLength(2_000)

type Edit =
  | {
      readonly kind: 'rewrite' | 'replace' | 'unnoticed'
      readonly at: number
      readonly flip: number
    }
  | { readonly kind: 'resize'; readonly at: number; readonly size: number }

interface Run extends Trouble {
  /** Before the run for `at` 0, else when the `at`-th request of the run arrives. */
  readonly edit: Edit | undefined
  readonly verify: 'content' | 'stat'
  readonly adopt: boolean
  readonly restart: boolean
}

const run: fc.Arbitrary<Run> = fc.record({
  ...trouble,
  edit: fc.option(
    fc.oneof(
      fc.record({
        kind: fc.constantFrom('rewrite' as const, 'replace' as const),
        at: fc.integer({ min: 0, max: 10 }),
        flip: fc.nat(),
      }),
      // Undone so that nothing but the bytes can tell: only between two runs, where they are read again.
      fc.record({ kind: fc.constant('unnoticed' as const), at: fc.constant(0), flip: fc.nat() }),
      fc.record({
        kind: fc.constant('resize' as const),
        at: fc.integer({ min: 0, max: 10 }),
        size,
      }),
    ),
    { nil: undefined, freq: 2 },
  ),
  verify: fc.constantFrom('content' as const, 'content' as const, 'stat' as const),
  adopt: fc.boolean(),
  restart: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
})

const schedule = scheduleOf(run)

const untroubled: Run = {
  ...{ crash: undefined, fault: undefined, edit: undefined, loss: undefined },
  ...{ concurrency: 3, verify: 'content', adopt: false, restart: false },
}

/** Complete is not reached, the next run is told that there is no upload, and the object is already there: of an earlier run. */
const hiddenUpload = {
  size: 3 * partSize,
  runs: [
    { ...untroubled, concurrency: 1 },
    { ...untroubled, concurrency: 1, crash: { index: 20, when: 'before' as const } },
    {
      ...untroubled,
      fault: { at: 1, fault: { type: 'status' as const, status: 404, code: 'NoSuchUpload' } },
    },
  ],
  oss: { denied: [], listPartsWithCrc64: true },
}

/** Initiate was carried out, and the process did not live to write the upload id down: the documented window (I6). */
function leaks(effects: readonly string[], initiated: number): number {
  const written = effects.filter(
    (name) => name.startsWith('rename') && name.endsWith('.ucp'),
  ).length
  return Math.max(0, initiated - written)
}

async function walk(w: World, runs: readonly Run[]): Promise<void> {
  let file = material.subarray(0, (await w.fs.readFile(w.path)).byteLength)
  let window = 0
  let uncheckable = false
  const versions: Buffer[] = []
  const edit = (change: Edit): void => {
    if (change.kind === 'resize') file = material.subarray(0, change.size)
    else {
      const edited = Buffer.from(file)
      if (edited.length > 0) edited[change.flip % edited.length] = (change.flip % 255) + 1
      file = edited
    }
    versions.push(file)
    if (change.kind === 'unnoticed') {
      // 'stat' trusts what cannot be seen: from here on only the bytes of the last run are promised.
      uncheckable = true
      w.fs.putUnnoticed(w.path, file)
    } else w.fs.put(w.path, file, { replace: change.kind === 'replace' })
  }

  const attempt = async (step: Run): Promise<boolean> => {
    const [upload] = w.oss.uploads(w.bucket)
    const [part] = upload?.parts.keys() ?? []
    if (upload !== undefined && step.loss === 'upload') w.oss.dropUpload(upload.uploadId)
    else if (upload !== undefined && part !== undefined && step.loss === 'part') {
      w.oss.dropPart(upload.uploadId, part)
    }
    if (step.edit?.at === 0) edit(step.edit)
    versions.length = 0
    versions.push(file)
    let arrived = 0
    let initiated = 0
    const denied: FakeRequest[] = []
    w.oss.setFault((request) => {
      arrived += 1
      if (step.edit !== undefined && step.edit.at === arrived) edit(step.edit)
      const hit = step.fault?.at === arrived ? step.fault.fault : undefined
      if (isDenial(hit)) denied.push(request)
      // What an Initiate whose answer is lost or unreadable leaves is known to nobody.
      if (request.operation === 'InitiateMultipartUpload') initiated += 1
      return hit
    })
    const process = w.process(step.crash)
    let done = false
    try {
      const { concurrency, adopt, restart } = step
      const verify = uncheckable ? 'content' : step.verify
      const result = await process.upload({ concurrency, verify, adopt, restart })
      done = result !== undefined
      if (result !== undefined) {
        const stored = w.stored()
        expect(stored !== undefined && versions.some((version) => version.equals(stored))).toBe(
          true,
        )
        expect(result.size).toBe(stored?.length)
        expect(result.crc64).toBe(w.oss.object(w.bucket, w.key)?.crc64)
      }
    } catch (error) {
      // Whatever fails, fails as a named error of the library.
      expect(error).toHaveProperty('code')
      expect(error).not.toBeInstanceOf(TypeError)
      expect(error).toHaveProperty('name', expect.stringMatching(/^Oss/))
    }
    await process.kill()
    expect(w.fs.openFiles).toBe(0)
    const { crash } = step
    const happened =
      crash?.when === 'before' ? process.effects.slice(0, crash.index) : process.effects
    window += leaks(happened, initiated) + leftOpen(denied, process.events)
    return done
  }

  for (const step of runs) await attempt(step)

  // One run without trouble is enough, whatever went before; only a Complete that nobody may look at needs the way out.
  const ambiguous =
    w.fs.list().includes(`${w.path}.ucp`) && w.fs.text(`${w.path}.ucp`).includes('"completing"')
  const finished =
    (await attempt(untroubled)) || (ambiguous && (await attempt({ ...untroubled, restart: true })))
  expect(finished).toBe(true)
  expect(w.stored()?.equals(file)).toBe(true)
  const left = w.fs.list().filter((name) => !name.includes('.corrupt-'))
  expect(left).toEqual([w.path])
  const abortable = !w.oss.requests.some(
    ({ operation, status }) =>
      operation === 'AbortMultipartUpload' && status !== 204 && status !== 404,
  )
  if (abortable) expect(w.openUploadIds().length).toBeLessThanOrEqual(window)
}

describe('random schedules', () => {
  it(
    `hold for ${numRuns} of them`,
    async () => {
      await fc.assert(
        fc.asyncProperty(schedule, async ({ size, runs, oss }) => {
          const w = await World.create(material.subarray(0, size), oss)
          try {
            await walk(w, runs)
          } finally {
            await w.close()
          }
        }),
        { numRuns, ...seed, examples: [[hiddenUpload]], endOnFailure: false },
      )
    },
    15 * 60_000,
  )
})
