// Random streams, chunkings, crashes, faults, cancellations and edits: what is stored is the stream, and memory is bounded.

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { FakeRequest } from '../support/fake-oss/index.js'
import {
  at,
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

const checkpointPath = '/data/stream.ucp'

const { numRuns, ...seed } = walkLength(600)

/** Bytes of the chunks, over and over. */
const lengths = fc.array(fc.oneof(fc.nat({ max: 3 * partSize }), fc.constant(0)), {
  minLength: 1,
  maxLength: 6,
})

interface Run extends Trouble {
  /** Before the run: the next stream has other bytes, or is longer or shorter. */
  readonly edit: { readonly flip: number } | { readonly size: number } | undefined
  /** The stream fails, or the caller cancels, with the `at`-th chunk. */
  readonly end: { readonly at: number; readonly how: 'fails' | 'is cancelled' } | undefined
  readonly lengths: readonly number[]
}

const run: fc.Arbitrary<Run> = fc.record({
  ...trouble,
  edit: fc.option(fc.oneof(fc.record({ flip: fc.nat() }), fc.record({ size })), {
    nil: undefined,
    freq: 2,
  }),
  end: fc.option(
    fc.record({ at, how: fc.constantFrom('fails' as const, 'is cancelled' as const) }),
    { nil: undefined, freq: 3 },
  ),
  lengths,
})

const schedule = scheduleOf(run)

const untroubled: Run = {
  ...{ crash: undefined, fault: undefined, edit: undefined, loss: undefined, end: undefined },
  ...{ concurrency: 3, lengths: [33_333] },
}

/** A process dies while its stream, in small chunks, has more to give. */
const streamOfTheDead = {
  size: 2 * partSize + 1,
  runs: [
    {
      ...{ ...untroubled, concurrency: 1, lengths: [0] },
      crash: { index: 8, when: 'before' as const },
    },
    { ...untroubled, lengths: [77, 0], crash: { index: 5, when: 'before' as const } },
  ],
  oss: { denied: [], listPartsWithCrc64: false },
}

function* chunked(bytes: Buffer, pieces: readonly number[]): Generator<Buffer> {
  let given = 0
  for (let index = 0; given < bytes.length; index++) {
    const length = pieces[index % pieces.length] ?? 0
    // All zeros would never end.
    const taken = pieces.every((piece) => piece === 0) ? partSize : length
    yield bytes.subarray(given, given + taken)
    given += taken
  }
}

async function walk(w: World, whole: Buffer, runs: readonly Run[]): Promise<void> {
  let bytes = whole
  let mayLeak = 0

  const attempt = async (step: Run, options: object = {}): Promise<boolean> => {
    const [upload] = w.oss.uploads(w.bucket)
    const [part] = upload?.parts.keys() ?? []
    if (upload !== undefined && step.loss === 'upload') w.oss.dropUpload(upload.uploadId)
    else if (upload !== undefined && part !== undefined && step.loss === 'part') {
      w.oss.dropPart(upload.uploadId, part)
    }
    if (step.edit !== undefined && 'size' in step.edit) bytes = material.subarray(0, step.edit.size)
    else if (step.edit !== undefined && bytes.length > 0) {
      bytes = Buffer.from(bytes)
      bytes[step.edit.flip % bytes.length] = (step.edit.flip % 255) + 1
    }
    let arrived = 0
    let initiated = 0
    const denied: FakeRequest[] = []
    w.oss.setFault((request) => {
      arrived += 1
      const hit = step.fault?.at === arrived ? step.fault.fault : undefined
      if (isDenial(hit)) denied.push(request)
      if (request.operation === 'InitiateMultipartUpload') initiated += 1
      return hit
    })
    const controller = new AbortController()
    let ended = false
    let given = 0
    let done = 0
    let largest = 0
    async function* source(): AsyncGenerator<Buffer> {
      try {
        let number = 0
        for (const chunk of chunked(bytes, step.lengths)) {
          if (!process.isAlive) await new Promise(() => {})
          number += 1
          if (step.end?.at === number) {
            if (step.end.how === 'fails') throw new Error('torn')
            controller.abort(new Error('cancelled'))
          }
          given += chunk.length
          largest = Math.max(largest, chunk.length)
          // Backpressure: nobody asks for more than there is memory for.
          expect(given - done).toBeLessThanOrEqual(step.concurrency * partSize + largest)
          yield chunk
        }
      } finally {
        ended = true
      }
    }
    const memory = vi.spyOn(Buffer, 'allocUnsafeSlow')
    const process = w.process(step.crash)
    const stream = source()
    let succeeded = false
    try {
      const result = await process.upload({
        ...{ path: undefined, source: stream, checkpointPath, concurrency: step.concurrency },
        ...{ signal: controller.signal, ...options },
        onProgress: ({ transferredBytes }) => {
          done = transferredBytes
        },
      })
      succeeded = result !== undefined
      if (result !== undefined) {
        expect(w.stored()?.equals(bytes)).toBe(true)
        expect(result.size).toBe(bytes.length)
        expect(result.crc64).toBe(w.oss.object(w.bucket, w.key)?.crc64)
        expect(result.resumed.bytes + result.sent.bytes).toBe(bytes.length)
      }
    } catch (error) {
      // Whatever fails, fails as a named error of the library, or as the caller's own reason.
      if (error !== controller.signal.reason) {
        expect(error).toHaveProperty('code')
        expect(error).toHaveProperty('name', expect.stringMatching(/^Oss/))
      }
    }
    // One buffer for each part in flight, and no other.
    const parts = memory.mock.calls.filter(([bytes]) => bytes === partSize)
    memory.mockRestore()
    expect(parts.length).toBeLessThanOrEqual(step.concurrency)
    const crashed = step.crash !== undefined && process.effects[step.crash.index] !== undefined
    // I11: a process that lives on has no stream left running; one that was never read has nothing to end.
    if (!crashed && given > 0) expect(ended).toBe(true)
    // Without a fault no part is sent twice in one run.
    const sent = process.effects.filter((name) => name.includes('partNumber='))
    if (step.fault === undefined) expect(new Set(sent).size).toBe(sent.length)
    await process.kill()
    expect(w.fs.openFiles).toBe(0)
    const happened =
      step.crash?.when === 'before' ? process.effects.slice(0, step.crash.index) : process.effects
    const written = happened.filter((name) => name === `rename ${checkpointPath}`).length
    mayLeak += Math.max(0, initiated - written) + leftOpen(denied, process.events)
    return succeeded
  }

  for (const step of runs) await attempt(step)

  // A stream may take one run more: the first finds out that it has to begin again. Only a Complete that nobody may look
  // at needs the way out.
  const finished =
    (await attempt(untroubled)) ||
    (await attempt(untroubled)) ||
    (w.fs.text(checkpointPath).includes('"completing"') &&
      (await attempt(untroubled, { restart: true })))
  expect(finished).toBe(true)
  expect(w.stored()?.equals(bytes)).toBe(true)
  expect(w.fs.list().filter((name) => !name.includes('.corrupt-'))).toEqual([w.path])
  const abortable = !w.oss.requests.some(
    ({ operation, status }) =>
      operation === 'AbortMultipartUpload' && status !== 204 && status !== 404,
  )
  if (abortable) expect(w.openUploadIds().length).toBeLessThanOrEqual(mayLeak)
}

describe('random streams', () => {
  it(
    `hold for ${numRuns} schedules`,
    async () => {
      await fc.assert(
        fc.asyncProperty(schedule, async ({ size, runs, oss }) => {
          const w = await World.create(Buffer.of(), oss)
          try {
            await walk(w, material.subarray(0, size), runs)
          } finally {
            await w.close()
          }
        }),
        { numRuns, ...seed, examples: [[streamOfTheDead]], endOnFailure: false },
      )
    },
    15 * 60_000,
  )
})
