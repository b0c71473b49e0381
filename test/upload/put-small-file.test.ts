// A file of at most one part: one PutObject, its CRC-64 compared, nothing left behind.

import { afterEach, describe, expect, it } from 'vitest'
import type { Fault } from '../support/fake-oss/faults.js'
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

describe('a lost answer to PutObject', () => {
  const operations = () => world.oss.requests.map(({ operation }) => operation)
  /** The first `times` answers are lost. */
  async function losing(times: number, fault: Fault, denied: readonly string[] = []) {
    world = await World.create(bytes, { denied })
    let left = times
    world.oss.setFault(({ operation }) =>
      operation === 'PutObject' && left-- > 0 ? fault : undefined,
    )
    return world.process(undefined, { client: { retry: { attempts: 2, baseDelay: 0 } } })
  }

  it.each<[string, Fault]>([
    ['a reset', { type: 'reset' }],
    ['a reset after it was stored', { type: 'reset-after-apply' }],
    ['500', { type: 'status', status: 500 }],
    ['an answer without an ETag', { type: 'replace', headers: { ETag: undefined } }],
  ])('is a reason to send it again: %s', async (_, fault) => {
    const process = await losing(1, fault)
    expect(await process.upload()).toMatchObject({ outcome: 'completed', size: 70_000 })
    expect(operations()).toEqual(['PutObject', 'PutObject'])
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('that stays lost is settled by a look at the object', async () => {
    const process = await losing(2, { type: 'reset-after-apply' })
    expect(await process.upload()).toMatchObject({ outcome: 'completed-reconciled', size: 70_000 })
    expect(operations()).toEqual(['PutObject', 'PutObject', 'HeadObject'])
    expect(process.events).toContainEqual({ type: 'reconcile', result: 'stored' })
  })

  it.each<[string, Fault, string[]]>([
    ['the object is not there', { type: 'reset' }, []],
    ['it cannot be looked at', { type: 'reset-after-apply' }, ['HeadObject']],
  ])('is an error when %s, with every attempt in it', async (_, fault, denied) => {
    const process = await losing(2, fault, denied)
    await expect(process.upload()).rejects.toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      operation: 'PutObject',
      attempts: [{ verdict: 'network' }, { verdict: 'fail' }],
      upload: { resumable: false },
    })
  })

  describe('with forbidOverwrite', () => {
    const forbidOverwrite = true

    it('leads to FileAlreadyExists, which is our own work', async () => {
      const process = await losing(1, { type: 'reset-after-apply' })
      expect(await process.upload({ forbidOverwrite })).toMatchObject({
        outcome: 'completed-reconciled',
      })
      expect(operations()).toEqual(['PutObject', 'PutObject', 'HeadObject'])
    })

    it('or the work of somebody else, which is left alone', async () => {
      const process = await losing(1, { type: 'reset' })
      world.oss.put(world.bucket, world.key, Buffer.from('another'))
      await expect(process.upload({ forbidOverwrite })).rejects.toMatchObject({
        code: 'FileAlreadyExists',
      })
      expect(world.stored()?.toString()).toBe('another')
    })

    it('that was not lost is taken at its word', async () => {
      const process = await losing(0, { type: 'reset' })
      world.oss.put(world.bucket, world.key, bytes)
      await expect(process.upload({ forbidOverwrite })).rejects.toMatchObject({
        code: 'FileAlreadyExists',
      })
      expect(operations()).toEqual(['PutObject'])
    })
  })
})
