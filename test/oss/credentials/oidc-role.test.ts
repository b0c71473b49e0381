import { MockAgent } from 'undici'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type OidcRoleOptions,
  oidcRoleCredentials,
} from '../../../src/oss/credentials/oidc-role.js'
import type { TransportRequest } from '../../../src/transport/transport.js'
import {
  expected,
  type FakeService,
  issued,
  issuedAt,
  startFakeService,
  type TemporaryFolder,
  temporaryFolder,
} from '../../support/credentials-services.js'
import { rejection } from '../../support/oss-clients.js'

let folder: TemporaryFolder
let sts: FakeService
let environment: Record<string, string>

beforeEach(async () => {
  folder = await temporaryFolder()
  sts = await startFakeService(() => ({ json: { RequestId: 'R', Credentials: issued } }))
  environment = {
    ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1:role/r',
    ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1:oidc-provider/p',
    ALIBABA_CLOUD_OIDC_TOKEN_FILE: await folder.write('token', 'token+/1=\n'),
  }
})

afterEach(async () => {
  await sts[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const provide = (options: OidcRoleOptions = {}) =>
  oidcRoleCredentials({ environment, stsEndpoint: sts.url, now: () => issuedAt, ...options })

const form = (index: number) =>
  Object.fromEntries(new URLSearchParams(sts.requests[index]?.body ?? ''))

describe('oidcRoleCredentials', () => {
  it('calls AssumeRoleWithOIDC unsigned, with the token in the body', async () => {
    expect(await provide()()).toEqual(expected)
    expect(sts.requests).toHaveLength(1)
    expect(sts.requests[0]).toMatchObject({
      method: 'POST',
      path: '/?Action=AssumeRoleWithOIDC&Format=JSON&Version=2015-04-01&Timestamp=2030-01-01T00%3A00%3A00Z',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(sts.requests[0]?.headers).not.toHaveProperty('authorization')
    expect(form(0)).toEqual({
      RoleArn: 'acs:ram::1:role/r',
      OIDCProviderArn: 'acs:ram::1:oidc-provider/p',
      OIDCToken: 'token+/1=',
      RoleSessionName: `ossup-${issuedAt.getTime()}`,
      DurationSeconds: '3600',
    })
    await vi.waitFor(() => expect(sts.openConnections).toBe(0), { interval: 2 })
  })

  it('reads the token again for each call', async () => {
    const provider = provide()
    await provider()
    await folder.write('token', 'rotated')
    await provider.refresh({ force: true })
    expect(form(1)).toMatchObject({ OIDCToken: 'rotated' })
  })

  it('prefers options to the environment', async () => {
    environment['ALIBABA_CLOUD_ROLE_SESSION_NAME'] = 'from-environment'
    await provide()()
    await provide({
      roleArn: 'role',
      oidcProviderArn: 'provider',
      oidcTokenFile: await folder.write('other', 'other'),
      roleSessionName: 'session',
      durationSeconds: 900,
    })()
    expect(form(0)).toMatchObject({ RoleSessionName: 'from-environment' })
    expect(form(1)).toEqual({
      ...{ RoleArn: 'role', OIDCProviderArn: 'provider', OIDCToken: 'other' },
      ...{ RoleSessionName: 'session', DurationSeconds: '900' },
    })
  })

  it.each([
    [{}, {}, 'https://sts.aliyuncs.com'],
    [{ stsRegion: 'cn-beijing' }, {}, 'https://sts.cn-beijing.aliyuncs.com'],
    [{ stsRegion: 'cn-beijing', vpc: true }, {}, 'https://sts-vpc.cn-beijing.aliyuncs.com'],
    [
      {},
      { ALIBABA_CLOUD_STS_REGION: 'cn-hangzhou', ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED: 'TRUE' },
      'https://sts-vpc.cn-hangzhou.aliyuncs.com',
    ],
    [{ stsEndpoint: 'sts.example.com:8443' }, {}, 'https://sts.example.com:8443'],
  ])('with %j and %j asks %s', async (options, variables, origin) => {
    Object.assign(environment, variables)
    await using dispatcher = new MockAgentHolder()
    const seen = dispatcher.answer(origin, { Credentials: issued })
    await provide({ stsEndpoint: undefined, dispatcher: dispatcher.agent, ...options })()
    expect(seen()).toBe(1)
  })

  it.each([
    'ALIBABA_CLOUD_ROLE_ARN',
    'ALIBABA_CLOUD_OIDC_PROVIDER_ARN',
    'ALIBABA_CLOUD_OIDC_TOKEN_FILE',
  ])('needs %s', async (name) => {
    delete environment[name]
    expect((await rejection(provide()())).message).toBe(`${name} is not set`)
    expect(sts.requests).toEqual([])
  })

  it('needs a token in the file', async () => {
    const path = await folder.write('token', ' \n')
    expect((await rejection(provide()())).message).toBe(`the OIDC token file ${path} is empty`)
    const missing = `${folder.path}/none`
    expect((await rejection(provide({ oidcTokenFile: missing })())).message).toBe(
      `there is no ${missing}`,
    )
  })

  it.each([
    [
      400,
      { json: { Code: 'AuthenticationFail.OIDCToken.Expired' } },
      'AuthenticationFail.OIDCToken.Expired, status 400',
    ],
    [403, { json: { Code: 'sentinel-1', Message: 'sentinel' } }, 'status 403'],
    [502, { text: '<html>sentinel' }, 'status 502'],
  ])('names the code of STS, and nothing else of a refusal: %i %j', async (status, body, said) => {
    sts.answer = () => ({ status, ...body })
    const error = await rejection(provide()())
    expect(error).toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
      message: `STS refused AssumeRoleWithOIDC (${said})`,
      hint: expect.stringContaining('trust policy'),
    })
  })

  it.each([
    [{}, 'STS gave no usable Credentials'],
    [{ Credentials: 'x' }, 'STS gave no usable Credentials'],
    [{ Credentials: { ...issued, SecurityToken: undefined } }, 'STS gave no usable SecurityToken'],
  ])('refuses %j', async (json, message) => {
    sts.answer = () => ({ json })
    expect((await rejection(provide()())).message).toBe(message)
  })

  it.each([899, 43_201, 900.5, Number.NaN])('refuses %s seconds', (durationSeconds) => {
    expect(() => provide({ durationSeconds })).toThrow(RangeError)
  })

  it.each(['http://sts.example.com', 'https://u:p@host', 'host/path', ''])(
    'refuses the endpoint %j',
    (stsEndpoint) => expect(() => provide({ stsEndpoint })).toThrow(TypeError),
  )

  it('refuses a region that is none', async () => {
    const error = await rejection(provide({ stsEndpoint: undefined, stsRegion: 'evil.com/' })())
    expect(error.message).toBe('the region of STS is not the id of a region')
  })
})

/** undici's own mock: no request of it leaves the process. */
class MockAgentHolder implements AsyncDisposable {
  readonly agent = new MockAgent()

  constructor() {
    this.agent.disableNetConnect()
  }

  /** @returns how often it was asked */
  answer(origin: TransportRequest['origin'], json: object): () => number {
    let count = 0
    this.agent
      .get(origin)
      .intercept({ path: /.*/, method: 'POST' })
      .reply(() => {
        count += 1
        return { statusCode: 200, data: json }
      })
    return () => count
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.agent.close()
  }
}
