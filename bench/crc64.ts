// Measures CRC-64 on ordinary Buffers, one thread: npx tsx bench/crc64.ts
//
// The ways take turns, so that a slow phase of the machine meets all of them; the figures are medians of the rounds.

import { Crc64, combineCrc64 } from '../src/primitives/crc64.js'
import { TableCrc64 } from '../src/primitives/crc64-table.js'
import { crc64WasmBase64 } from '../src/primitives/crc64-wasm.js'

const rounds = 9
const mib = 1024 * 1024

interface Exports {
  absorbShort(lengthBytes: number): void
}

const wasm = (
  globalThis as unknown as {
    WebAssembly: {
      Module: new (code: Uint8Array) => object
      Instance: new (module: object, imports: object) => { readonly exports: Exports }
      Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer }
    }
  }
).WebAssembly

/** The baseline: slicing-by-8 in the same module, which is what it uses for short streams; it reads where the bytes are, too. */
function makeBaseline(): { update(chunk: Uint8Array): void } {
  const module = new wasm.Module(Buffer.from(crc64WasmBase64, 'base64'))
  const memory = new wasm.Memory({ initial: 4 })
  const { absorbShort } = new wasm.Instance(module, { crc64: { memory } }).exports
  const input = new Uint8Array(memory.buffer, 149_504, 65_536)
  input.set(large.subarray(0, input.length))
  return {
    update(chunk) {
      for (let offset = 0; offset < chunk.length; offset += input.length) absorbShort(input.length)
    },
  }
}

const large = Buffer.alloc(64 * mib)
for (let i = 0, x = 1; i < large.length; i++) {
  x = (Math.imul(x, 1_103_515_245) + 12_345) | 0
  large[i] = x >>> 24
}
const chunk = Buffer.from(large.subarray(0, 512 * 1024))

const ours = new Crc64(chunk.length)
ours.room.set(chunk)
const baseline = makeBaseline()
const table = new TableCrc64()

/** One part as an upload does it: 512 KiB at a time, then the digest. */
function part(bytes: number): () => number {
  return () => {
    let done = 0
    while (done < 64 * mib) {
      ours.reset()
      for (let offset = 0; offset < bytes; offset += chunk.length) ours.update(chunk)
      ours.digest()
      done += bytes
    }
    return done
  }
}

function chunks(
  stream: { update(chunk: Uint8Array): void },
  count: number,
  bytes: Uint8Array = chunk,
): () => number {
  return () => {
    for (let i = 0; i < count; i++) stream.update(bytes)
    return count * bytes.length
  }
}

/** Each way does its work once and returns how many bytes it read. */
const ways: Record<string, () => number> = {
  'ours, 512 KiB chunk in cache': chunks(ours, 1024),
  'ours, the same where it is read in place': chunks(ours, 1024, ours.room),
  'ours, 64 MiB buffer': () => {
    ours.update(large)
    return large.length
  },
  'ours, 512 KiB parts with digest': part(512 * 1024),
  'ours, 1 MiB parts with digest': part(mib),
  'ours, 8 MiB parts with digest': part(8 * mib),
  'wasm slicing-by-8, read in place': chunks(baseline, 256),
  'plain JS slicing-by-8, 512 KiB chunk in cache': chunks(table, 128),
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}

const rates = new Map<string, number[]>()
for (const way of Object.values(ways)) way()
for (let round = 0; round < rounds; round++) {
  for (const [name, way] of Object.entries(ways)) {
    const start = performance.now()
    const bytes = way()
    const rate = bytes / (performance.now() - start) / 1e6
    rates.set(name, [...(rates.get(name) ?? []), rate])
  }
}
console.log(`Node ${process.version}, ${process.arch}, GB/s, median of ${rounds}`)
for (const [name, values] of rates) {
  console.log(`${median(values).toFixed(2).padStart(7)}  ${name}`)
}

const [oursRate, baselineRate, tableRate] = [
  'ours, the same where it is read in place',
  'wasm slicing-by-8, read in place',
  'plain JS slicing-by-8, 512 KiB chunk in cache',
].map((name) => rates.get(name) ?? [])

/** The ratio of each round by itself, so that what both sides of a round share cancels out. */
function ratio(over: readonly number[]): string {
  return median((oursRate ?? []).map((rate, round) => rate / (over[round] ?? 0))).toFixed(1)
}
console.log(`${ratio(baselineRate ?? []).padStart(7)}x wasm slicing-by-8, chunk in cache`)
console.log(`${ratio(tableRate ?? []).padStart(7)}x plain JS slicing-by-8, chunk in cache`)

function printMicroseconds(name: string, times: number, action: (i: number) => void): void {
  for (let i = 0; i < times; i++) action(i)
  const start = performance.now()
  for (let i = 0; i < times; i++) action(i)
  const each = ((performance.now() - start) / times) * 1000
  console.log(`${each.toFixed(2).padStart(7)}  us per ${name}`)
}
ours.update(chunk)
printMicroseconds('digest of a long stream', 1000, () => ours.digest())
printMicroseconds('new Crc64()', 100, () => new Crc64())
printMicroseconds('combine, same length', 10_000, (i) => combineCrc64(BigInt(i), 1n, 8 * mib))
printMicroseconds('combine, another length each time', 10_000, (i) =>
  combineCrc64(1n, 2n, 8 * mib + i),
)
