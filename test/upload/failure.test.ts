// What an error of an upload says about the data.

import { describe, expect, it } from 'vitest'
import { OssError } from '../../src/primitives/errors.js'
import { Checkpoint } from '../../src/upload/checkpoint.js'
import { describeFailure } from '../../src/upload/failure.js'
import type { UploadSettings } from '../../src/upload/options.js'

const settings = { bucket: 'examplebucket', key: 'k' } as UploadSettings

describe('describeFailure', () => {
  it('passes misuse and the signal’s reason untouched', () => {
    for (const error of [new TypeError('x'), new Error('reason'), 'reason', undefined]) {
      expect(describeFailure(error, settings, undefined, '/c', [])).toBe(error)
    }
  })

  it('says that nothing is kept when there is no checkpoint', async () => {
    const checkpoint = await Checkpoint.open(undefined, '')
    const error = new OssError('x', { code: 'ERR_OSS_TRANSPORT' })
    describeFailure(error, settings, checkpoint, '', ['id'])
    expect(error.upload).toEqual({
      bucket: 'examplebucket',
      key: 'k',
      resumable: false,
      abandonedUploadIds: ['id'],
    })
  })

  it('says that a locked checkpoint can be tried again', () => {
    const error = new OssError('x', { code: 'ERR_OSS_CHECKPOINT_LOCKED' })
    describeFailure(error, settings, undefined, '/c', [])
    expect(error.upload).toMatchObject({ resumable: true, checkpointPath: '/c' })
  })

  it('says of a stream that has to be sent anew that the next run can, where there is a checkpoint', async () => {
    const given = (await Checkpoint.open(undefined, '')) as { isKept: boolean }
    for (const isKept of [true, false]) {
      const error = new OssError('x', { code: 'ERR_OSS_SOURCE_CONSUMED' })
      Object.defineProperty(given, 'isKept', { value: isKept, configurable: true })
      describeFailure(error, settings, given as Checkpoint, '/c', [])
      expect(error.upload?.resumable).toBe(isKept)
    }
  })

  it('keeps what an inner step has said already', () => {
    const error = new OssError('x', { code: 'ERR_OSS_CHECKPOINT_LOCKED' })
    describeFailure(error, settings, undefined, '/c', [])
    const first = error.upload
    describeFailure(error, settings, undefined, '/other', [])
    expect(error.upload).toBe(first)
  })
})
