/** Owns a transport that answers what a test has written down, attempt by attempt, and a client over it. */

import { OssClient, type OssClientOptions } from '../../src/oss/client.js'
import type { RequestEvent } from '../../src/oss/scope.js'
import { OssError } from '../../src/primitives/errors.js'
import type {
  Transport,
  TransportRequest,
  TransportResponse,
} from '../../src/transport/transport.js'

/** What becomes of an attempt: an answer, or what is thrown; `undefined` is a 200. */
export type Step =
  | Partial<TransportResponse>
  | Error
  | ((request: TransportRequest) => Step | Promise<Step>)
  | undefined

export interface Script {
  readonly transport: Transport
  readonly requests: readonly TransportRequest[]
}

/** The last step is repeated. */
export function scripted(...steps: readonly Step[]): Script {
  const requests: TransportRequest[] = []
  const transport: Transport = {
    async request(request) {
      let step = steps[Math.min(requests.push(request), steps.length) - 1]
      while (typeof step === 'function') step = await step(request)
      if (step instanceof Error) throw step
      return { status: 200, headers: { etag: '"E"' }, body: new Uint8Array(), ...step }
    },
    close: async () => {},
  }
  return { transport, requests }
}

/** An error document of OSS. */
export function refusal(
  status: number,
  code: string,
  fields: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Partial<TransportResponse> {
  const all = { Code: code, Message: 'no', ...fields }
  const elements = Object.entries(all).map(([name, value]) => `<${name}>${value}</${name}>`)
  return { status, headers, body: Buffer.from(`<Error>${elements.join('')}</Error>`) }
}

/** A connection that was lost; a new error each time, as a transport gives. */
export function lost(cause = 'ECONNRESET', code = 'ERR_OSS_TRANSPORT'): () => OssError {
  return () =>
    new OssError('no complete answer', {
      code,
      cause: Object.assign(new Error(cause), { code: cause }),
    })
}

/** Without pauses, unless `retry` says otherwise; `events` are what the client tells. */
export function scriptedClient(
  { transport }: Script,
  options: OssClientOptions = {},
): { readonly client: OssClient; readonly events: RequestEvent[] } {
  const events: RequestEvent[] = []
  const client = new OssClient({
    region: 'cn-hangzhou',
    credentials: { accessKeyId: 'test-access-key-id', accessKeySecret: 'test-access-key-secret' },
    transport,
    onEvent: (event) => void events.push(event),
    ...options,
    retry: { baseDelay: 0, ...options.retry },
  })
  return { client, events }
}
