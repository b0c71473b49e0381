import { describe, expect, it, vi } from 'vitest'
import { openProxy } from '../../src/cli/proxy.js'
import { OssClient } from '../../src/oss/client.js'
import { putObject } from '../../src/oss/object.js'
import { startFakeOss } from '../support/fake-oss/index.js'
import { startFakeProxy } from '../support/fake-proxy.js'
import { fakeCredentials, rejection } from '../support/oss-clients.js'

const open = (env: Record<string, string>) => openProxy({ env })

/** A small upload to a host that only the proxy can reach: its name does not resolve. */
async function put(env: Record<string, string>, endpoint: string): Promise<void> {
  const dispatcher = await open(env)
  await using client = new OssClient({
    ...{ region: 'cn-hangzhou', credentials: fakeCredentials, endpoint, pathStyle: true },
    dispatcher,
  })
  try {
    await putObject(client, { bucket: 'examplebucket', key: 'k', body: Buffer.from('x') })
  } finally {
    await dispatcher?.destroy()
  }
}

describe('openProxy', () => {
  it.each([{}, { HTTP_PROXY: '', HTTPS_PROXY: ' ' }, { NO_PROXY: '*' }] as Record<
    string,
    string
  >[])('is nothing without a proxy: %j', async (env) => {
    expect(await open(env)).toBeUndefined()
  })

  it.each(['HTTP_PROXY', 'http_proxy'])('%s leads requests through the proxy', async (name) => {
    await using oss = await startFakeOss()
    const { port } = new URL(oss.endpoint)
    await using proxy = await startFakeProxy(Number(port))
    const url = new URL(proxy.url)
    url.username = 'user'
    url.password = 'pass'
    await put({ [name]: url.href }, `http://oss.test:${port}`)
    expect(proxy.targets).toEqual([`oss.test:${port}`])
    expect(proxy.authorizations).toEqual([`Basic ${btoa('user:pass')}`])
    expect(oss.requests).toHaveLength(1)
    await vi.waitFor(() => expect(proxy.openConnections).toBe(0), { interval: 2 })
  })

  it('prefers the lower-case name', async () => {
    await using oss = await startFakeOss()
    const { port } = new URL(oss.endpoint)
    await using proxy = await startFakeProxy(Number(port))
    const env = { http_proxy: proxy.url, HTTP_PROXY: 'http://127.0.0.1:1' }
    await put(env, `http://oss.test:${port}`)
    expect(proxy.targets).toHaveLength(1)
  })

  it.each(['127.0.0.1', 'other.test,127.0.0.1', '*'])(
    'NO_PROXY=%s goes around it',
    async (hosts) => {
      await using oss = await startFakeOss()
      await using proxy = await startFakeProxy(1)
      await put({ HTTP_PROXY: proxy.url, NO_PROXY: hosts }, oss.endpoint)
      expect(proxy.targets).toEqual([])
      expect(oss.requests).toHaveLength(1)
    },
  )

  it.each(['HTTP_PROXY', 'HTTPS_PROXY'])('%s is used for https', async (name) => {
    await using oss = await startFakeOss()
    const { port } = new URL(oss.endpoint)
    await using proxy = await startFakeProxy(Number(port))
    // The fake speaks no TLS; that the proxy was asked is what is to be seen.
    await rejection(put({ [name]: proxy.url }, 'https://oss.test'))
    expect(proxy.targets).toEqual(['oss.test:443'])
  })

  it.each(['127.0.0.1:3128', 'socks5://u:sentinel@h', 'sentinel', '//sentinel'])(
    'refuses %j by the name of its variable',
    async (url) => {
      for (const name of ['HTTP_PROXY', 'HTTPS_PROXY']) {
        expect(await rejection(open({ [name]: url }))).toMatchObject({
          code: 'ERR_USAGE',
          message: `${name} is not the URL of a proxy`,
          hint: `write it as http://<host>:<port>, or unset ${name}`,
        })
      }
    },
  )
})
