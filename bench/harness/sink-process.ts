// Starts the sink, asks it what has come, and stops it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { selfSigned } from '../../test/support/tls-certificate.js'
import type { SinkReady, SinkReport, SinkTask } from '../sink/main.js'
import type { Workspace } from './workspace.js'

export type Via = 'http' | 'https'

export interface Sink extends AsyncDisposable {
  endpoint(via: Via): string
  /** What has come since the last time. */
  report(): Promise<SinkReport>
}

export async function startSink(workspace: Workspace): Promise<Sink> {
  const task: SinkTask = { crc64: workspace.crc64, ...selfSigned }
  const child = fork(workspace.program('sink/main'), [JSON.stringify(task)], { execArgv: [] })
  const ended = once(child, 'exit')
  const next = async <Message>(): Promise<Message> => {
    const message = once(child, 'message').then(([value]) => value as Message)
    const end = ended.then(([exitCode]) => {
      throw new Error(`the sink ended with ${exitCode}`)
    })
    return Promise.race([message, end])
  }
  const { httpPort, httpsPort } = await next<SinkReady>()
  return {
    // By name: to an IP address ali-oss says a host of aliyuncs.com, and expects its certificate.
    endpoint: (via) => `${via}://localhost:${via === 'http' ? httpPort : httpsPort}`,
    report() {
      const report = next<SinkReport>()
      child.send('report')
      return report
    },
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await ended
    },
  }
}
