// Records that are written together: once, in order, and with a failure that nobody misses.

import { describe, expect, it } from 'vitest'
import { RecordBatches } from '../../src/upload/record-batches.js'

/** Keeps what is appended, each as one write, and lets the test say when it is there. */
function journal() {
  const writes: string[] = []
  const pending: { resolve(): void; reject(reason: Error): void }[] = []
  const batches = new RecordBatches((lines) => {
    writes.push(lines)
    return new Promise((resolve, reject) => pending.push({ resolve, reject }))
  })
  return { writes, pending, batches }
}

describe('RecordBatches', () => {
  it('writes what was added until then once, in order, whoever asks', async () => {
    const { writes, pending, batches } = journal()
    const [a, b] = [batches.add('a\n'), batches.add('b\n')]
    expect(writes).toEqual([])
    const written = [b.write(), a.write(), b.write()]
    expect(writes).toEqual(['a\nb\n'])
    pending[0]?.resolve()
    await Promise.all(written)
    expect(writes).toHaveLength(1)
  })

  it('begins another batch when one is being written, and says of each when it is there', async () => {
    const { writes, pending, batches } = journal()
    const first = batches.add('a\n')
    const firstWritten = first.write()
    const second = batches.add('b\n')
    let isThere = false
    const secondWritten = second.write().then(() => {
      isThere = true
    })
    expect(writes).toEqual(['a\n', 'b\n'])
    pending[0]?.resolve()
    await firstWritten
    expect(isThere).toBe(false)
    pending[1]?.resolve()
    await secondWritten
  })

  it('writes what is there when its time has come, and nothing twice', async () => {
    const { writes, pending, batches } = journal()
    await batches.writeOpen()
    const batch = batches.add('a\n')
    const written = batches.writeOpen()
    expect(writes).toEqual(['a\n'])
    pending[0]?.resolve()
    await written
    await batches.writeOpen()
    await batch.write()
    expect(writes).toEqual(['a\n'])
  })

  it('tells a failure to everybody whose record was in it, also where time has come, and to no others', async () => {
    const { pending, batches } = journal()
    const [a, b] = [batches.add('a\n'), batches.add('b\n')]
    const written = batches.writeOpen()
    const failure = new Error('the disk is full')
    pending[0]?.reject(failure)
    await written
    await expect(a.write()).rejects.toBe(failure)
    await expect(b.write()).rejects.toBe(failure)
    const later = batches.add('c\n').write()
    pending[1]?.resolve()
    await later
  })
})
