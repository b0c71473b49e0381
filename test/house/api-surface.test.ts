// Owns the rule that no public name comes or goes unnoticed: what each entry exports is what fixtures/api/public-api.json says.
// After a change that is meant: npx vitest run test/house/api-surface.test.ts --update

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from './source-tree.js'

const pinned = join(repositoryRoot, 'fixtures/api/public-api.json')

/** Each path that package.json exports, and the source that becomes it. */
const entries: Readonly<Record<string, string>> = {
  '.': 'src/index.ts',
  './signing': 'src/signing/index.ts',
  './testing': 'test/support/fake-oss/testing.ts',
}

interface Names {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

/** Entries are lists of names and nothing else, so that they can be read without a compiler. */
function exportedNames(path: string): Names {
  const text = readFileSync(join(repositoryRoot, path), 'utf8')
  const values: string[] = []
  const types: string[] = []
  const rest = text.replace(
    /^export (type )?\{([^}]*)\} from '[^']+'$/gm,
    (_, allTypes, list: string) => {
      for (const name of list.split(',').map((word) => word.trim())) {
        if (name === '') continue
        const target = allTypes !== undefined || name.startsWith('type ') ? types : values
        target.push(name.replace(/^type /, '').replace(/^.* as /, ''))
      }
      return ''
    },
  )
  const others = rest.replace(/^(?:\/\/.*|\/\*\*.*\*\/)$/gm, '').trim()
  if (others !== '') throw new Error(`${path} has more than lists of names: ${others}`)
  return { values: values.sort(), types: types.sort() }
}

const surface = Object.fromEntries(
  Object.entries(entries).map(([entry, path]) => [entry, exportedNames(path)]),
)

describe('public names', () => {
  it('are those that are pinned', async () => {
    expect(existsSync(pinned)).toBe(true)
    await expect(`${JSON.stringify(surface, null, 2)}\n`).toMatchFileSnapshot(pinned)
  })

  it('are of every entry of the package', () => {
    const { exports } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
    const paths = Object.keys(exports).filter((path) => path !== './package.json')
    expect(paths).toEqual(Object.keys(entries))
  })

  it.each(Object.keys(entries))('of %s are what the build has', async (entry) => {
    const { exports } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
    const { default: file, types } = exports[entry]
    const built = await import(pathToFileURL(join(repositoryRoot, file)).href)
    expect(Object.keys(built).sort()).toEqual(surface[entry]?.values)
    const declared = readFileSync(join(repositoryRoot, types), 'utf8')
    for (const name of surface[entry]?.types ?? [])
      expect(declared).toMatch(new RegExp(`\\b${name}\\b`))
  })
})
