// Whether a stream is what an earlier run completed: read on while it is, and what happens when it is not.

import { describe, expect, it } from 'vitest'
import type { HeadObjectResult } from '../../src/oss/object.js'
import { OssServiceError } from '../../src/primitives/errors.js'
import { Checkpoint } from '../../src/upload/checkpoint.js'
import { Progress } from '../../src/upload/progress.js'
import type { UploadRun } from '../../src/upload/run.js'
import { newTally } from '../../src/upload/send-parts.js'
import { consumed, settleStream, type Unsettled } from '../../src/upload/settle-stream.js'
import { PartCutter, PartMemory } from '../../src/upload/stream-parts.js'
import { ChunkReader } from '../../src/upload/stream-source.js'
import { randomBytes } from '../support/world.js'

const partSize = 100
const bytes = randomBytes(250)
const environment = { sleep: async () => {} }
const cause = new OssServiceError('gone', { code: 'NoSuchUpload', status: 404 })
const object: HeadObjectResult = { size: 250, etag: 'E', headers: {} }

const cutterOf = (stream: Buffer) =>
  new PartCutter(new ChunkReader([stream], environment), partSize)

/** What an earlier run recorded of `bytes`, and a later one that is given `stream`. */
async function settle(stream: Buffer, verdict: Unsettled['verdict']) {
  const memory = new PartMemory(partSize)
  const checkpoint = await Checkpoint.open(undefined, '')
  const earlier = cutterOf(bytes)
  for (let part = await earlier.next(memory, undefined); part !== undefined; ) {
    const { number, crc64 } = part
    await checkpoint.recordPart({ number, size: part.bytes.byteLength, crc64, etag: 'e' })
    part = await earlier.next(memory, undefined)
  }
  const events: unknown[] = []
  const run = {
    checkpoint,
    settings: {},
    emit: (event: unknown) => void events.push(event),
    abandoned: new Set(),
  } as unknown as UploadRun
  const cutter = cutterOf(stream)
  const part = await cutter.next(memory, undefined)
  const unsettled = { uploadId: 'U', completing: earlier.whole, verdict, cause }
  const tally = newTally()
  const progress = new Progress(undefined)
  const held = { part, memory }
  return { events, tally, settled: settleStream(run, cutter, held, unsettled, progress, tally) }
}

const stored = { result: 'stored', object } as const
const unknown = { result: 'unknown', reason: 'HeadObject is denied', mayPass: false } as const

describe('settleStream', () => {
  it('finds the object stored when the whole stream is the same', async () => {
    const { settled, tally } = await settle(bytes, stored)
    expect(await settled).toMatchObject({
      result: { outcome: 'completed-reconciled', etag: 'E', size: 250, parts: 3, uploadId: 'U' },
    })
    expect(tally.resumed).toEqual({ parts: 3, bytes: 250 })
  })

  it('cannot tell when nobody may look', async () => {
    const { settled } = await settle(bytes, unknown)
    await expect(settled).rejects.toMatchObject({ code: 'ERR_OSS_AMBIGUOUS' })
  })

  it.each([stored, unknown])(
    'gives the first part back when that one differs (%o)',
    async (verdict) => {
      const { settled, events } = await settle(randomBytes(250, 3), verdict)
      expect(await settled).toMatchObject({ part: { number: 1 } })
      expect(events).toEqual([{ type: 'part-differs', partNumber: 1 }])
    },
  )

  it('gives nothing back when there is nothing', async () => {
    const { settled } = await settle(Buffer.of(), stored)
    expect(await settled).toEqual({ part: undefined })
  })

  it.each([
    ['differs in part 2', Buffer.concat([bytes.subarray(0, 150), randomBytes(100)]), 2],
    ['is longer', Buffer.concat([bytes, bytes]), 3],
    ['is shorter', bytes.subarray(0, 200), undefined],
  ])(
    'is at its end with a stream that %s: its beginning is gone',
    async (_, stream, partNumber) => {
      const { settled, events } = await settle(stream, stored)
      await expect(settled).rejects.toMatchObject({ code: 'ERR_OSS_SOURCE_CONSUMED', cause })
      expect(events).toEqual(partNumber === undefined ? [] : [{ type: 'part-differs', partNumber }])
    },
  )
})

describe('consumed', () => {
  it('says why, that nothing was published, and what to do', () => {
    expect(consumed('it is gone', cause)).toMatchObject({
      code: 'ERR_OSS_SOURCE_CONSUMED',
      message: expect.stringMatching(/: it is gone$/),
      hint: expect.stringMatching(/nothing was published; run again/),
      cause,
    })
  })
})
