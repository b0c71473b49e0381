import { describe, expect, it, vi } from 'vitest'
import {
  type EcsRamRoleOptions,
  ecsRamRoleCredentials,
} from '../../../src/oss/credentials/ecs-ram-role.js'
import {
  closedOrigin,
  expected,
  type FakeService,
  issued,
  issuedAt,
  metadataToken,
  startFakeMetadata,
} from '../../support/credentials-services.js'
import { rejection } from '../../support/oss-clients.js'

const provide = (baseUrl: string, options: EcsRamRoleOptions = {}) =>
  ecsRamRoleCredentials({ baseUrl, environment: {}, now: () => issuedAt, ...options })

const asked = ({ requests }: FakeService) => requests.map(({ method, path }) => `${method} ${path}`)

const roles = '/latest/meta-data/ram/security-credentials/'
const full = ['PUT /latest/api/token', `GET ${roles}`, `GET ${roles}test-role`]

describe('ecsRamRoleCredentials', () => {
  it('asks for a token, the role and its credentials, and closes its connections', async () => {
    await using metadata = await startFakeMetadata({ hardenedOnly: true })
    expect(await provide(metadata.url)()).toEqual(expected)
    expect(asked(metadata)).toEqual(full)
    const [put, ...gets] = metadata.requests
    expect(put?.headers['x-aliyun-ecs-metadata-token-ttl-seconds']).toBe('60')
    for (const { headers } of gets) {
      expect(headers['x-aliyun-ecs-metadata-token']).toBe(metadataToken)
    }
    await vi.waitFor(() => expect(metadata.openConnections).toBe(0), { interval: 2 })
  })

  it('keeps them until they are near their end', async () => {
    await using metadata = await startFakeMetadata()
    let now = issuedAt
    const provider = provide(metadata.url, { now: () => now })
    await provider()
    await provider()
    expect(metadata.requests).toHaveLength(3)
    now = new Date(issuedAt.getTime() + 50 * 60_000)
    await provider()
    expect(metadata.requests).toHaveLength(6)
  })

  it.each([
    [{ roleName: 'test-role' }],
    [{ environment: { ALIBABA_CLOUD_ECS_METADATA: 'test-role' } }],
  ])('does not ask for a role that is given: %j', async (options) => {
    await using metadata = await startFakeMetadata()
    expect(await provide(metadata.url, options)()).toEqual(expected)
    expect(asked(metadata)).toEqual([full[0], full[2]])
  })

  it.each([
    ['the service knows no tokens', { status: 404 }],
    ['the service refuses a token', { status: 403 }],
    ['the token does not arrive', 'hang' as const],
  ])('uses the plain mode where %s', { timeout: 10_000 }, async (_, token) => {
    await using metadata = await startFakeMetadata({ token })
    expect(await provide(metadata.url)()).toEqual(expected)
    expect(asked(metadata)).toEqual(full)
    expect(metadata.requests[2]?.headers).not.toHaveProperty('x-aliyun-ecs-metadata-token')
  })

  it.each([
    [{ disableIMDSv1: true }],
    [{ environment: { ALIBABA_CLOUD_IMDSV1_DISABLED: 'True' } }],
  ])('does not where it is disabled: %j', async (options) => {
    await using metadata = await startFakeMetadata({ token: { status: 404 } })
    expect((await rejection(provide(metadata.url, options)())).message).toBe(
      'the metadata service gave no token (status 404), and the plain mode is disabled',
    )
    expect(asked(metadata)).toEqual([full[0]])
  })

  it('does not try the plain mode where nobody listens', async () => {
    const error = await rejection(provide(await closedOrigin())())
    expect(error.message).toBe('the metadata service gave no answer (ECONNREFUSED)')
  })

  it('asks nothing when the environment disables it', async () => {
    await using metadata = await startFakeMetadata()
    const environment = { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' }
    expect((await rejection(provide(metadata.url, { environment })())).message).toBe(
      'ALIBABA_CLOUD_ECS_METADATA_DISABLED is true',
    )
    expect(metadata.requests).toEqual([])
  })

  it.each([
    [{ role: undefined }, 'the metadata service answered with status 404'],
    [{ role: '../../user-data' }, 'the metadata service did not give the name of a RAM role'],
    [{ token: { text: 'a b' } }, 'the metadata service gave a token that cannot be used'],
    [{ credentials: { text: '<html>' } }, 'the metadata service did not give JSON'],
    [{ credentials: { json: { Code: 'Failed' } } }, 'a Code other than Success'],
    [{ credentials: { json: { ...issued, SecurityToken: '' } } }, 'no usable SecurityToken'],
  ])('refuses %j', async (options, message) => {
    await using metadata = await startFakeMetadata(options)
    const error = await rejection(provide(metadata.url)())
    expect(error).toMatchObject({ code: 'ERR_OSS_CREDENTIALS' })
    expect(error.message).toContain(message)
  })

  it('says what to do when no role is attached', async () => {
    await using metadata = await startFakeMetadata({ role: undefined })
    expect(await rejection(provide(metadata.url)())).toMatchObject({
      hint: 'attach a RAM role to the ECS instance',
    })
  })

  it.each(['acs:ram::1:role/r', '..', 'a/b', ''])('refuses the role name %j', async (roleName) => {
    expect(() => provide('http://127.0.0.1:1', { roleName })).toThrow(TypeError)
    const environment = { ALIBABA_CLOUD_ECS_METADATA: roleName || '?' }
    await using metadata = await startFakeMetadata()
    expect((await rejection(provide(metadata.url, { environment })())).message).toBe(
      'ALIBABA_CLOUD_ECS_METADATA is not the name of a RAM role',
    )
    expect(asked(metadata)).toEqual([full[0]])
  })
})
