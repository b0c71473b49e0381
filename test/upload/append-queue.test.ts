import { describe, expect, it } from 'vitest'
import { AppendQueue } from '../../src/upload/append-queue.js'

/** Writes that end when they are told to. */
function gate() {
  const writes: { lines: string; durable: boolean; end: (error?: Error) => void }[] = []
  const queue = new AppendQueue(
    (lines, durable) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error === undefined ? resolve() : reject(error))
        writes.push({ lines, durable, end })
      }),
  )
  return { queue, writes, lines: () => writes.map(({ lines }) => lines) }
}

/** Some turns of the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('lines', () => {
  it('that come while one is being written are written together, in their order', async () => {
    const { queue, writes, lines } = gate()
    const first = queue.append('a', false)
    await settle()
    const others = ['b', 'c', 'd'].map((line) => queue.append(line, false))
    await settle()
    expect(lines()).toEqual(['a'])
    writes[0]?.end()
    await first
    await settle()
    expect(lines()).toEqual(['a', 'bcd'])
    writes[1]?.end()
    await Promise.all(others)
    await queue.idle()
    expect(lines()).toEqual(['a', 'bcd'])
  })

  it('that come in one turn of the event loop are one write', async () => {
    const { queue, writes, lines } = gate()
    const all = ['a', 'b'].map((line) => queue.append(line, false))
    await settle()
    expect(lines()).toEqual(['ab'])
    writes[0]?.end()
    await Promise.all(all)
  })

  it('that are durable are a write of their own, behind those before and before those behind', async () => {
    const { queue, writes } = gate()
    const all = [
      queue.append('a', false),
      queue.append('b', false),
      queue.append('C', true),
      queue.append('D', true),
      queue.append('e', false),
    ]
    for (let write = 0; write < 4; write++) {
      await settle()
      writes[write]?.end()
    }
    await Promise.all(all)
    expect(writes.map(({ lines, durable }) => [lines, durable])).toEqual([
      ['ab', false],
      ['C', true],
      ['D', true],
      ['e', false],
    ])
  })

  it('come after a pause as before', async () => {
    const { queue, writes, lines } = gate()
    for (const line of ['a', 'b']) {
      const appended = queue.append(line, false)
      await settle()
      writes.at(-1)?.end()
      await appended
      await queue.idle()
    }
    expect(lines()).toEqual(['a', 'b'])
  })
})

describe('a write that fails', () => {
  it('fails its lines and all that come later, which are not written', async () => {
    const { queue, writes, lines } = gate()
    const error = new Error('ENOSPC')
    const failed = [queue.append('a', false), queue.append('b', false)]
    await settle()
    const waiting = queue.append('c', true)
    writes[0]?.end(error)
    for (const append of [...failed, waiting]) await expect(append).rejects.toBe(error)
    await queue.idle()
    await expect(queue.append('d', false)).rejects.toBe(error)
    await expect(queue.append('e', false)).rejects.toBe(error)
    expect(lines()).toEqual(['ab'])
  })
})
