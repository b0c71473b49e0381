// A small world for uploads: what survives a crash (file system and OSS), and processes that can be stopped at any effect.

import { OssClient } from '../../src/oss/client.js'
import type { Transport } from '../../src/transport/transport.js'
import { createUndiciTransport } from '../../src/transport/undici-transport.js'
import type { UploadEnvironment } from '../../src/upload/environment.js'
import type { UploadEvent } from '../../src/upload/events.js'
import type { FileSystem } from '../../src/upload/file-system.js'
import type { OpenFile } from '../../src/upload/open-file.js'
import type { UploadFileOptions } from '../../src/upload/options.js'
import type { UploadFileResult } from '../../src/upload/result.js'
import { uploadFileIn } from '../../src/upload/upload-file.js'
import { type FakeOss, type FakeOssOptions, startFakeOss } from './fake-oss/index.js'
import { MemoryFileSystem } from './memory-fs.js'

export const testCredentials = {
  accessKeyId: 'test-access-key-id',
  accessKeySecret: 'test-access-key-secret',
} as const

/** Where a process stops: right before its `index`-th effect (0-based), or when that has happened and nobody knows yet. */
export interface CrashPoint {
  readonly index: number
  readonly when: 'before' | 'after'
}

/** Options beside those that {@link Process.upload} has already; `path: undefined` makes room for a `source`. */
export type UploadChange = {
  readonly [K in keyof UploadFileOptions]?: UploadFileOptions[K] | undefined
}

export interface Process {
  readonly client: OssClient
  readonly environment: UploadEnvironment
  readonly effects: readonly string[]
  readonly events: readonly UploadEvent[]
  /** Uploads the world's file; resolves with undefined when the process crashed meanwhile. */
  upload(options?: UploadChange): Promise<UploadFileResult | undefined>
  /** Ends the process as kill -9 does: its sockets close, its locks stay. */
  kill(): Promise<void>
  /** Of what the world does not stop by itself, such as a stream that the test gives, a dead process does nothing. */
  readonly isAlive: boolean
}

export class World {
  readonly fs = new MemoryFileSystem()
  readonly path = '/data/file.bin'
  readonly bucket = 'examplebucket'
  readonly key = 'dir/file.bin'
  readonly oss: FakeOss
  readonly #alive = new Set<number>()
  readonly #processes: { kill(): Promise<void> }[] = []
  #pid = 0

  private constructor(oss: FakeOss) {
    this.oss = oss
  }

  static async create(bytes: Uint8Array, options: FakeOssOptions = {}): Promise<World> {
    const world = new World(await startFakeOss(options))
    world.fs.put(world.path, bytes)
    return world
  }

  /** The bytes stored under the world's key. */
  stored(): Buffer | undefined {
    return this.oss.object(this.bucket, this.key)?.read()
  }

  openUploadIds(): string[] {
    return this.oss.uploads(this.bucket).map(({ uploadId }) => uploadId)
  }

  process(crash?: CrashPoint, change: { client?: object } = {}): Process {
    const pid = ++this.#pid
    this.#alive.add(pid)
    const effects: string[] = []
    const events: UploadEvent[] = []
    const open = new Set<OpenFile>()
    let stopRacing = (): void => {}
    const crashed = new Promise<undefined>((resolve) => {
      stopRacing = () => resolve(undefined)
    })
    let stopped = false
    const inner = createUndiciTransport({ maxConnections: 100, connectTimeoutMs: 5_000 })
    const kill = async (): Promise<void> => {
      if (!this.#alive.delete(pid)) return
      stopped = true
      await Promise.all([inner.close(), ...[...open].map((file) => file.close().catch(() => {}))])
      stopRacing()
    }
    const forever = new Promise<never>(() => {})
    const effect = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
      if (stopped) return forever
      const index = effects.push(name) - 1
      const here = crash?.index === index ? crash.when : undefined
      if (here === 'before') {
        void kill()
        return forever
      }
      try {
        const result = await act()
        if (here === 'after') void kill()
        return stopped ? forever : result
      } catch (error) {
        if (here === 'after') void kill()
        if (stopped) return forever
        throw error
      }
    }
    const effectNow = <T>(name: string, act: () => T): T => {
      // Whoever is dead goes on no further; there is no waiting here, so this is how.
      const end = new Error(`the process ended at ${name}`)
      if (stopped) throw end
      const index = effects.push(name) - 1
      const here = crash?.index === index ? crash.when : undefined
      try {
        if (here !== 'before') return act()
      } finally {
        if (here !== undefined) void kill()
      }
      throw end
    }
    const transport: Transport = {
      request: (request) =>
        effect(`${request.method} ${request.path.replace(/uploadId=\w+/, 'uploadId=')}`, () =>
          inner.request(request),
        ),
      close: () => inner.close(),
    }
    const environment: UploadEnvironment = {
      fs: counted(this.fs, { effect, effectNow }, open, () => stopped),
      identify: async () => ({ pid, start: `start-${pid}`, host: 'host', scope: 'scope' }),
      isAlive: async (holder) => this.#alive.has(holder.pid),
      nonce: () => `nonce-${pid}-${effects.length}`,
      now: () => new Date(1_800_000_000_000 + pid),
      // Pauses are over at once; what waits for longer waits for something else to happen first.
      sleep: async (ms, signal) => {
        if (ms < 5_000) {
          // Whoever waits for another process must let it go on.
          await new Promise((resolve) => setImmediate(resolve))
          return
        }
        await new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        })
      },
      every: () => () => {},
    }
    const client = new OssClient({
      region: 'cn-hangzhou',
      endpoint: this.oss.endpoint,
      credentials: testCredentials,
      transport,
      // What a single fault does is seen where nothing is tried again.
      retry: { attempts: 1, baseDelay: 0 },
      ...change.client,
    })
    const process: Process = {
      client,
      environment,
      effects,
      events,
      kill,
      get isAlive() {
        return !stopped
      },
      upload: (options = {}) => {
        const result = uploadFileIn(environment, client, {
          path: this.path,
          bucket: this.bucket,
          key: this.key,
          partSize: 102_400,
          concurrency: 3,
          ...options,
          onEvent: (event) => {
            // One for each request: of interest where requests are.
            if (event.type !== 'attempt') events.push(event)
            options.onEvent?.(event)
          },
        } as UploadFileOptions)
        result.catch(() => {})
        return Promise.race([result, crashed])
      },
    }
    this.#processes.push(process)
    return process
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()))
    await this.oss.close()
  }
}

interface Effects {
  effect<T>(name: string, act: () => Promise<T>): Promise<T>
  effectNow<T>(name: string, act: () => T): T
}

/** Everything that changes something is an effect; reading is not, but a dead process reads nothing either. */
function counted(
  fs: FileSystem,
  { effect, effectNow }: Effects,
  open: Set<OpenFile>,
  stopped: () => boolean,
): FileSystem {
  const observe = async <T>(act: () => Promise<T>): Promise<T> =>
    stopped() ? new Promise<never>(() => {}) : act()
  return {
    async open(path, flags) {
      const act = async (): Promise<OpenFile> => {
        const opened = await fs.open(path, flags)
        // The end of a process closes what it had open, also what it had not yet been told of.
        if (stopped()) await opened.close()
        else open.add(opened)
        return opened
      }
      const file = await (flags === 'r' ? observe(act) : effect(`open ${path}`, act))
      return {
        read: (buffer, length, position) => observe(() => file.read(buffer, length, position)),
        readNow(buffer, position) {
          if (stopped()) throw new Error('a dead process reads nothing')
          return file.readNow(buffer, position)
        },
        write: (bytes) => effect(`write ${path}`, () => file.write(bytes)),
        writeNow: (data) => effectNow(`write ${path}`, () => file.writeNow(data)),
        stat: () => observe(() => file.stat()),
        sync: (all) => effect(`sync ${path}`, () => file.sync(all)),
        close: () => {
          open.delete(file)
          return observe(() => file.close())
        },
      }
    },
    readFile: (path) => observe(() => fs.readFile(path)),
    stat: (path) => observe(() => fs.stat(path)),
    lstat: (path) => observe(() => fs.lstat(path)),
    rename: (from, to) => effect(`rename ${to}`, () => fs.rename(from, to)),
    unlink: (path) => effect(`unlink ${path}`, () => fs.unlink(path)),
    symlink: (target, path) => effect(`symlink ${path}`, () => fs.symlink(target, path)),
    readlink: (path) => observe(() => fs.readlink(path)),
    readdir: (path) => observe(() => fs.readdir(path)),
    touch: (path) => observe(() => fs.touch(path)),
    syncDirectory: (path) => effect(`syncDirectory ${path}`, () => fs.syncDirectory(path)),
  }
}

/** Bytes that differ in every part, the same for the same seed. */
export function randomBytes(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size)
  let state = (seed * 2_654_435_761) >>> 0 || 1
  for (let index = 0; index < size; index++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[index] = state
  }
  return bytes
}
