import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createReport } from '../../src/cli/report.js'
import { parseUploadArgs } from '../../src/cli/upload-args.js'
import {
  loadLibrary,
  type UploadLibrary,
  uploadOne,
  uploadOptions,
  withSession,
} from '../../src/cli/upload-run.js'
import type { OssClient } from '../../src/oss/client.js'
import { OssError } from '../../src/primitives/errors.js'
import type { UploadFileResult } from '../../src/upload/result.js'
import { pretendIo } from './fixtures.js'

const held = vi.hoisted((): string[] => [])
vi.mock('../../src/cli/young-space.js', () => ({
  holdYoungSpace() {
    held.push('held')
    return () => void held.push('let go')
  },
}))

const done: UploadFileResult = {
  ...{ etag: 'E', crc64: '1', size: 5, parts: 1, outcome: 'completed', abandonedUploadIds: [] },
  ...{ resumed: { parts: 0, bytes: 0 }, sent: { parts: 1, bytes: 5 } },
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ossup-run-'))
})
afterEach(() => rm(folder, { recursive: true }))

const argsOf = (line: string) => parseUploadArgs(line.split(' '), { OSS_REGION: 'cn-hangzhou' })

function scene(line = 'f oss://examplebucket/k') {
  const io = pretendIo()
  const args = argsOf(line)
  const closed: string[] = []
  const library = (uploadFile: UploadLibrary['uploadFile']): UploadLibrary => ({
    createClient: () =>
      ({
        async close() {
          closed.push('client')
        },
      }) as unknown as OssClient,
    uploadFile,
    async close() {
      closed.push('library')
    },
  })
  const report = createReport(io, args)
  const run = (uploadFile: UploadLibrary['uploadFile'] = async () => done) =>
    withSession(
      io,
      args,
      async () => library(uploadFile),
      report,
      async (session) => {
        const failure = await uploadOne(session, args, { path: 'f' }, report)
        return failure?.exitCode ?? 0
      },
    )
  return { io, args, report, closed, run }
}

describe('withSession', () => {
  it('closes the client, then what loading has opened', async () => {
    const { run, closed } = scene()
    expect(await run()).toBe(0)
    expect(closed).toEqual(['client', 'library'])
  })

  it('reports what fails before an upload, and opens no client', async () => {
    const { io, args, report } = scene()
    const load = async () => {
      throw new OssError('no such profile', { code: 'ERR_OSS_CREDENTIALS', hint: 'name one' })
    }
    expect(await withSession(io, args, load, report, async () => 0)).toBe(1)
    expect(io.err).toBe('ossup: error: no such profile; name one\n')
  })

  it('looks at the place of the manifest before anything is sent', async () => {
    const { run, io, closed } = scene(`f oss://examplebucket/k --manifest ${folder}`)
    expect(await run(() => Promise.reject(new Error('sent')))).toBe(1)
    expect(io.err).toContain('nothing was sent')
    expect(closed).toEqual(['library'])
  })
})

describe('uploadOne', () => {
  it('writes the manifest beside the result', async () => {
    const path = join(folder, 'm.json')
    const { run, io } = scene(`f oss://examplebucket/k --manifest ${path}`)
    const manifest = {
      ...{ bucket: 'examplebucket', key: 'k', size: 5, crc64: '1', etag: 'E', parts: [] },
      ...{ startedAt: 'a', completedAt: 'b', outcome: 'completed' as const },
    }
    expect(await run(async () => ({ ...done, manifest }))).toBe(0)
    expect(io.out).toMatch(/^oss:\/\/examplebucket\/k {2}5 bytes/)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ key: 'k', size: 5 })
  })

  it('a TypeError is a mistake of usage only while nothing has begun', async () => {
    const wrong = () => Promise.reject(new TypeError('partSize must be a number'))
    expect(await scene().run(wrong)).toBe(2)
    const { run, io } = scene()
    const later: UploadLibrary['uploadFile'] = async (_, { onEvent }) => {
      onEvent?.({ type: 'checkpoint-left' })
      throw new TypeError('oops')
    }
    expect(await run(later)).toBe(1)
    expect(io.err).toContain('internal error: oops')
  })
})

describe('loadLibrary', () => {
  it('holds the young space of V8 until it is closed', async () => {
    const { io, args } = scene()
    const library = await loadLibrary(io, args)
    expect(held).toEqual(['held'])
    await library.close()
    expect(held).toEqual(['held', 'let go'])
  })
})

describe('uploadOptions', () => {
  it('has what the library takes, and no text of a callback', () => {
    const line = 'f oss://b/k --part-size 1MiB --meta a=b --callback {} --checkpoint-dir d'
    const options = uploadOptions(argsOf(line))
    expect(options).toMatchObject({
      ...{ bucket: 'b', key: 'k', partSize: 1_048_576, metadata: { a: 'b' }, manifest: false },
      ...{ checkpoint: true, checkpointDir: 'd' },
    })
    expect(options).not.toHaveProperty('callbackText')
    expect(options).not.toHaveProperty('path')
  })
})
