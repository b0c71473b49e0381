/** Owns a proxy on loopback: it connects to loopback only, whatever it is asked for, and remembers what that was. */

import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

export interface FakeProxy extends AsyncDisposable {
  readonly url: string
  /** `host:port` of each CONNECT, and the URL of each plain request. */
  readonly targets: readonly string[]
  readonly authorizations: readonly (string | undefined)[]
  readonly openConnections: number
}

/** @param port where everything is sent to, on 127.0.0.1 */
export async function startFakeProxy(port: number): Promise<FakeProxy> {
  const targets: string[] = []
  const authorizations: (string | undefined)[] = []
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }
  const server = createServer((request, response) => {
    targets.push(request.url ?? '')
    response.statusCode = 501
    response.end()
  })
  server.on('connection', keep)
  server.on('connect', (request, client: Socket) => {
    targets.push(request.url ?? '')
    authorizations.push(request.headers['proxy-authorization'])
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      client.pipe(upstream).pipe(client)
    })
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    authorizations,
    get openConnections() {
      return sockets.size
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
