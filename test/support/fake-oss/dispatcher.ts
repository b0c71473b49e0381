/** Owns the way to a fake for a client that names the real endpoint: a dispatcher whose every connection leads to the fake. */

import { connect as connectSocket } from 'node:net'
// Not 'undici': Bun puts something of its own in place of that name.
import { Agent } from 'undici/index.js'
import type { FakeOss } from './fake-oss.js'

/**
 * An undici dispatcher that connects to `fake`, whatever host a request names, and speaks plain HTTP there even for https: the
 * client under test keeps its real endpoint, its virtual-hosted style and its signatures. Faults happen as on any socket.
 *
 * Close it when the test is over; closing the fake does not.
 */
export function dispatcherTo(fake: Pick<FakeOss, 'endpoint'>): Agent {
  const { hostname, port, protocol } = new URL(fake.endpoint)
  if (protocol !== 'http:') throw new TypeError('dispatcherTo takes a fake without tls')
  return new Agent({
    connect(_, callback) {
      const socket = connectSocket({ host: hostname, port: Number(port), noDelay: true })
      const failed = (error: Error) => callback(error, null)
      socket.once('error', failed)
      socket.once('connect', () => {
        socket.off('error', failed)
        callback(null, socket)
      })
    },
  })
}
