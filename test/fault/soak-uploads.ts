// Owns the uploads of the soak: random sources under random faults of the table, each run again until it is stored.

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  OssClient,
  refreshingCredentials,
  type UploadEvent,
  type UploadFileOptions,
  uploadFile,
} from '../../src/index.js'
import {
  type FakeOss,
  type FakeRequest,
  type Fault,
  startFakeOss,
} from '../support/fake-oss/index.js'
import { randomBytes } from '../support/world.js'
import { ObstructedDispatcher, operationOf, pieces, staticCredentials } from './network-bench.js'
import type { FaultRow } from './network-faults.js'
import { topics } from './network-table.js'

/** mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Counts {
  uploads: number
  runs: number
  faults: number
  retries: number
  bytes: number
}

const bucket = 'examplebucket'
const maxBytes = 3 * 2 ** 20
const partSize = 102_400
/** Runs of one upload; from some on there are no faults any more. */
const maxRuns = 40
const troubledRuns = 25

const rows = topics.flatMap((topic) => topic.rows)
/** A fake that stops reading never hears that the other side has gone. */
const faults = rows.filter(
  ({ fault }) => fault !== undefined && !(typeof fault === 'object' && fault.type === 'stall'),
)
const obstacles = rows.flatMap(({ obstacle }) => (obstacle === undefined ? [] : [obstacle]))

export class Soak implements AsyncDisposable {
  readonly counts: Counts = { uploads: 0, runs: 0, faults: 0, retries: 0, bytes: 0 }
  readonly oss: FakeOss
  readonly #folder: string
  readonly #random: () => number
  readonly #material = randomBytes(2 * maxBytes, 7)
  #client: OssClient
  readonly #rates = new Map<string, number>()
  #clockOffset = 0
  #number = 0

  private constructor(oss: FakeOss, folder: string, random: () => number) {
    this.oss = oss
    this.#folder = folder
    this.#random = random
    this.#client = this.#newClient()
    oss.setFault((request) => this.#fault(request))
  }

  static async start(folder: string, random: () => number): Promise<Soak> {
    let soak: Soak | undefined
    const oss = await startFakeOss({ now: () => new Date(Date.now() + (soak?.clockOffset ?? 0)) })
    soak = new Soak(oss, folder, random)
    return soak
  }

  get clockOffset(): number {
    return this.#clockOffset
  }

  /** One to three uploads at once; afterwards the fake has forgotten them. */
  async batch(): Promise<void> {
    await Promise.all(Array.from({ length: this.#between(1, 3) }, () => this.#upload()))
    const { state } = this.oss
    for (const log of [state.requests, state.acknowledged, state.completed]) log.length = 0
    for (const held of state.buckets.values()) {
      held.objects.clear()
      held.uploads.clear()
    }
  }

  /** Closes the client that all uploads share, waits until its connections are gone, and goes on with another one. */
  async rest(): Promise<void> {
    await this.#client.close()
    for (let tries = 0; this.oss.openConnections > 0 && tries < 200; tries++) await delay(10)
    this.#client = this.#newClient()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
    await this.oss.close()
  }

  #newClient(dispatcher?: ObstructedDispatcher): OssClient {
    let issued = 0
    const credentials = refreshingCredentials(async () => {
      issued += 1
      const expiration = new Date(Date.now() + 3600_000)
      return { ...staticCredentials, accessKeyId: this.#issue(issued), expiration }
    })
    const retry = { attempts: 5, baseDelay: 1, maxDelay: 20, throttleTime: 500, budget: 100 }
    const { endpoint } = this.oss
    const timeouts = { answerTimeout: 1_000, idleTimeout: 1_000 }
    return new OssClient({
      ...{ region: 'cn-hangzhou', endpoint, credentials, retry, dispatcher },
      ...timeouts,
    })
  }

  /** A key that the fake accepts; of the old ones it keeps some. */
  #issue(issued: number): string {
    const accessKeyId = `key-${this.counts.uploads}-${issued}-${this.#random()}`
    const before = this.oss.state.credentials.slice(-50)
    this.oss.setCredentials([...before, { ...staticCredentials, accessKeyId }])
    return accessKeyId
  }

  #between(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1))
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#between(0, from.length - 1)] as T
  }

  #fault(request: FakeRequest): Fault | undefined {
    const rate = this.#rates.get(request.key ?? '') ?? 0
    if (this.#random() >= rate) return undefined
    const row: FaultRow = this.#pick(faults)
    const { fault, on } = row
    if (on !== undefined && !(on as readonly string[]).includes(request.operation)) return undefined
    this.counts.faults += 1
    if (typeof fault !== 'function') return fault
    const setClock = (offset: number): void => {
      this.#clockOffset = offset
    }
    return fault({ request, etag: '"00000000000000000000000000000000"', setClock })
  }

  async #upload(): Promise<void> {
    const id = `soak-${++this.#number}`
    const size =
      this.#random() < 0.2 ? this.#between(0, partSize) : this.#between(partSize, maxBytes)
    const start = this.#between(0, maxBytes)
    const content = this.#material.subarray(start, start + size)
    const mode = this.#pick(['file', 'file', 'bytes', 'stream'] as const)
    const path = join(this.#folder, id)
    if (mode === 'file') await writeFile(path, content)
    const checkpointPath = join(this.#folder, `${id}.ucp`)
    const sequential = this.#random() < 0.2
    const contentMd5 = this.#random() < 0.2
    const common = { bucket, key: id, partSize, checkpointPath, sequential, contentMd5 }
    const pace = sequential ? {} : { concurrency: this.#between(1, 6) }
    const rate = this.#pick([0, 0.02, 0.1, 0.3])
    for (let run = 1; ; run++) {
      this.#rates.set(id, run > troubledRuns ? 0 : rate)
      this.counts.runs += 1
      const source =
        mode === 'file' ? { path } : { source: mode === 'bytes' ? content : pieces(content) }
      const dispatcher =
        run <= troubledRuns && this.#random() < rate / 2 ? this.#obstructed() : undefined
      const client = dispatcher === undefined ? this.#client : this.#newClient(dispatcher)
      const onEvent = ({ type }: UploadEvent): void => {
        if (type === 'retry') this.counts.retries += 1
      }
      const options = { ...common, ...pace, ...source, onEvent } as UploadFileOptions
      try {
        await uploadFile(client, options)
        break
      } catch (error) {
        // Somebody has looked, and found that the object has to be stored once more.
        const { code } = error as { readonly code?: string }
        if (code === 'ERR_OSS_AMBIGUOUS') await rm(checkpointPath, { force: true })
        if (run === maxRuns || code === undefined) throw error
      } finally {
        if (dispatcher !== undefined) await client.close()
        await dispatcher?.destroy()
      }
    }
    this.#rates.delete(id)
    if (this.oss.object(bucket, id)?.read().equals(content) !== true) {
      throw new Error(`${id}: other bytes are stored`)
    }
    this.counts.uploads += 1
    this.counts.bytes += size
    await rm(path, { force: true })
  }

  #obstructed(): ObstructedDispatcher {
    this.counts.faults += 1
    const operation = this.#pick([
      'UploadPart',
      'CompleteMultipartUpload',
      'PutObject',
      'ListParts',
    ])
    let left = this.#between(1, 6)
    return new ObstructedDispatcher(
      this.#pick(obstacles.filter((obstacle) => obstacle !== 'certificate')),
      (method, path) => operationOf(method, path).operation === operation && left-- > 0,
    )
  }
}
