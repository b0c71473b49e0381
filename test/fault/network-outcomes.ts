// Owns the words of the fault table: operations, outcomes, and what each kind of trouble comes to for each operation.

export const operations = [
  'InitiateMultipartUpload',
  'UploadPart',
  'ListParts',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
  'ListMultipartUploads',
  'PutObject',
  'HeadObject',
] as const
export type Operation = (typeof operations)[number]

export interface Outcome {
  /**
   * `finishes`: by itself. `resumes`: fails, and the next run continues. `starts over`: fails, and the next run begins anew.
   * `ambiguous`: fails, and somebody has to look whether the object is stored.
   */
  readonly ends: 'finishes' | 'resumes' | 'starts over' | 'ambiguous'
  /** Requests that meet the trouble or repeat them: of the operation, and of one part for UploadPart. */
  readonly attempts: readonly [least: number, most: number]
  /** Of the error. */
  readonly code?: string
  /** Upload ids that are open in the end; those that a run has reported may be gone in truth. @default 0 */
  readonly open?: number
  /** Upload ids that the result or the error reports. @default `open` */
  readonly reported?: number
  /** Times that the object was published, by this run and the next. @default 1 */
  readonly published?: number
}

type Attempts = number | readonly [number, number]
type More = Omit<Outcome, 'ends' | 'attempts' | 'code'>

const range = (attempts: Attempts): readonly [number, number] =>
  typeof attempts === 'number' ? [attempts, attempts] : attempts

export function finishes(attempts: Attempts, more: More = {}): Outcome {
  return { ends: 'finishes', attempts: range(attempts), ...more }
}

/** @param code empty stands for the code of the fault */
export function fails(
  ends: Exclude<Outcome['ends'], 'finishes'>,
  attempts: Attempts,
  more: More & { readonly code?: string } = {},
): Outcome {
  return { ends, attempts: range(attempts), ...more }
}

/** What comes of trouble that one request meets, and of trouble that all requests of the operation meet. */
export interface Outcomes {
  readonly once: Outcome
  readonly always: Outcome
}
export type Behaviour = { readonly [O in Operation]: Outcomes }

const same = (outcome: Outcome): Outcomes => ({ once: outcome, always: outcome })
const ambiguous = (attempts: Attempts): Outcome =>
  fails('ambiguous', attempts, { code: 'ERR_OSS_AMBIGUOUS' })

/** Not carried out, and worth repeating. @param most attempts at a request that always fails */
export const retried = (most: Attempts = 4, first: Attempts = most): Behaviour => ({
  InitiateMultipartUpload: { once: finishes(2), always: fails('starts over', first) },
  UploadPart: { once: finishes(2), always: fails('resumes', most) },
  ListParts: { once: finishes(2), always: fails('resumes', first) },
  // Each after a look at the object.
  CompleteMultipartUpload: { once: finishes(2), always: fails('resumes', 4) },
  AbortMultipartUpload: { once: finishes(2), always: finishes(most, { open: 1 }) },
  ListMultipartUploads: { once: finishes(2), always: fails('starts over', first, { open: 1 }) },
  PutObject: { once: finishes(2), always: fails('starts over', first) },
  // Twice: after the lost answer to Complete, and after OSS no longer knows the upload.
  HeadObject: { once: finishes(2), always: ambiguous(typeof most === 'number' ? 2 * most : most) },
})

/** Carried out, and the answer lost. */
export const lost = (most = 4): Behaviour => ({
  ...retried(most),
  // Each answer that was lost has begun an upload.
  InitiateMultipartUpload: {
    once: finishes(2, { open: 1 }),
    always: fails('starts over', most, { open: most, reported: 0 }),
  },
  CompleteMultipartUpload: same(finishes(1)),
  // It is gone, which only its repetition tells.
  AbortMultipartUpload: {
    once: finishes(2),
    always: finishes(most, { open: 0, reported: 1 }),
  },
  PutObject: { once: finishes(2), always: finishes(most) },
})

/** OSS asks for less; `throttleTime` ends it. */
export const throttled: Behaviour = (() => {
  // As many as the machine makes in that time.
  const many: Attempts = [1, 4000]
  return {
    ...retried(many),
    CompleteMultipartUpload: { once: finishes(2), always: fails('resumes', many) },
    HeadObject: { once: finishes(2), always: ambiguous(many) },
  }
})()

/** An answer that another attempt would get too. */
export const refused: Behaviour = {
  InitiateMultipartUpload: same(fails('starts over', 1)),
  UploadPart: same(fails('resumes', 1)),
  ListParts: same(fails('resumes', 1)),
  CompleteMultipartUpload: same(fails('resumes', 1)),
  AbortMultipartUpload: same(finishes(1, { open: 1 })),
  ListMultipartUploads: same(fails('starts over', 1, { open: 1 })),
  PutObject: same(fails('starts over', 1)),
  // The second look is one at the object whose upload OSS no longer knows.
  HeadObject: { once: finishes(2), always: ambiguous(2) },
}

/** OSS does not allow the operation: those that are optional are done without (I8). */
export const denied: Behaviour = {
  ...refused,
  ListParts: same(finishes(1)),
  // A new upload; the old one stays as it is.
  ListMultipartUploads: same(finishes(1, { open: 1, reported: 0 })),
}

/** Put right by new credentials or another clock; when that is no cure it is tried twice. */
export const corrected: Behaviour = {
  ...retried(3),
  CompleteMultipartUpload: { once: finishes(2), always: fails('resumes', 3) },
  HeadObject: { once: finishes(2), always: ambiguous(6) },
}

/** Nothing that would keep the operation from being done. */
export const harmless: Behaviour = {
  InitiateMultipartUpload: same(finishes(1)),
  UploadPart: same(finishes(1)),
  ListParts: same(finishes(1)),
  CompleteMultipartUpload: same(finishes(1)),
  AbortMultipartUpload: same(finishes(1)),
  ListMultipartUploads: same(finishes(1)),
  PutObject: same(finishes(1)),
  HeadObject: same(finishes(1)),
}
