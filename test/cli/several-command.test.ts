import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runSeveral } from '../../src/cli/several-command.js'
import { parseUploadArgs } from '../../src/cli/upload-args.js'
import type { UploadLibrary } from '../../src/cli/upload-run.js'
import type { OssClient } from '../../src/oss/client.js'
import { OssError } from '../../src/primitives/errors.js'
import type { UploadFileOptions } from '../../src/upload/options.js'
import type { UploadFileResult } from '../../src/upload/result.js'
import { jsonLines } from './bucket.js'
import { pretendIo } from './fixtures.js'

const done: UploadFileResult = {
  ...{ etag: 'E', crc64: '1', size: 5, parts: 1, outcome: 'completed', abandonedUploadIds: [] },
  ...{ resumed: { parts: 0, bytes: 0 }, sent: { parts: 1, bytes: 5 } },
}

type Act = (options: UploadFileOptions) => Promise<UploadFileResult>

/** Runs the command with a library that does what `act` says, and remembers what it was asked. */
async function several(line: string, act: Act = async () => done, io = pretendIo()) {
  const args = parseUploadArgs(line.split(' '), { OSS_REGION: 'cn-hangzhou' })
  if (args.several === undefined) throw new Error('one file')
  const asked: UploadFileOptions[] = []
  const clients: unknown[] = []
  let running = 0
  let most = 0
  const library: UploadLibrary = {
    createClient(options) {
      clients.push(options)
      return { close: async () => {} } as unknown as OssClient
    },
    async uploadFile(_, options) {
      asked.push(options)
      running += 1
      most = Math.max(most, running)
      try {
        await new Promise((resolve) => setImmediate(resolve))
        return await act(options)
      } finally {
        running -= 1
      }
    },
    async close() {},
  }
  const exitCode = await runSeveral(io, args, args.several, async () => library)
  return { exitCode, asked, clients, most, io, paths: asked.map(({ path }) => path) }
}

const url = 'oss://examplebucket/p/'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ossup-several-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('runSeveral', () => {
  it('uploads each file to its key, through one client', async () => {
    const { exitCode, asked, clients, io } = await several(`x/f g ${url} --part-size 1MiB`)
    expect(exitCode).toBe(0)
    expect(clients).toHaveLength(1)
    expect(asked).toEqual([
      expect.objectContaining({ path: 'x/f', key: 'p/f', partSize: 1_048_576, checkpoint: true }),
      expect.objectContaining({ path: 'g', key: 'p/g', checkpointPath: undefined }),
    ])
    expect(io.out.split('\n')).toHaveLength(3)
    expect(io.err).toBe('ossup: note: 2 uploaded\n')
  })

  it.each([
    ['', 2],
    [' --files 1', 1],
    [' --files 16', 5],
  ])('has so many at once with "%s"', async (option, most) => {
    expect((await several(`a b c d e ${url}${option}`)).most).toBe(most)
  })

  it('goes on with the others when one fails', async () => {
    const { exitCode, paths, io } = await several(`a b c ${url}`, async ({ path }) => {
      if (path !== 'a') return done
      throw Object.assign(new OssError('it broke', { code: 'ERR_OSS_TRANSPORT' }), {
        upload: { bucket: 'b', key: 'k', resumable: true, abandonedUploadIds: [] },
      })
    })
    expect({ exitCode, paths }).toEqual({ exitCode: 3, paths: ['a', 'b', 'c'] })
    expect(io.err).toContain('ossup: error: a: it broke; run the same command again to resume\n')
    expect(io.err).toContain('note: 2 uploaded, 1 failed; run the command again with a to resume')
  })

  it('begins no other file after a signal', async () => {
    const io = pretendIo()
    const { exitCode, paths } = await several(
      `a b c d ${url}`,
      async ({ signal }) => {
        io.controller.abort({ signal: 'SIGTERM', exitCode: 143 })
        throw signal?.reason
      },
      io,
    )
    expect({ exitCode, paths }).toEqual({ exitCode: 143, paths: ['a', 'b'] })
    expect(io.err).toBe(
      'ossup: error: cancelled by SIGTERM; run the same command again to resume\n' +
        'ossup: note: 0 uploaded, 4 not finished\n',
    )
  })

  it.each([
    ['--part-size 5', '--part-size must be'],
    ['--acl nobody', '--acl must be'],
    ['--callback x', '--callback is not JSON'],
  ])('refuses %s before the first file', async (option, message) => {
    const { exitCode, paths, io } = await several(`a b ${url} ${option}`)
    expect({ exitCode, paths, out: io.out }).toEqual({ exitCode: 2, paths: [], out: '' })
    expect(io.err.split('\n')).toEqual([expect.stringContaining(`error: ${message}`), ''])
  })

  it('refuses a name that no object can have, before the first file', async () => {
    const { exitCode, paths } = await several(`a ${'x'.repeat(1022)} ${url}`)
    expect({ exitCode, paths }).toEqual({ exitCode: 2, paths: [] })
  })

  it('ends JSON with the sum, also of one file below a prefix', async () => {
    const { io } = await several(`a ${url} --json`)
    expect(jsonLines(io.out)).toEqual([
      expect.objectContaining({ type: 'result', path: 'a', key: 'p/a' }),
      expect.objectContaining({ type: 'summary', uploaded: 1, failed: 0, exitCode: 0 }),
    ])
  })

  it('knows how much there is before it begins', async () => {
    await writeFile(join(folder, 'f'), Buffer.alloc(3 * 1024 * 1024))
    const io = pretendIo({ isTTY: true, columns: 100 })
    await several(
      `${join(folder, 'f')} none ${url}`,
      async ({ onProgress }) => {
        onProgress?.({
          ...{ phase: 'sending', transferredBytes: 0, totalBytes: 1024 * 1024, sentBytes: 0 },
          ...{ resumedBytes: 0, partsDone: 0, parts: 1 },
        })
        return done
      },
      io,
    )
    expect(io.err).toContain('MiB (sent')
  })
})
