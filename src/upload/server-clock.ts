// Asks OSS what time it is, by a request that changes nothing.

import type { OperationClient } from '../oss/client.js'
import { serverTimeOf } from '../oss/clock.js'
import { type ObjectSettings, payerHeader } from '../oss/object-settings.js'

export interface ClockQuestion {
  readonly bucket: string
  readonly requestPayer?: ObjectSettings['requestPayer']
  readonly signal?: AbortSignal | undefined
}

/** Where the `Date` was written at the very beginning of its second, and the answer then took its time. */
export const furthestAheadMs = 1_500

/**
 * How far OSS's clock is ahead of `now`, in milliseconds, to about a second: a `Date` header has no more.
 *
 * @returns undefined when the answer does not say; never more than {@link furthestAheadMs} too much.
 * @throws as ListMultipartUploads, which is the request.
 */
export async function serverClockOffset(
  client: OperationClient,
  question: ClockQuestion,
  now: () => Date,
): Promise<number | undefined> {
  const { bucket, signal } = question
  const begunAt = now().getTime()
  const request = {
    operation: 'ListMultipartUploads',
    method: 'GET',
    bucket,
    query: { uploads: '', 'max-uploads': '1', 'encoding-type': 'url' },
    headers: payerHeader(question),
    signal,
  } as const
  const told = await client.call(request, ({ headers }) => {
    const time = serverTimeOf(undefined, headers['date'])?.time.getTime()
    return time === undefined ? undefined : { time, heardAt: now().getTime() }
  })
  if (told === undefined) return undefined
  // Where it was tried again, the first attempt began too long ago to tell anything.
  const askedAt = Math.max(begunAt, told.heardAt - 2_000)
  // A header of whole seconds was half a second late on average.
  return told.time + 500 - (askedAt + told.heardAt) / 2
}
