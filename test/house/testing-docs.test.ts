// Owns the rule that docs/testing.md is true: it lists every option, fault and member of the fake, and its example passes.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { installInto, pack } from '../support/packed.js'
import { repositoryRoot } from './source-tree.js'

const run = promisify(execFile)
const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')
const document = read('docs/testing.md')

/** The names in the first column of the table below a heading. */
function listed(heading: string): string[] {
  const [, after = ''] = document.split(`\n## ${heading}\n`)
  const rows = (after.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'))
  return rows.flatMap((line) =>
    [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  )
}

/** The members that an interface declares at its own level. */
function membersOf(path: string, type: string): string[] {
  const [, body = ''] =
    new RegExp(`export interface ${type}[^{]*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(read(path)) ?? []
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)(?:\?|\(|:)/gm)].map(([, name = '']) => name)
}

const folder = 'test/support/fake-oss'

describe('docs/testing.md', () => {
  it('lists every option of the fake', () => {
    const options = membersOf(`${folder}/options.ts`, 'FakeOssOptions')
    expect(options.length).toBeGreaterThan(10)
    expect(listed('Options of `startFakeOss`').sort()).toEqual(options.sort())
  })

  it('lists every fault', () => {
    const faults = [...read(`${folder}/faults.ts`).matchAll(/readonly type: '([\w-]+)'/g)]
    expect(faults.length).toBeGreaterThan(8)
    const names = faults.map(([, name = '']) => name)
    expect(listed('What can go wrong').sort()).toEqual(['type', ...names].sort())
  })

  it('lists every member of a running fake', () => {
    const members = membersOf(`${folder}/fake-oss.ts`, 'FakeOss')
    expect(listed('Looking into it').sort()).toEqual(members.sort())
  })

  it('has an example that passes, in a project that has installed the package', async () => {
    const examples = [...document.matchAll(/<!-- run -->\n```js\n([\s\S]*?)```/g)]
    expect(examples).toHaveLength(1)
    const project = mkdtempSync(join(tmpdir(), 'ossup-testing-'))
    try {
      await installInto(project, await pack(project))
      const file = join(project, 'upload.test.mjs')
      writeFileSync(file, examples[0]?.[1] ?? '')
      // Not a child of the test runner's own process: node:test would report to it.
      const env = { PATH: process.env['PATH'] ?? '' }
      const argv = ['--test', '--test-reporter=tap', file]
      const { stdout } = await run(process.execPath, argv, { cwd: project, env }).catch((e) => e)
      expect(stdout).toMatch(/^# pass 2$/m)
      expect(stdout).toMatch(/^# fail 0$/m)
    } finally {
      rmSync(project, { recursive: true, force: true })
    }
  })
})
