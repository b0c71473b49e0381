// README's "When things go wrong" says what the fault table says, in its words and for all of its faults.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Lasting } from './network-faults.js'
import { harmless, operations } from './network-outcomes.js'
import { cases, type NetworkCase, topics } from './network-table.js'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const [, section = ''] = readme.split('\n## When things go wrong\n')
const [byTopic = '', byOperation = ''] = (section.split('\n## ')[0] ?? '').split(
  '\nAt another request',
)

/** The cells of the rows of a table, without its heading. */
function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('| ') && !/^\|[-|]+$/.test(line))
  return lines.slice(1).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const quoted = (cell = ''): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
const has = (cell: string, word: string): boolean => new RegExp(`\\b${word}\\b`).test(cell)

const topicRows = rows(byTopic)

describe('README, "When things go wrong"', () => {
  it('comes before the errors', () => {
    expect(readme).toMatch(/\n## When things go wrong\n[\s\S]*\n## Errors and exit codes\n/)
  })

  it('has a line for each topic of the fault table, in its order', () => {
    const titles = topicRows.map(([what = '']) => /^\*\*(.+?)\*\*/.exec(what)?.[1])
    expect(titles).toEqual(topics.map(({ title }) => title))
  })

  it.each(topics)('names every fault of: $title', (topic) => {
    const [what] = topicRows[topics.indexOf(topic)] ?? []
    expect(quoted(what)).toEqual(topic.rows.map(({ name }) => name))
  })

  /** What becomes of a part of a file. */
  const ends = (title: string, lasting: Lasting): readonly NetworkCase[] =>
    cases.filter(
      (one) =>
        one.topic === title &&
        one.operation === 'UploadPart' &&
        one.mode === 'file' &&
        one.lasting === lasting,
    )

  it.each(topics)('states the outcomes of: $title', (topic) => {
    const [, passes = '', lasts = ''] = topicRows[topics.indexOf(topic)] ?? []
    for (const [cell, lasting] of [
      [passes, 'once'],
      [lasts, 'always'],
    ] as const) {
      const outcomes = ends(topic.title, lasting).map(({ expected }) => expected.ends)
      const some = outcomes.length > 0
      expect(some || lasting === 'once', 'has cases').toBe(true)
      expect(has(cell, 'finishes'), `${cell}: finishes`).toBe(outcomes.includes('finishes'))
      const failing = outcomes.filter((end) => end !== 'finishes')
      expect(has(cell, 'fails'), `${cell}: fails`).toBe(failing.length > 0)
      // Whatever happens to a part, the next run continues.
      expect([...new Set(failing)].join()).toMatch(/^(?:resumes)?$/)
      if (lasting === 'always') expect(has(cell, 'resumes'), cell).toBe(failing.length > 0)
    }
  })

  it.each(topics)('names the codes of: $title', (topic) => {
    const [, , lasts = ''] = topicRows[topics.indexOf(topic)] ?? []
    const failing = ends(topic.title, 'always').filter(
      ({ expected }) => expected.ends !== 'finishes',
    )
    const codes = [...new Set(failing.map(({ row, expected }) => expected.code ?? row.code))]
    const own = codes.filter((code) => code.startsWith('ERR_'))
    const named = quoted(lasts).filter((name) => name.startsWith('ERR_'))
    expect(named.toSorted()).toEqual(own.toSorted())
    const gateways = codes.some((code) => code.startsWith('HttpStatus'))
    expect(lasts.includes('`HttpStatus<n>`'), 'HttpStatus<n>').toBe(gateways)
    const others = codes.some((code) => !/^(?:ERR_|HttpStatus)/.test(code))
    expect(lasts.includes("OSS's code"), "OSS's code").toBe(others)
  })

  it('states what becomes of trouble that lasts at each operation', () => {
    const lines = rows(byOperation)
    expect(lines.map(([name]) => quoted(name)[0])).toEqual(operations)
    for (const [name, what = ''] of lines) {
      const lasting = cases.filter(
        (one) =>
          one.operation === quoted(name)[0] &&
          one.mode === 'file' &&
          one.lasting === 'always' &&
          one.row.behaviour !== harmless,
      )
      const outcomes = new Set(lasting.map(({ expected }) => expected.ends))
      const said = {
        finishes: has(what, 'finishes'),
        resumes: has(what, 'resumes'),
        'starts over': has(what, 'starts over'),
        ambiguous: what.includes('`ERR_OSS_AMBIGUOUS`'),
      }
      for (const [end, isSaid] of Object.entries(said)) {
        expect(isSaid, `${name}: ${end}`).toBe(outcomes.has(end as NetworkCase['expected']['ends']))
      }
      expect(has(what, 'fails')).toBe([...outcomes].some((end) => end !== 'finishes'))
    }
  })
})
