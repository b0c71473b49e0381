// What a request with a flowing body leaves behind: nothing that would stay until V8 collects its old objects.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { Agent } from 'undici'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exchange } from '../../src/transport/exchange.js'
import type { TransportRequest } from '../../src/transport/transport.js'

/** In a thread, and thereby a heap, of its own. */
const serving = `
const { createServer } = require('node:http')
const { parentPort } = require('node:worker_threads')
const server = createServer((request, response) => request.resume().on('end', () => response.end()))
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`

let server: Worker
let port: number
beforeAll(async () => {
  server = new Worker(serving, { eval: true })
  port = await new Promise((resolve) => server.once('message', resolve))
})
afterAll(() => server.terminate())

/** Bytes of what is alive, or old. What survives twice is old. */
async function used(collect: (options?: object) => void): Promise<number> {
  for (let time = 0; time < 3; time++) {
    await nextTurn()
    collect({ type: 'minor' })
  }
  return process.memoryUsage().heapUsed
}

it('leaves less than 3 KB of each request', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options?: object) => void
  const agent = new Agent({ connections: 1 })
  const chunk = Buffer.alloc(512 * 1024)
  const sendMany = async (count: number) => {
    for (let at = 0; at < count; at++) {
      const open = async function* () {
        for (let piece = 0; piece < 3; piece++) yield chunk
      }
      const request: TransportRequest = {
        ...{ origin: `http://127.0.0.1:${port}`, method: 'PUT', path: '/' },
        headers: { 'x-oss-meta-long': 'x'.repeat(100) },
        body: { contentLength: 3 * chunk.byteLength, open },
        maxResponseBytes: 10,
      }
      await exchange(agent, request, { pace: { quick: true }, connectTimeoutMs: 1_000 })
    }
  }
  try {
    await sendMany(100)
    collect()
    const before = await used(collect)
    await sendMany(500)
    expect((await used(collect)) - before).toBeLessThan(500 * 3_000)
  } finally {
    await agent.close()
  }
})
