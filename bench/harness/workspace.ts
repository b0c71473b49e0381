// Owns the folder of one run: the measured programs without types, the sink's certificate, and where the modules under test are.

import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { copyFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { selfSigned } from '../../test/support/tls-certificate.js'

const root = join(import.meta.dirname, '../..')
const benchRequire = createRequire(join(root, 'bench/package.json'))

export const peerPackages = ['ali-oss', '@aws-sdk/lib-storage', '@aws-sdk/client-s3'] as const

export interface Workspace {
  readonly folder: string
  /** The self-signed certificate of the sink, for NODE_EXTRA_CA_CERTS. */
  readonly caFile: string
  /** Preloaded with --require. */
  readonly reportUsage: string
  /** The command and the CRC-64 as built. */
  readonly command: string
  readonly crc64: string
  /** URLs by package; peers that are not installed are left out. */
  readonly modules: Readonly<Record<string, string>>
  program(name: `client/${string}` | 'sink/main'): string
}

/** Removed again when this process exits, however it does. */
export async function makeWorkspace(): Promise<Workspace> {
  const library = join(root, 'dist/index.js')
  if (!existsSync(library)) throw new Error('the library is not built: npm run build')
  const folder = mkdtempSync(join(tmpdir(), 'ossup-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => process.exit(exitCode))
  }
  // The measured processes must not pay for a compiler: they run plain JavaScript.
  const compiler = createRequire(import.meta.url).resolve('typescript/package.json')
  await promisify(execFile)(process.execPath, [
    join(compiler, '../bin/tsc'),
    ...['-p', join(root, 'bench/tsconfig.json'), '--outDir', folder],
  ])
  await copyFile(join(root, 'bench/package.json'), join(folder, 'package.json'))
  // The sink checks what it receives with the CRC-64 of this project, which is a part of the library's one file.
  const crc64 = join(folder, 'crc64.js')
  await build({
    ...{ entryPoints: [join(root, 'src/primitives/crc64.ts')], outfile: crc64 },
    ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'warning' },
  })
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, selfSigned.cert)
  const modules: Record<string, string> = { ossup: pathToFileURL(library).href }
  for (const name of peerPackages) {
    try {
      modules[name] = pathToFileURL(benchRequire.resolve(name)).href
    } catch {
      // bench/startup.ts and bench/memory.ts do without the peers.
    }
  }
  return {
    folder,
    caFile,
    reportUsage: join(folder, 'client/report-usage.cjs'),
    command: join(root, 'dist/cli/main.js'),
    crc64: pathToFileURL(crc64).href,
    modules,
    program: (name) => join(folder, `${name}.js`),
  }
}

/** Versions as installed. */
export function peerVersions(): Readonly<Record<string, string>> {
  const version = (manifest: string): string =>
    (benchRequire(manifest) as { readonly version: string }).version
  return {
    'ali-oss': version('ali-oss/package.json'),
    '@aws-sdk/lib-storage': version('@aws-sdk/lib-storage/package.json'),
    undici: version('undici/package.json'),
  }
}
