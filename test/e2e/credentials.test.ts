import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeService, issued, startFakeService } from '../support/credentials-services.js'
import { type FakeOss, startFakeOss } from '../support/fake-oss/index.js'
import { startFakeProxy } from '../support/fake-proxy.js'
import { startOssup, temporaryFolder, towards, until } from './ossup-process.js'

const temporary = {
  accessKeyId: issued.AccessKeyId,
  accessKeySecret: issued.AccessKeySecret,
  securityToken: issued.SecurityToken,
}

/** Nothing of the machine that runs the test, and no metadata service. */
const bare = {
  ...{ OSS_ACCESS_KEY_ID: undefined, OSS_ACCESS_KEY_SECRET: undefined },
  ...{ OSS_SESSION_TOKEN: undefined, ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' },
}

let oss: FakeOss
let service: FakeService
let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeEach(async () => {
  oss = await startFakeOss({ credentials: [temporary] })
  service = await startFakeService(() => ({
    json: { Code: 'Success', ...issued, Expiration: '2999-01-01T00:00:00Z' },
  }))
  folder = await temporaryFolder()
  await writeFile(join(folder.path, 'f.bin'), Buffer.alloc(350_000, 'x'))
})

afterEach(async () => {
  await service[Symbol.asyncDispose]()
  await oss.close()
  await folder[Symbol.asyncDispose]()
})

const run = (env: Record<string, string | undefined>, ...more: string[]) =>
  startOssup(
    ['upload', 'f.bin', 'oss://examplebucket/k', '--part-size', '100KiB', '--quiet', ...more],
    { cwd: folder.path, env: { ...bare, ...env } },
  ).ended

describe('ossup upload: credentials', () => {
  it('says soon and in one line that nothing is configured, and what to set', async () => {
    const begun = performance.now()
    const { exitCode, stderr } = await run({}, ...towards(oss))
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^ossup: error: [^\n]*no credentials: tried environment [^\n]*\n$/)
    expect(stderr).toContain('set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET')
    expect(oss.requests).toEqual([])
  })

  it('come from a credentials URI, asked once', async () => {
    const env = { ALIBABA_CLOUD_CREDENTIALS_URI: service.url }
    expect(await run(env, ...towards(oss))).toMatchObject({ exitCode: 0, stderr: '' })
    expect(service.requests).toHaveLength(1)
  })

  it('come from a profile that is named', async () => {
    const config = join(folder.path, 'config.json')
    const { AccessKeyId, AccessKeySecret, SecurityToken } = issued
    const profile = { name: 'work', mode: 'StsToken', access_key_id: AccessKeyId }
    const secrets = { access_key_secret: AccessKeySecret, sts_token: SecurityToken }
    await writeFile(config, JSON.stringify({ profiles: [{ ...profile, ...secrets }] }))
    const env = { ALIBABA_CLOUD_CONFIG_FILE: config }
    expect(await run(env, ...towards(oss), '--profile', 'work')).toMatchObject({ exitCode: 0 })
    const { exitCode, stderr } = await run(env, ...towards(oss), '--profile', 'none')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('has no profile "none"')
  })
})

describe('ossup upload: a signal while credentials are awaited', () => {
  it.each(['service', 'program'])('ends the call of a %s', async (what) => {
    service.answer = () => 'hang'
    const config = join(folder.path, 'config.json')
    const mark = join(folder.path, 'started')
    const program = "require('fs').writeFileSync(process.argv[1], ''); setInterval(() => {}, 1000)"
    const command = `"${process.execPath}" -e "${program}" ${mark}`
    const profile = { name: 'p', mode: 'External', process_command: command }
    await writeFile(config, JSON.stringify({ current: 'p', profiles: [profile] }))
    const env =
      what === 'service'
        ? { ALIBABA_CLOUD_CREDENTIALS_URI: service.url }
        : { ALIBABA_CLOUD_CONFIG_FILE: config }
    const { child, ended } = startOssup(['upload', 'f.bin', 'oss://b1234/k', ...towards(oss)], {
      cwd: folder.path,
      env: { ...bare, ...env },
    })
    await until(() => (what === 'service' ? service.requests.length > 0 : existsSync(mark)))
    const begun = performance.now()
    child.kill('SIGTERM')
    expect((await ended).exitCode).toBe(143)
    expect(performance.now() - begun).toBeLessThan(3_000)
  })
})

describe('ossup upload: proxies', () => {
  it('goes through the proxy of the environment, and ends', async () => {
    const { port } = new URL(oss.endpoint)
    await using proxy = await startFakeProxy(Number(port))
    const env = { ALIBABA_CLOUD_CREDENTIALS_URI: service.url, HTTP_PROXY: proxy.url }
    const endpoint = ['--region', 'cn-hangzhou', '--endpoint', `http://oss.test:${port}`]
    expect(await run(env, ...endpoint, '--path-style')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(new Set(proxy.targets)).toEqual(new Set([`oss.test:${port}`]))
    expect(oss.object('examplebucket', 'k')?.read()).toHaveLength(350_000)
  })

  it('refuses a proxy that is none before anything is read or sent', async () => {
    const { exitCode, stderr } = await run({ HTTPS_PROXY: 'sentinel' }, ...towards(oss))
    expect([exitCode, stderr]).toEqual([
      2,
      'ossup: error: HTTPS_PROXY is not the URL of a proxy; write it as http://<host>:<port>, or unset HTTPS_PROXY\n',
    ])
  })
})
