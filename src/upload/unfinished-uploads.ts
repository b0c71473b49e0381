// Lists unfinished uploads with what each of them holds, as far as OSS lets that be seen.

import type { OperationClient } from '../oss/client.js'
import {
  type ListedUpload,
  type ListMultipartUploadsOptions,
  listMultipartUploads,
  listParts,
} from '../oss/listings.js'
import { isDenied, isServiceError } from './run.js'

/** What OSS bills for an upload that nobody has completed. */
export interface HeldParts {
  readonly parts: number
  readonly bytes: number
}

export interface UnfinishedUpload extends ListedUpload {
  /** Undefined where it was not asked for, or ListParts is denied. */
  readonly held?: HeldParts
}

export interface UnfinishedUploadsOptions extends ListMultipartUploadsOptions {
  /** Ask for the parts of each upload: a request for each, and one more for each further 1,000 of its parts. */
  readonly held: boolean
  /** Only those for which this says so are asked for and given. @default all */
  readonly only?: ((upload: ListedUpload) => boolean) | undefined
  /** Called once when ListParts is denied: from then on it is not asked any more. */
  readonly onDenied?: (() => void) | undefined
}

/** Requests at a time; the listing itself goes on in its order. */
const batchSize = 16

/** By key and then by time. An upload that ends while it is looked at is left out. */
export async function* unfinishedUploads(
  client: OperationClient,
  options: UnfinishedUploadsOptions,
): AsyncGenerator<UnfinishedUpload, void, undefined> {
  const { held, only = () => true, onDenied, ...listing } = options
  const measuring = { wanted: held }
  const measure = async (upload: ListedUpload): Promise<UnfinishedUpload | undefined> => {
    if (!measuring.wanted) return upload
    try {
      return { ...upload, held: await heldParts(client, listing, upload) }
    } catch (error) {
      if (isServiceError(error, 'NoSuchUpload')) return undefined
      if (!isDenied(error)) throw error
      if (measuring.wanted) onDenied?.()
      measuring.wanted = false
      return upload
    }
  }
  let batch: ListedUpload[] = []
  for await (const upload of listMultipartUploads(client, listing)) {
    if (!only(upload)) continue
    batch.push(upload)
    // The first is asked for alone: where it is denied, the others need not be.
    if (measuring.wanted && batch.length < batchSize) continue
    yield* await measureAll(batch, measure)
    batch = []
  }
  yield* await measureAll(batch, measure)
}

async function measureAll(
  [first, ...rest]: readonly ListedUpload[],
  measure: (upload: ListedUpload) => Promise<UnfinishedUpload | undefined>,
): Promise<UnfinishedUpload[]> {
  if (first === undefined) return []
  const measured = [await measure(first), ...(await Promise.all(rest.map(measure)))]
  return measured.filter((upload) => upload !== undefined)
}

async function heldParts(
  client: OperationClient,
  { bucket, requestPayer, signal }: ListMultipartUploadsOptions,
  { key, uploadId }: ListedUpload,
): Promise<HeldParts> {
  let parts = 0
  let bytes = 0
  for await (const { size } of listParts(client, { bucket, key, uploadId, requestPayer, signal })) {
    parts += 1
    bytes += size
  }
  return { parts, bytes }
}
