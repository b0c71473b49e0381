// Owns one favour asked of V8: to leave undici's parser of answers as it is first compiled, because optimising it never pays here.

import { setFlagsFromString } from 'node:v8'
import { wasmApi } from '../primitives/web-assembly.js'
import { undiciFile } from './undici-files.js'

/**
 * What V8 decides when it compiles a module, and never again: whether to look for functions to optimise, whether to optimise all of
 * them, and whether to put off compiling until a function is called. All of them are on unless Node was started otherwise.
 */
const habits = ['wasm-dynamic-tiering', 'wasm-tier-up', 'wasm-lazy-compilation'] as const

/** Of Node 20 to 26. Others may not know these flags, and complain on stderr. */
const knownVersions = { from: 11, to: 14 }

/** V8 shares the code of equal modules for as long as one of them is there. */
let kept: object | undefined

/**
 * To be called before undici connects, which is when it compiles its parser: it then gets the code that was compiled here.
 *
 * The parser is WebAssembly, and nearly all of it is one function of 34 KB. V8 compiles it in a few milliseconds, and after the second
 * answer it optimises it in the background: a tenth of a second or two of processor time and 10 to 36 MiB at once, for the few KiB
 * of answers that an upload gets (docs/performance.md has the figures).
 *
 * The flags hold for the process, but nothing else of this thread runs while they are set.
 */
export function compileParserLean(
  setFlag: (flag: string) => void = setFlagsFromString,
  { versions, execArgv }: Pick<NodeJS.Process, 'versions' | 'execArgv'> = process,
): void {
  const api = wasmApi()
  const version = Number.parseInt(versions.v8, 10)
  const isKnown = version >= knownVersions.from && version <= knownVersions.to
  // Who has said how WebAssembly is to be compiled gets what was asked for.
  const isAsked = execArgv.some((flag) => /^--[\w-]*(?:wasm|liftoff)/.test(flag))
  if (kept !== undefined || api === undefined || !isKnown || isAsked) return
  try {
    const code = undiciFile('llhttp/llhttp_simd-wasm.js')
    try {
      for (const habit of habits) setFlag(`--no-${habit}`)
      kept = new api.Module(code)
    } finally {
      for (const habit of habits) setFlag(`--${habit}`)
    }
  } catch {
    // Another undici, or another engine: its parser is optimised as it would be for anybody.
  }
}
