// Owns the package's JavaScript: the library in one file and the command in two, because loading a hundred small ones takes three times as long.
// What signs stays as tsc writes it, a file for each of src: the bundles import the very files that an auditor reads.

import { dirname, join, relative, resolve } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { readManifest, replaceFiles } from './esbuild-plugins.js'

const root = join(import.meta.dirname, '..')
const src = join(root, 'src')
const dist = join(root, 'dist')

/** Relative to src; tsc builds them. */
const signingFiles = /^(?:signing\/|primitives\/uri-encode\.)/

/** @param outfile what imports them from where it is */
function keepSigning(outfile: string): Plugin {
  return {
    name: 'keep-signing',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.?\/.*\.js$/ }, ({ path, resolveDir }) => {
        const file = relative(src, resolve(resolveDir, path))
        if (!signingFiles.test(file)) return undefined
        const from = relative(dirname(outfile), join(dist, file))
        return { path: from.startsWith('.') ? from : `./${from}`, external: true }
      })
    },
  }
}

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  // The oldest Node that the package supports.
  target: 'node20.18',
  charset: 'utf8',
  // With the sources inside: what is not minified can be read, and a debugger shows what was written.
  sourcemap: true,
  logLevel: 'warning',
  // Of two modules that export one name, the file with all commands would have neither.
  logOverride: { 'ambiguous-reexport': 'error' },
}

async function buildLibrary(): Promise<void> {
  const outfile = join(dist, 'index.js')
  await build({
    ...common,
    entryPoints: ['src/index.ts'],
    outfile,
    plugins: [keepSigning(outfile)],
  })
}

/** Help and the version come from the one file; what it imports for everything else is together in the other. */
async function buildCommand(): Promise<void> {
  const commands = './commands.js'
  const loaded = new Set<string>()
  const allOthers: Plugin = {
    name: 'all-others',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, kind }) => {
        if (kind !== 'dynamic-import') return undefined
        loaded.add(path)
        return { path: commands, external: true }
      })
    },
  }
  const { version } = await readManifest(root)
  const contents = `export const version = async () => ${JSON.stringify(version)}`
  await build({
    ...common,
    entryPoints: ['src/cli/main.ts'],
    outfile: join(dist, 'cli/main.js'),
    plugins: [replaceFiles(root, { 'src/cli/version.ts': contents }), allOthers],
  })
  const outfile = join(dist, 'cli', commands)
  await build({
    ...common,
    stdin: {
      contents: [...loaded].map((path) => `export * from '${path}'`).join('\n'),
      resolveDir: join(src, 'cli'),
      sourcefile: 'src/cli/all-commands.ts',
    },
    outfile,
    plugins: [keepSigning(outfile)],
  })
}

if (process.argv[1] === import.meta.filename) {
  await Promise.all([buildLibrary(), buildCommand()])
}
