/** Owns what the tests of commands that talk to a bucket share: a fake OSS, a folder, and running a command in this process. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { refuse } from '../../src/cli/command.js'
import type { Io } from '../../src/cli/io.js'
import type { OssClient } from '../../src/oss/client.js'
import { initiateMultipartUpload, uploadPart } from '../../src/oss/multipart.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { addressedClient } from '../support/oss-clients.js'
import { pretendIo } from './fixtures.js'

export interface Answer {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

type Run = (io: Io, argv: readonly string[]) => Promise<number>

export interface Bucket {
  readonly fake: FakeOss
  readonly folder: string
  /** @param change of the process that is pretended */
  run(run: Run, argv: readonly string[], change?: Partial<Io>): Promise<Answer>
  /** An unfinished upload with parts of 100 bytes, begun that many days ago. */
  begin(key: string, parts: number, daysAgo?: number): Promise<string>
}

export const daysMs = 86_400_000

/** One for each test of the file that calls this. */
export function useBucket(): Bucket {
  let fake: FakeOss
  let folder: string
  let client: OssClient
  beforeEach(async () => {
    fake = await startFakeOss()
    folder = await mkdtemp(join(tmpdir(), 'ossup-cli-'))
    client = addressedClient(fake, 'path style').client
  })
  afterEach(async () => {
    await client.close()
    await fake.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    get fake() {
      return fake
    },
    get folder() {
      return folder
    },
    async run(run, argv, change = {}) {
      const env = {
        OSS_ACCESS_KEY_ID: 'test-access-key-id',
        OSS_ACCESS_KEY_SECRET: 'test-access-key-secret',
        OSS_REGION: 'cn-hangzhou',
        OSS_ENDPOINT: fake.endpoint,
      }
      const io = Object.assign(pretendIo({ argv, env, input: '' }), change)
      let exitCode: number
      try {
        exitCode = await run(io, argv)
      } catch (error) {
        exitCode = refuse(io, error)
      }
      return { exitCode, out: io.out, err: io.err }
    },
    async begin(key, parts, daysAgo = 0) {
      const bucket = 'examplebucket'
      const { uploadId } = await initiateMultipartUpload(client, { bucket, key })
      for (let partNumber = 1; partNumber <= parts; partNumber++) {
        await uploadPart(client, { bucket, key, uploadId, partNumber, body: Buffer.alloc(100) })
      }
      const upload = fake.uploads(bucket).find((each) => each.uploadId === uploadId)
      if (upload === undefined) throw new Error('the fake has lost the upload')
      Object.assign(upload, { initiated: new Date(Date.now() - daysAgo * daysMs - 1000) })
      return uploadId
    },
  }
}

export const jsonLines = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
