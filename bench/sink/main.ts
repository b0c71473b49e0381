// The sink as a process of its own: http and https on loopback, one report for each time it is asked, gone with its parent.

import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Answers } from './answers.js'
import { type Crc64Api, Uploads } from './uploads.js'

/** What it is told, as JSON in its first argument. */
export interface SinkTask {
  /** URL of the CRC-64 of the build. */
  readonly crc64: string
  readonly key: string
  readonly cert: string
}

/** What has come since the last report. */
export interface SinkReport {
  readonly connections: number
  readonly requests: number
  readonly objects: readonly { readonly size: number; readonly crc64: string }[]
}

export interface SinkReady {
  readonly httpPort: number
  readonly httpsPort: number
}

const { crc64, key, cert } = JSON.parse(process.argv[2] ?? '') as SinkTask
const { Crc64, combineCrc64 } = (await import(crc64)) as Crc64Api
const uploads = new Uploads(combineCrc64)
const answers = new Answers(uploads, () => new Crc64())
let connections = 0
let requests = 0

// A connection idles while its client is busy with another one; the sink must not be the first to close it.
const limits = { keepAliveTimeout: 600_000, requestTimeout: 0, highWaterMark: 1024 * 1024 }
const servers = [createHttp(limits), createHttps({ ...limits, key, cert })] as const
for (const server of servers) {
  server.on('connection', () => {
    connections += 1
  })
  server.on('request', (request, response) => {
    requests += 1
    answers.handle(request, response)
  })
}
const ports = await Promise.all(
  servers.map(
    (server) =>
      new Promise<number>((resolve) =>
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
      ),
  ),
)

process.on('message', () => {
  const objects = uploads.objects
    .splice(0)
    .map((object) => ({ size: object.size, crc64: String(object.crc64) }))
  process.send?.({ connections, requests, objects } satisfies SinkReport)
  connections = 0
  requests = 0
})
process.on('disconnect', () => process.exit())
const [httpPort = 0, httpsPort = 0] = ports
process.send?.({ httpPort, httpsPort } satisfies SinkReady)
