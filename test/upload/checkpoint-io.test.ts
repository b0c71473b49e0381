import { describe, expect, it } from 'vitest'
import { checkpointIo } from '../../src/upload/checkpoint-io.js'
import { errno } from '../support/memory-fs.js'

describe('checkpointIo', () => {
  it.each([
    ['ENOSPC', 'free some space'],
    ['EDQUOT', 'the quota is used up'],
    ['EROFS', '--no-checkpoint'],
    ['EACCES', '--no-checkpoint'],
    ['ENOENT', 'create the directory'],
    ['EPERM', 'symbolic links'],
    ['EIO', 'check the checkpoint path'],
  ])('says what to do about %s', (code, hint) => {
    const cause = errno(code)
    expect(checkpointIo('cannot write the checkpoint x', cause)).toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
      message: `cannot write the checkpoint x (${code})`,
      hint: expect.stringContaining(hint),
      cause,
    })
  })

  it('takes what is no error of the system, too', () => {
    expect(checkpointIo('cannot write the checkpoint x', 'a text')).toMatchObject({
      message: 'cannot write the checkpoint x',
      hint: expect.stringContaining('check the checkpoint path'),
      cause: 'a text',
    })
  })
})
