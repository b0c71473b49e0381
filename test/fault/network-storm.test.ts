// Trouble that many requests meet together, over real sockets: storms of throttling, budgets, revoked keys, large bodies, slow links.

import { getEventListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type ExpiringCredentials,
  OssClient,
  type OssClientOptions,
  OssError,
  refreshingCredentials,
  type UploadEvent,
  type UploadFileOptions,
  type UploadFileResult,
  uploadFile,
} from '../../src/index.js'
import { type FakeOss, type FakeOssOptions, startFakeOss } from '../support/fake-oss/index.js'
import { randomBytes } from '../support/world.js'
import { partSize, pieces, staticCredentials } from './network-bench.js'

const parts = 24
const bytes = randomBytes(parts * partSize - 1000)
const target = { bucket: 'examplebucket', key: 'k' }

let fake: FakeOss
let client: OssClient
afterEach(async () => {
  await client.close()
  await fake.close()
})

async function open(change: Partial<OssClientOptions> = {}, options: FakeOssOptions = {}) {
  fake = await startFakeOss(options)
  client = new OssClient({
    ...{ region: 'cn-hangzhou', endpoint: fake.endpoint, credentials: staticCredentials },
    ...{ retry: { baseDelay: 1, maxDelay: 5 }, ...change },
  })
}

interface Ended {
  readonly result?: UploadFileResult
  readonly error?: OssError
  readonly events: readonly UploadEvent[]
}

async function upload(change: object = {}): Promise<Ended> {
  const events: UploadEvent[] = []
  const onEvent = (event: UploadEvent): void => void events.push(event)
  const options = { ...target, source: bytes, partSize, concurrency: 8, onEvent, ...change }
  try {
    return { result: await uploadFile(client, options as UploadFileOptions), events }
  } catch (error) {
    if (!(error instanceof OssError)) throw error
    return { error, events }
  }
}

const ofType = <T extends UploadEvent['type']>(events: readonly UploadEvent[], type: T) =>
  events.filter((event): event is Extract<UploadEvent, { type: T }> => event.type === type)
const stored = (content: Buffer): boolean =>
  fake.object('examplebucket', 'k')?.read().equals(content) === true
const partRequests = (part?: number) =>
  fake.requests.filter(
    ({ operation, partNumber }) =>
      operation === 'UploadPart' && (part === undefined || part === partNumber),
  )
const refuse = { type: 'status', status: 503, code: 'ServiceUnavailable' } as const
const broken = { type: 'status', status: 500, code: 'InternalError' } as const

describe('a storm of 503', () => {
  it('lowers the concurrency to what OSS takes, and the upload goes on', async () => {
    await open({}, { latencyMs: 10 })
    const takes = 2
    fake.setFault(({ operation }) => {
      if (operation !== 'UploadPart') return undefined
      const underway = partRequests().filter(({ endedAt }) => endedAt === undefined).length
      return underway > takes ? refuse : undefined
    })
    const { result, events } = await upload()
    expect(result?.outcome).toBe('completed')
    expect(stored(bytes)).toBe(true)
    const limits = ofType(events, 'throttle').map(({ concurrency }) => concurrency)
    expect(limits[0]).toBe(4)
    expect(Math.min(...limits)).toBeLessThanOrEqual(takes)
    // With eight at a time most of them would be refused each time.
    const refused = partRequests().filter(({ status }) => status === 503).length
    expect(refused).toBeLessThan(2 * parts)
  })

  it.each(['bytes', 'stream', 'sequential'])(
    'is outlived when it takes 300 times the longest pause (%s)',
    async (mode) => {
      await open()
      // An hour and a half with the default pauses of 20 s.
      let over = Number.POSITIVE_INFINITY
      fake.setFault(({ operation, partNumber }) => {
        if (operation !== 'UploadPart' || partNumber === 1) return undefined
        if (over === Number.POSITIVE_INFINITY) over = performance.now() + 1_500
        return performance.now() < over ? refuse : undefined
      })
      const source = mode === 'stream' ? { source: pieces(bytes) } : {}
      const how = mode === 'sequential' ? { sequential: true, concurrency: undefined } : {}
      const { result, events } = await upload({ ...source, ...how })
      expect(result?.sent.parts).toBe(parts)
      expect(stored(bytes)).toBe(true)
      const limits = ofType(events, 'throttle').map(({ concurrency }) => concurrency)
      expect(limits).toEqual(mode === 'sequential' ? [] : [4, 2, 1])
      expect(fake.completed).toHaveLength(1)
    },
  )
})

describe('attempts and budget', () => {
  it('belong to each part: a bad one does not use up those of another', async () => {
    const retry = { baseDelay: 1, maxDelay: 5, attempts: 5 }
    await open({ retry })
    const bad = new Set([2, 3, 11, parts])
    fake.setFault(({ partNumber = 0 }) =>
      bad.has(partNumber) && partRequests(partNumber).length < 5 ? broken : undefined,
    )
    const { result } = await upload()
    expect(result?.outcome).toBe('completed')
    for (let part = 1; part <= parts; part++) {
      expect(partRequests(part)).toHaveLength(bad.has(part) ? 5 : 1)
    }
    // One that never gets better fails by itself, after its own attempts.
    fake.setFault(({ partNumber = 0 }) =>
      partNumber === 7 || (partNumber === 8 && partRequests(8).length < 5) ? broken : undefined,
    )
    const before = partRequests(7).length
    const { error } = await upload()
    expect(error).toMatchObject({ code: 'InternalError', status: 500 })
    expect(error?.attempts).toHaveLength(5)
    expect(partRequests(7).length - before).toBe(5)
  })

  it('ends the upload when more fails than succeeds, resumably', async () => {
    await open({ retry: { baseDelay: 1, maxDelay: 5, attempts: 100, budget: 10 } })
    fake.setFault(({ operation }) => (operation === 'UploadPart' ? broken : undefined))
    const { error, events } = await upload({ checkpoint: false })
    expect(error?.hint).toContain('the retries of this upload are used up')
    expect(ofType(events, 'retry')).toHaveLength(10)
    // Each of those that were in flight has failed once more, at most.
    expect(partRequests().length).toBeLessThanOrEqual(8 + 10)
    await delay(50)
    expect(fake.uploads('examplebucket')).toEqual([])
  })
})

describe('pauses', () => {
  it('leave nothing behind on signals that outlive them, and bring no warning', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    await open({ retry: { attempts: 5, baseDelay: 20, maxDelay: 20 } })
    fake.setFault(({ partNumber = 0 }) =>
      partNumber > 0 && partRequests(partNumber).length < 3 ? broken : undefined,
    )
    const { signal } = new AbortController()
    const { result } = await upload({ signal, concurrency: parts })
    expect(result?.outcome).toBe('completed')
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await delay(10)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })
})

describe('what many requests learn at once', () => {
  it('keys that are revoked in mid-upload are renewed once, for all parts', async () => {
    let issued = 0
    const credentials = refreshingCredentials(async (): Promise<ExpiringCredentials> => {
      issued += 1
      await delay(20)
      const expiration = new Date(Date.now() + 3600_000)
      return { ...staticCredentials, accessKeyId: `key-${issued}`, expiration }
    })
    const accepts = (n: number) => [{ ...staticCredentials, accessKeyId: `key-${n}` }]
    await open({ credentials, retry: { attempts: 1 } }, { credentials: accepts(1), latencyMs: 5 })
    fake.setFault(({ partNumber }) => {
      if (partNumber === 10) fake.setCredentials(accepts(2))
      return undefined
    })
    const { result, events } = await upload()
    expect(result?.outcome).toBe('completed')
    expect(issued).toBe(2)
    expect(ofType(events, 'refresh').every(({ result: how }) => how === 'refreshed')).toBe(true)
    expect(stored(bytes)).toBe(true)
  })

  it.each([5, -5])('a clock that is %i days off is corrected once, for all parts', async (days) => {
    let offset = 0
    const now = () => new Date(Date.now() + offset)
    await open({ retry: { attempts: 1 } }, { now, latencyMs: 5 })
    fake.setFault(({ partNumber }) => {
      if (partNumber === 10) offset = days * 86_400_000
      return undefined
    })
    const { result, events } = await upload()
    expect(result?.outcome).toBe('completed')
    expect(ofType(events, 'skew')).toHaveLength(1)
    const [{ offsetMs = 0, source = '' } = {}] = ofType(events, 'skew')
    expect(source).toBe('ServerTime')
    expect(Math.abs(offsetMs - offset)).toBeLessThan(5_000)
  })
})

describe('large bodies', () => {
  const large = randomBytes(16 * 2 ** 20)
  const inTwo = { source: large, partSize: 8 * 2 ** 20, concurrency: 2 }

  it.each([false, true])(
    'refused while they are sent, show the refusal and no ECONNRESET (with a reset: %s)',
    async (reset) => {
      await open({}, {})
      fake.setFault(({ operation }) =>
        operation === 'UploadPart'
          ? { type: 'early-response', status: 403, code: 'AccessDenied', reset }
          : undefined,
      )
      const { error } = await upload(inTwo)
      expect(error).toMatchObject({ code: 'AccessDenied', status: 403 })
      expect(error?.attempts?.length).toBeLessThanOrEqual(2)
      for (const { bodyBytes } of partRequests()) expect(bodyBytes).toBeLessThan(8 * 2 ** 20)
    },
  )

  it('may take as long as they need while they move', async () => {
    const limits = { idleTimeout: 500, answerTimeout: 500 }
    await open(limits, { bytesPerSecondPerConnection: 4_000_000 })
    const { result, events } = await upload(inTwo)
    expect(result?.outcome).toBe('completed')
    const slowest = Math.max(...ofType(events, 'attempt').map(({ durationMs }) => durationMs))
    expect(slowest).toBeGreaterThan(1_500)
    expect(ofType(events, 'retry')).toEqual([])
    expect(stored(large)).toBe(true)
  })

  it('end with idleTimeout when nobody takes them any more', async () => {
    await open({ idleTimeout: 300, retry: { attempts: 1 } })
    fake.setFault(({ operation }) =>
      operation === 'UploadPart' ? { type: 'stall', afterBodyBytes: 100_000 } : undefined,
    )
    const { error, events } = await upload({ ...inTwo, concurrency: 1 })
    expect(error).toMatchObject({ code: 'ERR_OSS_TIMEOUT' })
    expect(error?.message).toContain('(idleTimeout)')
    expect(ofType(events, 'stall')[0]).toMatchObject({ phase: 'sending', partNumber: 1 })
  })
})
