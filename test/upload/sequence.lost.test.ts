// Sequential uploads whose answers are lost: OSS is asked what it has before a part comes again, and never sees one twice blindly.

import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import type { Fault } from '../support/fake-oss/faults.js'
import { randomBytes, type UploadChange, World } from '../support/world.js'

const partSize = 102_400
const bytes = randomBytes(5 * partSize + 10)

let world: World
afterEach(() => world.close())

const parts = (): (number | undefined)[] =>
  world.oss.requests.filter((r) => r.operation === 'UploadPart').map((r) => r.partNumber)
const count = (operation: string) =>
  world.oss.requests.filter((request) => request.operation === operation).length

/** The fault happens to the first `times` tries at part `number`. */
function breakAt(number: number, times: number, fault: Fault): void {
  let left = times
  world.oss.setFault((request) =>
    request.operation === 'UploadPart' && request.partNumber === number && left-- > 0
      ? fault
      : undefined,
  )
}

const sources: [string, () => UploadChange][] = [
  ['file', () => ({})],
  [
    'stream',
    () => ({
      path: undefined,
      source: Readable.from([bytes.subarray(0, 200_000), bytes.subarray(200_000)]),
      checkpointPath: '/data/file.bin.ucp',
    }),
  ],
]

describe.each(sources)('of a %s', (_, source) => {
  function start(attempts = 3) {
    const process = world.process(undefined, { client: { retry: { attempts, baseDelay: 0 } } })
    const options = { sequential: true, concurrency: undefined, ...source() }
    return { process, upload: process.upload(options) }
  }

  function assertDone(): void {
    expect(world.stored()?.equals(bytes)).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
    expect(world.openUploadIds()).toEqual([])
  }

  it.each([1, 4, 6])('part %i that arrived is found, and not sent again', async (number) => {
    world = await World.create(bytes)
    breakAt(number, 1, { type: 'reset-after-apply' })
    const { process, upload } = start()
    expect(await upload).toMatchObject({ outcome: 'completed', parts: 6 })
    expect(parts()).toEqual([1, 2, 3, 4, 5, 6])
    expect(process.events).toContainEqual({ type: 'part-found', partNumber: number })
    assertDone()
  })

  it.each<[string, Fault]>([
    ['a reset', { type: 'reset' }],
    ['500', { type: 'status', status: 500, code: 'InternalError' }],
    ['an answer that is no HTTP', { type: 'replace', apply: false, headers: { ETag: undefined } }],
  ])(
    'a part that did not arrive, after %s, is sent again once OSS was asked',
    async (_name, fault) => {
      world = await World.create(bytes)
      breakAt(4, 1, fault)
      const { process, upload } = start()
      expect(await upload).toMatchObject({ outcome: 'completed', sent: { parts: 6 } })
      expect(parts()).toEqual([1, 2, 3, 4, 4, 5, 6])
      expect(count('ListParts')).toBe(1)
      expect(process.events.filter(({ type }) => type === 'part-found')).toEqual([])
      assertDone()
    },
  )

  it('each part has its attempts, and when they are used up the upload can be resumed', async () => {
    world = await World.create(bytes)
    breakAt(3, 2, { type: 'reset' })
    expect(await start().upload).toMatchObject({ outcome: 'completed' })
    expect(parts()).toEqual([1, 2, 3, 3, 3, 4, 5, 6])
    await world.close()
    world = await World.create(bytes)
    breakAt(3, 3, { type: 'reset' })
    const { process, upload } = start()
    await expect(upload).rejects.toMatchObject({
      ...{ code: 'ERR_OSS_TRANSPORT', operation: 'UploadPart', upload: { resumable: true } },
    })
    expect(parts()).toEqual([1, 2, 3, 3, 3])
    await process.kill()
    expect(await start().upload).toMatchObject({ resumed: { parts: 2 }, sent: { parts: 4 } })
    assertDone()
  })

  it('where OSS does not let us ask, the part comes again, and is taken over when OSS has it', async () => {
    world = await World.create(bytes, { denied: ['ListParts'] })
    breakAt(4, 1, { type: 'reset-after-apply' })
    const { process, upload } = start()
    expect(await upload).toMatchObject({ outcome: 'completed' })
    expect(parts()).toEqual([1, 2, 3, 4, 4, 5, 6])
    expect(process.events).toContainEqual({ type: 'part-found', partNumber: 4 })
    assertDone()
  })

  it('a part that was not sent at all is tried again without asking', async () => {
    world = await World.create(bytes)
    breakAt(4, 2, { type: 'status', status: 503, code: 'ServiceUnavailable' })
    expect(await start().upload).toMatchObject({ outcome: 'completed' })
    expect(parts()).toEqual([1, 2, 3, 4, 4, 4, 5, 6])
    expect(count('ListParts')).toBe(0)
    assertDone()
  })
})
