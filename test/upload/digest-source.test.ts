import { describe, expect, it } from 'vitest'
import { crc64, formatCrc64 } from '../../src/primitives/crc64.js'
import { digestSource } from '../../src/upload/digest-source.js'
import { openSource } from '../../src/upload/source.js'
import { MemoryFileSystem } from '../support/memory-fs.js'
import { randomBytes } from '../support/world.js'

const bytes = randomBytes(1_200_000)
const crcOf = (content: Buffer) => formatCrc64(crc64(content))

async function opened(content: Buffer = bytes) {
  const fs = new MemoryFileSystem()
  fs.put('/f', content)
  return { fs, source: await openSource('/f', fs) }
}

describe('digestSource', () => {
  it.each([[[]], [[1_200_000]], [[1, 700_000, 499_999]]])(
    'tells the CRC-64 of the whole and of each of %j',
    async (sizes) => {
      const { source } = await opened()
      let offset = 0
      const ranges = (sizes.length === 0 ? [bytes.length] : sizes).map((size) => {
        offset += size
        return crcOf(bytes.subarray(offset - size, offset))
      })
      expect(await digestSource(source, sizes, undefined)).toEqual({ crc64: crcOf(bytes), ranges })
    },
  )

  it('has a CRC-64 of nothing', async () => {
    const { source } = await opened(Buffer.alloc(0))
    expect(await digestSource(source, [], undefined)).toEqual({ crc64: '0', ranges: ['0'] })
  })

  it('does not tell one of a file that changes meanwhile', async () => {
    const { fs, source } = await opened()
    fs.put('/f', randomBytes(1_200_000, 2))
    await expect(digestSource(source, [], undefined)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
    })
  })

  it('stops when it is told to', async () => {
    const { source } = await opened()
    await expect(digestSource(source, [], AbortSignal.abort('stop'))).rejects.toBe('stop')
  })
})
