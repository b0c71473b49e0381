// Owns the reading of option types from src/: the names that an interface has, its own and those that it takes over.

import { sourceFiles } from './source-tree.js'

const declarations = sourceFiles().flatMap(({ text }) => [
  ...text.matchAll(/^(?:export )?interface (\w+)([^{]*)\{\n([\s\S]*?)^\}/gm),
  ...text.matchAll(/^export type (\w+) =([^{;]*)(?:\{[^}]*\}[^{;\n]*)*$/gm),
])

/** The names of all members of an interface, or of a type that is put together from interfaces. */
export function memberNames(type: string): readonly string[] {
  const names = new Set<string>()
  for (const [text, name, heads = '', body = ''] of declarations) {
    if (name !== type) continue
    for (const [, member = ''] of body.matchAll(/^ {2}readonly (\w+)\??:/gm)) names.add(member)
    const others = text.startsWith('export type') ? text.slice(text.indexOf('=')) : heads
    for (const [other] of others.matchAll(/\b[A-Z]\w+\b/g)) {
      for (const member of memberNames(other)) names.add(member)
    }
  }
  return [...names].sort()
}
