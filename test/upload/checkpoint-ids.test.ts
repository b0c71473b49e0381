import { describe, expect, it } from 'vitest'
import { checkpointIds } from '../../src/upload/checkpoint-ids.js'
import { encodeHeader } from '../../src/upload/journal.js'
import { World } from '../support/world.js'

const header = (uploadId: string) =>
  encodeHeader({
    ...{ bucket: 'b', key: 'k', service: 's', uploadId, partSize: 102_400, settings: {} },
    ...{ source: { kind: 'stream' }, createdAt: '2026-01-01T00:00:00.000Z' },
  })

async function environmentWith(files: Readonly<Record<string, string>>) {
  const world = await World.create(Buffer.alloc(1))
  for (const [name, text] of Object.entries(files)) world.fs.put(`/d/${name}`, Buffer.from(text))
  const { environment } = world.process()
  await world.close()
  return environment
}

describe('checkpointIds', () => {
  it('reads the checkpoints of a directory, and nothing else', async () => {
    const files = { 'a.ucp': header('A'), 'b.ucp': header('B'), 'c.txt': 'x', 'd.ucp.lock': 'x' }
    const environment = await environmentWith(files)
    const ids = await checkpointIds('/d', Object.keys(files), environment)
    expect([...ids]).toEqual(['A', 'B'])
  })

  it('is not content with a checkpoint that it cannot read', async () => {
    const environment = await environmentWith({ 'a.ucp': 'x' })
    await expect(checkpointIds('/d', ['a.ucp'], environment)).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
      message: expect.stringContaining('/d/a.ucp'),
    })
  })

  it('does not mind one that is gone by now', async () => {
    const environment = await environmentWith({})
    expect(await checkpointIds('/d', ['a.ucp'], environment)).toEqual(new Set())
  })
})
