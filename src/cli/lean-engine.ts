// Owns what the command asks of V8: to leave undici's parser of answers as it is, because optimising it takes more than it will ever give back.

import { compileCrc64 } from '../primitives/crc64.js'
import type { Io } from './io.js'

/**
 * The parser is WebAssembly, and nearly all of it is one function of 34 KB. It is compiled in 3 ms, and after the second answer V8
 * optimises it in the background: a tenth of a second or two of processor time and 30 MiB at once, a third of all that the command
 * takes, for the few KiB of answers that an upload gets (docs/performance.md has the figures).
 */
const flags = ['--no-wasm-dynamic-tiering', '--no-wasm-tier-up'] as const

/** V8 of Node 24 takes half of that for it, and with the flags would optimise nothing any more, the CRC-64 included. */
const firstThatTakesLess = 13

/**
 * To be called before anything is sent. It holds for the whole process, which is why the library does not do it: the process of a
 * command is its own.
 */
export function leaveParserAlone({ engine }: Pick<Io, 'engine'>): void {
  if (engine === undefined || Number.parseInt(engine.version, 10) >= firstThatTakesLess) return
  // What is compiled before keeps its right to be optimised, and the CRC-64 is worth it.
  compileCrc64()
  try {
    for (const flag of flags) engine.setFlag(flag)
  } catch {
    // Another engine than V8, which has no such flags: it is not slower for that.
  }
}
