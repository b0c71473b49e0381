// Runs one case of the fault table over sockets and says everything that is not as the table has it.

import { getEventListeners } from 'node:events'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  OssClient,
  OssError,
  type UploadEvent,
  type UploadFileOptions,
  type UploadFileResult,
  uploadFile,
} from '../../src/index.js'
import { type FakeOss, type Fault, startFakeOss } from '../support/fake-oss/index.js'
import { selfSigned } from '../support/tls-certificate.js'
import * as bench from './network-bench.js'
import type { NetworkCase } from './network-table.js'

const { bucket, key, partSize } = bench

interface Run {
  readonly result?: UploadFileResult
  readonly error?: unknown
  readonly events: readonly UploadEvent[]
}

/** The trouble of a case, to be asked once for each request that could meet it. */
function trouble({ operation, part, lasting }: NetworkCase) {
  let met = 0
  return (asked: { readonly operation: string; readonly partNumber?: number }): boolean => {
    if (asked.operation !== operation || (part !== undefined && asked.partNumber !== part)) {
      return false
    }
    met += 1
    return lasting === 'always' || met === 1
  }
}

const policy = { baseDelay: 1, maxDelay: 5 }
/** Milliseconds: enough for one that passes even where the machine is busy, and soon over for one that lasts. */
const throttleTime = { once: 20_000, always: 150 }

/** Codes that leave open what to do. */
const hintless: ReadonlySet<string> = new Set([
  'ERR_OSS_MALFORMED_RESPONSE',
  'InvalidArgument',
  'MethodNotAllowed',
])

/** @returns one line for each thing that is not as it should be. */
export async function runCase(one: NetworkCase, folder: string, name: string): Promise<string[]> {
  const { row, operation, mode, expected } = one
  const wrong: string[] = []
  const check = (right: boolean, what: string): void => {
    if (!right) wrong.push(what)
  }
  let clockOffset = 0
  const tls = row.obstacle === 'certificate' ? { tls: selfSigned } : {}
  await using fake = await startFakeOss({
    ...tls,
    credentials: bench.acceptedCredentials,
    now: () => new Date(Date.now() + clockOffset),
  })
  const small = operation === 'PutObject'
  const checkpoint = join(folder, `${name}.ucp`)
  const common = {
    ...{ bucket, key, partSize, checkpointPath: checkpoint },
    ...(row.contentMd5 && { contentMd5: true }),
  }
  const signal = new AbortController().signal

  const run = async (troubled: boolean, options: object = {}): Promise<Run> => {
    const meets = trouble(one)
    const dispatcher =
      tls.tls === undefined && (row.obstacle === undefined || !troubled)
        ? undefined
        : new bench.ObstructedDispatcher(
            row.obstacle ?? 'refused',
            (method, path) => troubled && meets(bench.operationOf(method, path)),
          )
    const client = new OssClient({
      region: 'cn-hangzhou',
      endpoint: fake.endpoint,
      credentials: row.renewable ? bench.renewableCredentials() : bench.staticCredentials,
      retry: {
        ...policy,
        attempts: row.attempts ?? 4,
        throttleTime: throttleTime[one.lasting],
      },
      answerTimeout: troubled ? (row.answerTimeout ?? 20_000) : 20_000,
      dispatcher,
    })
    const events: UploadEvent[] = []
    try {
      const source = bench.sourceOptions(folder, mode, small)
      const onEvent = (event: UploadEvent): void => void events.push(event)
      const all = { ...source, ...common, signal, onEvent, ...options } as UploadFileOptions
      return { result: await uploadFile(client, all), events }
    } catch (error) {
      return { error, events }
    } finally {
      await client.close()
      await dispatcher?.destroy()
    }
  }

  // What has to be there before the operation comes at all.
  const prepared = ['ListParts', 'AbortMultipartUpload', 'ListMultipartUploads'].includes(operation)
  if (prepared) {
    fake.setFault((request) =>
      request.partNumber === 3 ? { type: 'status', status: 403, code: 'UserDisable' } : undefined,
    )
    await run(false, { concurrency: 1 })
    if (operation === 'ListMultipartUploads') await rm(checkpoint)
  }

  const meets = trouble(one)
  let completes = 0
  const before = fake.requests.length
  fake.setFault((request): Fault | undefined => {
    if (operation === 'HeadObject' && request.operation === 'CompleteMultipartUpload') {
      completes += 1
      if (completes === 1) return { type: 'reset-after-apply' }
    }
    if (row.obstacle !== undefined || !meets(request)) return undefined
    if (typeof row.fault !== 'function') return row.fault
    const setClock = (offset: number): void => {
      clockOffset = offset
    }
    return row.fault({ request, etag: bench.etagOf(request), setClock })
  })
  const troubled = await run(true, {
    ...(operation === 'AbortMultipartUpload' && { restart: true }),
    ...(operation === 'ListMultipartUploads' && { adopt: true }),
  })
  checkRun(one, troubled, fake, before, check)
  const stray = fake.uploads(bucket).map(({ uploadId }) => uploadId)
  const left = await readdir(folder)
  const kept = left.filter((file) => file.startsWith(`${name}.ucp`))
  const keeps = expected.ends === 'resumes' || expected.ends === 'ambiguous'
  check(kept.join() === (keeps ? `${name}.ucp` : ''), `files left: ${kept.join() || 'none'}`)

  if (expected.ends !== 'finishes') {
    fake.setFault(undefined)
    const next = await run(false)
    if (next.error !== undefined) check(false, `the next run: ${String(next.error)}`)
    const { resumed, sent, parts, abandonedUploadIds = [] } = next.result ?? {}
    check((resumed?.parts ?? 0) + (sent?.parts ?? 0) === parts, 'the next run counts other parts')
    check(abandonedUploadIds.length === 0, `the next run reports ${abandonedUploadIds.join()}`)
  }
  checkEnd(one, fake, stray, check)
  const files = await readdir(folder)
  const rest = files.filter((file) => file.startsWith(name))
  check(rest.length === 0, `files in the end: ${rest.join()}`)
  check(getEventListeners(signal, 'abort').length === 0, 'listeners are left on the signal')
  // A fake that has stopped reading does not hear that the other side has gone.
  if (typeof row.fault === 'object' && row.fault.type === 'stall') return wrong
  for (let tries = 0; fake.openConnections > 0 && tries < 200; tries++) await delay(10)
  check(fake.openConnections === 0, `${fake.openConnections} connections are open`)
  return wrong
}

type Check = (right: boolean, what: string) => void

function checkRun(
  one: NetworkCase,
  { result, error, events }: Run,
  fake: FakeOss,
  before: number,
  check: Check,
): void {
  const { row, operation, part, expected } = one
  const [least, most] = expected.attempts
  const attempts = events.filter(
    (event) =>
      event.type === 'attempt' &&
      event.operation === operation &&
      (part === undefined || event.partNumber === part),
  ).length
  check(attempts >= least && attempts <= most, `${attempts} attempts, not ${least}..${most}`)
  const logged = fake.requests.slice(before)
  const seen = logged.filter(
    (request) =>
      request.operation === operation && (part === undefined || request.partNumber === part),
  )
  check(row.obstacle !== undefined || seen.length === attempts, `OSS saw ${seen.length} attempts`)
  for (const { endlessBytes = 0 } of logged) {
    check(endlessBytes < 128 * 2 ** 20, `${endlessBytes} bytes of an answer were taken`)
  }
  if (expected.ends === 'finishes') {
    if (result === undefined) check(false, `failed: ${String(error)}`)
    const reported = result?.abandonedUploadIds.length ?? 0
    const wanted = expected.reported ?? expected.open ?? 0
    check(reported === wanted, `reports ${reported} upload ids, not ${wanted}`)
    return
  }
  if (!(error instanceof OssError)) {
    check(false, result === undefined ? `threw ${String(error)}` : 'finished')
    return
  }
  const code = expected.code ?? row.code
  check(error.code === code, `failed with ${error.code}, not ${code}: ${error.message}`)
  // Where nobody has refused the look at the object, another one may tell.
  const mayTell = !['AccessDenied', 'HttpStatus403', ''].includes(row.code ?? '')
  const resumable = expected.ends === 'resumes' || (expected.ends === 'ambiguous' && mayTell)
  check(error.upload?.resumable === resumable, `resumable is ${error.upload?.resumable}`)
  check(error.hint !== undefined || hintless.has(code), `no hint beside: ${error.message}`)
  if (expected.ends !== 'ambiguous') {
    const said = `${error.message}; ${error.hint}`
    check(row.says === undefined || row.says.test(said), `does not say ${row.says}: ${said}`)
    const { cause } = error.attempts?.at(-1) ?? {}
    check(row.cause === undefined || row.cause === cause, `the cause is ${cause}`)
  }
  checkHistory(one, error, attempts, check)
}

/** Every attempt at the request that failed, in order, and what was done about it. */
function checkHistory(
  { row, operation, expected }: NetworkCase,
  error: OssError,
  made: number,
  check: Check,
): void {
  const history = error.attempts ?? []
  // These two are about the object, and no request.
  const ofObject =
    operation === 'CompleteMultipartUpload' && error.code === 'ERR_OSS_CHECKSUM_MISMATCH'
  if (expected.ends === 'ambiguous' || ofObject) return
  const last = history.at(-1)
  check(last?.verdict === 'fail', `the last verdict is ${last?.verdict}`)
  check(last?.code === error.code, `the last attempt failed with ${last?.code}`)
  const others = [...new Set(history.slice(0, -1).map(({ verdict }) => verdict))]
  const right = others.every((verdict) => verdict === row.verdict || verdict === 'network')
  check(right, `verdicts ${others.join()}, not ${row.verdict}`)
  // Where another request is repeated, or another upload begun, each has a history of its own.
  const isWhole = row.verdict === undefined || history.length === Math.min(50, made)
  check(isWhole, `${history.length} of ${made} attempts told`)
  for (const { startedAt, durationMs } of history) {
    check(!Number.isNaN(Date.parse(startedAt)) && durationMs >= 0, 'an attempt without a time')
  }
}

function checkEnd(
  { operation, expected }: NetworkCase,
  fake: FakeOss,
  stray: readonly string[],
  check: Check,
): void {
  const content = operation === 'PutObject' ? bench.smallBytes : bench.bytes
  const stored = fake.object(bucket, key)?.read()
  check(stored?.equals(content) === true, 'other bytes are stored')
  const published = operation === 'PutObject' ? 0 : (expected.published ?? 1)
  check(fake.completed.length === published, `published ${fake.completed.length} times`)
  const open = fake.uploads(bucket).map(({ uploadId }) => uploadId)
  const wanted = expected.open ?? 0
  check(open.length === wanted, `${open.length} upload ids are open, not ${wanted}`)
  check(
    open.every((id) => stray.includes(id)),
    'the next run left an upload id',
  )
}
