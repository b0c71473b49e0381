import { createHash } from 'node:crypto'
import { HttpResponse, http } from 'msw'
import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { FakeOssState } from './fake-oss/index.js'
import { MswDispatcher, ossHandlers, rawTargetOf } from './msw.js'
import { signedHeaders } from './raw-client.js'

const origin = 'https://oss-cn-hangzhou.aliyuncs.com'

describe('MswDispatcher', () => {
  it('fails a request that no handler answers', async () => {
    const dispatcher = new MswDispatcher(http.get('https://known.example/', () => new Response()))
    await expect(request('https://unknown.example/x', { dispatcher })).rejects.toThrow(
      'unhandled request: GET https://unknown.example/x has no msw handler',
    )
  })

  it('answers undici from a handler', async () => {
    const dispatcher = new MswDispatcher(
      http.get('https://known.example/', () => HttpResponse.text('hello', { status: 418 })),
    )
    const { statusCode, headers, body } = await request('https://known.example/', { dispatcher })
    expect(statusCode).toBe(418)
    expect(headers['content-type']).toContain('text/plain')
    expect(await body.text()).toBe('hello')
  })

  it('hands handlers the raw target, which URLs would fold', async () => {
    const dispatcher = new MswDispatcher(
      http.all('*', ({ request }) => HttpResponse.text(rawTargetOf(request))),
    )
    const target = '/a/../b%2E/%2e%2e/c?x=%2F+1&y'
    const { body } = await dispatcher.request({ origin, path: target, method: 'GET' })
    expect(await body.text()).toBe(target)
  })

  it.each([
    ['a Buffer', () => Buffer.from('twelve bytes')],
    ['a string', () => 'twelve bytes'],
    [
      'an async iterable',
      async function* () {
        yield Buffer.from('twelve ')
        yield Buffer.from('bytes')
      },
    ],
  ])('sends %s as body', async (_, body) => {
    const dispatcher = new MswDispatcher(
      http.put('*', async ({ request }) => HttpResponse.text(await request.text())),
    )
    const answer = await dispatcher.request({
      origin,
      path: '/',
      method: 'PUT',
      headers: { 'content-length': '12' },
      body: body() as Buffer,
    })
    expect(await answer.body.text()).toBe('twelve bytes')
  })

  it('refuses a body that is shorter than promised', async () => {
    const dispatcher = new MswDispatcher(http.put('*', () => new Response()))
    const sent = dispatcher.request({
      origin,
      path: '/',
      method: 'PUT',
      headers: ['content-length', '13'],
      body: 'twelve bytes',
    })
    await expect(sent).rejects.toMatchObject({ code: 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH' })
  })

  it('rejects with the reason of the signal and with a network error', async () => {
    const reason = new Error('enough')
    const never = new MswDispatcher(http.get('*', () => new Promise<Response>(() => {})))
    const controller = new AbortController()
    const aborted = never.request({ origin, path: '/', method: 'GET', signal: controller.signal })
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    const late = never.request({ origin, path: '/', method: 'GET', headersTimeout: 1 })
    await expect(late).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' })
    const broken = new MswDispatcher(http.get('*', () => HttpResponse.error()))
    await expect(broken.request({ origin, path: '/', method: 'GET' })).rejects.toMatchObject({
      code: 'UND_ERR_SOCKET',
    })
  })

  it('fails what is open when it is destroyed, and refuses more', async () => {
    const dispatcher = new MswDispatcher(http.get('*', () => new Promise<Response>(() => {})))
    const open = dispatcher.request({ origin, path: '/', method: 'GET' })
    await dispatcher.destroy()
    await expect(open).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' })
    await expect(dispatcher.request({ origin, path: '/', method: 'GET' })).rejects.toMatchObject({
      code: 'UND_ERR_CLOSED',
    })
  })
})

describe('ossHandlers', () => {
  const bytes = Buffer.from('some bytes')

  it('stores a virtual-hosted object under a key that URLs would fold', async () => {
    const state = new FakeOssState()
    const dispatcher = new MswDispatcher(...ossHandlers(state, origin))
    const host = 'examplebucket.oss-cn-hangzhou.aliyuncs.com'
    const target = '/a/../b%20c'
    const signed = { bucket: 'examplebucket', key: 'a/../b c', body: bytes, target }
    const { statusCode, headers } = await dispatcher.request({
      origin: `https://${host}`,
      path: target,
      method: 'PUT',
      headers: signedHeaders({ method: 'PUT', ...signed }, host),
      body: bytes,
    })
    expect(statusCode).toBe(200)
    const md5 = createHash('md5').update(bytes).digest('hex').toUpperCase()
    expect(headers['etag']).toBe(`"${md5}"`)
    expect([...(state.buckets.get('examplebucket')?.objects.keys() ?? [])]).toEqual(['a/../b c'])
    expect(state.requests).toHaveLength(1)

    const head = await dispatcher.request({
      origin: `https://${host}`,
      path: target,
      method: 'HEAD',
      headers: signedHeaders({ method: 'HEAD', ...signed }, host),
    })
    expect(head.statusCode).toBe(200)
    expect(head.headers['content-length']).toBe('10')
    expect(await head.body.text()).toBe('')
  })

  it('refuses a wrong signature and leaves other hosts unhandled', async () => {
    const dispatcher = new MswDispatcher(...ossHandlers(new FakeOssState(), origin))
    const host = 'oss-cn-hangzhou.aliyuncs.com'
    const answer = await dispatcher.request({
      origin,
      path: '/examplebucket/k',
      method: 'GET',
      headers: signedHeaders({ target: '/examplebucket/k', accessKeySecret: 'wrong' }, host),
    })
    expect(answer.statusCode).toBe(403)
    expect(await answer.body.text()).toContain('<Code>SignatureDoesNotMatch</Code>')
    const other = dispatcher.request({ origin: 'https://else.example', path: '/', method: 'GET' })
    await expect(other).rejects.toThrow('unhandled request')
  })
})
