// The journal cut off at every byte: still usable, or set aside; the upload id in it is never silently lost.

import { afterEach, describe, expect, it } from 'vitest'
import { randomBytes, World } from '../support/world.js'

const bytes = randomBytes(5 * 102_400 + 10)

let world: World
afterEach(() => world.close())

async function interrupted(): Promise<Buffer> {
  world = await World.create(bytes)
  world.oss.setFault((request) => (request.partNumber === 5 ? { type: 'reset' } : undefined))
  const first = world.process()
  await expect(first.upload({ concurrency: 1 })).rejects.toThrow('UploadPart')
  await first.kill()
  world.oss.setFault(undefined)
  return Buffer.from(await world.fs.readFile(`${world.path}.ucp`))
}

describe('a torn journal', () => {
  it('is used up to the cut, or set aside, at every byte offset', async () => {
    const journal = await interrupted()
    const [uploadId = ''] = world.openUploadIds()
    const header = journal.indexOf('\n') + 1
    const upload = world.oss.uploads(world.bucket)[0]
    expect(upload?.parts.size).toBe(4)
    for (let length = 0; length < journal.length; length++) {
      world.fs.put(`${world.path}.ucp`, journal.subarray(0, length))
      // A refusal before anything is sent shows what was read, and leaves OSS as it is for the next cut.
      const process = world.process()
      world.oss.setFault((request) =>
        request.operation === 'ListParts' || request.operation === 'InitiateMultipartUpload'
          ? { type: 'status', status: 400, code: 'Stop' }
          : undefined,
      )
      await expect(process.upload()).rejects.toThrow('Stop')
      await process.kill()
      const asked = world.oss.requests.at(-1)
      if (length >= header) {
        expect(asked, `${length}`).toMatchObject({ operation: 'ListParts', uploadId })
        const complete = journal.subarray(0, length).toString().split('\n').slice(0, -1)
        // Not a byte of the cut line is left for the next one to be appended to.
        expect(world.fs.text(`${world.path}.ucp`)).toBe(`${complete.join('\n')}\n`)
      } else {
        expect(asked?.operation, `${length}`).toBe('InitiateMultipartUpload')
        const aside = world.fs.list().filter((name) => name.includes('.ucp.corrupt-'))
        expect(aside).toHaveLength(1)
        expect(world.fs.text(aside[0] ?? '')).toBe(journal.subarray(0, length).toString())
        world.fs.delete(aside[0] ?? '')
      }
    }
  }, 120_000)

  it.each([-1, -2, -40, -200])(
    'is resumed to the same object when %i bytes are missing',
    async (end) => {
      const journal = await interrupted()
      world.fs.put(`${world.path}.ucp`, journal.subarray(0, end))
      const mark = world.oss.acknowledged.length
      const result = await world.process().upload()
      expect(world.stored()?.equals(bytes)).toBe(true)
      expect(result?.resumed.parts).toBe(4)
      expect(world.oss.acknowledged.slice(mark)).toHaveLength(2)
    },
  )
})
