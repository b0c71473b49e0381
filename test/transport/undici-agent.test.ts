// The file of undici that is loaded by itself: it is what it is taken for.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { exchange } from '../../src/transport/exchange.js'
import { createAgent } from '../../src/transport/undici-agent.js'
import { repositoryRoot } from '../house/source-tree.js'
import { startFakeOss } from '../support/fake-oss/index.js'

describe('createAgent', () => {
  it('gives the agent of undici, which takes its options and sends requests', async () => {
    await using oss = await startFakeOss()
    const agent = await createAgent({ connections: 2, keepAliveTimeout: 30_000 })
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const path = '/examplebucket/key'
        const request = { origin: oss.endpoint, path, method: 'GET', headers: {} } as const
        const surroundings = { pace: { quick: false }, connectTimeoutMs: 1_000 }
        const limit = { maxResponseBytes: 10_000 }
        return (await exchange(agent, { ...request, ...limit }, surroundings)).status
      }),
    )
    expect(new Set(answers)).toEqual(new Set([403]))
    expect(oss.connections).toBeLessThanOrEqual(2)
    await agent.destroy()
  })

  it('loads neither fetch nor caches nor mocks', async () => {
    const script = `
      import { createRequire } from 'node:module'
      const { createAgent } = await import(${JSON.stringify(join(repositoryRoot, 'src/transport/undici-agent.ts'))})
      await createAgent({})
      const files = Object.keys(createRequire(import.meta.url).cache).filter((f) => f.includes('undici'))
      console.log(JSON.stringify(files))`
    const argv = ['--import', 'tsx', '--input-type=module', '-e', script]
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: repositoryRoot })
    const files = JSON.parse(stdout) as string[]
    expect(files.length).toBeGreaterThan(5)
    expect(files.filter((file) => /\/(?:web|mock|cache|interceptor)\//.test(file))).toEqual([])
  })
})
