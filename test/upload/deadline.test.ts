// The limit to the whole time of an upload: it ends the upload as a failure does, and nobody's wish.

import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { isDeadline, withDeadline } from '../../src/upload/deadline.js'
import type { UploadEnvironment } from '../../src/upload/environment.js'
import type { UploadSettings } from '../../src/upload/options.js'
import { uploadFileIn } from '../../src/upload/upload-file.js'
import { randomBytes, World } from '../support/world.js'

/** A timer that rings when the test says so. */
function alarm() {
  const set: { ms: number; ring: () => void; stopped: boolean }[] = []
  const every: UploadEnvironment['every'] = (ms, ring) => {
    const timer = { ms, ring, stopped: false }
    set.push(timer)
    return () => {
      timer.stopped = true
    }
  }
  return { set, every }
}
const settingsOf = (change: Partial<UploadSettings>) => change as UploadSettings
const untilAborted = ({ signal }: UploadSettings) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason))
  })

describe('withDeadline', () => {
  it('without a deadline changes nothing, and sets no timer', async () => {
    const { set, every } = alarm()
    const settings = settingsOf({ signal: undefined })
    expect(await withDeadline({ every }, settings, async (given) => given)).toBe(settings)
    expect(set).toEqual([])
  })

  it('aborts when it has passed, with an error that names it', async () => {
    const { set, every } = alarm()
    const run = withDeadline({ every }, settingsOf({ deadline: 1500 }), untilAborted)
    expect(set).toMatchObject([{ ms: 1500, stopped: false }])
    set[0]?.ring()
    const error = await run.catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'ERR_OSS_TIMEOUT',
      message: 'the upload was not complete within 1.5 s (deadline)',
    })
    expect([isDeadline(error), set[0]?.stopped]).toEqual([true, true])
  })

  it('passes on the reason of the caller, before and while it runs', async () => {
    const { every } = alarm()
    const aborted = settingsOf({ deadline: 9, signal: AbortSignal.abort('early') })
    const seen = await withDeadline({ every }, aborted, async ({ signal }) => signal?.reason)
    expect(seen).toBe('early')
    const controller = new AbortController()
    const settings = settingsOf({ deadline: 9, signal: controller.signal })
    const run = withDeadline({ every }, settings, untilAborted)
    controller.abort('enough')
    await expect(run).rejects.toBe('enough')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it.each(['resolves', 'rejects'])('leaves no timer and no listener when it %s', async (how) => {
    const { set, every } = alarm()
    const { signal } = new AbortController()
    const live = async () => {
      if (how === 'rejects') throw new Error('no')
    }
    await withDeadline({ every }, settingsOf({ deadline: 9, signal }), live).catch(() => {})
    expect(set[0]?.stopped).toBe(true)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it.each([undefined, null, 'x', new Error('x'), {}])('no deadline is: %s', (reason) => {
    expect(isDeadline(reason)).toBe(false)
  })
})

describe('an upload whose deadline passes', () => {
  const partSize = 102_400
  const bytes = randomBytes(6 * partSize)
  let world: World
  afterEach(() => world.close())

  /** Rings once three parts are acknowledged. */
  async function late(change: object = {}): Promise<unknown> {
    const { set, every } = alarm()
    const process = world.process()
    world.oss.setFault((request) => {
      if (request.operation !== 'UploadPart' || world.oss.acknowledged.length < 3) return undefined
      set.find(({ ms }) => ms === 60_000)?.ring()
      return { type: 'hang' }
    })
    const { path, bucket, key } = world
    const options = { path, bucket, key, partSize, concurrency: 1, deadline: 60_000, ...change }
    const error = await uploadFileIn(
      { ...process.environment, every },
      process.client,
      options,
    ).catch((reason: unknown) => reason)
    expect(set.every(({ stopped }) => stopped)).toBe(true)
    world.oss.setFault(undefined)
    return error
  }

  it.each(['keep', 'discard'] as const)(
    'fails, can be resumed, and is: onAbort %s is about a wish of the caller',
    async (onAbort) => {
      world = await World.create(bytes)
      expect(await late({ onAbort })).toMatchObject({
        code: 'ERR_OSS_TIMEOUT',
        message: 'the upload was not complete within 60 s (deadline)',
        upload: { resumable: true, checkpointPath: `${world.path}.ucp` },
      })
      expect(world.openUploadIds()).toHaveLength(1)
      expect(await world.process().upload()).toMatchObject({
        ...{ outcome: 'completed', resumed: { parts: 3 }, sent: { parts: 3 } },
      })
      expect(world.stored()?.equals(bytes)).toBe(true)
    },
  )

  it('and that keeps no checkpoint is aborted, as after any failure', async () => {
    world = await World.create(bytes)
    expect(await late({ checkpoint: false })).toMatchObject({
      ...{ code: 'ERR_OSS_TIMEOUT', upload: { resumable: false } },
    })
    expect(world.openUploadIds()).toEqual([])
  })
})
