// Bare sockets with chunks that begin where a page does, which is what WebAssembly gives: the lowest bound.

import { chunkBytes, sendBare } from './bare.js'

/** The part of the WebAssembly API used here: `@types/node` 20 does not declare it. */
const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer } }
  }
).WebAssembly

await sendBare(() => Buffer.from(new Memory({ initial: chunkBytes / 65_536 }).buffer))
