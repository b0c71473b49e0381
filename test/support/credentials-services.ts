/** Owns fakes of what gives credentials: a service on loopback that answers as a test says, and a metadata service made of it. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ServiceRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** `hang` never answers; `garbage` answers with something that is not HTTP. */
export type ServiceAnswer =
  | { readonly status?: number; readonly json?: unknown; readonly text?: string }
  | 'hang'
  | { readonly garbage: string }

export interface FakeService extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly ServiceRequest[]
  readonly openConnections: number
  answer: (request: ServiceRequest) => ServiceAnswer
}

export async function startFakeService(
  answer: (request: ServiceRequest) => ServiceAnswer,
): Promise<FakeService> {
  const requests: ServiceRequest[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming
      const request = { method, path: url, headers, body: Buffer.concat(chunks).toString() }
      requests.push(request)
      const given = service.answer(request)
      if (given === 'hang') return
      if ('garbage' in given) {
        incoming.socket.end(given.garbage)
        return
      }
      outgoing.statusCode = given.status ?? 200
      outgoing.end(given.text ?? JSON.stringify(given.json ?? null))
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const service: FakeService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get openConnections() {
      return sockets.size
    },
    answer,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return service
}

/** An origin on loopback where nobody listens. */
export async function closedOrigin(): Promise<string> {
  const service = await startFakeService(() => 'hang')
  await service[Symbol.asyncDispose]()
  return service.url
}

/** What a service answers for credentials, valid for an hour from a fixed time on. */
export const issued = {
  AccessKeyId: 'STS.TestId',
  AccessKeySecret: 'test-sts-secret',
  SecurityToken: 'test-sts-token',
  Expiration: '2030-01-01T01:00:00Z',
} as const

export const issuedAt = new Date('2030-01-01T00:00:00Z')

/** The same, as a provider gives it. */
export const expected = {
  accessKeyId: 'STS.TestId',
  accessKeySecret: 'test-sts-secret',
  securityToken: 'test-sts-token',
  expiration: new Date('2030-01-01T01:00:00Z'),
} as const

export interface MetadataOptions {
  /** Undefined is no role. */
  readonly role?: string | undefined
  /** What a PUT for a token is answered with. */
  readonly token?: ServiceAnswer
  /** True refuses a GET without a token. */
  readonly hardenedOnly?: boolean
  readonly credentials?: ServiceAnswer
}

export const metadataToken = 'test-metadata-token'

export function startFakeMetadata(options: MetadataOptions = {}): Promise<FakeService> {
  const { role, hardenedOnly = false } = { role: 'test-role', ...options }
  const roles = '/latest/meta-data/ram/security-credentials/'
  const notFound = { status: 404, text: '<html>404</html>' }
  return startFakeService(({ method, path, headers }) => {
    if (path === '/latest/api/token') {
      if (method !== 'PUT') return { status: 405 }
      return options.token ?? { text: metadataToken }
    }
    const given = headers['x-aliyun-ecs-metadata-token']
    if (given === undefined ? hardenedOnly : given !== metadataToken) return { status: 403 }
    if (role === undefined) return notFound
    if (path === roles) return { text: `${role}\n` }
    if (path !== roles + role) return notFound
    return options.credentials ?? { json: { Code: 'Success', ...issued } }
  })
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
  /** @returns the path of the file */
  write(name: string, text: string): Promise<string>
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'ossup-credentials-'))
  return {
    path,
    async write(name, text) {
      await writeFile(join(path, name), text, { mode: 0o600 })
      return join(path, name)
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true })
    },
  }
}
