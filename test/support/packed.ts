// Owns the package as others get it: packed by npm, and laid out in a folder as npm would install it, without asking a registry.

import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repositoryRoot } from '../house/source-tree.js'

const run = promisify(execFile)

export interface Packed {
  /** The archive. */
  readonly path: string
  /** What is in it, relative to the package. */
  readonly files: readonly string[]
  readonly unpackedBytes: number
}

/** Packs the package as it is built now into `folder`. */
export async function pack(folder: string): Promise<Packed> {
  const argv = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination']
  const { stdout } = await run('npm', [...argv, folder], { cwd: repositoryRoot })
  const [{ filename, files, unpackedSize }] = JSON.parse(stdout)
  return {
    path: join(folder, filename),
    files: (files as { path: string }[]).map(({ path }) => path).sort(),
    unpackedBytes: unpackedSize,
  }
}

/** The packages that npm installs for a user, as the lock file has them; paths begin with node_modules/. */
export async function productionPackages(): Promise<readonly string[]> {
  const lock = JSON.parse(await readFile(join(repositoryRoot, 'package-lock.json'), 'utf8'))
  return Object.entries(lock.packages as Record<string, object>)
    .filter(([path, locked]) => path !== '' && !('dev' in locked) && !('devOptional' in locked))
    .map(([path]) => path)
}

/** Makes `folder` a project that has installed the package; `others` are further packages of this repository. */
export async function installInto(
  folder: string,
  { path }: Packed,
  others: readonly string[] = [],
): Promise<void> {
  const target = join(folder, 'node_modules/ossup')
  await mkdir(target, { recursive: true })
  await run('tar', ['-xzf', path, '--strip-components=1', '-C', target])
  for (const name of [...(await productionPackages()), ...others]) {
    await cp(join(repositoryRoot, name), join(folder, name), { recursive: true })
  }
}

/** Bytes of all files below a folder. */
export async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
