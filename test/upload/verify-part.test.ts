// I3: local bytes are read again and compared with what was recorded or listed.

import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { PartBuffers } from '../../src/upload/part-reader.js'
import { openSource } from '../../src/upload/source.js'
import { verifyPart } from '../../src/upload/verify-part.js'
import { MemoryFileSystem } from '../support/memory-fs.js'
import { randomBytes } from '../support/world.js'

const bytes = randomBytes(3_000_000)
const range = { number: 2, offset: 1_000_001, size: 1_234_567 }
const part = bytes.subarray(range.offset, range.offset + range.size)
const crc = formatCrc64(crc64(part))
const md5 = createHash('md5').update(part).digest('hex').toUpperCase()

async function verify(expect: { crc64: string } | { md5: string }, signal?: AbortSignal) {
  const fs = new MemoryFileSystem()
  fs.put('/f', bytes)
  const source = await openSource('/f', fs)
  return verifyPart(source, range, expect, new PartBuffers(), signal)
}

describe('verifyPart', () => {
  it.each([
    ['CRC-64', { crc64: crc }, true],
    ['another CRC-64', { crc64: '1' }, false],
    ['MD5', { md5 }, true],
    ['another MD5', { md5: md5.replace(/^./, (c) => (c === '0' ? '1' : '0')) }, false],
  ])(
    'compares with %s and always says the CRC-64 of the local bytes',
    async (_, expected, matches) => {
      expect(await verify(expected)).toEqual({ crc64: crc, matches })
    },
  )

  it('stops between two chunks when it is cancelled', async () => {
    const reason = new Error('enough')
    await expect(verify({ crc64: crc }, AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})
