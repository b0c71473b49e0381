// Owns what the live tests know of the real bucket: where it is, whose keys it takes, which keys were used, and removing them.

import { randomBytes } from 'node:crypto'
import {
  abortMultipartUpload,
  listMultipartUploads,
  OssClient,
  OssServiceError,
} from '../../src/index.js'
import { requestTarget } from '../../src/oss/endpoint.js'
import { signRequest } from '../../src/signing/index.js'

const needed = ['OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET', 'OSS_REGION', 'OSS_BUCKET'] as const

/** Variables that have to be set, and are not. */
export const missing = needed.filter((name) => !process.env[name])

export const bucket = process.env['OSS_BUCKET'] ?? ''
export const region = process.env['OSS_REGION'] ?? ''

export const clientOptions = { region, endpoint: process.env['OSS_ENDPOINT'] || undefined }

/** Nobody else's keys begin like this, so that everything below it may be removed. */
export const prefix = `ossup-live-test/${new Date().toISOString().slice(0, 10)}-${randomBytes(6).toString('hex')}/`

const used = new Set<string>()

/** A key of this run, to be removed at its end. */
export function liveKey(name: string): string {
  const key = `${prefix}${name}`
  used.add(key)
  return key
}

/** The library uploads and has no DeleteObject; its signer signs any request. */
async function deleteObject(client: OssClient, key: string): Promise<void> {
  const context = await client.signingContext()
  const { headers } = signRequest({ method: 'DELETE', bucket, key }, context)
  const { origin, path } = requestTarget(client.endpoint, bucket, key)
  const answer = await fetch(`${origin}${path}`, { method: 'DELETE', headers })
  const text = await answer.text()
  if (answer.status !== 204) {
    throw new Error(`${answer.status} ${/<Code>(\w+)/.exec(text)?.[1] ?? ''}`)
  }
}

const reason = (error: unknown) =>
  error instanceof OssServiceError ? error.code : (error as Error).message

/** Removes what the run left, and returns a line for each thing that stays; never throws. */
export async function cleanUp(): Promise<readonly string[]> {
  const stays: string[] = []
  const client = new OssClient(clientOptions)
  try {
    for await (const { key, uploadId } of listMultipartUploads(client, { bucket, prefix })) {
      await abortMultipartUpload(client, { bucket, key, uploadId })
    }
  } catch (error) {
    stays.push(`unfinished uploads below ${prefix}, if there are any (${reason(error)})`)
  }
  for (const key of used) {
    await deleteObject(client, key).catch((error) => stays.push(`${key} (${reason(error)})`))
  }
  await client.close()
  return stays
}
