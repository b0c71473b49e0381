import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ProfileOptions, profileCredentials } from '../../../src/oss/credentials/profile.js'
import {
  expected,
  issued,
  issuedAt,
  startFakeMetadata,
  startFakeService,
  type TemporaryFolder,
  temporaryFolder,
} from '../../support/credentials-services.js'
import { rejection } from '../../support/oss-clients.js'

let folder: TemporaryFolder
let configFile: string

beforeEach(async () => {
  folder = await temporaryFolder()
  configFile = `${folder.path}/config.json`
})
afterEach(() => folder[Symbol.asyncDispose]())

const write = (...profiles: object[]) =>
  folder.write('config.json', JSON.stringify({ current: 'one', profiles }))

const provide = (options: ProfileOptions = {}) =>
  profileCredentials({ configFile, environment: {}, now: () => issuedAt, ...options })

const pair = { access_key_id: 'id', access_key_secret: 'secret' }

describe('profileCredentials: which profile', () => {
  beforeEach(() =>
    write(
      { name: 'one', mode: 'AK', ...pair },
      { name: 'two', mode: 'AK', ...pair, access_key_id: 'two' },
      { name: 'three', mode: 'AK', ...pair, access_key_id: 'three' },
    ),
  )

  it.each([
    ['the current one', {}, 'id'],
    ['the one of the environment', { environment: { ALIBABA_CLOUD_PROFILE: 'two' } }, 'two'],
    ['the given one', { profile: 'three', environment: { ALIBABA_CLOUD_PROFILE: 'two' } }, 'three'],
  ])('is %s', async (_, options, accessKeyId) => {
    expect(await provide(options)()).toEqual({ accessKeyId, accessKeySecret: 'secret' })
  })

  it('must be there', async () => {
    expect((await rejection(provide({ profile: 'four' })())).message).toBe(
      `the configuration file ${configFile} has no profile "four"`,
    )
  })

  it('is read again when new credentials are wanted', async () => {
    const provider = provide()
    await provider()
    await write({ name: 'one', mode: 'AK', ...pair, access_key_id: 'rotated' })
    expect(await provider()).toMatchObject({ accessKeyId: 'id' })
    expect(await provider.refresh({ force: true })).toMatchObject({ accessKeyId: 'rotated' })
  })
})

describe('profileCredentials: which file', () => {
  it.each(['HOME', 'USERPROFILE'])('is that in %s, or the one that is named', async (home) => {
    const { mkdir, writeFile } = await import('node:fs/promises')
    await mkdir(`${folder.path}/.aliyun`)
    await writeFile(
      `${folder.path}/.aliyun/config.json`,
      JSON.stringify({ current: 'h', profiles: [{ name: 'h', ...pair, access_key_id: 'home' }] }),
    )
    await write({ name: 'one', ...pair })
    const variables = { [home]: folder.path }
    const at = async (environment: Record<string, string>) =>
      (await provide({ configFile: undefined, environment })()).accessKeyId
    expect(await at(variables)).toBe('home')
    expect(await at({ ...variables, ALIBABA_CLOUD_CONFIG_FILE: configFile })).toBe('id')
  })

  it.each([
    [{}, 'there is no configuration file, because HOME is not set'],
    [{ HOME: '/nowhere/' }, 'there is no /nowhere/.aliyun/config.json'],
  ])('may be missing: %j', async (environment, message) => {
    const error = await rejection(provide({ configFile: undefined, environment })())
    expect(error).toMatchObject({ code: 'ERR_OSS_CREDENTIALS', message })
  })

  it.each([
    ['sentinel', 'did not give JSON'],
    ['[]', 'did not give a JSON object'],
    ['{}', 'names no current profile'],
    ['{"current":"a"}', 'has no profile "a"'],
    ['{"current":"a","profiles":["a",null,{"name":"b"}]}', 'has no profile "a"'],
  ])('is refused with the text %j', async (text, message) => {
    await folder.write('config.json', text)
    expect((await rejection(provide()())).message).toBe(
      `the configuration file ${configFile} ${message}`,
    )
  })
})

describe('profileCredentials: modes', () => {
  it('AK, which is the default, without a token that is left over', async () => {
    for (const mode of [{ mode: 'AK' }, {}]) {
      await write({ name: 'one', ...mode, ...pair, sts_token: 'old', expiration: 5 })
      expect(await provide()()).toEqual({ accessKeyId: 'id', accessKeySecret: 'secret' })
    }
  })

  it('StsToken', async () => {
    await write({ name: 'one', mode: 'StsToken', ...pair, sts_token: 'token' })
    expect(await provide()()).toEqual({
      ...{ accessKeyId: 'id', accessKeySecret: 'secret', securityToken: 'token' },
    })
    await write({ name: 'one', mode: 'StsToken', ...pair })
    expect((await rejection(provide()())).message).toBe(
      'the profile "one" gave no usable sts_token',
    )
  })

  it.each([{ ram_role_name: 'test-role' }, { ram_role_name: '' }])(
    'EcsRamRole: %j',
    async (role) => {
      await using metadata = await startFakeMetadata()
      await write({ name: 'one', mode: 'EcsRamRole', ...role })
      expect(await provide({ baseUrl: metadata.url })()).toEqual(expected)
    },
  )

  it('OIDC', async () => {
    await using sts = await startFakeService(() => ({ json: { Credentials: issued } }))
    await write({
      ...{ name: 'one', mode: 'OIDC', ram_role_arn: 'role', oidc_provider_arn: 'provider' },
      ...{ oidc_token_file: await folder.write('token', 'token'), ram_session_name: 'session' },
      ...{ expired_seconds: 1800, sts_endpoint: sts.url },
    })
    expect(await provide()()).toEqual(expected)
    expect(Object.fromEntries(new URLSearchParams(sts.requests[0]?.body))).toEqual({
      ...{ RoleArn: 'role', OIDCProviderArn: 'provider', OIDCToken: 'token' },
      ...{ RoleSessionName: 'session', DurationSeconds: '1800' },
    })
  })

  it.each(['600', 600, 900.5])('OIDC with a duration of %j is refused', async (seconds) => {
    await write({ name: 'one', mode: 'OIDC', expired_seconds: seconds })
    expect((await rejection(provide()())).message).toBe(
      'the profile "one" has an expired_seconds that is not 900 or more',
    )
  })

  it('CredentialsURI', async () => {
    await using service = await startFakeService(() => ({ json: issued }))
    await write({ name: 'one', mode: 'CredentialsURI', credentials_uri: service.url })
    expect(await provide()()).toEqual(expected)
  })

  it('External', async () => {
    const text = JSON.stringify({ mode: 'AK', ...pair })
    const file = await folder.write('print.cjs', `console.log(${JSON.stringify(text)})`)
    const command = `"${process.execPath}" '${file}'`
    await write({ name: 'one', mode: 'External', process_command: command })
    expect(await provide()()).toEqual({ accessKeyId: 'id', accessKeySecret: 'secret' })
  })

  it.each([undefined, '', ' ', '"open'])(
    'External with the command %j is refused',
    async (line) => {
      await write({ name: 'one', mode: 'External', process_command: line })
      expect((await rejection(provide()())).message).toBe(
        'the profile "one" has no process_command, or one with an open quote',
      )
    },
  )

  it.each([
    ['RamRoleArn', 'use a profile of mode External whose program calls AssumeRole'],
    ['ChainableRamRoleArn', 'use a profile of mode External whose program calls AssumeRole'],
    ['RamRoleArnWithRoleName', 'use a profile of mode EcsRamRole or External'],
    ['RsaKeyPair', 'use a profile of mode AK or External'],
    ['CloudSSO', 'use a profile of mode External, or StsToken with what CloudSSO issues'],
    ['OAuth', 'use a profile of mode External, or StsToken'],
    ['BearerToken', 'OSS takes no bearer tokens: use a profile of mode AK'],
  ])('%s is refused with what to use instead', async (mode, hint) => {
    await write({ name: 'one', mode, ...pair })
    expect(await rejection(provide()())).toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
      message: `the profile "one" has the mode ${mode}, which is not supported`,
      hint,
    })
  })

  it.each(['sentinel', 'toString'])('an unknown mode is not repeated: %s', async (mode) => {
    await write({ name: 'one', mode, ...pair })
    expect(await rejection(provide()())).toMatchObject({
      message: 'the profile "one" has a mode that is not supported',
      hint: 'use a profile of mode AK, StsToken, EcsRamRole, OIDC, CredentialsURI or External',
    })
  })
})
