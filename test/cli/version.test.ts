import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { version } from '../../src/cli/version.js'

describe('version', () => {
  it('is that of the package', async () => {
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    expect(await version()).toBe(JSON.parse(manifest).version)
  })
})
