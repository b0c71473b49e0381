// Owns the rule that test/ mirrors src/: a test covers a file that exists, and a file has a test.

import { describe, expect, it } from 'vitest'
import { filesBelow } from './source-tree.js'

const folders = ['primitives', 'signing', 'xml', 'transport', 'oss', 'upload', 'cli']

/** Files without a test of their own, and why. */
const untested: Readonly<Record<string, string>> = {
  'primitives/signature-explanation.ts': 'types only',
  'signing/credentials.ts': 'types only',
  'transport/transport.ts': 'types only',
  'oss/scope.ts': 'types only',
  'upload/option-types.ts': 'types only',
  'upload/result.ts': 'types only',
  'cli/completion-words.ts': 'constants only',
  'cli/exit-codes.ts': 'constants only',
  'cli/main.ts': 'joins run() to the process; test/e2e runs it as one',
}

const sources = new Set(filesBelow('src').filter((path) => path.endsWith('.ts')))

const tests = folders.flatMap((folder) =>
  filesBelow(`test/${folder}`)
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `${folder}/${path}`),
)

/** `xml/document.property.test.ts` covers `xml/document.ts`. */
const coveredBy = (test: string) => test.replace(/(?:\.[a-z0-9-]+)?\.test\.ts$/, '.ts')

describe('mirror', () => {
  it('every test covers a file of the same name', () => {
    const strays = tests.filter((test) => !sources.has(coveredBy(test)))
    expect(strays.map((test) => `test/${test}: there is no src/${coveredBy(test)}`)).toEqual([])
  })

  it('every file has a test of the same name', () => {
    const covered = new Set(tests.map(coveredBy))
    const bare = [...sources].filter(
      (path) => !covered.has(path) && !path.endsWith('index.ts') && !(path in untested),
    )
    expect(
      bare.map((path) => `src/${path}: there is no test/${path.replace(/\.ts$/, '.test.ts')}`),
    ).toEqual([])
  })
})
