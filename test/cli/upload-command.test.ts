import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runUpload } from '../../src/cli/upload-command.js'
import type { UploadLibrary } from '../../src/cli/upload-run.js'
import type { OssClient, OssClientOptions } from '../../src/oss/client.js'
import { OssError } from '../../src/primitives/errors.js'
import { checkpointPathOf } from '../../src/upload/checkpoint-path.js'
import type { UploadFileOptions } from '../../src/upload/options.js'
import { pretendIo, progressAt } from './fixtures.js'

const done = {
  etag: 'ABC',
  crc64: '123',
  size: 5,
  parts: 1,
  resumed: { parts: 0, bytes: 0 },
  sent: { parts: 1, bytes: 5 },
  outcome: 'completed',
  abandonedUploadIds: [],
} as const

/** A library that does what it is told and remembers what it was asked. */
function pretendLibrary(upload: UploadLibrary['uploadFile'] = async () => done) {
  const asked: {
    client?: OssClientOptions
    upload?: UploadFileOptions
    closed: number
    libraryClosed: number
  } = {
    closed: 0,
    libraryClosed: 0,
  }
  const client = {
    close: async () => {
      asked.closed += 1
    },
  }
  const library: UploadLibrary = {
    async close() {
      asked.libraryClosed += 1
    },
    createClient(options) {
      asked.client = options
      return client as unknown as OssClient
    },
    uploadFile(given, options) {
      asked.upload = options
      return upload(given, options)
    },
  }
  return { asked, load: async () => library }
}

const argv = ['f.bin', 'oss://examplebucket/k', '--region', 'cn-hangzhou']

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ossup-cli-'))
})

afterEach(() => rm(folder, { recursive: true }))

describe('runUpload', () => {
  it('hands its options on, prints the result and closes the client', async () => {
    const io = pretendIo()
    const { asked, load } = pretendLibrary()
    const more = ['--part-size', '1MiB', '--no-checkpoint', '--adopt', '--on-abort', 'discard']
    expect(await runUpload(io, [...argv, ...more], load)).toBe(0)
    expect(asked.client).toMatchObject({ region: 'cn-hangzhou' })
    expect(asked.upload).toMatchObject({
      ...{ path: 'f.bin', bucket: 'examplebucket', key: 'k', partSize: 1_048_576 },
      ...{ checkpoint: false, adopt: true, restart: false, onAbort: 'discard', signal: io.signal },
    })
    expect(io.out).toBe('oss://examplebucket/k  5 bytes  crc64 123  etag ABC\n')
    expect([asked.closed, asked.libraryClosed]).toEqual([1, 1])
  })

  it('hands on what the object is stored with, and where it goes', async () => {
    const { asked, load } = pretendLibrary()
    const more = ['--meta', 'a=b', '--acl', 'private', '--sequential', '--traffic-limit', '819200']
    const callback = { url: 'https://example.com', body: 'x' }
    const last = ['--internal', '--checkpoint-dir', 'd', '--callback', JSON.stringify(callback)]
    expect(await runUpload(pretendIo(), [...argv, ...more, ...last], load)).toBe(0)
    expect(asked.client).toMatchObject({ internal: true, cname: undefined })
    expect(asked.upload).toMatchObject({
      ...{ metadata: { a: 'b' }, acl: 'private', sequential: true, trafficLimit: 819_200 },
      ...{ checkpointDir: 'd', callback },
    })
    expect(asked.upload).not.toHaveProperty('callbackText')
  })

  it('hands on how often to try and how long to wait, each to whom it concerns', async () => {
    const { asked, load } = pretendLibrary()
    const more = ['--attempts', '3', '--deadline', '1h', '--connect-timeout', '5']
    const last = ['--idle-timeout', '90', '--answer-timeout', '5m']
    expect(await runUpload(pretendIo(), [...argv, ...more, ...last], load)).toBe(0)
    expect(asked.client).toMatchObject({
      ...{ connectTimeout: 5_000, idleTimeout: 90_000, answerTimeout: 300_000 },
    })
    expect(asked.upload).toMatchObject({ retry: { attempts: 3 }, deadline: 3_600_000 })
  })

  it('a callback that is no JSON is a usage error', async () => {
    const io = pretendIo()
    const { load, asked } = pretendLibrary()
    expect(await runUpload(io, [...argv, '--callback', 'x'], load)).toBe(2)
    expect(io.err).toContain('ossup: error: --callback is not JSON; e.g. --callback ')
    expect(asked.upload).toBeUndefined()
  })

  describe('of stdin', () => {
    const stdin = ['-', ...argv.slice(1)]

    it('hands the stream on, without a checkpoint unless one is named', async () => {
      const io = pretendIo({ input: 'abc' })
      const { asked, load } = pretendLibrary()
      expect(await runUpload(io, stdin, load)).toBe(0)
      expect(asked.upload).toMatchObject({ checkpoint: false, checkpointPath: undefined })
      expect(asked.upload).not.toHaveProperty('path')
      const chunks: unknown[] = []
      const source = asked.upload?.source as AsyncIterable<unknown>
      for await (const chunk of source) chunks.push(chunk)
      expect(chunks).toEqual([Buffer.from('abc')])
      await runUpload(io, [...stdin, '--checkpoint', 't.ucp'], load)
      expect(asked.upload).toMatchObject({ checkpoint: true, checkpointPath: 't.ucp' })
    })

    it('is refused when it is a terminal, before anything is loaded', async () => {
      const load = () => Promise.reject(new Error('loaded'))
      await expect(runUpload(pretendIo(), stdin, load)).rejects.toThrow('stdin is a terminal')
    })

    it('says what is kept when it is cancelled', async () => {
      const io = pretendIo({ input: 'abc' })
      const checkpoint = join(folder, 'c.ucp')
      await writeFile(checkpoint, '')
      const { load } = pretendLibrary(async (_, { signal }) => {
        io.controller.abort({ signal: 'SIGINT', exitCode: 130 })
        throw signal?.reason
      })
      expect(await runUpload(io, [...stdin, '--checkpoint', checkpoint], load)).toBe(130)
      expect(io.err).toContain('cancelled by SIGINT; run the same command again to resume')
      io.wait(1)
      expect(await runUpload(io, stdin, load)).toBe(130)
      expect(io.err).toContain('nothing is kept: running again starts over')
    })
  })

  it('reads its arguments before it loads the library', async () => {
    const load = () => Promise.reject(new Error('loaded'))
    await expect(runUpload(pretendIo(), ['f.bin'], load)).rejects.toThrow('no destination is given')
  })

  it('an option that the library refuses is a usage error', async () => {
    const io = pretendIo()
    const { load, asked } = pretendLibrary(async () => {
      throw new RangeError('partSize must be larger')
    })
    expect(await runUpload(io, argv, load)).toBe(2)
    expect(io.err).toBe('ossup: error: --part-size must be larger; see: ossup upload --help\n')
    expect(asked.closed).toBe(1)
  })

  it('a resumable failure exits with 3', async () => {
    const io = pretendIo()
    const { load } = pretendLibrary(async (_, { onProgress }) => {
      onProgress?.(progressAt(1, { partsDone: 2 }))
      const error = new OssError('it broke', { code: 'ERR_OSS_TRANSPORT', hint: 'mend it' })
      error.upload = {
        ...{ bucket: 'b', key: 'k', uploadId: 'U', checkpointPath: 'c', resumable: true },
        abandonedUploadIds: ['A'],
      }
      throw error
    })
    expect(await runUpload(io, argv, load)).toBe(3)
    expect(io.err.split('\n')).toEqual([
      'ossup: error: it broke; mend it',
      'ossup: note: 2 of 10 parts are safe; run the same command again to resume',
      expect.stringContaining('ossup: warning: upload A could not be aborted'),
      '',
    ])
  })

  describe('when it is cancelled', () => {
    const cancelled = (io: ReturnType<typeof pretendIo>) =>
      pretendLibrary(async (_, { signal, onProgress }) => {
        onProgress?.(progressAt(1, { partsDone: 2 }))
        io.controller.abort({ signal: 'SIGINT', exitCode: 130 })
        throw signal?.reason
      }).load

    it('says what is kept while there is a checkpoint', async () => {
      const io = pretendIo()
      const checkpoint = join(folder, 'c.ucp')
      await writeFile(checkpoint, '')
      expect(await runUpload(io, [...argv, '--checkpoint', checkpoint], cancelled(io))).toBe(130)
      expect(io.err).toBe(
        'ossup: error: cancelled by SIGINT; run the same command again to resume\n' +
          'ossup: note: 2 of 10 parts are safe\n',
      )
    })

    it('finds the checkpoint in a directory', async () => {
      const io = pretendIo()
      const place = { path: 'f.bin', bucket: 'examplebucket', key: 'k', checkpointDir: folder }
      await writeFile(checkpointPathOf(place), '')
      await runUpload(io, [...argv, '--checkpoint-dir', folder], cancelled(io))
      expect(io.err).toContain('note: 2 of 10 parts are safe')
    })

    it('says so when nothing is kept', async () => {
      const io = pretendIo()
      const checkpoint = join(folder, 'none.ucp')
      expect(await runUpload(io, [...argv, '--checkpoint', checkpoint], cancelled(io))).toBe(130)
      expect(io.err).toBe(
        'ossup: error: cancelled by SIGINT; nothing is kept: running again starts over\n',
      )
    })

    it('says in JSON whether it is resumable', async () => {
      const io = pretendIo()
      const checkpoint = join(folder, 'c.ucp')
      await writeFile(checkpoint, '')
      await runUpload(io, [...argv, '--json', '--checkpoint', checkpoint], cancelled(io))
      expect(JSON.parse(io.err)).toEqual({
        type: 'error',
        code: 'SIGINT',
        message: 'cancelled by SIGINT',
        hint: 'run the same command again to resume',
        exitCode: 130,
        resumable: true,
        checkpointPath: checkpoint,
        abandonedUploadIds: [],
      })
    })
  })
})
