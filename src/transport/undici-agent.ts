// Loads as much of undici as sending requests takes: its agent, and nothing of fetch, caches or mocks.

import type { Agent, Dispatcher } from 'undici'
import { compileParserLean } from './lean-parser.js'
import { undiciFile } from './undici-files.js'

/** What else its agent can, its index adds. */
export type OwnAgent = Pick<Dispatcher, 'dispatch' | 'destroy'>

/**
 * undici's index costs some 50 ms of processor time and 8 MiB more, which is much for a command that sends a few parts. It is what is
 * loaded where the file is not to be found.
 */
export async function createAgent(options: Agent.Options): Promise<OwnAgent> {
  compileParserLean()
  try {
    return new (undiciFile('dispatcher/agent.js'))(options)
  } catch {
    const { Agent } = await import('undici/index.js')
    return new Agent(options)
  }
}
