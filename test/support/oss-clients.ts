/** Owns clients for tests: against a fake OSS over sockets in either style, or against msw handlers. */

import type { LookupFunction } from 'node:net'
import { HttpResponse, http } from 'msw'
import { Agent } from 'undici'
import { OssClient, type OssClientOptions } from '../../src/oss/client.js'
import type { FakeOss } from './fake-oss/index.js'
import { MswDispatcher } from './msw.js'

export const fakeCredentials = {
  accessKeyId: 'test-access-key-id',
  accessKeySecret: 'test-access-key-secret',
} as const

/** What a single fault does is seen where nothing is tried again. */
const once = { attempts: 1 }

/** Every name is 127.0.0.1: `*.localhost` does not resolve everywhere. */
const loopback: LookupFunction = (_, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

/** A client, what it will put into the Host header, and what precedes the key in the request line. */
export interface AddressedClient extends AsyncDisposable {
  readonly client: OssClient
  readonly host: string
  readonly prefix: string
}

export const styles = ['path style', 'virtual-hosted style'] as const
export type Style = (typeof styles)[number]

/** A client for `examplebucket` of a fake OSS. */
export function addressedClient(
  oss: FakeOss,
  style: Style,
  options: OssClientOptions = {},
): AddressedClient {
  const { port } = new URL(oss.endpoint)
  const common = { region: 'cn-hangzhou', credentials: fakeCredentials, retry: once, ...options }
  if (style === 'path style') {
    const client = new OssClient({ ...common, endpoint: oss.endpoint })
    const [host, prefix] = [`127.0.0.1:${port}`, '/examplebucket/']
    return { client, host, prefix, [Symbol.asyncDispose]: () => client.close() }
  }
  const dispatcher = new Agent({ connect: { lookup: loopback } })
  const client = new OssClient({ ...common, endpoint: `http://oss.test:${port}`, dispatcher })
  return {
    client,
    host: `examplebucket.oss.test:${port}`,
    prefix: '/',
    async [Symbol.asyncDispose]() {
      await client.close()
      await dispatcher.destroy()
    },
  }
}

/** A client whose every request gets this answer, from an msw handler and without a socket. */
export function answeredClient(
  answer: (request: Request) => Response | Promise<Response>,
  options: OssClientOptions = {},
): OssClient {
  return new OssClient({
    region: 'cn-hangzhou',
    credentials: fakeCredentials,
    retry: once,
    dispatcher: new MswDispatcher(http.all('*', ({ request }) => answer(request))),
    ...options,
  })
}

/** An answer; msw's own class keeps statuses and headers that `Response` would refuse. */
export function reply(
  status: number,
  body: string | null = null,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new HttpResponse(body, { status, headers })
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (outcome instanceof Error) return outcome
  throw new Error(`expected a rejection with an Error, got ${String(outcome)}`)
}
