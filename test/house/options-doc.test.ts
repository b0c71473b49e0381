// Owns the rule that docs/options.md lists every option that the types have, no others, and for each a test that exists.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { uploadFlags } from '../../src/cli/upload-args.js'
import { memberNames } from './option-types.js'
import { filesBelow, repositoryRoot } from './source-tree.js'

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')
const document = read('docs/options.md')

interface Row {
  readonly names: readonly string[]
  readonly cells: readonly string[]
}

/** The rows of every table below a heading, without headings of tables. */
function rowsOf(heading: string): Row[] {
  const [, after = ''] = document.split(`\n## ${heading}\n`)
  const lines = (after.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'))
  return lines.map((line) => {
    const cells = line.split('|').slice(1, -1)
    return { names: codes(cells[0]), cells: cells.map((cell) => cell.trim()) }
  })
}

const codes = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

const columns = 8
const optionRows = (heading: string): Row[] =>
  rowsOf(heading).filter(({ cells }) => cells.length === columns)

const tests = filesBelow('test')
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('house/'))
  .map((path) => read(`test/${path}`))
  .join('\n')

describe('docs/options.md', () => {
  it.each([
    ['`uploadFile`', 'UploadFileOptions'],
    ['`OssClient`', 'OssClientOptions'],
  ])('lists under %s every option of %s, once, and no other', (heading, type) => {
    const listed = optionRows(heading).flatMap(({ names }) => names)
    expect(listed.toSorted()).toEqual(memberNames(type))
  })

  it('lists every member of a callback', () => {
    const members = rowsOf('`uploadFile`').filter(({ cells }) => cells.length === 5)
    expect(members.flatMap(({ names }) => names).toSorted()).toEqual(memberNames('UploadCallback'))
  })

  it.each(['`uploadFile`', '`OssClient`'])('leaves no cell of %s empty', (heading) => {
    for (const { names, cells } of rowsOf(heading)) {
      expect([5, columns], `${names}`).toContain(cells.length)
      for (const cell of cells) expect(cell, `${names}`).not.toBe('')
    }
  })

  it.each(['`uploadFile`', '`OssClient`'])('names a test that exists for each of %s', (heading) => {
    for (const { names, cells } of rowsOf(heading)) {
      const proofs = codes(cells.at(-1))
      expect(proofs, `${names}`).not.toEqual([])
      for (const proof of proofs) {
        // As it stands in the file: a title, not a part of one.
        const titles = [`'${proof}'`, `"${proof}"`, `\`${proof}\``]
        expect(
          titles.some((title) => tests.includes(title)),
          `${names}: there is no test "${proof}"`,
        ).toBe(true)
      }
    }
  })

  it('names no flag that the command does not have', () => {
    for (const [, flag = ''] of document.matchAll(/`--([a-z0-9-]+)/g)) {
      expect(uploadFlags).toContain(flag)
    }
  })
})
