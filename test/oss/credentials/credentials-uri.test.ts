import { MockAgent } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { uriCredentials } from '../../../src/oss/credentials/credentials-uri.js'
import {
  closedOrigin,
  expected,
  issued,
  issuedAt,
  startFakeService,
} from '../../support/credentials-services.js'
import { rejection } from '../../support/oss-clients.js'

const now = () => issuedAt

describe('uriCredentials', () => {
  it('takes what a GET answers with', async () => {
    await using service = await startFakeService(() => ({ json: { Code: 'Success', ...issued } }))
    expect(await uriCredentials({ uri: `${service.url}/a/b?c=d#e`, now })()).toEqual(expected)
    expect(service.requests).toMatchObject([{ method: 'GET', path: '/a/b?c=d' }])
    await vi.waitFor(() => expect(service.openConnections).toBe(0), { interval: 2 })
  })

  it('takes the URI from the environment', async () => {
    await using service = await startFakeService(() => ({ json: issued }))
    const environment = { ALIBABA_CLOUD_CREDENTIALS_URI: service.url }
    expect(await uriCredentials({ environment, now })()).toEqual(expected)
  })

  it('takes credentials that have no end', async () => {
    const { AccessKeyId, AccessKeySecret } = issued
    await using service = await startFakeService(() => ({ json: { AccessKeyId, AccessKeySecret } }))
    expect(await uriCredentials({ uri: service.url })()).toEqual({
      accessKeyId: AccessKeyId,
      accessKeySecret: AccessKeySecret,
    })
  })

  it.each([
    [{ status: 500, text: 'sentinel' }, 'the credentials URI answered with status 500'],
    [{ status: 302 }, 'the credentials URI answered with status 302'],
    [{ text: 'sentinel' }, 'the credentials URI did not give JSON'],
    [{ json: { Code: 'sentinel' } }, 'the credentials URI answered with a Code other than Success'],
    [{ json: {} }, 'the credentials URI gave no usable AccessKeyId'],
  ])('refuses %j', async (answer, message) => {
    await using service = await startFakeService(() => answer)
    expect(await rejection(uriCredentials({ uri: service.url })())).toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
      message,
    })
  })

  it('does not repeat the URI when nobody answers', async () => {
    const uri = `${await closedOrigin()}/sentinel?sentinel`
    expect((await rejection(uriCredentials({ uri })())).message).toBe(
      'the credentials URI gave no answer (ECONNREFUSED)',
    )
  })

  it.each(['sentinel', 'file:///sentinel', 'http://sentinel:x@127.0.0.1', 'http://'])(
    'refuses %j',
    async (uri) => {
      expect(() => uriCredentials({ uri })).toThrow(TypeError)
      const environment = { ALIBABA_CLOUD_CREDENTIALS_URI: uri }
      const error = await rejection(uriCredentials({ environment })())
      expect(error.message).toBe(
        'the credentials URI is not an http:// or https:// URI without a user name',
      )
    },
  )

  it('says which variable is not set', async () => {
    expect((await rejection(uriCredentials({ environment: {} })())).message).toBe(
      'ALIBABA_CLOUD_CREDENTIALS_URI is not set',
    )
  })

  it('asks a service elsewhere through a proxy, and one on this machine without', async () => {
    await using service = await startFakeService(() => ({ json: issued }))
    const dispatcher = new MockAgent()
    dispatcher.disableNetConnect()
    dispatcher.get('http://credentials.test').intercept({ path: '/x' }).reply(200, issued)
    for (const uri of ['http://credentials.test/x', `${service.url}/x`]) {
      expect(await uriCredentials({ uri, dispatcher, now })()).toEqual(expected)
    }
    dispatcher.assertNoPendingInterceptors()
    expect(service.requests).toHaveLength(1)
    await dispatcher.close()
  })
})
