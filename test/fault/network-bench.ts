// Owns what the cases of the fault table are run with: sources, the fake, clients, and obstacles before a connection.

import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, Dispatcher } from 'undici'
import { type ExpiringCredentials, refreshingCredentials } from '../../src/index.js'
import type { OssClientOptions } from '../../src/oss/client.js'
import type { FakeRequest } from '../support/fake-oss/index.js'
import { selfSigned } from '../support/tls-certificate.js'
import { randomBytes } from '../support/world.js'
import type { Mode, Obstacle } from './network-faults.js'
import type { Operation } from './network-outcomes.js'

export const partSize = 102_400
/** Two whole parts and one that is sent with its headers. */
export const bytes: Buffer = randomBytes(2 * partSize + 50_000)
/** Of one part. */
export const smallBytes: Buffer = bytes.subarray(0, 90_000)
export const bucket = 'examplebucket'
export const key = 'dir/file.bin'

/** A folder with the files to upload. */
export async function openFolder(): Promise<
  AsyncDisposable & { readonly path: string; list(name: string): Promise<string[]> }
> {
  const path = await mkdtemp(join(tmpdir(), 'ossup-network-'))
  await writeFile(join(path, 'file.bin'), bytes)
  await writeFile(join(path, 'small.bin'), smallBytes)
  return {
    path,
    list: async (name) => (await readdir(path)).filter((file) => file.startsWith(name)),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** What OSS answers for the content of a request, as it should be. */
export function etagOf({ operation, partNumber = 1 }: FakeRequest): string {
  const at = (partNumber - 1) * partSize
  const content = operation === 'PutObject' ? smallBytes : bytes.subarray(at, at + partSize)
  return `"${createHash('md5').update(content).digest('hex').toUpperCase()}"`
}

/** In pieces that end where no part does. */
export async function* pieces(of: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < of.length; at += 37_000) yield of.subarray(at, at + 37_000)
}

export function sourceOptions(folder: string, mode: Mode, small: boolean): object {
  const name = small ? 'small.bin' : 'file.bin'
  const content = small ? smallBytes : bytes
  const sequential = mode.startsWith('sequential') ? { sequential: true } : { concurrency: 3 }
  if (mode.endsWith('stream')) return { source: pieces(content), ...sequential }
  if (mode === 'bytes') return { source: content, ...sequential }
  return { path: join(folder, name), ...sequential }
}

export const staticCredentials = {
  accessKeyId: 'test-access-key-id',
  accessKeySecret: 'test-access-key-secret',
} as const

/** New ones each time that it is asked; the fake accepts the first 20. */
export function renewableCredentials(): NonNullable<OssClientOptions['credentials']> {
  let issued = 0
  return refreshingCredentials(async (): Promise<ExpiringCredentials> => {
    issued += 1
    const expiration = new Date(Date.now() + 3600_000)
    return { ...staticCredentials, securityToken: `token-${issued}`, expiration }
  })
}

export const acceptedCredentials = [
  staticCredentials,
  ...Array.from({ length: 20 }, (_, n) => ({
    ...staticCredentials,
    securityToken: `token-${n + 1}`,
  })),
]

const nowhere: LookupFunction = (host, _, callback) => {
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
  setImmediate(() => callback(error, '', 4))
}
/** Nobody listens on port 1 of loopback. */
const closedPort = 1

function blocked(obstacle: Obstacle): { readonly agent: Agent; readonly origin?: string } {
  switch (obstacle) {
    case 'refused':
      return { agent: new Agent(), origin: `127.0.0.1:${closedPort}` }
    case 'no name':
      return { agent: new Agent({ connect: { lookup: nowhere } }), origin: 'oss.test' }
    case 'no answer to connect': {
      const never: LookupFunction = () => {}
      return { agent: new Agent({ connect: { lookup: never, timeout: 50 } }), origin: 'oss.test' }
    }
    // It knows no authority that vouches for the fake.
    case 'certificate':
      return { agent: new Agent() }
  }
}

/** Leads some requests into an obstacle and the others to the fake. */
export class ObstructedDispatcher extends Dispatcher {
  readonly #free = new Agent({ connect: { ca: selfSigned.cert } })
  readonly #blocked: ReturnType<typeof blocked>
  readonly #meets: (method: string, path: string) => boolean

  constructor(obstacle: Obstacle, meets: (method: string, path: string) => boolean) {
    super()
    this.#blocked = blocked(obstacle)
    this.#meets = meets
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (!this.#meets(options.method, options.path)) return this.#free.dispatch(options, handler)
    const { agent, origin } = this.#blocked
    const scheme = String(options.origin).split('//')[0]
    const target = origin === undefined ? options : { ...options, origin: `${scheme}//${origin}` }
    return agent.dispatch(target, handler)
  }

  override async destroy(): Promise<void> {
    await Promise.all([this.#free.destroy(), this.#blocked.agent.destroy()])
  }
}

/** Which operation a request line asks for. */
export function operationOf(
  method: string,
  path: string,
): { readonly operation: Operation; readonly partNumber?: number } {
  const query = new URLSearchParams(path.split('?')[1] ?? '')
  const partNumber = Number(query.get('partNumber') ?? 0)
  if (method === 'PUT' && partNumber > 0) return { operation: 'UploadPart', partNumber }
  if (method === 'PUT') return { operation: 'PutObject' }
  if (method === 'HEAD') return { operation: 'HeadObject' }
  if (method === 'DELETE') return { operation: 'AbortMultipartUpload' }
  if (method === 'POST') {
    const operation = query.has('uploads') ? 'InitiateMultipartUpload' : 'CompleteMultipartUpload'
    return { operation }
  }
  return { operation: query.has('uploads') ? 'ListMultipartUploads' : 'ListParts' }
}
