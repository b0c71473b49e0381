// Owns the rule that documents lead to each other: every link has its file and heading, and README leads to every document.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from './source-tree.js'

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')
const markdown = (folder: string): string[] =>
  readdirSync(join(repositoryRoot, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => normalize(join(folder, name)))

const documents = [...markdown('.'), ...markdown('docs')]

interface Link {
  /** From the top of the repository. */
  readonly file: string
  readonly anchor: string | undefined
}

function linksOf(document: string): Link[] {
  const text = read(document).replaceAll(/```[\s\S]*?```/g, '')
  const targets = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)]
  return targets.map(([, path = '', anchor]) => ({
    file: path === '' ? document : normalize(join(dirname(document), path)),
    anchor,
  }))
}

/** As they are made of headings where Markdown is shown. */
const anchorsOf = (document: string): string[] =>
  [...read(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )

describe('documents', () => {
  it.each(documents)('%s has no link that leads nowhere', (document) => {
    for (const { file, anchor } of linksOf(document)) {
      expect(existsSync(join(repositoryRoot, file)), file).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(file), `${file}#${anchor}`).toContain(anchor)
    }
  })

  it('are all reached from README', () => {
    const reached = new Set(['README.md', 'CHANGELOG.md'])
    for (const document of reached) {
      if (!document.endsWith('.md') || !existsSync(join(repositoryRoot, document))) continue
      for (const { file } of linksOf(document)) reached.add(file)
    }
    expect(documents.filter((document) => !reached.has(document))).toEqual([])
  })

  it.each(documents)('%s names no place of the machine that it was written on', (document) => {
    expect(read(document)).not.toMatch(/(?<![\w$"])\/(?:work|tmp|root|home)\/|localhost:\d/)
  })
})
