// Loads as much of undici as sending requests takes: its agent and its request function, and nothing of fetch, caches or mocks.

import type { Agent, Dispatcher } from 'undici'
import { compileParserLean } from './lean-parser.js'
import { undiciFile } from './undici-files.js'

/** What a transport needs of a dispatcher. */
export interface Requester {
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>
  destroy(): Promise<void>
}

/**
 * undici's index costs some 50 ms of processor time and 8 MiB more, which is much for a command that sends a few parts. It is what is
 * loaded where the two files are not to be found.
 */
export async function createAgent(options: Agent.Options): Promise<Requester> {
  compileParserLean()
  try {
    const created = new (undiciFile('dispatcher/agent.js'))(options)
    const request = undiciFile('api/api-request.js')
    return {
      request: (requestOptions) => request.call(created, requestOptions),
      destroy: () => created.destroy(),
    }
  } catch {
    const { Agent } = await import('undici/index.js')
    return new Agent(options)
  }
}
