// Runs the fault table: several hundred uploads over real sockets, each of which ends as the table says and leaves nothing behind.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openFolder } from './network-bench.js'
import { operations } from './network-outcomes.js'
import { runCase } from './network-run.js'
import { cases, topics } from './network-table.js'

/** Most of them wait for something. */
const atOnce = 20

/** Handles by kind; those of the test runner are there before. */
function handles(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

const outcomes: Promise<readonly string[]>[] = []
let folder: Awaited<ReturnType<typeof openFolder>>
let before: Record<string, number>

beforeAll(async () => {
  before = handles()
  folder = await openFolder()
  const queue = cases.entries()
  const settle: ((lines: Promise<string[]>) => void)[] = []
  for (const index of cases.keys()) {
    outcomes[index] = new Promise((resolve) => {
      settle[index] = resolve
    })
  }
  const work = async (): Promise<void> => {
    for (const [index, one] of queue) {
      const lines = runCase(one, folder.path, `case-${index}-`)
      settle[index]?.(lines)
      await lines.catch(() => {})
    }
  }
  for (let worker = 0; worker < atOnce; worker++) void work()
})

afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

describe.each(topics.map(({ title }) => title))('%s', (title) => {
  const own = [...cases.entries()].filter(([, { topic }]) => topic === title)
  it.each(own.map(([index, one]) => [one.title, index] as const))('%s', async (_, index) => {
    expect(await outcomes[index]).toEqual([])
  })
})

describe('the fault table', () => {
  it('has no two cases of one name, and every operation meets trouble', () => {
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length)
    for (const operation of operations) {
      expect(cases.filter((one) => one.operation === operation).length).toBeGreaterThan(30)
    }
  })

  it('leaves no socket, timer or file open behind all of its cases', async () => {
    await Promise.all(outcomes)
    await expect
      .poll(
        () => Object.entries(handles()).filter(([kind, count]) => count > (before[kind] ?? 0)),
        { timeout: 5_000 },
      )
      .toEqual([])
  })
})
