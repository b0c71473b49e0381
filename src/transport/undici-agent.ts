// Loads as much of undici as sending requests takes: its agent and its request function, and nothing of fetch, caches or mocks.

import type { Agent, Dispatcher } from 'undici'

/** What a transport needs of a dispatcher. */
export interface Requester {
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>
  destroy(): Promise<void>
}

type AgentClass = new (options: Agent.Options) => Dispatcher
type Request = (
  this: Dispatcher,
  options: Dispatcher.RequestOptions,
) => Promise<Dispatcher.ResponseData>

/**
 * undici's index costs some 50 ms of processor time and 8 MiB more, which is much for a command that sends a few parts. The two
 * files are no documented interface: the version is pinned, a test sees to it that they are what they were, and where they are
 * not, as when somebody has put another version in its place, the index does.
 */
export async function createAgent(options: Agent.Options): Promise<Requester> {
  try {
    const [agent, api] = await Promise.all([
      // @ts-expect-error: undici has types for its index alone.
      import('undici/lib/dispatcher/agent.js'),
      // @ts-expect-error: as above.
      import('undici/lib/api/api-request.js'),
    ])
    const created = new (agent.default as AgentClass)(options)
    const request = api.default as Request
    return {
      request: (requestOptions) => request.call(created, requestOptions),
      destroy: () => created.destroy(),
    }
  } catch {
    const { Agent } = await import('undici/index.js')
    return new Agent(options)
  }
}
