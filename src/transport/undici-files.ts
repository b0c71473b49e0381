// Loads single files of undici, as `require` does it: Node looks through each CommonJS file that is imported for what it exports, 15 ms in all.

import { createRequire } from 'node:module'
import type { Agent, Dispatcher } from 'undici'

export interface UndiciFiles {
  readonly 'dispatcher/agent.js': new (
    options: Agent.Options,
  ) => Pick<Dispatcher, 'dispatch' | 'destroy'>
  /** The WebAssembly of its parser. */
  readonly 'llhttp/llhttp_simd-wasm.js': Uint8Array
}

/**
 * They are no documented interface: the version is pinned, and a test sees to it that they are what they were.
 *
 * @throws where they are not, as when somebody has put another version in its place
 */
export function undiciFile<Name extends keyof UndiciFiles>(name: Name): UndiciFiles[Name] {
  return createRequire(import.meta.url)(`undici/lib/${name}`) as UndiciFiles[Name]
}
