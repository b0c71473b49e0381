// Reads the manifests of examples/kubernetes, and checks them against the types that are generated from Kubernetes' OpenAPI schema.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Job } from 'kubernetes-types/batch/v1.js'
import type { ConfigMap, Container } from 'kubernetes-types/core/v1.js'
import { parseAllDocuments } from 'yaml'

const root = join(import.meta.dirname, '../..')

/** What stands in a manifest is unknown until {@link schemaErrors} has nothing against it. */
export type Manifest = Readonly<Record<string, unknown>>

/** @throws {Error} for what is no YAML, such as a name that is given twice */
export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    for (const problem of [...document.errors, ...document.warnings]) throw problem
    return document.toJS() as Manifest
  })
}

/** Of each manifest what its schema refuses: names that it does not have, values of another type, members that are missing. */
export function schemaErrors(manifests: readonly Manifest[]): string[][] {
  // Inside the package, where the types are found.
  mkdirSync(join(root, 'dist'), { recursive: true })
  const folder = mkdtempSync(join(root, 'dist', 'kubernetes-'))
  try {
    for (const [index, manifest] of manifests.entries()) {
      const { apiVersion, kind } = manifest
      const group = apiVersion === 'v1' ? 'core/v1' : String(apiVersion)
      const text = JSON.stringify(manifest, undefined, 1)
      writeFileSync(
        join(folder, `${index}.mts`),
        `import type { ${kind} } from 'kubernetes-types/${group}.js'\nexport const manifest: ${kind} = ${text}\n`,
      )
    }
    const files = manifests.map((_, index) => join(folder, `${index}.mts`))
    const lines = compile(files).split('\n')
    return files.map((_, index) => lines.filter((line) => line.includes(`/${index}.mts(`)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns what the compiler has to say */
function compile(files: readonly string[]): string {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext']
  const options = ['--target', 'es2023', '--types', 'node', '--skipLibCheck', '--ignoreConfig']
  try {
    execFileSync(process.execPath, [tsc, ...strict, ...options, ...files], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return ''
  } catch (error) {
    const { stdout } = error as { readonly stdout?: Buffer }
    const text = stdout?.toString() ?? ''
    if (!text.includes('error TS')) throw error
    return text
  }
}

/** The environment of a worker: what stands in the manifests, and what Kubernetes adds for its index. */
export function environmentOf(
  container: Container,
  settings: ConfigMap,
  index: number,
): Record<string, string> {
  const own = (container.env ?? []).map(({ name, value = '' }) => [name, value])
  return { ...settings.data, ...Object.fromEntries(own), JOB_COMPLETION_INDEX: String(index) }
}

/**
 * The words of a container's command as Kubernetes expands them: $(NAME) is a variable, and stays as it is where there is none.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
 */
export function wordsOf(container: Container, environment: Readonly<Record<string, string>>) {
  const words = [...(container.command ?? []), ...(container.args ?? [])]
  return words.map((word) =>
    word.replaceAll(/\$\((\w+)\)/g, (whole, name: string) => environment[name] ?? whole),
  )
}

/** @throws {Error} when there is not exactly one */
export function containerOf(job: Job): Container {
  const [container, ...others] = job.spec?.template.spec?.containers ?? []
  if (container === undefined || others.length > 0) throw new Error('not one container')
  return container
}
