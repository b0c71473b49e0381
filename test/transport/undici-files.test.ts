import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { wasmApi } from '../../src/primitives/web-assembly.js'
import { undiciFile } from '../../src/transport/undici-files.js'

const undici = createRequire(import.meta.url)('undici') as typeof import('undici')

it('gives the very agent that the index has', () => {
  expect(undiciFile('dispatcher/agent.js')).toBe(undici.Agent)
})

it('gives the WebAssembly of the parser', () => {
  const Module = wasmApi()?.Module as new (code: Uint8Array) => object
  expect(new Module(undiciFile('llhttp/llhttp_simd-wasm.js'))).toBeInstanceOf(Module)
})

it('throws where a file is not to be found', () => {
  expect(() => undiciFile('dispatcher/none.js' as 'dispatcher/agent.js')).toThrow('Cannot find')
})
