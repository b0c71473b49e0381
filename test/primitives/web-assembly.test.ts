import { expect, it, vi } from 'vitest'
import { wasmApi } from '../../src/primitives/web-assembly.js'

it('gives what can compile a module, run it and make its memory', () => {
  const api = wasmApi()
  if (api === undefined) throw new Error('Node has WebAssembly')
  // The smallest module: its name and its version.
  const module = new api.Module(Buffer.from('0061736d01000000', 'hex'))
  expect(new api.Instance(module, {}).exports).toEqual({})
  expect(new api.Memory({ initial: 2, maximum: 2 }).buffer.byteLength).toBe(2 * 65_536)
})

it('is undefined where the engine has none', () => {
  vi.stubGlobal('WebAssembly', undefined)
  expect(wasmApi()).toBeUndefined()
  vi.unstubAllGlobals()
})
