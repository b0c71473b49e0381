// The manifest of an upload as a file: from the library's result, by way of the command, to `parseManifest`.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assertManifestPath, writeManifest } from '../../src/cli/manifest-file.js'
import { parseManifest } from '../../src/upload/manifest.js'
import type { Manifest } from '../../src/upload/result.js'
import { randomBytes, World } from '../support/world.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ossup-manifest-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function stored(size: number): Promise<Manifest> {
  const world = await World.create(randomBytes(size))
  try {
    const result = await world.process().upload({ manifest: true })
    if (result?.manifest === undefined) throw new Error('there is no manifest')
    return result.manifest
  } finally {
    await world.close()
  }
}

describe('a manifest', () => {
  it('is in the result with every part, its request ids and times', async () => {
    const manifest = await stored(3 * 102_400 + 7)
    expect(manifest).toMatchObject({
      ...{ bucket: 'examplebucket', key: 'dir/file.bin', size: 307_207, outcome: 'completed' },
      startedAt: expect.stringMatching(/Z$/),
    })
    expect(manifest.parts.map(({ number, size }) => [number, size])).toEqual([
      [1, 102_400],
      [2, 102_400],
      [3, 102_400],
      [4, 7],
    ])
    for (const { requestId, etag } of manifest.parts) {
      expect(requestId).toMatch(/^[0-9A-F]{24}$/)
      expect(etag).toMatch(/^[0-9A-F]{32}$/)
    }
  })

  it('of one request has no parts and no upload id', async () => {
    const manifest = await stored(5)
    expect(manifest).toMatchObject({ size: 5, parts: [] })
    expect('uploadId' in manifest).toBe(false)
  })

  it('is written whole, and read back as it was', async () => {
    const manifest = await stored(2 * 102_400)
    const path = join(folder, 'm.json')
    await writeFile(path, 'what was there before')
    await assertManifestPath(path)
    await writeManifest(path, manifest)
    expect(parseManifest(await readFile(path, 'utf8'))).toEqual({ state: 'valid', manifest })
    expect(await readdir(folder)).toEqual(['m.json'])
  })
})

describe('a file that cannot be written', () => {
  it('is refused before anything is sent', async () => {
    for (const [path, code] of [
      [join(folder, 'none', 'm.json'), 'ENOENT'],
      [folder, 'EISDIR'],
    ] as const) {
      await expect(assertManifestPath(path)).rejects.toMatchObject({
        code: 'ERR_MANIFEST',
        message: `cannot write the manifest ${path} (${code})`,
        hint: expect.stringContaining('nothing was sent'),
      })
    }
  })

  it('says behind an upload that the object is stored, and leaves nothing behind', async () => {
    const manifest = await stored(5)
    const path = join(folder, 'taken')
    await mkdir(join(path, 'inside'), { recursive: true })
    await expect(writeManifest(path, manifest)).rejects.toMatchObject({
      code: 'ERR_MANIFEST',
      hint: expect.stringContaining('the object is stored'),
    })
    expect(await readdir(folder)).toEqual(['taken'])
  })
})
