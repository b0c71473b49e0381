// Owns the reading of src/ for the house rules: every file, its code without comments and strings, and its imports.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'

export const repositoryRoot = join(import.meta.dirname, '../..')

export interface ModuleImport {
  readonly specifier: string
  /** Nothing of it is left after compilation. */
  readonly typeOnly: boolean
}

export interface SourceFile {
  /** Relative to src, with `/`. */
  readonly path: string
  readonly text: string
  /** The text with comments, strings and regular expressions blanked; line breaks stay. */
  readonly code: string
  readonly imports: readonly ModuleImport[]
}

/** All files below `folder` of the repository, relative to it and with `/`; none when there is no such folder. */
export function filesBelow(folder: string): readonly string[] {
  const root = join(repositoryRoot, folder)
  if (!existsSync(root)) return []
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}

export function sourceFiles(): readonly SourceFile[] {
  return filesBelow('src')
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readSource(path, readFileSync(join(repositoryRoot, 'src', path), 'utf8')))
}

export function readSource(path: string, text: string): SourceFile {
  const { code, commentless } = mask(text)
  return { path, text, code, imports: findImports(commentless) }
}

/** The src file that a relative import of `from` names, whether or not it is there; undefined for packages. */
export function importedPath(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\.js$/, '.ts')
}

/** Top-level folder; empty for files directly in src. */
export function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
}

function findImports(text: string): readonly ModuleImport[] {
  const found: ModuleImport[] = []
  const statement = /\b(?:import|export)\s+(type\s+)?(?:[\w$*{},\s]+?\sfrom\s*)?['"]([^'"\n]+)['"]/g
  for (const [, type, specifier = ''] of text.matchAll(statement)) {
    found.push({ specifier, typeOnly: type !== undefined })
  }
  const call = /(\btypeof\s+)?\bimport\s*\(\s*['"]([^'"\n]+)['"]\s*\)(\s*\.\s*[A-Z])?/g
  for (const [, typeOf, specifier = '', typeName] of text.matchAll(call)) {
    found.push({ specifier, typeOnly: typeOf !== undefined || typeName !== undefined })
  }
  return found
}

/** What may stand before a `/` that begins a regular expression rather than dividing. */
const beforeExpression =
  /(?:^|[([{,;:=!&|?+\-*%<>~^}]|\b(?:return|typeof|case|of|in|await|yield))\s*$/

const token = /\/\/[^\n]*|\/\*.*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|[`{}]|\//gs
const regularExpression = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y
const templateText = /(?:[^`\\$]|\\.|\$(?!\{))*/sy

function mask(text: string): { readonly code: string; readonly commentless: string } {
  const blank = (piece: string) => piece.replace(/[^\n]/g, ' ')
  let code = ''
  let commentless = ''
  let position = 0
  const take = (end: number, isComment: boolean, isString: boolean) => {
    const piece = text.slice(position, end)
    commentless += isComment ? blank(piece) : piece
    code += isComment || isString ? blank(piece) : piece
    position = end
  }
  const takeTemplate = () => {
    templateText.lastIndex = position
    templateText.exec(text)
    take(templateText.lastIndex, false, true)
    take(position + (text[position] === '`' ? 1 : 2), false, true)
  }
  // One entry for each open brace: true when it is the `${` of a template, which its `}` goes on with.
  const braces: boolean[] = []
  while (position < text.length) {
    token.lastIndex = position
    const match = token.exec(text)
    take(match?.index ?? text.length, false, false)
    if (match === null) break
    const [found] = match
    if (found === '{') {
      braces.push(false)
      take(position + 1, false, false)
    } else if (found === '`' || (found === '}' && braces.pop() === true)) {
      take(position + 1, false, true)
      takeTemplate()
      if (text[position - 1] === '{') braces.push(true)
    } else if (found === '/') {
      regularExpression.lastIndex = position
      const isExpression = beforeExpression.test(code.slice(-200)) && regularExpression.test(text)
      take(isExpression ? regularExpression.lastIndex : position + 1, false, isExpression)
    } else {
      const isComment = found.startsWith('/')
      take(position + found.length, isComment, !isComment && found !== '}')
    }
  }
  return { code, commentless }
}
