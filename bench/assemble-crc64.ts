// Assembles src/primitives/crc64.wat into src/primitives/crc64-wasm.ts: npx tsx bench/assemble-crc64.ts

import { readFile, writeFile } from 'node:fs/promises'
import wabt from 'wabt'

const source = new URL('../src/primitives/crc64.wat', import.meta.url)
const target = new URL('../src/primitives/crc64-wasm.ts', import.meta.url)

const { parseWat } = await wabt()
const parsed = parseWat('crc64.wat', await readFile(source, 'utf8'), {
  simd: true,
  bulk_memory: true,
})
const { buffer } = parsed.toBinary({})
parsed.destroy()

await writeFile(
  target,
  `// Generated from crc64.wat, do not edit: the WebAssembly module that computes CRC-64, in base64.
// Regenerate with: npx tsx bench/assemble-crc64.ts (crc64-wasm.test.ts fails when the two differ)

export const crc64WasmBase64: string =
  '${Buffer.from(buffer).toString('base64')}'
`,
)
console.log(`crc64-wasm.ts: ${buffer.byteLength} bytes of WebAssembly`)
