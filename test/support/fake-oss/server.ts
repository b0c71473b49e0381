/** Owns the listening socket and the connections of a fake: counting them, resetting them, closing everything. */

import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Connection, serveExchange } from './exchange.js'
import type { FakeOssState } from './state.js'

export interface RunningServer {
  readonly endpoint: string
  /** Sockets accepted so far. */
  readonly connections: number
  readonly openConnections: number
  /** Destroys every socket and stops listening; idempotent. */
  close(): Promise<void>
}

interface OpenSocket extends Connection {
  readonly socket: Socket
}

// Far above what tests need, so that only the faults asked for happen; callback headers are long.
const limits = {
  keepAliveTimeout: 60_000,
  requestTimeout: 0,
  headersTimeout: 0,
  maxHeaderSize: 65_536,
}

/** Listens on 127.0.0.1. */
export async function startServer(state: FakeOssState): Promise<RunningServer> {
  const open = new Map<number, OpenSocket>()
  const timers = new Set<NodeJS.Timeout>()
  let accepted = 0

  const later = (ms: number, action: () => void) => {
    if (ms <= 0) {
      action()
      return
    }
    const timer = setTimeout(() => {
      timers.delete(timer)
      action()
    }, ms)
    timers.add(timer)
  }
  const serve: RequestListener = (incoming, outgoing) => {
    // The port finds the socket below TLS, which is the one that can be reset.
    const connection = open.get(incoming.socket.remotePort ?? 0)
    if (connection === undefined) incoming.socket.destroy()
    else serveExchange(state, incoming, outgoing, connection)
  }
  const { tls } = state.options
  const server: Server =
    tls === undefined ? createServer(limits, serve) : createTlsServer({ ...limits, ...tls }, serve)
  server.on('connection', (socket: Socket) => {
    accepted += 1
    const port = socket.remotePort ?? 0
    const reset = () => {
      socket.resetAndDestroy()
    }
    const connection = { number: accepted, reset, later, socket }
    open.set(port, connection)
    socket.on('error', () => {})
    socket.on('close', () => {
      if (open.get(port) === connection) open.delete(port)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(state.options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  let closing: Promise<void> | undefined
  const closeAll = async () => {
    for (const timer of timers) clearTimeout(timer)
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    // The server may report its end before the last socket reports its own.
    const closed = [...open.values()].map(
      ({ socket }) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    )
    for (const { socket } of open.values()) socket.destroy()
    await Promise.all([stopped, ...closed])
  }
  return {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    get connections() {
      return accepted
    },
    get openConnections() {
      return open.size
    },
    close() {
      closing ??= closeAll()
      return closing
    },
  }
}
