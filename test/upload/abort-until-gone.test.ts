import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initiateMultipartUpload } from '../../src/oss/multipart.js'
import { abortUntilGone } from '../../src/upload/abort-until-gone.js'
import { World } from '../support/world.js'

let world: World
beforeEach(async () => {
  world = await World.create(Buffer.alloc(1))
})
afterEach(() => world.close())

async function begun(change: { client?: object } = {}) {
  const { client } = world.process(undefined, change)
  const { bucket, key } = world
  const { uploadId } = await initiateMultipartUpload(client, { bucket, key })
  return { client, target: { bucket, key, uploadId } }
}

const operations = () => world.oss.requests.map(({ operation }) => operation).slice(1)

/** The first `count` aborts answer and leave the upload where it is, as when a part arrives meanwhile. */
function surviveAborts(count: number) {
  let aborts = 0
  world.oss.setFault(({ operation }) => {
    if (operation !== 'AbortMultipartUpload' || ++aborts > count) return undefined
    return { type: 'replace', status: 204, body: '', apply: false }
  })
}

describe('abortUntilGone', () => {
  it('aborts, and asks whether the upload is gone', async () => {
    const { client, target } = await begun()
    expect(await abortUntilGone(client, target)).toBe('gone')
    expect(operations()).toEqual(['AbortMultipartUpload', 'ListParts'])
    expect(world.openUploadIds()).toEqual([])
  })

  it('says absent of an upload that OSS does not have', async () => {
    const { client, target } = await begun()
    expect(await abortUntilGone(client, { ...target, uploadId: 'nobody' })).toBe('absent')
    expect(world.openUploadIds()).toEqual([target.uploadId])
  })

  it('takes an upload for gone when the answer to the abort that found it was lost', async () => {
    const { client, target } = await begun({ client: { retry: { attempts: 3, baseDelay: 0 } } })
    let lost = 0
    world.oss.setFault(({ operation }) =>
      operation === 'AbortMultipartUpload' && ++lost === 1
        ? { type: 'reset-after-apply' }
        : undefined,
    )
    expect(await abortUntilGone(client, target)).toBe('gone')
    expect(lost).toBe(2)
  })

  it.each([
    [1, 'gone'],
    [2, 'gone'],
    [3, 'survives'],
  ] as const)('aborts again, pausing before: %i in vain, %s', async (vain, outcome) => {
    const { client, target } = await begun()
    surviveAborts(vain)
    const pauses: number[] = []
    const pause = async (attempt: number) => void pauses.push(attempt)
    expect(await abortUntilGone(client, target, 3, pause)).toBe(outcome)
    expect(pauses).toEqual(vain === 1 ? [2] : [2, 3])
  })

  it('cannot confirm what it may not list', async () => {
    const { client, target } = await begun()
    world.oss.setDenied(['ListParts'])
    expect(await abortUntilGone(client, target)).toBe('unconfirmed')
  })

  it('throws what the abort was refused with', async () => {
    const { client, target } = await begun()
    world.oss.setDenied(['AbortMultipartUpload'])
    await expect(abortUntilGone(client, target)).rejects.toMatchObject({ code: 'AccessDenied' })
  })

  it('throws what kept it from asking, and aborts again before', async () => {
    const { client, target } = await begun()
    world.oss.setFault(({ operation }) =>
      operation === 'ListParts' ? { type: 'reset' } : undefined,
    )
    surviveBoth()
    await expect(abortUntilGone(client, target, 2)).rejects.toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
    })
    expect(operations().filter((name) => name === 'AbortMultipartUpload')).toHaveLength(2)

    function surviveBoth() {
      world.oss.setFault(({ operation }) => {
        if (operation === 'ListParts') return { type: 'reset' }
        if (operation !== 'AbortMultipartUpload') return undefined
        return { type: 'replace', status: 204, body: '', apply: false }
      })
    }
  })

  it('rejects with the reason of a signal', async () => {
    const { client, target } = await begun()
    const signal = AbortSignal.abort('enough')
    await expect(abortUntilGone(client, { ...target, signal })).rejects.toBe('enough')
  })
})
