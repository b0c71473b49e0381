import { afterEach, describe, expect, it } from 'vitest'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { OssServiceError } from '../../src/primitives/errors.js'
import type { UploadEvent } from '../../src/upload/events.js'
import {
  confirmStored,
  type Inspection,
  inspectObject,
  storedWithoutCallback,
} from '../../src/upload/inspect-object.js'
import { randomBytes, World } from '../support/world.js'

const bytes = randomBytes(1000)
const expected = { size: 1000, crc64: formatCrc64(crc64(bytes)) }

let world: World
afterEach(() => world.close())

async function begun(stored: Buffer | undefined, options = {}) {
  world = await World.create(bytes, options)
  const { bucket, key } = world
  if (stored !== undefined) world.oss.put(bucket, key, stored)
  const events: UploadEvent[] = []
  const run = {
    client: world.process().client,
    settings: { bucket, key, object: {} },
    emit: (event: UploadEvent) => void events.push(event),
  } as unknown as Inspection
  return { run, events, etag: world.oss.object(bucket, key)?.etag.replaceAll('"', '') ?? '' }
}

describe('inspectObject', () => {
  it.each<[string, Buffer | undefined, object, string]>([
    ['the same bytes', bytes, {}, 'stored'],
    ['other bytes of the same size', randomBytes(1000, 2), {}, 'not-stored'],
    ['another size', randomBytes(999), {}, 'not-stored'],
    ['no object', undefined, {}, 'not-stored'],
    ['the right size and no CRC-64', bytes, { crc64Headers: false }, 'unknown'],
    ['another size and no CRC-64', randomBytes(999), { crc64Headers: false }, 'not-stored'],
    ['a denial', bytes, { denied: ['HeadObject'] }, 'unknown'],
  ])('judges %s', async (_, stored, options, result) => {
    const { run, events } = await begun(stored, options)
    expect((await inspectObject(run, expected)).result).toBe(result)
    expect(events).toEqual([{ type: 'reconcile', result }])
  })
})

describe('confirmStored', () => {
  it('believes an answer with the right CRC-64, and asks no more', async () => {
    const { run } = await begun(undefined)
    const answer = { etag: 'E', crc64: expected.crc64, versionId: 'V', location: 'L' }
    expect(await confirmStored(run, expected, answer, 'PutObject')).toEqual({
      ...{ outcome: 'completed', etag: 'E', versionId: 'V', location: 'L' },
    })
    expect(world.oss.requests).toEqual([])
  })

  it('fails for another CRC-64, and names the operation', async () => {
    const { run } = await begun(bytes)
    const answer = { etag: 'E', crc64: '5' }
    await expect(confirmStored(run, expected, answer, 'PutObject')).rejects.toMatchObject({
      ...{ code: 'ERR_OSS_CHECKSUM_MISMATCH', operation: 'PutObject' },
    })
  })

  it('looks at the object for a CRC-64 that the answer lacks', async () => {
    const { run, etag } = await begun(bytes)
    expect(await confirmStored(run, expected, { etag: '' }, 'PutObject')).toMatchObject({ etag })
  })

  it('fails when that look finds something else', async () => {
    const { run } = await begun(randomBytes(999))
    await expect(confirmStored(run, expected, { etag: 'E' }, 'PutObject')).rejects.toThrow(
      /is stored with other content: expected CRC-64 \d+, found \d+, 999 bytes/,
    )
  })

  it('looks at the object for an ETag alone, and does without', async () => {
    const { run, etag } = await begun(bytes)
    const answer = { etag: '', crc64: expected.crc64 }
    expect(await confirmStored(run, expected, answer, 'PutObject')).toMatchObject({ etag })
    world.oss.setDenied(['HeadObject'])
    expect(await confirmStored(run, expected, answer, 'PutObject')).toMatchObject({ etag: '' })
  })
})

describe('storedWithoutCallback', () => {
  const failed = new OssServiceError('PutObject failed: no', {
    ...{ code: 'CallbackFailed', status: 203, operation: 'PutObject' },
  })

  it('says that the object is stored, and what OSS said of the callback', async () => {
    const { run, etag } = await begun(bytes)
    expect(await storedWithoutCallback(run, expected, failed)).toEqual({
      outcome: 'completed-callback-failed',
      etag,
      callback: { status: 203, body: '', code: 'CallbackFailed', message: 'no', ec: '' },
    })
  })

  it('fails when something else is stored', async () => {
    const { run } = await begun(randomBytes(999))
    await expect(storedWithoutCallback(run, expected, failed)).rejects.toMatchObject({
      ...{ code: 'ERR_OSS_CHECKSUM_MISMATCH', operation: 'PutObject' },
    })
  })
})
