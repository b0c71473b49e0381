// Owns the rule that what SECURITY.md promises is tested: every proof it names exists, and every link leads somewhere.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesBelow, repositoryRoot } from './source-tree.js'

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')
const security = read('SECURITY.md')
const tests = filesBelow('test')
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('house/security'))
  .map((path) => read(`test/${path}`))
  .join('\n')

const names = (text = ''): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

function section(heading: string): string {
  const [, text = ''] = security.split(`\n## ${heading}\n`)
  return text.split('\n## ')[0] ?? ''
}

describe('SECURITY.md', () => {
  const promises = section('Promised')
    .split('\n')
    .filter((line) => /^\| S\d/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))

  it('numbers its promises', () => {
    expect(promises.length).toBeGreaterThan(10)
    expect(promises.map(([, number]) => number)).toEqual(promises.map((_, n) => `S${n + 1}`))
  })

  it.each(promises)('%s%s: "%s" names tests that exist', (_, __, ___, provenBy) => {
    expect(names(provenBy).length).toBeGreaterThan(0)
    for (const name of names(provenBy)) expect(tests).toContain(name)
  })

  it('proves what can be added to a signature', () => {
    const [, proofs = ''] = /Proven by (.*?)\.\n/s.exec(
      section('What a V4 signature does not protect, and what can be added'),
    ) ?? ['', '']
    expect(names(proofs).length).toBeGreaterThan(3)
    for (const name of names(proofs)) expect(tests).toContain(name)
  })

  it('links to what exists', () => {
    for (const [, path = '', anchor] of security.matchAll(
      /\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)/g,
    )) {
      const headings = [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        heading.toLowerCase().replaceAll(' ', '-'),
      )
      if (anchor !== undefined) expect(headings).toContain(anchor)
    }
  })

  it('names options and commands that exist', () => {
    expect(read('src/upload/option-types.ts')).toContain('readonly contentMd5?:')
    expect(read('src/oss/client.ts')).toContain('readonly additionalHeaders?:')
  })
})
