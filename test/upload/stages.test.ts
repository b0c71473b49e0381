// The stages that every upload shares: the checkpoint around it, giving up, beginning, and what is left at the end.

import { afterEach, describe, expect, it } from 'vitest'
import { OssError } from '../../src/primitives/errors.js'
import { resolveOptions, type UploadFileOptions } from '../../src/upload/options.js'
import type { UploadFileResult } from '../../src/upload/result.js'
import { uploadContext } from '../../src/upload/run.js'
import {
  beginUpload,
  giveUp,
  headerOf,
  removeCheckpoint,
  storeOf,
  takeUp,
  withCheckpoint,
} from '../../src/upload/stages.js'
import { World } from '../support/world.js'

const partSize = 102_400
const identity = { kind: 'stream' } as const
const checkpointPath = '/data/c.ucp'
const done = { outcome: 'completed' } as UploadFileResult

let world: World
afterEach(() => world.close())

async function context(options: object = {}, fake: object = {}) {
  world = await World.create(Buffer.of(), fake)
  const process = world.process()
  const { bucket, key } = world
  const settings = resolveOptions({
    ...{ bucket, key, source: [], checkpointPath },
    onEvent: (event) => {
      if (event.type !== 'attempt') (process.events as unknown[]).push(event)
    },
    ...options,
  } as UploadFileOptions)
  const { client, environment, events } = process
  return { context: uploadContext(environment, client, settings), events, process }
}

const operations = () => world.oss.requests.map(({ operation }) => operation)

describe('storeOf', () => {
  it('is none without a checkpoint, the file, or what the caller keeps it in', async () => {
    const { context: own } = await context()
    expect(storeOf(own.settings, own.environment)?.location).toBe(checkpointPath)
    const store = {
      location: 'elsewhere',
      exists: async () => false,
      acquire: () => Promise.reject(),
    }
    const settings = { ...own.settings, checkpoint: { path: 'x', store } }
    expect(storeOf(settings, own.environment)).toBe(store)
    expect(storeOf({ ...own.settings, checkpoint: undefined }, own.environment)).toBeUndefined()
  })
})

describe('withCheckpoint', () => {
  it('holds the lock while the upload lives, and gives it back', async () => {
    const { context: own } = await context()
    const store = storeOf(own.settings, own.environment)
    const result = await withCheckpoint(own, store, async (run) => {
      expect(run.location).toBe(checkpointPath)
      expect(world.fs.list()).toContain(`${checkpointPath}.lock`)
      return done
    })
    expect(result).toBe(done)
    expect(world.fs.list()).toEqual([world.path])
  })

  it('throws the first error, which says what is kept', async () => {
    const { context: own } = await context()
    const store = storeOf(own.settings, own.environment)
    const error = new OssError('first', { code: 'ERR_OSS_TRANSPORT' })
    const upload = withCheckpoint(own, store, async (run) => {
      await beginUpload(run, partSize, identity)
      throw error
    })
    await expect(upload).rejects.toBe(error)
    const [uploadId = ''] = world.openUploadIds()
    expect(error.upload).toMatchObject({ uploadId, checkpointPath, resumable: true })
    expect(world.fs.list()).toEqual([checkpointPath, world.path])
  })

  it('aborts after a failure what nothing remembers (I9)', async () => {
    const { context: own } = await context({ checkpointPath: undefined })
    const upload = withCheckpoint(own, undefined, async (run) => {
      await beginUpload(run, partSize, identity)
      throw new Error('first')
    })
    await expect(upload).rejects.toThrow('first')
    expect(world.openUploadIds()).toEqual([])
  })
})

describe('takeUp', () => {
  async function begun(options: object): Promise<Awaited<ReturnType<typeof context>>> {
    const made = await context()
    const store = storeOf(made.context.settings, made.context.environment)
    await withCheckpoint(made.context, store, async (run) => {
      await beginUpload(run, partSize, identity)
      return done
    })
    const settings = { ...made.context.settings, ...options }
    return { ...made, context: { ...made.context, settings } }
  }

  it('leaves the upload that belongs here as it is', async () => {
    const { context: own } = await begun({})
    await withCheckpoint(own, storeOf(own.settings, own.environment), async (run) => {
      await takeUp(run)
      expect(run.checkpoint.upload?.uploadId).toBe(world.openUploadIds()[0])
      return done
    })
  })

  it('refuses another one', async () => {
    const { context: own } = await begun({ key: 'other' })
    const store = storeOf(own.settings, own.environment)
    const upload = withCheckpoint(own, store, async (run) => {
      await takeUp(run)
      return done
    })
    await expect(upload).rejects.toMatchObject({ code: 'ERR_OSS_CHECKPOINT_MISMATCH' })
    expect(world.openUploadIds()).toHaveLength(1)
  })

  it('gives it up with restart', async () => {
    const { context: own, events } = await begun({ key: 'other', restart: true })
    await withCheckpoint(own, storeOf(own.settings, own.environment), async (run) => {
      await takeUp(run)
      expect(run.checkpoint.upload).toBeUndefined()
      return done
    })
    expect(world.openUploadIds()).toEqual([])
    expect(events).toMatchObject([{ type: 'superseded', reason: 'restart' }])
  })
})

describe('giving up, beginning and the end', () => {
  it('do nothing, record first, and survive what cannot be removed', async () => {
    const { context: own, events } = await context()
    await withCheckpoint(own, storeOf(own.settings, own.environment), async (run) => {
      await giveUp(run, 'nothing to give up')
      expect(operations()).toEqual([])
      const uploadId = await beginUpload(run, partSize, identity)
      // I1: durable when it is known.
      world.fs.powerFailure('durable')
      expect(world.fs.text(checkpointPath)).toContain(`"uploadId":"${uploadId}"`)
      expect(headerOf(run, uploadId, partSize, identity)).toMatchObject({ uploadId, partSize })
      await giveUp(run, 'enough')
      expect(world.openUploadIds()).toEqual([])
      world.fs.fail = ({ name }) => (name === 'unlink' ? 'EACCES' : undefined)
      await removeCheckpoint(run)
      world.fs.fail = undefined
      return done
    })
    expect(events.at(-1)).toEqual({ type: 'checkpoint-left' })
  })

  it('abort an upload whose id could not be written down', async () => {
    const { context: own } = await context()
    const store = storeOf(own.settings, own.environment)
    world.fs.fail = ({ name, path }) =>
      name === 'write' && path.endsWith('.tmp') ? 'ENOSPC' : undefined
    const upload = withCheckpoint(own, store, async (run) => {
      await beginUpload(run, partSize, identity)
      return done
    })
    await expect(upload).rejects.toMatchObject({ code: 'ERR_OSS_CHECKPOINT_IO' })
    expect(world.openUploadIds()).toEqual([])
  })
})
