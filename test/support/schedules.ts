// The trouble that random schedules are made of, the same for every kind of source.

import fc from 'fast-check'
import type { UploadEvent } from '../../src/upload/events.js'
import type { FakeRequest, Fault } from './fake-oss/index.js'
import { type CrashPoint, randomBytes } from './world.js'

export const partSize = 102_400
/** Sources are beginnings of this. */
export const material: Buffer = randomBytes(8 * partSize)

/** `SCHEDULES=20000` for a longer walk; `SEED=...` repeats one that failed. */
export function walkLength(usual: number): { numRuns: number; seed?: number } {
  const { SCHEDULES, SEED } = process.env
  return {
    numRuns: Number(SCHEDULES ?? usual),
    ...(SEED !== undefined && { seed: Number(SEED) }),
  }
}

/** Bytes of a source. */
export const size: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 6 * partSize }),
  fc.constantFrom(0, 1, partSize - 1, partSize, partSize + 1, 2 * partSize, 3 * partSize + 1),
)

/** Which request, or which chunk, of a run. */
export const at: fc.Arbitrary<number> = fc.integer({ min: 1, max: 12 })

const fault = fc.constantFrom<Fault>(
  { type: 'reset' },
  { type: 'reset', afterBodyBytes: 50_000 },
  { type: 'reset-after-apply' },
  { type: 'status', status: 500, code: 'InternalError' },
  { type: 'status', status: 503, code: 'ServiceUnavailable', before: false },
  { type: 'status', status: 403, code: 'AccessDenied' },
  { type: 'status', status: 404, code: 'NoSuchUpload' },
  { type: 'truncate-response', bytes: 20 },
  { type: 'replace', headers: { 'x-oss-hash-crc64ecma': '7' } },
  { type: 'replace', headers: { 'x-oss-hash-crc64ecma': undefined } },
  { type: 'replace', headers: { etag: undefined } },
  { type: 'replace', body: '<html>portal</html>' },
)

/** OSS says that there is no such upload where there is one. */
export function isDenial(hit: Fault | undefined): boolean {
  return hit?.type === 'status' && hit.code === 'NoSuchUpload'
}

/**
 * Of the requests of a run whose upload was denied, those whose upload stays open, because nobody can know better: its abort was
 * answered so, or it is taken for completed. Whatever else is made of it, it is given up, and then it was aborted.
 */
export function leftOpen(denied: readonly FakeRequest[], events: readonly UploadEvent[]): number {
  const isGivenUp = (id: string | undefined): boolean =>
    events.some((event) => event.type === 'superseded' && event.uploadId === id)
  return denied.filter(({ operation, uploadId }) => {
    if (operation === 'AbortMultipartUpload') return true
    const isBelieved = operation === 'ListParts' || operation === 'CompleteMultipartUpload'
    return isBelieved && !isGivenUp(uploadId)
  }).length
}

export interface Trouble {
  readonly crash: CrashPoint | undefined
  /** The `at`-th request of the run meets `fault`. */
  readonly fault: { readonly at: number; readonly fault: Fault } | undefined
  /** OSS loses a part or the upload before the run. */
  readonly loss: 'part' | 'upload' | undefined
  readonly concurrency: number
}

/** For `fc.record`. */
export const trouble: { readonly [K in keyof Trouble]: fc.Arbitrary<Trouble[K]> } = {
  crash: fc.option(
    fc.record({
      index: fc.integer({ min: 0, max: 45 }),
      when: fc.constantFrom('before' as const, 'after' as const),
    }),
    { nil: undefined },
  ),
  fault: fc.option(fc.record({ at, fault }), { nil: undefined }),
  loss: fc.option(fc.constantFrom('part' as const, 'upload' as const), { nil: undefined, freq: 6 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
}

/** A source, one to four runs over it, and what OSS lets and lists. */
export function scheduleOf<R>(run: fc.Arbitrary<R>): fc.Arbitrary<{
  size: number
  runs: R[]
  oss: { denied: readonly string[]; listPartsWithCrc64: boolean }
}> {
  return fc.record({
    size,
    runs: fc.array(run, { minLength: 1, maxLength: 4 }),
    oss: fc.record({
      denied: fc.constantFrom<readonly string[]>(
        [],
        [],
        ['ListParts'],
        ['HeadObject'],
        ['ListParts', 'AbortMultipartUpload', 'ListMultipartUploads'],
      ),
      listPartsWithCrc64: fc.boolean(),
    }),
  })
}
