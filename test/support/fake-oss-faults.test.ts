import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeOss, type Fault, startFakeOss } from './fake-oss/index.js'
import { type RawRequest, send, signedHeaders, xmlText } from './raw-client.js'

let fake: FakeOss
let id: string
beforeEach(async () => {
  fake = await startFakeOss()
  id = xmlText((await call('POST', '/k?uploads')).text, 'UploadId')
})
afterEach(() => fake.close())

const call = (method: string, target: string, more: Partial<RawRequest> = {}) =>
  send(fake.endpoint, { method, target: `/examplebucket${target}`, ...more })
const bytes = Buffer.alloc(4 * 1024 * 1024, 1)
const putPart = (body = bytes) => call('PUT', `/k?partNumber=1&uploadId=${id}`, { body })
const stored = () => fake.uploads('examplebucket')[0]?.parts.size
const plan = (fault: Fault) =>
  fake.setFault(({ operation }) => (operation === 'UploadPart' ? fault : undefined))
const reset = { code: expect.stringMatching(/ECONNRESET|EPIPE/) }

describe('faults', () => {
  it('consults the plan with what the headers say', async () => {
    const seen = vi.fn()
    fake.setFault(seen)
    await putPart()
    expect(seen).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        operation: 'UploadPart',
        target: `/examplebucket/k?partNumber=1&uploadId=${id}`,
        bucket: 'examplebucket',
        key: 'k',
        partNumber: 1,
        uploadId: id,
        sequence: 2,
        connection: 2,
      }),
    )
  })

  it('status: answers an error before or after applying', async () => {
    const fields = { ServerTime: 'now' }
    plan({ type: 'status', status: 503, code: 'ServiceUnavailable', fields, headers: { a: 'b' } })
    const { status, text, headers } = await putPart()
    expect([status, xmlText(text, 'Code')]).toEqual([503, 'ServiceUnavailable'])
    expect([xmlText(text, 'ServerTime'), headers['a']]).toEqual(['now', 'b'])
    expect(stored()).toBe(0)
    plan({ type: 'status', status: 500, before: false })
    expect((await putPart()).status).toBe(500)
    expect(stored()).toBe(1)
    expect(fake.acknowledged).toEqual([])
  })

  it.each([undefined, 0, 100_000, 2 ** 30])(
    'reset: after %s body bytes',
    async (afterBodyBytes) => {
      plan({ type: 'reset', ...(afterBodyBytes === undefined ? {} : { afterBodyBytes }) })
      await expect(putPart()).rejects.toMatchObject(reset)
      expect(stored()).toBe(0)
      expect(fake.requests.at(-1)).toMatchObject({ responded: false })
      expect(fake.requests.at(-1)?.bodyBytes).toBeGreaterThanOrEqual(
        Math.min(afterBodyBytes ?? 0, bytes.length),
      )
    },
  )

  it('reset-after-apply: stores and says nothing', async () => {
    plan({ type: 'reset-after-apply' })
    await expect(putPart()).rejects.toMatchObject(reset)
    expect(stored()).toBe(1)
    expect(fake.acknowledged).toEqual([])
  })

  it('early-response: answers while the body is being sent', async () => {
    plan({ type: 'early-response', status: 403, code: 'AccessDenied' })
    const { port } = new URL(fake.endpoint)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      `PUT /examplebucket/k?partNumber=1&uploadId=${id} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\npart`,
    )
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    await once(socket, 'close')
    expect(answer).toMatch(/^HTTP\/1.1 403 /)
    expect(answer).toContain('<Code>AccessDenied</Code>')
    expect(stored()).toBe(0)
  })

  it('early-response: with reset, RST follows the answer', async () => {
    plan({ type: 'early-response', status: 403, code: 'AccessDenied', reset: true })
    const { port } = new URL(fake.endpoint)
    const socket = connect(Number(port), '127.0.0.1')
    // Whether the reset or the end is seen depends on what the machine has read by then.
    socket.on('error', () => {})
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.write(
      `PUT /examplebucket/k?partNumber=1&uploadId=${id} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\npart`,
    )
    await once(socket, 'close').catch(() => {})
    expect(answer).toContain('<Code>AccessDenied</Code>')
    expect(fake.requests.at(-1)).toMatchObject({ status: 403 })
    await vi.waitFor(() => expect(fake.openConnections).toBe(0))
    expect(stored()).toBe(0)
  })

  it('endless: goes on as long as it was told, or until the client goes away', async () => {
    plan({ type: 'endless', status: 500, bytes: 1_000_000 })
    const { status, text } = await putPart()
    expect([status, text.length]).toEqual([500, 1_000_000])
    expect(text).toMatch(/^<Error><Code>InternalError<\/Code><Message>x+$/)
    plan({ type: 'endless', status: 403, bytes: 2 ** 30 })
    const target = `/examplebucket/k?partNumber=1&uploadId=${id}`
    const { host, port } = new URL(fake.endpoint)
    const outgoing = httpRequest({
      ...{ port, method: 'PUT', path: target },
      headers: signedHeaders({ method: 'PUT', target, body: bytes }, host),
    }).end(bytes)
    const [incoming] = await once(outgoing, 'response')
    incoming.on('error', () => {})
    await once(incoming, 'data')
    incoming.destroy()
    const logged = fake.requests.at(-1)
    await vi.waitFor(() => expect(fake.openConnections).toBe(0))
    expect(logged).toMatchObject({ status: 403, responded: true })
    expect(logged?.endlessBytes).toBeLessThan(64 * 2 ** 20)
    expect(stored()).toBe(0)
  })

  it('drip: applies, and answers in pieces', async () => {
    fake.setFault(() => ({ type: 'drip', pieces: 5, ms: 10 }))
    const startedAt = performance.now()
    const { status, text } = await call('GET', `/k?uploadId=${id}`)
    expect([status, xmlText(text, 'UploadId')]).toEqual([200, id])
    expect(performance.now() - startedAt).toBeGreaterThan(35)
  })

  it('delay: applies at once and answers late', async () => {
    plan({ type: 'delay', ms: 50 })
    const startedAt = performance.now()
    expect((await putPart()).status).toBe(200)
    expect(performance.now() - startedAt).toBeGreaterThan(45)
  })

  it('hang: never answers until the fake closes', async () => {
    plan({ type: 'hang', apply: true })
    const lost = expect(putPart()).rejects.toMatchObject(reset)
    await vi.waitFor(() => expect(stored()).toBe(1))
    expect(fake.openConnections).toBeGreaterThan(0)
    await fake.close()
    await lost
    expect(fake.openConnections).toBe(0)
  })

  it('stall: stops reading and keeps the socket', async () => {
    plan({ type: 'stall', afterBodyBytes: 100_000 })
    const lost = expect(putPart(Buffer.alloc(64 << 20))).rejects.toMatchObject(reset)
    await vi.waitFor(() => expect(fake.requests.at(-1)?.bodyBytes).toBeGreaterThan(100_000))
    expect(fake.requests.at(-1)?.bodyBytes).toBeLessThan(1_000_000)
    await fake.close()
    await lost
  })

  it('replace: alters status, headers and body', async () => {
    const headers = { ETag: undefined, 'X-Oss-Hash-Crc64ecma': '1' }
    plan({ type: 'replace', headers })
    const answer = await putPart()
    expect(answer.status).toBe(200)
    expect(answer.headers).not.toHaveProperty('etag')
    expect(answer.headers['x-oss-hash-crc64ecma']).toBe('1')
    expect(stored()).toBe(1)
    fake.dropPart(id, 1)
    plan({ type: 'replace', apply: false, status: 502, body: '<html>' })
    const gateway = await putPart()
    expect([gateway.status, gateway.text]).toEqual([502, '<html>'])
    expect(stored()).toBe(0)
  })

  it('truncate-response: cuts the answer off', async () => {
    plan({ type: 'truncate-response', bytes: 10 })
    await expect(putPart()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(stored()).toBe(1)
    expect(fake.requests.at(-1)).toMatchObject({ responded: false })
  })
})

describe('connections', () => {
  it('never stores a part that was cut off', async () => {
    const target = `/examplebucket/k?partNumber=1&uploadId=${id}`
    const { host, port } = new URL(fake.endpoint)
    const outgoing = httpRequest({
      port,
      method: 'PUT',
      path: target,
      headers: signedHeaders({ method: 'PUT', target, body: bytes }, host),
    })
    outgoing.on('error', () => {})
    outgoing.write(bytes.subarray(0, 1000))
    await vi.waitFor(() => expect(fake.requests.at(-1)?.bodyBytes).toBe(1000))
    outgoing.destroy()
    await vi.waitFor(() => expect(fake.requests.at(-1)?.endedAt).toBeDefined())
    expect(fake.requests.at(-1)).toMatchObject({ responded: false })
    expect(stored()).toBe(0)
  })

  it('counts them, keeps them alive and closes twice', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const before = fake.connections
    for (const _ of [1, 2]) {
      const outgoing = httpRequest({ port: new URL(fake.endpoint).port, agent }).end()
      const [incoming] = await once(outgoing, 'response')
      expect(incoming.headers.connection).toBe('keep-alive')
      incoming.resume()
      await once(incoming, 'end')
    }
    expect(fake.connections - before).toBe(1)
    agent.destroy()
    await Promise.all([fake.close(), fake.close()])
  })

  it('reads at the pace it was given', async () => {
    await fake.close()
    fake = await startFakeOss({ bytesPerSecondPerConnection: 4_000_000, latencyMs: 20 })
    const startedAt = performance.now()
    const { status } = await call('PUT', '/k', { body: Buffer.alloc(400_000) })
    expect(status).toBe(200)
    expect(performance.now() - startedAt).toBeGreaterThan(100)
  })

  it('runs as a process of its own until SIGTERM', async () => {
    const main = fileURLToPath(new URL('./fake-oss/main.ts', import.meta.url))
    const tsx = import.meta.resolve('tsx')
    const child = spawn(process.execPath, ['--import', tsx, main, '--bucket', 'own'])
    const [line] = await once(child.stdout, 'data')
    const { endpoint } = JSON.parse(String(line)) as { endpoint: string }
    const { status } = await send(endpoint, { method: 'PUT', target: '/own/k', body: 'x' })
    expect(status).toBe(200)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})
