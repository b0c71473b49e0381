// Owns the rule that README.zh-CN.md says what README.md says: the same blocks, tables, names, numbers and links, in Chinese.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from './source-tree.js'

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')

interface Section {
  /** With its number signs. */
  readonly heading: string
  /** Without blocks and tables. */
  readonly prose: string
  /** Cells of rows of tables. */
  readonly tables: readonly (readonly (readonly string[])[])[]
}

interface Readme {
  /** With their languages, and with the mark of those that are run. */
  readonly blocks: readonly string[]
  readonly sections: readonly Section[]
}

function parse(text: string): Readme {
  const fenced = /(?:<!-- run -->\n)?```\w*\n[\s\S]*?\n```/g
  const sections = text.replaceAll(fenced, '').split(/^(?=#+ )/m)
  return {
    blocks: text.match(fenced) ?? [],
    sections: sections.map((section) => {
      const [heading = '', ...lines] = section.split('\n')
      const tables = lines.join('\n').match(/(?:^\|.*\n)+/gm) ?? []
      return {
        heading,
        prose: lines.filter((line) => !line.startsWith('|')).join('\n'),
        tables: tables.map((table) => table.trim().split('\n').map(cellsOf)),
      }
    }),
  }
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

const [english, chinese] = ['README.md', 'README.zh-CN.md'].map((name) => parse(read(name)))

const han = /\p{Script=Han}/u
const codes = (text: string): string[] => (text.match(/`[^`\n]+`/g) ?? []).toSorted()
/** What is written in digits there is written in digits here. */
const numbers = (text: string): string[] =>
  (text.replaceAll(/`[^`\n]+`/g, '').match(/\d[\d,.]*\d|\d/g) ?? []).toSorted()
const links = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)#]+)\)/g)]
    .map(([, target = '']) => target.replace(/^README(?:\.zh-CN)?\.md$/, 'the other language'))
    .toSorted()

describe('README.zh-CN.md', () => {
  it('has the blocks of README.md, which are run', () => {
    expect(chinese?.blocks.length).toBeGreaterThan(10)
    expect(chinese?.blocks).toEqual(english?.blocks)
  })

  it('has its sections, each with a heading in Chinese', () => {
    const level = ({ heading }: Section) => /^#*/.exec(heading)?.[0]
    expect(chinese?.sections.map(level)).toEqual(english?.sections.map(level))
    // All but the name.
    for (const { heading } of chinese?.sections.slice(2) ?? []) expect(heading).toMatch(han)
  })

  const pairs = (english?.sections ?? []).map((section, index) => ({
    name: section.heading,
    section,
    translated: chinese?.sections[index] ?? section,
  }))

  it.each(pairs)('has the names, numbers and links of: $name', ({ section, translated }) => {
    expect(codes(translated.prose)).toEqual(codes(section.prose))
    expect(numbers(translated.prose)).toEqual(numbers(section.prose))
    expect(links(translated.prose)).toEqual(links(section.prose))
  })

  it.each(pairs.filter(({ section }) => section.tables.length > 0))(
    'has the tables of: $name',
    ({ section, translated }) => {
      const shape = ({ tables }: Section) => tables.map((rows) => rows.map(({ length }) => length))
      expect(shape(translated)).toEqual(shape(section))
      for (const [table, rows] of section.tables.entries()) {
        for (const [row, cells] of rows.entries()) {
          for (const [column, cell] of cells.entries()) {
            const other = translated.tables[table]?.[row]?.[column] ?? ''
            expect(codes(other), cell).toEqual(codes(cell))
            expect(numbers(other), cell).toEqual(numbers(cell))
          }
        }
      }
    },
  )

  it.each(pairs)('is Chinese, not English: $name', ({ translated }) => {
    const cells = translated.tables.flat(2)
    const texts = [...translated.prose.split(/\n\n|\n- /), ...cells]
    for (const text of texts) {
      // What is left of names, versions and abbreviations is less than a sentence.
      const plain = text.replaceAll(/`[^`]*`|!?\[[^\]]*\]\([^)]*\)/g, '')
      if (plain.split(/\s+/).filter((word) => /^[a-z]{2,}$/.test(word)).length > 3) {
        expect(plain, 'has words of its own').toMatch(han)
      }
    }
  })

  it('calls things what the console and the documentation of OSS call them', () => {
    const text = read('README.zh-CN.md')
    for (const term of [
      ...['对象存储 OSS', '分片上传', '断点续传', '地域', '访问域名', '访问密钥 AccessKey'],
      ...['临时凭证 STS', '请求 ID', '存储类型', '服务端加密', '请求者付费', '生命周期规则'],
    ]) {
      expect(text).toContain(term)
    }
    expect(text, 'Chinese text has Chinese marks').not.toMatch(/\p{Script=Han}[,;:?!](?:\s|$)/u)
  })

  it.each(['README.md', 'README.zh-CN.md'])('%s leads to headings that it has', (name) => {
    const text = read(name)
    const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading.toLowerCase().replaceAll(' ', '-'),
    )
    const targets = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor)
    expect(targets.length).toBeGreaterThan(1)
    for (const target of targets) expect(anchors).toContain(target)
  })
})
