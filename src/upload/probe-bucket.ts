// Tries what an upload would do in a bucket, with an upload of a few bytes that is aborted: what works, and what is denied.

import { randomUUID } from 'node:crypto'
import type { OssClient } from '../oss/client.js'
import { listParts } from '../oss/listings.js'
import { abortMultipartUpload, initiateMultipartUpload, uploadPart } from '../oss/multipart.js'
import { headObject } from '../oss/object.js'
import type { ObjectSettings } from '../oss/object-settings.js'
import { OssServiceError } from '../primitives/errors.js'
import { abortUntilGone } from './abort-until-gone.js'
import { isDenied, isServiceError } from './run.js'
import { serverClockOffset } from './server-clock.js'

export const probeNames = [
  'credentials',
  'clock',
  'bucket',
  'PutObject',
  'ListParts',
  'HeadObject',
  'AbortMultipartUpload',
  'ListMultipartUploads',
] as const

export type ProbeName = (typeof probeNames)[number]

export interface Probe {
  readonly name: ProbeName
  /** `unknown`: it could not be tried, because something before it failed. */
  readonly result: 'works' | 'denied' | 'failed' | 'unknown'
  /** Why it is denied or failed. */
  readonly error?: unknown
}

export interface Diagnosis {
  /** One for each of {@link probeNames}, in that order. */
  readonly probes: readonly Probe[]
  /** An upload would work, with whatever the other probes say. */
  readonly uploads: boolean
  /** OSS's clock is ahead of this machine's by this much; undefined when it could not be told. */
  readonly offsetMs: number | undefined
  /** The key that was tried; nothing is stored under it. */
  readonly key: string
  /** An upload that could not be aborted, and is billed until somebody does. */
  readonly leftUploadId?: string
}

export interface ProbeOptions {
  readonly bucket: string
  /** Before the name of the key that is tried, for permissions that are given by prefix. @default none */
  readonly prefix?: string | undefined
  readonly requestPayer?: ObjectSettings['requestPayer']
  readonly signal?: AbortSignal | undefined
  /** @default () => new Date() */
  readonly now?: (() => Date) | undefined
}

/** With these the request was not even looked at. */
const credentialCodes: readonly string[] = [
  'AccessKeyIdAndSecurityTokenNotMatch',
  'InvalidAccessKeyId',
  'InvalidSecurityToken',
  'SecurityTokenExpired',
  'SignatureDoesNotMatch',
  'UserDisable',
]

/** Milliseconds for the last abort of a probe that was cancelled. */
const graceMs = 5_000

/** @throws `signal.reason` when the signal aborted; every other failure is a finding. */
export async function probeBucket(client: OssClient, options: ProbeOptions): Promise<Diagnosis> {
  const { bucket, prefix = '', requestPayer, signal, now = () => new Date() } = options
  const key = `${prefix}.ossup-doctor-${randomUUID()}`
  const found = new Map<ProbeName, Probe>()
  const note = (name: ProbeName, result: Probe['result'], error?: unknown): void => {
    signal?.throwIfAborted()
    found.set(name, { name, result, ...(error !== undefined && { error }) })
  }
  const attempt = async (name: ProbeName, act: () => Promise<unknown>): Promise<boolean> => {
    try {
      await act()
      note(name, 'works')
      return true
    } catch (error) {
      note(name, isDenied(error) ? 'denied' : 'failed', error)
      return false
    }
  }
  let offsetMs: number | undefined
  let leftUploadId: string | undefined
  const conclude = (): Diagnosis => ({
    probes: probeNames.map((name) => found.get(name) ?? { name, result: 'unknown' }),
    uploads: found.get('PutObject')?.result === 'works',
    offsetMs,
    key,
    ...(leftUploadId !== undefined && { leftUploadId }),
  })

  if (!(await attempt('credentials', () => client.signingContext()))) return conclude()
  const target = { bucket, key, requestPayer, signal }
  try {
    offsetMs = await serverClockOffset(client, target, now)
    if (offsetMs !== undefined) note('clock', 'works')
    note('ListMultipartUploads', 'works')
  } catch (error) {
    const heard = error instanceof OssServiceError ? error.serverTime?.time : undefined
    offsetMs = heard && heard.getTime() - now().getTime()
    const where = placeOf(error)
    if (offsetMs !== undefined) note('clock', 'works')
    if (where !== undefined) {
      note(where, 'failed', error)
      // The credentials were there, and OSS has not said that they are right.
      if (where === 'bucket') found.delete('credentials')
      return conclude()
    }
    note('ListMultipartUploads', 'denied', error)
  }
  note('bucket', 'works')
  await attempt('HeadObject', async () => {
    await headObject(client, target).catch((error: unknown) => {
      // Allowed to look, and there is nothing.
      if (!(error instanceof OssServiceError && error.status === 404)) throw error
    })
  })

  let uploadId = ''
  const begun = await attempt('PutObject', async () => {
    uploadId = (await initiateMultipartUpload(client, target)).uploadId
  })
  if (!begun) return conclude()
  const upload = { ...target, uploadId }
  const body = Buffer.from('ossup doctor\n')
  try {
    await attempt('PutObject', () => uploadPart(client, { ...upload, partNumber: 1, body }))
    await attempt('ListParts', async () => {
      for await (const _ of listParts(client, upload)) break
    })
    await attempt('AbortMultipartUpload', async () => {
      const outcome = await abortUntilGone(client, upload)
      if (outcome === 'survives') throw new Error('OSS lists the upload after it was aborted')
    })
  } finally {
    if (found.get('AbortMultipartUpload')?.result !== 'works') {
      const last = { bucket, key, uploadId, requestPayer, signal: AbortSignal.timeout(graceMs) }
      const gone = await abortMultipartUpload(client, last).then(
        () => true,
        (error: unknown) => isServiceError(error, 'NoSuchUpload'),
      )
      if (!gone) leftUploadId = uploadId
    }
  }
  return conclude()
}

/** What a refused first request is about; undefined when it was looked at, and listing is denied. */
function placeOf(error: unknown): 'credentials' | 'clock' | 'bucket' | undefined {
  if (isServiceError(error, ...credentialCodes)) return 'credentials'
  if (isServiceError(error, 'RequestTimeTooSkewed')) return 'clock'
  // OSS also refuses with AccessDenied what was sent to the wrong region, and then names the right endpoint.
  const isElsewhere = error instanceof OssServiceError && error.fields['Endpoint'] !== undefined
  return isDenied(error) && !isElsewhere ? undefined : 'bucket'
}
