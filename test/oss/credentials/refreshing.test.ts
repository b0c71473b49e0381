import { describe, expect, it, vi } from 'vitest'
import { credentialsError } from '../../../src/oss/credentials/provider.js'
import { refreshingCredentials } from '../../../src/oss/credentials/refreshing.js'
import { rejection } from '../../support/oss-clients.js'

const minute = 60_000

/** A source whose answers are numbered, and a clock that is moved by hand. */
function scene(lifetimeMs: number | undefined) {
  let time = 1_900_000_000_000
  let broken = false
  const source = vi.fn(async () => {
    if (broken) throw credentialsError(`broken ${source.mock.calls.length}`)
    return {
      accessKeyId: `id${source.mock.calls.length}`,
      accessKeySecret: 'secret',
      ...(lifetimeMs !== undefined && { expiration: new Date(time + lifetimeMs) }),
    }
  })
  const provider = refreshingCredentials(source, { now: () => new Date(time) })
  return {
    source,
    provider,
    id: async () => (await provider()).accessKeyId,
    wait: (ms: number) => {
      time += ms
    },
    break: (state = true) => {
      broken = state
    },
  }
}

describe('refreshingCredentials: when', () => {
  it('asks nothing before it is asked', () => {
    expect(scene(minute).source).not.toHaveBeenCalled()
  })

  it.each([
    // Lifetime, and when new ones are asked for: 80 % of it, or 5 minutes before its end.
    [60 * minute, 48 * minute],
    [12 * 60 * minute, 576 * minute],
    [15 * minute, 10 * minute],
    [6 * minute, minute],
    // Too short for a lead of 5 minutes: not more often than every 30 s, but before the end.
    [5 * minute, 30_000],
    [minute, 30_000],
    [20_000, 16_000],
    // Without an end.
    [undefined, 10 * minute],
  ])('a lifetime of %s ms is refreshed after %i ms', async (lifetime, after) => {
    const { id, wait, source } = scene(lifetime)
    expect(await id()).toBe('id1')
    wait(after - 1)
    expect(await id()).toBe('id1')
    expect(source).toHaveBeenCalledTimes(1)
    wait(1)
    expect(await id()).toBe('id2')
    expect(await id()).toBe('id2')
    expect(source).toHaveBeenCalledTimes(2)
  })

  it.each([0, -1, -30 * 24 * 60 * minute])(
    'uses credentials that seem to have ended %s ms ago: the clock is likelier to be wrong',
    async (left) => {
      const { id, wait, source, break: breakIt } = scene(left)
      expect(await id()).toBe('id1')
      wait(10 * minute - 1)
      expect(await id()).toBe('id1')
      expect(source).toHaveBeenCalledTimes(1)
      wait(1)
      breakIt()
      expect(await id()).toBe('id1')
      breakIt(false)
      wait(minute)
      expect(await id()).toBe('id3')
    },
  )

  it('by force gets others for those that seem to have ended', async () => {
    const { id, provider } = scene(-minute)
    expect(await id()).toBe('id1')
    expect((await provider.refresh({ force: true })).accessKeyId).toBe('id2')
  })

  it('refuses an end that is no date', async () => {
    const { provider } = scene(Number.NaN)
    expect(await rejection(provider())).toMatchObject({
      ...{ code: 'ERR_OSS_CREDENTIALS', message: 'the expiration of the credentials is no date' },
    })
  })

  it('refuses what cannot be used, and does not keep it', async () => {
    const source = vi
      .fn()
      .mockResolvedValueOnce({ accessKeyId: 'a b', accessKeySecret: 's' })
      .mockResolvedValue({ accessKeyId: 'a', accessKeySecret: 's' })
    const provider = refreshingCredentials(source)
    expect((await rejection(provider())).message).toMatch(/^credentials need/)
    expect(await provider.refresh({ force: true })).toMatchObject({ accessKeyId: 'a' })
  })
})

describe('refreshingCredentials: who', () => {
  it('asks once for all who ask meanwhile', async () => {
    const { provider, source, wait } = scene(60 * minute)
    const ids = async () =>
      (await Promise.all(Array.from({ length: 20 }, () => provider()))).map((c) => c.accessKeyId)
    expect(new Set(await ids())).toEqual(new Set(['id1']))
    wait(50 * minute)
    expect(new Set(await ids())).toEqual(new Set(['id2']))
    expect(source).toHaveBeenCalledTimes(2)
  })

  it('fails once for all who ask meanwhile', async () => {
    const { provider, source, break: breakIt } = scene(60 * minute)
    breakIt()
    const errors = await Promise.all([provider(), provider(), provider()].map(rejection))
    expect(new Set(errors.map(({ message }) => message))).toEqual(new Set(['broken 1']))
    expect(source).toHaveBeenCalledTimes(1)
  })

  it('catches what a source throws at once', async () => {
    const provider = refreshingCredentials(() => {
      throw credentialsError('at once')
    })
    expect((await rejection(provider())).message).toBe('at once')
  })
})

describe('refreshingCredentials: failures', () => {
  it('uses the present credentials while they are valid, and tries again less and less often', async () => {
    const { id, provider, source, wait, break: breakIt } = scene(60 * minute)
    await id()
    wait(48 * minute)
    breakIt()
    const attempts: number[] = []
    for (let second = 0; second < 200; second++) {
      const before = source.mock.calls.length
      expect(await id()).toBe('id1')
      if (source.mock.calls.length > before) attempts.push(second)
      wait(1000)
    }
    expect(attempts).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181])
    wait(12 * minute)
    const error = await rejection(provider())
    expect(error.message).toBe(`broken ${source.mock.calls.length}`)
    breakIt(false)
    wait(30_000)
    expect(await id()).toBe(`id${source.mock.calls.length}`)
  })

  it('repeats its error until the next attempt is due, when it has nothing', async () => {
    const { id, provider, source, wait, break: breakIt } = scene(60 * minute)
    breakIt()
    expect((await rejection(provider())).message).toBe('broken 1')
    wait(999)
    expect((await rejection(provider())).message).toBe('broken 1')
    expect(source).toHaveBeenCalledTimes(1)
    wait(1)
    breakIt(false)
    expect(await id()).toBe('id2')
  })

  it('forgets earlier failures once one attempt has succeeded', async () => {
    const { provider, id, wait, source, break: breakIt } = scene(minute)
    breakIt()
    for (const ms of [1_000, 2_000, 4_000]) {
      await rejection(provider())
      wait(ms)
    }
    breakIt(false)
    expect(await id()).toBe('id4')
    wait(minute)
    breakIt()
    await rejection(provider())
    wait(1_000)
    await rejection(provider())
    expect(source).toHaveBeenCalledTimes(6)
  })
})

describe('refreshingCredentials: when the program stops', () => {
  it('asks no more, and what is held stays usable', async () => {
    const controller = new AbortController()
    const source = vi.fn(async () => ({ accessKeyId: 'id', accessKeySecret: 's' }))
    const provider = refreshingCredentials(source, { signal: controller.signal })
    await provider()
    const reason = new Error('stop')
    controller.abort(reason)
    expect(await provider()).toMatchObject({ accessKeyId: 'id' })
    expect(await rejection(provider.refresh({ force: true }))).toBe(reason)
    const unused = refreshingCredentials(source, { signal: controller.signal })
    expect(await rejection(unused())).toBe(reason)
    expect(source).toHaveBeenCalledTimes(1)
  })
})

describe('refreshingCredentials: refresh', () => {
  it('by force gets new ones although the present ones seem good', async () => {
    const { provider, id, source } = scene(60 * minute)
    expect(await id()).toBe('id1')
    expect((await provider.refresh()).accessKeyId).toBe('id1')
    const forced = await Promise.all([
      provider.refresh({ force: true }),
      provider.refresh({ force: true }),
    ])
    expect(forced.map(({ accessKeyId }) => accessKeyId)).toEqual(['id2', 'id2'])
    expect(await id()).toBe('id2')
    expect(source).toHaveBeenCalledTimes(2)
  })

  it('by force fails when there are no new ones, and keeps the present ones', async () => {
    const { provider, id, break: breakIt } = scene(60 * minute)
    await id()
    breakIt()
    expect((await rejection(provider.refresh({ force: true }))).message).toBe('broken 2')
    expect((await rejection(provider.refresh({ force: true }))).message).toBe('broken 3')
    expect(await id()).toBe('id1')
  })
})
