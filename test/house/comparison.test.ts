// Owns the rule that README's comparison says what was measured: its numbers are those of the last run of the bench.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from './source-tree.js'

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')
const measured = read('docs/performance-table.md')

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('*', ''))

interface Row {
  readonly cpu: string
  readonly peakMib: string
  readonly ratio: string
}

/** The rows of the first table, those of 1 GiB. */
const [, oneGib = ''] = measured.split('\n## 1 GiB, ')
const measurements = new Map<string, Row>(
  (oneGib.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => /^\| https? /.test(line))
    .map((line) => {
      const [via, parts, client = '', cpu = '', peakMib = '', , , ratio = ''] = cellsOf(line)
      return [`${via}, ${parts}, ${client.split(',')[0]}`, { cpu, peakMib, ratio }]
    }),
)

describe.each(['README.md', 'README.zh-CN.md'])('%s, the comparison', (name) => {
  const readme = read(name)
  const rows = readme
    .split('\n')
    .filter((line) => /^\| https? \|/.test(line))
    .map(cellsOf)

  it('has the main rows', () => {
    expect(rows.map(([via, parts]) => `${via}, ${parts}`)).toEqual([
      ...['http, 8 MiB x 4', 'http, 16 MiB x 8', 'https, 8 MiB x 4', 'https, 16 MiB x 8'],
    ])
  })

  it.each(rows)(
    'says what was measured: %s, %s',
    (via, parts, ours, ali, aliRatio, aws, awsRatio) => {
      const row = (client: string) => measurements.get(`${via}, ${parts}, ${client}`)
      const figures = (client: string) => `${row(client)?.cpu}, ${row(client)?.peakMib} MiB`
      expect(ours).toBe(figures('ossup'))
      expect(ali).toBe(figures('ali-oss'))
      expect(aliRatio).toBe(row('ali-oss')?.ratio)
      expect(aws).toBe(figures('@aws-sdk/lib-storage'))
      expect(awsRatio).toBe(row('@aws-sdk/lib-storage')?.ratio)
    },
  )

  it('names the versions that were measured', () => {
    const versions = measured.match(/^Compared: (.*)\.$/m)?.[1]?.split(', ') ?? []
    const peers = versions.filter((version) => !version.startsWith('undici'))
    expect(peers).toHaveLength(2)
    for (const peer of peers) expect(readme).toContain(peer)
  })
})
