import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type DefaultCredentialsOptions,
  defaultCredentials,
} from '../../../src/oss/credentials/default-chain.js'
import {
  expected,
  type FakeService,
  issued,
  issuedAt,
  startFakeMetadata,
  startFakeService,
  type TemporaryFolder,
  temporaryFolder,
} from '../../support/credentials-services.js'
import { rejection } from '../../support/oss-clients.js'

let folder: TemporaryFolder
let metadata: FakeService
let service: FakeService

beforeEach(async () => {
  folder = await temporaryFolder()
  metadata = await startFakeMetadata()
  service = await startFakeService(() => ({ json: issued }))
})

afterEach(async () => {
  await metadata[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const provide = (
  environment: Record<string, string>,
  options: Partial<DefaultCredentialsOptions> = {},
) =>
  defaultCredentials({
    environment,
    baseUrl: metadata.url,
    machineFolder: folder.path,
    now: () => issuedAt,
    ...options,
  })

const oss = { OSS_ACCESS_KEY_ID: 'oss', OSS_ACCESS_KEY_SECRET: 's' }
const sdk = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'sdk', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 's' }

const writeProfile = async () => ({
  ALIBABA_CLOUD_CONFIG_FILE: await folder.write(
    'config.json',
    JSON.stringify({
      current: 'p',
      profiles: [{ name: 'p', mode: 'AK', access_key_id: 'profile', access_key_secret: 's' }],
    }),
  ),
})

describe('defaultCredentials: order', () => {
  it('is environment, profile, ECS RAM role, credentials URI', async () => {
    const uri = { ALIBABA_CLOUD_CREDENTIALS_URI: service.url }
    const ecs = { ...uri, ALIBABA_CLOUD_ECS_METADATA: 'test-role' }
    const profile = { ...ecs, ...(await writeProfile()) }
    const id = async (environment: Record<string, string>) =>
      (await provide(environment)()).accessKeyId
    expect(await id({ ...profile, ...sdk, ...oss })).toBe('oss')
    expect(await id({ ...profile, ...sdk })).toBe('sdk')
    expect(await id(profile)).toBe('profile')
    expect([metadata.requests.length, service.requests.length]).toEqual([0, 0])
    expect(await provide(ecs)()).toEqual(expected)
    expect([metadata.requests.length, service.requests.length]).toEqual([2, 0])
    expect(await provide(uri)()).toEqual(expected)
    expect([metadata.requests.length, service.requests.length]).toEqual([2, 1])
  })

  it('has OIDC between environment and profile', async () => {
    const environment = {
      ...(await writeProfile()),
      ALIBABA_CLOUD_ROLE_ARN: 'role',
      ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'provider',
      ALIBABA_CLOUD_OIDC_TOKEN_FILE: `${folder.path}/none`,
    }
    // The file is missing, so the profile comes next; the error of a chain without one tells the order.
    expect((await provide(environment)()).accessKeyId).toBe('profile')
    const { message } = await rejection(
      provide({ ...environment, ALIBABA_CLOUD_CLI_PROFILE_DISABLED: 'true' })(),
    )
    expect(message).toContain(`OIDC (there is no ${folder.path}/none), profile (`)
  })

  it('stops at half a pair in the environment, whatever comes after', async () => {
    const environment = { ...(await writeProfile()), OSS_ACCESS_KEY_ID: 'id' }
    expect((await rejection(provide(environment)())).message).toBe(
      'no credentials: OSS_ACCESS_KEY_SECRET is not set',
    )
  })

  it('leaves out the profile where it is disabled', async () => {
    const environment = {
      ...(await writeProfile()),
      ALIBABA_CLOUD_CLI_PROFILE_DISABLED: 'true',
      ALIBABA_CLOUD_CREDENTIALS_URI: service.url,
    }
    expect(await provide(environment)()).toEqual(expected)
  })
})

describe('defaultCredentials: the ECS RAM role', () => {
  it('is asked for where the firmware says Alibaba Cloud', async () => {
    await folder.write('product_name', 'Alibaba Cloud ECS\n')
    expect(await provide({})()).toEqual(expected)
    await folder.write('product_name', 'Else')
    await folder.write('sys_vendor', 'Alibaba Cloud\n')
    expect(await provide({})()).toEqual(expected)
  })

  it('is not asked for elsewhere, nor where it is disabled', async () => {
    await folder.write('sys_vendor', 'QEMU')
    expect((await rejection(provide({})())).message).toContain(
      'ECS RAM role (this is not known to be an ECS instance, and ALIBABA_CLOUD_ECS_METADATA is not set)',
    )
    await folder.write('sys_vendor', 'Alibaba Cloud')
    const disabled = { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' }
    expect((await rejection(provide(disabled)())).message).toContain(
      'ECS RAM role (ALIBABA_CLOUD_ECS_METADATA_DISABLED is true)',
    )
    expect(metadata.requests).toEqual([])
  })
})

describe('defaultCredentials: nothing configured', () => {
  it('says in one line what was tried, why each has none, and what to set', async () => {
    expect(await rejection(provide({ HOME: folder.path })())).toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
      message:
        'no credentials: tried environment (OSS_ACCESS_KEY_ID is not set), ' +
        'OIDC (ALIBABA_CLOUD_ROLE_ARN is not set), ' +
        `profile (there is no ${folder.path}/.aliyun/config.json), ` +
        'ECS RAM role (this is not known to be an ECS instance, and ALIBABA_CLOUD_ECS_METADATA is not set), ' +
        'credentials URI (ALIBABA_CLOUD_CREDENTIALS_URI is not set)',
      hint: 'set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET (and OSS_SESSION_TOKEN for STS)',
    })
  })

  it('is found out at once', async () => {
    const begun = performance.now()
    await rejection(provide({})())
    expect(performance.now() - begun).toBeLessThan(1_000)
  })

  it('is found out again later, when something may be there', async () => {
    let now = issuedAt
    const environment: Record<string, string> = {}
    const provider = provide(environment, { now: () => now })
    await rejection(provider())
    environment['ALIBABA_CLOUD_CREDENTIALS_URI'] = service.url
    now = new Date(now.getTime() + 1_000)
    expect(await provider()).toEqual(expected)
  })
})

describe('defaultCredentials: when the program stops', () => {
  it('ends with the reason of the signal, and goes on to no other place', async () => {
    service.answer = () => 'hang'
    const controller = new AbortController()
    const { signal } = controller
    const uri = { ALIBABA_CLOUD_CREDENTIALS_URI: service.url }
    const failed = rejection(provide(uri, { signal })())
    await vi.waitFor(() => expect(service.requests).toHaveLength(1), { interval: 2 })
    const reason = new Error('stop')
    controller.abort(reason)
    expect(await failed).toBe(reason)
  })
})

describe('defaultCredentials: afterwards', () => {
  it('reads the environment each time, and no other place after it', async () => {
    const environment: Record<string, string> = { ...oss, ...(await writeProfile()) }
    const provider = provide(environment)
    expect(await provider()).toMatchObject({ accessKeyId: 'oss' })
    environment['OSS_ACCESS_KEY_ID'] = 'rotated'
    expect(await provider()).toMatchObject({ accessKeyId: 'rotated' })
    expect(await provider.refresh({ force: true })).toMatchObject({ accessKeyId: 'rotated' })
    delete environment['OSS_ACCESS_KEY_ID']
    delete environment['OSS_ACCESS_KEY_SECRET']
    expect((await rejection(provider())).message).toBe(
      'no credentials: OSS_ACCESS_KEY_ID is not set',
    )
  })

  it('asks the place again that had some, and no other, when it fails later', async () => {
    let now = issuedAt
    const environment = {
      ALIBABA_CLOUD_ECS_METADATA: 'test-role',
      ALIBABA_CLOUD_CREDENTIALS_URI: service.url,
    }
    const provider = provide(environment, { now: () => now })
    expect(await provider()).toEqual(expected)
    metadata.answer = () => ({ status: 500 })
    now = new Date(issuedAt.getTime() + 50 * 60_000)
    expect(await provider()).toEqual(expected)
    now = new Date(issuedAt.getTime() + 61 * 60_000)
    expect((await rejection(provider())).message).toBe(
      'the metadata service answered with status 500',
    )
    expect(service.requests).toEqual([])
    await vi.waitFor(() => expect(metadata.openConnections).toBe(0), { interval: 2 })
  })

  it('does not change over to the environment once another place was chosen', async () => {
    const environment: Record<string, string> = { ALIBABA_CLOUD_CREDENTIALS_URI: service.url }
    const provider = provide(environment)
    await provider()
    Object.assign(environment, oss)
    expect(await provider()).toEqual(expected)
  })
})
