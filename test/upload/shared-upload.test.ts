import { afterEach, describe, expect, it } from 'vitest'
import { OssError } from '../../src/primitives/errors.js'
import { resolveOptions, type UploadFileOptions } from '../../src/upload/options.js'
import { uploadContext } from '../../src/upload/run.js'
import { joinUpload, withPatience } from '../../src/upload/shared-upload.js'
import { openSource } from '../../src/upload/source.js'
import { type Process, randomBytes, World } from '../support/world.js'

const path = '/data/shared.ucp'
const bytes = randomBytes(300_000)

let world: World
afterEach(() => world.close())

async function join(process: Process, change: object = {}) {
  const { bucket, key } = world
  const settings = resolveOptions({
    ...{ path: world.path, bucket, key, checkpointPath: path, shard: { index: 0, count: 2 } },
    ...{ partSize: 102_400, ...change },
  } as UploadFileOptions)
  const { environment, client } = process
  const context = uploadContext(environment, client, settings)
  const source = await openSource(world.path, environment.fs)
  try {
    return await joinUpload(context, source, path, new Set())
  } finally {
    await source.close()
  }
}

const initiated = () =>
  world.oss.requests.filter(({ operation }) => operation === 'InitiateMultipartUpload').length

describe('joinUpload', () => {
  it('begins one upload for all who come at once, and gives the others its id', async () => {
    world = await World.create(bytes)
    const joined = await Promise.all(Array.from({ length: 8 }, () => join(world.process())))
    const [uploadId] = world.openUploadIds()
    for (const each of joined) expect(each).toEqual({ state: 'open', uploadId, partSize: 102_400 })
    expect(initiated()).toBe(1)
    expect(world.fs.list()).toEqual([world.path, path])
  })

  it('takes over from one that died before the upload id was on disk', async () => {
    world = await World.create(bytes)
    const first = world.process({ index: 1, when: 'before' })
    void join(first).catch(() => {})
    await expect.poll(() => first.effects.length).toBeGreaterThan(1)
    expect(await join(world.process())).toMatchObject({ state: 'open' })
    expect(initiated()).toBe(1)
  })

  it('refuses another destination, part size or header', async () => {
    world = await World.create(bytes)
    await join(world.process())
    for (const change of [{ key: 'other' }, { partSize: 204_800 }, { metadata: { a: 'b' } }]) {
      await expect(join(world.process(), change)).rejects.toMatchObject({
        code: 'ERR_OSS_CHECKPOINT_MISMATCH',
      })
    }
    expect(await join(world.process(), { partSize: undefined })).toMatchObject({
      partSize: 102_400,
    })
  })

  it('waits until whoever has the checkpoint alone is done with it', async () => {
    world = await World.create(bytes)
    await join(world.process())
    const { environment } = world.process()
    const holder = '{"pid":1,"start":"start-1","host":"host","scope":"scope","nonce":"held"}'
    await world.fs.symlink(holder, `${path}.lock`)
    let joined = false
    const waiting = join(world.process()).then(() => {
      joined = true
    })
    for (let turn = 0; turn < 20; turn++) await environment.sleep(1)
    expect(joined).toBe(false)
    await world.fs.unlink(`${path}.lock`)
    await waiting
  })
})

describe('withPatience', () => {
  it('passes on any failure but that it is locked', async () => {
    world = await World.create(bytes)
    const { environment, client } = world.process()
    const { bucket, key } = world
    const options = { path: world.path, bucket, key, checkpointPath: path }
    const context = uploadContext(environment, client, resolveOptions(options))
    const failure = new OssError('x', { code: 'ERR_OSS_SOURCE' })
    await expect(withPatience(context, path, () => Promise.reject(failure))).rejects.toBe(failure)
    expect(await withPatience(context, path, async () => 'acted')).toBe('acted')
    expect(
      await withPatience(
        context,
        path,
        async () => 'acted',
        async () => 'seen',
      ),
    ).toBe('seen')
  })
})
