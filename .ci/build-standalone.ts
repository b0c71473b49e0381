// Owns the standalone file: the command and all that it imports as one ossup.mjs, and the list of what is inside with its licences.
// The same sources give the same bytes, wherever and whenever they are built: nothing of the machine or the clock goes in.

import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { readManifest, replaceFiles } from './esbuild-plugins.js'

export interface StandaloneOptions {
  /** The folder that has src, node_modules, package.json and LICENSE. */
  readonly root: string
  /** Emptied first. */
  readonly outDir: string
}

const entry = 'src/cli/main.ts'

/** Each is put into the file for its own `require`, and runs when it is asked for. */
const undiciFilesInside = `
  const files = {
    'dispatcher/agent.js': () => require('undici/lib/dispatcher/agent.js'),
    'llhttp/llhttp_simd-wasm.js': () => require('undici/lib/llhttp/llhttp_simd-wasm.js'),
  }
  export const undiciFile = (name) => files[name]()`

/** Files of src that look for something beside them at run time, and what stands in their place where nothing is beside them. */
const replaced = (version: string): Readonly<Record<string, string>> => ({
  'src/cli/version.ts': `export const version = async () => ${JSON.stringify(version)}`,
  // The original asks for the package first: a node_modules that happens to be near the file would be run.
  'src/xml/load-parser.ts': "export const loadParser = () => import('fast-xml-parser')",
  'src/transport/undici-files.ts': undiciFilesInside,
})

/** `node_modules/@a/b/lib/c.js` is of the package in `node_modules/@a/b`; what is not below node_modules is ours. */
function packageFolder(path: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]
}

/** The texts of a package's licence files; none where it ships none. */
async function licenceTexts(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /^(?:licen[cs]e|notice)/i.test(name))
  return Promise.all(
    names.sort().map(async (name) => (await readFile(join(folder, name), 'utf8')).trim()),
  )
}

const rule = '-'.repeat(80)

async function describePackage(folder: string): Promise<string> {
  const { name, version, license } = await readManifest(folder)
  if (license === undefined) throw new Error(`${name} does not say which licence it has`)
  const texts = await licenceTexts(folder)
  // Its package.json is then all that there is, and this is to be seen.
  if (texts.length === 0) texts.push(`The package has no licence file; it declares: ${license}`)
  return [rule, `${name} ${version} (${license})`, rule, '', ...texts, ''].join('\n')
}

async function thirdParty(root: string, paths: readonly string[]): Promise<string> {
  const folders = new Set(paths.map(packageFolder).filter((folder) => folder !== undefined))
  const { name, version } = await readManifest(root)
  const opening = [
    `ossup.mjs is ${name} ${version} in one file. It contains the packages below, from ${folders.size} folders of`,
    'node_modules, unchanged but for being put together. The first is its own.',
  ]
  const described = [root, ...[...folders].sort().map((folder) => join(root, folder))]
  return [...opening, '', ...(await Promise.all(described.map(describePackage)))].join('\n')
}

/** Writes ossup.mjs and THIRD-PARTY.txt. */
export async function buildStandalone({ root, outDir }: StandaloneOptions): Promise<void> {
  const { version } = await readManifest(root)
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: join(outDir, 'ossup.mjs'),
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    // The oldest Node that the package supports.
    target: 'node20.18',
    charset: 'utf8',
    // Not minified: whoever has to approve the file can read it.
    legalComments: 'inline',
    plugins: [replaceFiles(root, replaced(version))],
    banner: {
      // undici is CommonJS, and asks for modules of Node with require().
      js: [
        `// ossup ${version}; licences of what is inside: THIRD-PARTY.txt`,
        "import { createRequire as createRequireOfFile } from 'node:module'",
        'const require = createRequireOfFile(import.meta.url)',
      ].join('\n'),
    },
    logLevel: 'warning',
  })
  const [output] = Object.values(metafile.outputs)
  const [file] = outputFiles
  if (output === undefined || file === undefined) throw new Error('esbuild wrote nothing')
  const outside = output.imports.filter(({ path }) => !path.startsWith('node:'))
  if (outside.length > 0) {
    throw new Error(`not in the file: ${outside.map(({ path }) => path).join(', ')}`)
  }
  // The banner calls it once, for modules of Node; another call would look for packages beside the file.
  const requires = file.text.match(/\bcreateRequire\w*\(/g) ?? []
  if (requires.length !== 1) throw new Error('something in the file would be loaded at run time')
  const paths = Object.keys(output.inputs)
  await rm(outDir, { recursive: true, force: true })
  await mkdir(outDir, { recursive: true })
  await writeFile(join(outDir, 'ossup.mjs'), file.contents)
  await chmod(join(outDir, 'ossup.mjs'), 0o755)
  await writeFile(join(outDir, 'THIRD-PARTY.txt'), await thirdParty(root, paths))
}

if (process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, '..')
  await buildStandalone({ root, outDir: join(root, 'dist-standalone') })
}
