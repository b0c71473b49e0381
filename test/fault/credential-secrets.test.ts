// I10 for the providers of credentials: sentinels in everything that one is given or answered, through every kind of failure.

import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { uriCredentials } from '../../src/oss/credentials/credentials-uri.js'
import { defaultCredentials } from '../../src/oss/credentials/default-chain.js'
import { ecsRamRoleCredentials } from '../../src/oss/credentials/ecs-ram-role.js'
import { environmentCredentials } from '../../src/oss/credentials/environment.js'
import { oidcRoleCredentials } from '../../src/oss/credentials/oidc-role.js'
import { processCredentials } from '../../src/oss/credentials/process.js'
import { profileCredentials } from '../../src/oss/credentials/profile.js'
import { resolveCredentials } from '../../src/oss/credentials.js'
import {
  closedOrigin,
  type ServiceAnswer,
  startFakeMetadata,
  startFakeService,
  temporaryFolder,
} from '../support/credentials-services.js'

const secret = 'Sentinel0123456789'
const good = {
  AccessKeyId: `${secret}Id`,
  AccessKeySecret: secret,
  SecurityToken: `${secret}/+==`,
  Expiration: '2999-01-01T00:00:00Z',
}

/** Everything that an answer with secrets in it can be. */
const answers: readonly ServiceAnswer[] = [
  { text: `{"AccessKeySecret":"${secret}` },
  { text: `<html>${secret}</html>` },
  { json: [secret] },
  { json: { Code: secret, Message: secret } },
  { json: { ...good, AccessKeyId: `${secret} ${secret}` } },
  { json: { ...good, AccessKeySecret: `${secret}\n` } },
  { json: { ...good, SecurityToken: `${secret}\u00e9` } },
  { json: { ...good, Expiration: secret } },
  { json: { Credentials: { ...good, SecurityToken: [secret] } } },
  { status: 403, json: { Code: secret, Message: secret, ...good } },
  { status: 500, text: secret },
  { text: secret.repeat(10_000) },
  { garbage: `${secret}\r\n${secret}\r\n\r\n` },
  { garbage: `HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${secret}` },
]

const shown = (value: unknown): string =>
  [
    inspect(value, { depth: Infinity, showHidden: true }),
    JSON.stringify(value),
    String(value),
    value instanceof Error ? value.stack : '',
  ].join('\n')

/** Fails, or gives credentials whose use fails; in both cases shows nothing. */
async function expectSilence(provider: () => unknown, mustFail = true): Promise<void> {
  const outcome = await resolveCredentials(provider as never).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (mustFail) expect(outcome).toMatchObject({ code: 'ERR_OSS_CREDENTIALS' })
  expect(shown(outcome)).not.toContain(secret)
  expect(shown(provider)).not.toContain(secret)
}

describe('providers of credentials keep secrets out of their failures (I10)', () => {
  it.each(answers.map((answer) => [JSON.stringify(answer).slice(0, 60), answer] as const))(
    'when a service answers %s',
    async (_, answer) => {
      await using service = await startFakeService(() => answer)
      await using metadata = await startFakeMetadata({ credentials: answer, hardenedOnly: true })
      await using token = await startFakeMetadata({ token: answer, hardenedOnly: true })
      await using folder = await temporaryFolder()
      const uri = `${service.url}/${secret}?${secret}`
      const tokenFile = await folder.write('token', secret)
      const oidc = {
        ALIBABA_CLOUD_ROLE_ARN: secret,
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN: secret,
        ALIBABA_CLOUD_OIDC_TOKEN_FILE: tokenFile,
        ALIBABA_CLOUD_ROLE_SESSION_NAME: secret,
      }
      await expectSilence(uriCredentials({ uri }))
      await expectSilence(oidcRoleCredentials({ environment: oidc, stsEndpoint: service.url }))
      await expectSilence(ecsRamRoleCredentials({ environment: {}, baseUrl: metadata.url }))
      await expectSilence(ecsRamRoleCredentials({ environment: {}, baseUrl: token.url }))
      const environment = {
        ALIBABA_CLOUD_CREDENTIALS_URI: uri,
        ALIBABA_CLOUD_ECS_METADATA: 'test-role',
      }
      const options = { environment, baseUrl: metadata.url, machineFolder: folder.path }
      await expectSilence(defaultCredentials(options))
    },
  )

  it('when nobody answers', async () => {
    const uri = `${await closedOrigin()}/${secret}`
    await expectSilence(uriCredentials({ uri }))
    await expectSilence(uriCredentials({ environment: { ALIBABA_CLOUD_CREDENTIALS_URI: secret } }))
  })

  it('when half of the environment is missing', async () => {
    for (const name of [
      'OSS_ACCESS_KEY_SECRET',
      'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
      'ALIBABA_CLOUD_ACCESS_KEY_ID',
    ]) {
      await expectSilence(environmentCredentials({ [name]: secret }))
      await expectSilence(defaultCredentials({ environment: { [name]: secret } }))
    }
    const broken = { OSS_ACCESS_KEY_ID: 'id', OSS_ACCESS_KEY_SECRET: `${secret} x` }
    await expectSilence(environmentCredentials(broken))
  })

  it('when a program fails or says something else', async () => {
    for (const script of [
      `console.log('${secret}')`,
      `console.log('{"access_key_id":"${secret}"')`,
      `console.log(JSON.stringify({ access_key_id: 'a', access_key_secret: ['${secret}'] }))`,
      `console.error('${secret}'); process.exit(1)`,
      `throw new Error('${secret}')`,
    ]) {
      const args = ['-e', script, secret]
      await expectSilence(processCredentials({ command: process.execPath, args }))
    }
    await expectSilence(processCredentials({ command: `/nowhere/${secret}`, args: [secret] }))
    await expectSilence(processCredentials({ command: process.execPath, args: [`${secret}\0`] }))
  })

  it('when a profile cannot be used', async () => {
    await using folder = await temporaryFolder()
    const pair = { access_key_id: secret, access_key_secret: secret }
    const profiles = [
      { mode: secret, ...pair },
      { mode: 'CloudSSO', ...pair, access_token: secret },
      { mode: 'AK', ...pair, access_key_id: `${secret}/` },
      { mode: 'AK', ...pair, access_key_secret: { secret } },
      { mode: 'StsToken', ...pair, sts_token: `${secret} x` },
      { mode: 'OIDC', expired_seconds: secret },
      { mode: 'OIDC', sts_endpoint: secret, sts_region: `${secret}!`, ram_role_arn: secret },
      { mode: 'CredentialsURI', credentials_uri: secret },
      { mode: 'External', process_command: `/nowhere/${secret} ${secret}` },
      { mode: 'External', process_command: `"${secret}` },
    ]
    for (const profile of profiles) {
      const text = JSON.stringify({ current: 'p', profiles: [{ name: 'p', ...profile }] })
      const configFile = await folder.write('config.json', text)
      await expectSilence(profileCredentials({ configFile, environment: {} }))
      await folder.write('config.json', text.slice(0, -2))
      await expectSilence(profileCredentials({ configFile, environment: {} }))
    }
  })

  it('when they hold good ones', async () => {
    await using service = await startFakeService(() => ({ json: good }))
    await expectSilence(uriCredentials({ uri: service.url }), false)
  })
})
