import { once } from 'node:events'
import { inspect } from 'node:util'
import { Agent } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { OssClient, type OssClientOptions } from '../../src/oss/client.js'
import { headObject, putObject } from '../../src/oss/object.js'
import { defaultRetryPolicy } from '../../src/oss/retry.js'
import type { Transport } from '../../src/transport/transport.js'
import { issued, startFakeService } from '../support/credentials-services.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { answeredClient, fakeCredentials, rejection, reply } from '../support/oss-clients.js'

const region = 'cn-hangzhou'
const temporary = {
  accessKeyId: issued.AccessKeyId,
  accessKeySecret: issued.AccessKeySecret,
  securityToken: issued.SecurityToken,
}
const object = { bucket: 'examplebucket', key: 'k' }
const body = Buffer.from('x')

const clientOf = (oss: FakeOss, options: OssClientOptions = {}) => {
  const common = { region, endpoint: oss.endpoint, credentials: fakeCredentials }
  return new OssClient({ ...common, retry: { attempts: 1 }, ...options })
}

/** Waits until the fake has no connection left. */
const disconnected = (oss: FakeOss) =>
  vi.waitFor(() => expect(oss.openConnections).toBe(0), { interval: 2 })

describe('OssClient: options', () => {
  it.each(['regoin', 'accessKeyId', 'timeout', 'constructor', '__proto__x', ''])(
    'refuses the unknown option %j by name',
    (name) => {
      expect(() => new OssClient({ region, [name]: 1 } as OssClientOptions)).toThrow(
        new TypeError(`unknown client option "${name}"`),
      )
    },
  )

  it('takes every option that it documents, undefined ones for absent', () => {
    const options: Required<OssClientOptions> = {
      region,
      endpoint: undefined,
      pathStyle: undefined,
      internal: undefined,
      accelerate: undefined,
      dualStack: undefined,
      cname: undefined,
      credentials: undefined,
      additionalHeaders: undefined,
      dispatcher: undefined,
      connectTimeout: undefined,
      idleTimeout: undefined,
      answerTimeout: undefined,
      retry: undefined,
      onEvent: undefined,
      now: undefined,
      transport: undefined,
    }
    expect(new OssClient(options).endpoint).toEqual({
      region,
      pathStyle: false,
      origin: 'https://oss-cn-hangzhou.aliyuncs.com',
    })
  })

  it('needs a region or an endpoint that tells it', () => {
    expect(() => new OssClient()).toThrow(/^region is required/)
    expect(new OssClient({ endpoint: 'oss-cn-beijing.aliyuncs.com' }).endpoint.region).toBe(
      'cn-beijing',
    )
  })

  it.each([1, 2, 599_999, 600_000])('accepts a connectTimeout of %i ms', (connectTimeout) => {
    expect(() => new OssClient({ region, connectTimeout })).not.toThrow()
  })

  it.each([0, -1, 600_001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '10' as never])(
    'refuses a connectTimeout of %s',
    (connectTimeout) => {
      expect(() => new OssClient({ region, connectTimeout })).toThrow(
        new RangeError(`connectTimeout must be 1..600000 ms, not ${connectTimeout}`),
      )
    },
  )

  it('signs with the clock that it was given', async () => {
    await using oss = await startFakeOss({ now: () => new Date('2031-05-06T07:08:09Z') })
    await using client = clientOf(oss, { now: () => new Date('2031-05-06T07:08:09Z') })
    await putObject(client, { ...object, body })
    expect(oss.requests[0]?.headers['x-oss-date']).toBe('20310506T070809Z')
  })

  it('signs with the time of day when it was given no clock', async () => {
    await using oss = await startFakeOss()
    await using client = clientOf(oss)
    const before = Date.now()
    await putObject(client, { ...object, body })
    const stamp = oss.requests[0]?.headers['x-oss-date'] ?? ''
    const signedAt = Date.parse(
      stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
    )
    expect(signedAt).toBeGreaterThan(before - 1000)
    expect(signedAt).toBeLessThanOrEqual(Date.now())
  })

  it('reads the environment when it was given no credentials', async () => {
    await using oss = await startFakeOss()
    await using client = new OssClient({ region, endpoint: oss.endpoint })
    vi.stubEnv('OSS_ACCESS_KEY_ID', fakeCredentials.accessKeyId)
    vi.stubEnv('OSS_ACCESS_KEY_SECRET', fakeCredentials.accessKeySecret)
    vi.stubEnv('OSS_SESSION_TOKEN', undefined)
    try {
      await putObject(client, { ...object, body })
      vi.stubEnv('OSS_ACCESS_KEY_SECRET', undefined)
      expect(await rejection(putObject(client, { ...object, body }))).toMatchObject({
        code: 'ERR_OSS_CREDENTIALS',
        message: 'no credentials: OSS_ACCESS_KEY_SECRET is not set',
      })
    } finally {
      vi.unstubAllEnvs()
    }
    expect(oss.requests).toHaveLength(1)
  })

  it('looks for credentials elsewhere when the environment has none', async () => {
    await using oss = await startFakeOss({ credentials: [temporary] })
    await using service = await startFakeService(() => ({
      json: { ...issued, Expiration: '2999-01-01T00:00:00Z' },
    }))
    await using client = new OssClient({ region, endpoint: oss.endpoint })
    for (const name of Object.keys(process.env)) {
      if (/^(?:OSS|ALIBABA_CLOUD)_|^(?:HOME|USERPROFILE)$/.test(name)) vi.stubEnv(name, undefined)
    }
    // Whatever machine this runs on, it asks nobody but the service.
    vi.stubEnv('ALIBABA_CLOUD_ECS_METADATA_DISABLED', 'true')
    vi.stubEnv('ALIBABA_CLOUD_CREDENTIALS_URI', service.url)
    try {
      await putObject(client, { ...object, body })
      await putObject(client, { ...object, body })
    } finally {
      vi.unstubAllEnvs()
    }
    expect([oss.requests.length, service.requests.length]).toEqual([2, 1])
  })

  it('asks a provider of credentials once for each request', async () => {
    await using oss = await startFakeOss()
    const provider = vi.fn(async () => fakeCredentials)
    await using client = clientOf(oss, { credentials: provider })
    expect(provider).not.toHaveBeenCalled()
    await putObject(client, { ...object, body })
    await headObject(client, object)
    expect(provider).toHaveBeenCalledTimes(2)
  })
})

describe('OssClient: closing', () => {
  it('closes the connections that it opened', async () => {
    await using oss = await startFakeOss()
    const client = clientOf(oss)
    await Promise.all(
      [1, 2, 3].map((n) => putObject(client, { bucket: 'examplebucket', key: `k${n}`, body })),
    )
    expect(oss.openConnections).toBe(3)
    await client.close()
    await disconnected(oss)
  })

  it('keeps a connection for the next request until then', async () => {
    await using oss = await startFakeOss()
    await using client = clientOf(oss)
    for (let request = 0; request < 3; request++) await putObject(client, { ...object, body })
    expect([oss.connections, oss.openConnections]).toEqual([1, 1])
  })

  it('is idempotent, and harmless before the first request', async () => {
    const unused = new OssClient({ region })
    await unused.close()
    await unused.close()
    await using oss = await startFakeOss()
    const client = clientOf(oss)
    await putObject(client, { ...object, body })
    await Promise.all([client.close(), client.close()])
    await client.close()
    await disconnected(oss)
  })

  it('is what `await using` does at the end of its block', async () => {
    await using oss = await startFakeOss()
    let kept: OssClient
    {
      await using client = clientOf(oss)
      await putObject(client, { ...object, body })
      kept = client
    }
    await disconnected(oss)
    expect(await rejection(headObject(kept, object))).toMatchObject({ code: 'ERR_OSS_TRANSPORT' })
  })

  it.each([
    ['one that was used', true],
    ['one that was not', false],
  ])('makes later requests fail, of %s, without connecting', async (_, used) => {
    await using oss = await startFakeOss()
    const client = clientOf(oss)
    if (used) await putObject(client, { ...object, body })
    await client.close()
    const { connections } = oss
    expect(await rejection(headObject(client, object))).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      operation: 'HeadObject',
      message: 'HeadObject failed: the client is closed',
    })
    expect(oss.connections).toBe(connections)
  })

  it('makes requests under way fail', async () => {
    await using oss = await startFakeOss({ fault: () => ({ type: 'hang' }) })
    const client = clientOf(oss)
    const failed = rejection(putObject(client, { ...object, body }))
    await vi.waitFor(() => expect(oss.requests[0]?.bodyBytes).toBe(1), { interval: 2 })
    await client.close()
    expect(await failed).toMatchObject({ code: 'ERR_OSS_TRANSPORT', operation: 'PutObject' })
    await disconnected(oss)
  })

  it('ends what the default credentials are asking', async () => {
    await using service = await startFakeService(() => 'hang')
    const client = new OssClient({ region })
    for (const name of Object.keys(process.env)) {
      if (/^(?:OSS|ALIBABA_CLOUD)_|^(?:HOME|USERPROFILE)$/.test(name)) vi.stubEnv(name, undefined)
    }
    vi.stubEnv('ALIBABA_CLOUD_ECS_METADATA_DISABLED', 'true')
    vi.stubEnv('ALIBABA_CLOUD_CREDENTIALS_URI', service.url)
    try {
      const failed = rejection(putObject(client, { ...object, body }))
      await vi.waitFor(() => expect(service.requests).toHaveLength(1), { interval: 2 })
      await client.close()
      expect(await failed).toMatchObject({ message: 'the client is closed' })
    } finally {
      vi.unstubAllEnvs()
    }
    await vi.waitFor(() => expect(service.openConnections).toBe(0), { interval: 2 })
  })

  it('leaves a caller’s dispatcher open, and still refuses requests of its own', async () => {
    await using oss = await startFakeOss()
    const dispatcher = new Agent()
    const first = clientOf(oss, { dispatcher })
    await putObject(first, { ...object, body })
    await first.close()
    expect(await rejection(headObject(first, object))).toMatchObject({
      message: 'HeadObject failed: the client is closed',
    })
    await using second = clientOf(oss, { dispatcher })
    await putObject(second, { ...object, body })
    expect([oss.connections, oss.openConnections]).toEqual([1, 1])
    expect([dispatcher.closed, dispatcher.destroyed]).toEqual([false, false])
    await dispatcher.close()
  })

  it('leaves an injected transport open', async () => {
    const close = vi.fn(async () => {})
    const transport: Transport = {
      request: async () => ({ status: 200, headers: { etag: '"E"' }, body: new Uint8Array() }),
      close,
    }
    const client = new OssClient({ region, credentials: fakeCredentials, transport })
    expect(await putObject(client, { ...object, body })).toEqual({ etag: 'E' })
    await client.close()
    expect(close).not.toHaveBeenCalled()
  })
})

describe('OssClient: cancellation', () => {
  it('rejects with the reason of the signal, and ends the connection', async () => {
    await using oss = await startFakeOss({ fault: () => ({ type: 'hang' }) })
    await using client = clientOf(oss)
    const controller = new AbortController()
    const reason = { not: 'even an error' }
    const put = putObject(client, { ...object, body, signal: controller.signal })
    const outcome = expect(put).rejects.toBe(reason)
    await vi.waitFor(() => expect(oss.requests).toHaveLength(1), { interval: 2 })
    controller.abort(reason)
    await outcome
    await disconnected(oss)
  })

  it('of a signal that has timed out rejects with its TimeoutError', async () => {
    const client = answeredClient(() => reply(200))
    const signal = AbortSignal.timeout(1)
    await once(signal, 'abort')
    const error = await rejection(putObject(client, { ...object, body, signal }))
    expect(error).toMatchObject({ name: 'TimeoutError' })
  })
})

describe('OssClient: secrets', () => {
  const credentials = {
    accessKeyId: 'id',
    accessKeySecret: 'sentinel-secret',
    securityToken: 'sentinel-token',
  }
  const shown = (value: unknown) =>
    [
      inspect(value, { depth: Infinity, showHidden: true }),
      JSON.stringify(value),
      String(value),
      value instanceof Error ? value.stack : '',
    ].join('\n')

  it('are not shown by inspect, JSON or its own properties', async () => {
    await using client = new OssClient({ region, credentials })
    expect(shown(client)).not.toContain('sentinel')
    expect(JSON.parse(JSON.stringify(client))).toEqual({
      endpoint: { region, pathStyle: false, origin: 'https://oss-cn-hangzhou.aliyuncs.com' },
      retry: defaultRetryPolicy,
    })
  })

  it('are not shown by what it was used for: refused, reset, cut off, cancelled, closed', async () => {
    await using oss = await startFakeOss()
    const client = clientOf(oss, { credentials })
    const errors = [await rejection(putObject(client, { ...object, body }))]
    expect(errors[0]).toMatchObject({ code: 'InvalidAccessKeyId' })
    oss.setCredentials([{ ...credentials, accessKeySecret: 'another' }])
    errors.push(await rejection(putObject(client, { ...object, body })))
    expect(errors[1]).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 })
    oss.setFault(() => ({ type: 'reset' }))
    errors.push(await rejection(putObject(client, { ...object, body })))
    oss.setFault(() => ({ type: 'truncate-response', bytes: 0 }))
    errors.push(await rejection(putObject(client, { ...object, body })))
    await client.close()
    errors.push(await rejection(putObject(client, { ...object, body })))
    const signature = /Signature=([0-9a-f]{64})/.exec(
      oss.requests[1]?.headers['authorization'] ?? '',
    )
    expect(signature).not.toBeNull()
    for (const error of errors) {
      expect(shown(error)).not.toContain('sentinel')
      expect(shown(error)).not.toContain(signature?.[1])
    }
    expect(shown(client)).not.toContain('sentinel')
  })
})
