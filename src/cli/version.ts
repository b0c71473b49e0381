// Owns the version that the command shows. The standalone file has no package beside it: its build puts another in place of this one.

import { readFile } from 'node:fs/promises'

/** Of the package that this file is part of. */
export async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const manifest: { readonly version: string } = JSON.parse(text)
  return manifest.version
}
