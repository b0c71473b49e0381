import { basename, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { checkpointPathOf } from '../../src/upload/checkpoint-path.js'
import { randomBytes, World } from '../support/world.js'

const place = { path: '/data/disk.img', bucket: 'examplebucket', key: 'k' }

describe('checkpointPathOf', () => {
  it('is beside the source', () => {
    expect(checkpointPathOf(place)).toBe('/data/disk.img.ucp')
    expect(checkpointPathOf({ ...place, path: 'a' })).toBe('a.ucp')
  })

  it('is what the caller says', () => {
    expect(checkpointPathOf({ ...place, checkpointPath: 'x' })).toBe('x')
  })

  it.each(['/state', '/state/', 'state', '.'])('is in %s and nowhere else', (checkpointDir) => {
    const path = checkpointPathOf({ ...place, checkpointDir })
    expect(resolve(path, '..')).toBe(resolve(checkpointDir))
    expect(basename(path)).toMatch(/^disk\.img-[0-9a-f]{16}\.ucp$/)
  })

  it('is one for each source and destination', () => {
    const of = (change: object) => checkpointPathOf({ ...place, ...change, checkpointDir: '/s' })
    const all = [
      {},
      { path: '/other/disk.img' },
      { bucket: 'otherbucket' },
      { key: 'l' },
      // Texts that would be the same, were they only put together.
      { bucket: 'examplebucketk', key: '' },
    ].map(of)
    expect(new Set(all).size).toBe(all.length)
    expect(of({})).toBe(of({}))
  })

  it('is the same for a source that is named in another way', () => {
    const of = (path: string) => checkpointPathOf({ ...place, path, checkpointDir: '/s' })
    expect(of('/data/x/../disk.img')).toBe(of('/data/disk.img'))
    expect(of('disk.img')).toBe(of(resolve('disk.img')))
  })

  it('has a name that every file system takes', () => {
    const path = `/data/${'é'.repeat(300)} a:b*?.img`
    const name = basename(checkpointPathOf({ ...place, path, checkpointDir: '/s' }))
    expect(name).toMatch(/^[A-Za-z0-9._-]{1,100}$/)
    expect(name).toContain('a_b__.img-')
  })
})

describe('checkpointDir', () => {
  let world: World
  afterEach(() => world.close())

  it('holds the checkpoints of two uploads of one file, and each run continues its own', async () => {
    const bytes = randomBytes(3 * 102_400)
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.partNumber === 3 ? { type: 'status', status: 403, code: 'AccessDenied' } : undefined,
    )
    const options = { checkpointDir: '/data', concurrency: 1 }
    for (const key of ['one', 'two']) {
      const process = world.process()
      await expect(process.upload({ ...options, key })).rejects.toMatchObject({
        upload: { resumable: true, checkpointPath: expect.stringMatching(/^\/data\/file\.bin-/) },
      })
      await process.kill()
    }
    expect(world.fs.list().filter((path) => path.endsWith('.ucp'))).toHaveLength(2)
    world.oss.setFault(undefined)
    for (const key of ['one', 'two']) {
      const result = await world.process().upload({ ...options, key })
      expect(result).toMatchObject({ resumed: { parts: 2 }, sent: { parts: 1 } })
    }
    expect(world.fs.list()).toEqual([world.path])
  })

  it('has to be there', async () => {
    world = await World.create(randomBytes(2 * 102_400))
    world.fs.fail = ({ path }) => (path.startsWith('/none/') ? 'ENOENT' : undefined)
    await expect(world.process().upload({ checkpointDir: '/none' })).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
      hint: 'create the directory of the checkpoint first',
    })
    expect(world.oss.requests).toEqual([])
  })
})
