import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import wabt from 'wabt'
import { crc64WasmBase64 } from '../../src/primitives/crc64-wasm.js'

/** The part of the WebAssembly API used here: neither the ES library nor `@types/node` 20 declares it. */
interface WasmApi {
  readonly Module: {
    new (code: Uint8Array): object
    imports(module: object): readonly { module: string; name: string; kind: string }[]
    exports(module: object): readonly { name: string; kind: string }[]
  }
}

const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly

it('embeds exactly what crc64.wat assembles to', async () => {
  const source = fileURLToPath(new URL('../../src/primitives/crc64.wat', import.meta.url))
  const { parseWat } = await wabt()
  const parsed = parseWat('crc64.wat', await readFile(source, 'utf8'), {
    simd: true,
    bulk_memory: true,
  })
  const { buffer } = parsed.toBinary({})
  parsed.destroy()
  expect(Buffer.from(buffer).toString('base64')).toBe(crc64WasmBase64)
})

it('imports one memory and exports five functions', () => {
  const module = new wasm.Module(Buffer.from(crc64WasmBase64, 'base64'))
  expect(wasm.Module.imports(module)).toEqual([{ module: 'crc64', name: 'memory', kind: 'memory' }])
  expect(wasm.Module.exports(module).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'function absorbShort',
    'function absorbLong',
    'function absorbPlace',
    'function digest',
    'function reset',
  ])
})
