import { describe, expect, it } from 'vitest'
import { checkpointIds } from '../../src/upload/checkpoint-ids.js'
import { systemEnvironment, type UploadEnvironment } from '../../src/upload/environment.js'
import { encodeHeader } from '../../src/upload/journal.js'
import { MemoryFileSystem } from '../support/memory-fs.js'

const header = (uploadId: string) =>
  encodeHeader({
    ...{ bucket: 'b', key: 'k', service: 's', uploadId, partSize: 102_400, settings: {} },
    ...{ source: { kind: 'stream' }, createdAt: '2026-01-01T00:00:00.000Z' },
  })

function environmentWith(files: Readonly<Record<string, string>>): UploadEnvironment {
  const fs = new MemoryFileSystem()
  for (const [name, text] of Object.entries(files)) fs.put(`/d/${name}`, Buffer.from(text))
  return { ...systemEnvironment, fs }
}

describe('checkpointIds', () => {
  it('reads the checkpoints of a directory, and nothing else', async () => {
    const files = { 'a.ucp': header('A'), 'b.ucp': header('B'), 'c.txt': 'x', 'd.ucp.lock': 'x' }
    const environment = environmentWith(files)
    const ids = await checkpointIds('/d', Object.keys(files), environment)
    expect([...ids]).toEqual(['A', 'B'])
  })

  it('is not content with a checkpoint that it cannot read', async () => {
    const environment = environmentWith({ 'a.ucp': 'x' })
    await expect(checkpointIds('/d', ['a.ucp'], environment)).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
      message: expect.stringContaining('/d/a.ucp'),
    })
  })

  it('does not mind one that is gone by now', async () => {
    const environment = environmentWith({})
    expect(await checkpointIds('/d', ['a.ucp'], environment)).toEqual(new Set())
  })
})
