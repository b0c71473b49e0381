// Owns the rules of shape: files are short, say what they own, have telling names, and avoid what the house avoids.

import { describe, expect, it } from 'vitest'
import { type SourceFile, sourceFiles } from './source-tree.js'

const maxLines = 300
/** What an auditor of the signature has to read. */
const maxSigningLines = 449

const bannedNames = /(?:^|\/)(?:utils?|helpers?|common|types|constants)\.ts$/

const files = sourceFiles()

const lineCount = (text: string) => text.replace(/\n$/, '').split('\n').length

const violations = (rule: string, breaks: (file: SourceFile) => boolean) =>
  files.filter(breaks).map(({ path }) => `src/${path}: ${rule}`)

describe('sizes', () => {
  it(`no file has more than ${maxLines} lines`, () => {
    const long = files.filter(({ text }) => lineCount(text) > maxLines)
    expect(
      long.map(
        ({ path, text }) => `src/${path}: ${lineCount(text)} lines, the limit is ${maxLines}`,
      ),
    ).toEqual([])
  })

  it('the signature can be read at a sitting', () => {
    const signing = files.filter(
      ({ path }) => path.startsWith('signing/') || path === 'primitives/uri-encode.ts',
    )
    const total = signing.reduce((sum, { text }) => sum + lineCount(text), 0)
    expect(total, 'lines of src/signing and src/primitives/uri-encode.ts').toBeLessThanOrEqual(
      maxSigningLines,
    )
  })

  it('every file begins by saying what it owns', () => {
    const opening = /^(?:#![^\n]*\n)?\/\/ [A-Za-z]\S*(?: \S+){3,}/
    expect(violations('begins with a `//` sentence', ({ text }) => !opening.test(text))).toEqual([])
  })

  it('file names are kebab-case and say something', () => {
    const kebabCase = /^(?:[a-z][a-z0-9]*(?:-[a-z0-9]+)*\/)*[a-z][a-z0-9]*(?:-[a-z0-9]+)*\.ts$/
    expect(violations('is named in kebab-case', ({ path }) => !kebabCase.test(path))).toEqual([])
    expect(
      violations('has a name that says nothing', ({ path }) => bannedNames.test(path)),
    ).toEqual([])
  })

  it('no default exports, enums or namespaces', () => {
    const banned =
      /\bexport\s+default\b|\bas\s+default\b|^\s*(?:(?:export|declare|const)\s+)*(?:enum|namespace)\s+\w/m
    expect(
      violations('has a default export, enum or namespace', ({ code }) => banned.test(code)),
    ).toEqual([])
  })

  it('no private name begins with an underscore', () => {
    expect(violations('writes #field, not _field', ({ code }) => /\bthis\._/.test(code))).toEqual(
      [],
    )
  })

  it('what is left to do has an issue', () => {
    const loose = /\b(?:TODO|FIXME|XXX|HACK)\b(?!\s*\(?#\d+)/
    expect(
      violations('has a TODO without an issue number', ({ text }) => loose.test(text)),
    ).toEqual([])
  })
})
