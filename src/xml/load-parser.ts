// Loads fast-xml-parser: its one-file build, and where there is none to be found, as in a bundle, the module.

import { createRequire } from 'node:module'

type FastXmlParser = typeof import('fast-xml-parser')

/**
 * The module is some thirty files, and loading them costs 30 ms of processor time and 10 MiB; the same code in the one file that
 * the package gives to `require` costs 3 ms and no memory to speak of. The package itself decides which file that is.
 */
export async function loadParser(): Promise<FastXmlParser> {
  try {
    return createRequire(import.meta.url)('fast-xml-parser') as FastXmlParser
  } catch {
    return await import('fast-xml-parser')
  }
}
