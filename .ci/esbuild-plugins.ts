// What both builds with esbuild need: the package's manifest, and other contents in place of a file of src.

import { readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { Plugin } from 'esbuild'

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
}

export const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))

/** @param contents by path from `root`; it is an error when one of them is not asked for */
export function replaceFiles(root: string, contents: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'replace-files',
    setup({ onLoad, onEnd }) {
      const left = new Set(Object.keys(contents))
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const name = relative(root, path).split(sep).join('/')
        const text = contents[name]
        if (text === undefined) return undefined
        left.delete(name)
        return { contents: text, loader: 'ts', resolveDir: dirname(path) }
      })
      onEnd(() => ({
        errors: [...left].map((name) => ({ text: `${name} is not there to be replaced` })),
      }))
    },
  }
}
