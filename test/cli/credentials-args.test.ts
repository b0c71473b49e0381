import { describe, expect, it } from 'vitest'
import {
  type CredentialsArgs,
  loadCredentials,
  parseCredentialsArgs,
} from '../../src/cli/credentials-args.js'
import {
  expected,
  issued,
  startFakeService,
  temporaryFolder,
} from '../support/credentials-services.js'
import { rejection } from '../support/oss-clients.js'
import { pretendIo } from './fixtures.js'

const none: CredentialsArgs = { credentials: undefined, profile: undefined }

describe('parseCredentialsArgs', () => {
  it('leaves to the library what is not given', () => {
    expect(parseCredentialsArgs({})).toEqual(none)
  })

  it.each(['default', 'environment', 'oidc', 'profile', 'ecs', 'uri'])(
    'takes %s',
    (credentials) => {
      expect(parseCredentialsArgs({ credentials })).toEqual({ ...none, credentials })
    },
  )

  it.each([
    [{ credentials: 'env' }, '--credentials cannot be "env"'],
    [{ profile: '' }, '--profile names no profile'],
    [{ credentials: 'default', profile: 'p' }, '--profile and --credentials default contradict'],
  ])('refuses %j', (values, message) => {
    expect(() => parseCredentialsArgs(values)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringContaining(message) }),
    )
  })
})

describe('loadCredentials', () => {
  const load = async (args: Partial<CredentialsArgs>, env: Record<string, string>) =>
    (await loadCredentials({ ...none, ...args }, pretendIo({ env })))()

  it('without options takes the first place that has some', async () => {
    const env = { OSS_ACCESS_KEY_ID: 'id', OSS_ACCESS_KEY_SECRET: 's' }
    expect(await load({}, env)).toMatchObject({ accessKeyId: 'id' })
    expect(await load({ credentials: 'default' }, env)).toMatchObject({ accessKeyId: 'id' })
  })

  it('takes a profile that is named, whatever the environment has', async () => {
    await using folder = await temporaryFolder()
    const profiles = ['a', 'b'].map((name) => ({
      ...{ name, mode: 'AK', access_key_id: name, access_key_secret: 's' },
    }))
    const env = {
      OSS_ACCESS_KEY_ID: 'id',
      OSS_ACCESS_KEY_SECRET: 's',
      ALIBABA_CLOUD_CONFIG_FILE: await folder.write(
        'config.json',
        JSON.stringify({ current: 'a', profiles }),
      ),
    }
    expect(await load({ profile: 'b' }, env)).toMatchObject({ accessKeyId: 'b' })
    expect(await load({ credentials: 'profile' }, env)).toMatchObject({ accessKeyId: 'a' })
  })

  it('takes a credentials URI', async () => {
    await using service = await startFakeService(() => ({
      json: { ...issued, Expiration: '2999-01-01T00:00:00Z' },
    }))
    const env = { ALIBABA_CLOUD_CREDENTIALS_URI: service.url }
    const { accessKeyId } = expected
    expect(await load({ credentials: 'uri' }, env)).toMatchObject({ accessKeyId })
  })

  it.each([
    ['environment', {}, 'no credentials: OSS_ACCESS_KEY_ID is not set'],
    ['oidc', {}, 'ALIBABA_CLOUD_ROLE_ARN is not set'],
    ['profile', {}, 'there is no configuration file, because HOME is not set'],
    // Disabled, so that no machine asks anybody.
    [
      'ecs',
      { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' },
      'ALIBABA_CLOUD_ECS_METADATA_DISABLED is true',
    ],
    ['uri', {}, 'ALIBABA_CLOUD_CREDENTIALS_URI is not set'],
  ] as const)('%s looks nowhere else', async (credentials, env, message) => {
    expect((await rejection(load({ credentials }, env))).message).toBe(message)
  })
})
