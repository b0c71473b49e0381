// A file of at most one part: one PutObject, its CRC-64 compared, nothing left behind.

import { afterEach, describe, expect, it } from 'vitest'
import { randomBytes, World } from '../support/world.js'

const bytes = randomBytes(70_000)

let world: World
afterEach(() => world.close())

describe('putSmallFile', () => {
  it('fails when OSS reports another CRC-64, and says that the object must not be used', async () => {
    world = await World.create(bytes)
    world.oss.setFault(() => ({ type: 'replace', headers: { 'x-oss-hash-crc64ecma': '5' } }))
    await expect(world.process().upload()).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKSUM_MISMATCH',
      hint: expect.stringContaining('do not use the object'),
    })
  })

  it('counts a missing CRC-64 as unverified, not as failed', async () => {
    world = await World.create(bytes, { crc64Headers: false })
    expect(await world.process().upload()).toMatchObject({ outcome: 'completed', size: 70_000 })
  })

  it('needs no writable directory and takes no lock', async () => {
    world = await World.create(bytes)
    world.fs.fail = ({ name, path }) =>
      path === world.path || name === 'lstat' ? undefined : 'EROFS'
    expect((await world.process().upload())?.outcome).toBe('completed')
  })

  it('sends the content type and signs it', async () => {
    world = await World.create(bytes)
    await world.process().upload({ headers: { 'Content-Type': 'image/png' } })
    expect(world.oss.object(world.bucket, world.key)?.headers['content-type']).toBe('image/png')
  })

  it('says what failed, and that nothing can be resumed', async () => {
    world = await World.create(bytes)
    world.oss.setDenied(['PutObject'])
    await expect(world.process().upload()).rejects.toMatchObject({ code: 'AccessDenied' })
    expect(world.fs.list()).toEqual([world.path])
  })

  it('cancels in the middle of the body and closes the file', async () => {
    world = await World.create(bytes)
    const controller = new AbortController()
    const cancelled = new Error('cancelled')
    world.oss.setFault(() => {
      controller.abort(cancelled)
      return { type: 'hang' }
    })
    const upload = world.process().upload({ signal: controller.signal })
    await expect(upload).rejects.toBe(cancelled)
    expect(world.fs.openFiles).toBe(0)
  })
})
