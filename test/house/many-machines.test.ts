// Owns the rule that docs/many-machines.md is true: its tables are those of the simulation, and its names exist.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Job } from 'kubernetes-types/batch/v1.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { readManifests } from '../support/kubernetes.js'
import { repositoryRoot } from './source-tree.js'

const document = readFileSync(join(repositoryRoot, 'docs/many-machines.md'), 'utf8')

function simulated(name: string): string {
  const [, text = ''] =
    new RegExp(`<!-- simulated: ${name} -->\n([\\s\\S]*?)\n<!-- /simulated -->`).exec(document) ??
    []
  return text
}

async function simulate(...argv: string[]): Promise<string> {
  const tsx = join(repositoryRoot, 'node_modules/tsx/dist/cli.mjs')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [tsx, 'bench/simulate.ts', ...argv],
    { cwd: repositoryRoot },
  )
  return stdout.trimEnd()
}

describe('docs/many-machines.md', () => {
  let printed: string
  beforeAll(async () => {
    printed = await simulate()
  })

  it('has the tables that the simulation prints', () => {
    expect(`${simulated('plan')}\n\n${simulated('outcome')}`).toBe(printed)
  })

  it('draws from them what they say', () => {
    const rows = printed.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
    const at = (workers: string, deaths: string) =>
      rows.find((cells) => cells[1] === workers && cells[3] === deaths) ?? []
    const [time, again] = [4, 10]
    for (const workers of ['4', '16', '256']) expect(at(workers, '0')[time]).toBe('6.0 h')
    expect(at('1', '0')[time]).toBe('19.9 h')
    expect(at('1', '0.5')[time]).toBe('not in 30 days')
    // A third of 48.8 TiB.
    expect(Number.parseFloat(at('256', '0.5')[again] ?? '')).toBeCloseTo(48.8 / 3, -0.5)
  })

  it('shows an example of the simulation that runs', async () => {
    const [, options = ''] = /`npm run bench:simulate -- (--size [^`]+)`/.exec(document) ?? []
    expect(await simulate(...options.split(' '))).toContain(
      '**20 TiB, the region takes 10 Gbit/s**',
    )
  })

  it('links to what is there', () => {
    for (const [, target = ''] of document.matchAll(/\]\((?!https?:)([^)#]*)[^)]*\)/g)) {
      expect(existsSync(join(repositoryRoot, 'docs', target)), target).toBe(true)
    }
    const headings = [...document.matchAll(/^## (.+)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll(' ', '-'),
    )
    for (const [, anchor] of document.matchAll(/\]\(#([^)]+)\)/g))
      expect(headings).toContain(anchor)
  })

  it('names the files, the Jobs and the claims of the example', () => {
    for (const [, path = ''] of document.matchAll(/(examples\/kubernetes\/[\w.]+)/g)) {
      expect(existsSync(join(repositoryRoot, path)), path).toBe(true)
    }
    for (const name of ['job', 'check']) {
      const path = join(repositoryRoot, `examples/kubernetes/${name}.yaml`)
      const [job] = readManifests(readFileSync(path, 'utf8')) as Job[]
      expect(document).toContain(`job/${job?.metadata?.name}`)
    }
  })

  it('has policies that are JSON', () => {
    const blocks = [...document.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = '']) => text)
    expect(blocks).toHaveLength(2)
    for (const block of blocks) expect(JSON.parse(block)).toHaveProperty('Version', '1')
  })
})

describe('the simulation', () => {
  it('is the same for the same seed, and another for another', async () => {
    const words = ['--size', '1TiB', '--workers', '4', '--kills', '30', '--region', 'none']
    const [one, same, other] = await Promise.all([
      simulate(...words),
      simulate(...words),
      simulate(...words, '--seed', '2'),
    ])
    expect(one).toBe(same)
    expect(one).not.toBe(other)
  })

  it.each([
    ['--size', '7XB'],
    ['--workers', '1001'],
    ['--rtt', '-1'],
    ['--region', '0'],
  ])('refuses %s %s', async (...words) => {
    await expect(simulate(...words)).rejects.toMatchObject({ code: 2 })
  })
})
