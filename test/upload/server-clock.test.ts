import { afterEach, describe, expect, it } from 'vitest'
import { serverClockOffset } from '../../src/upload/server-clock.js'
import { answeredClient, reply } from '../support/oss-clients.js'

const now = new Date('2026-03-04T05:06:07.500Z')
const clients: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())))

const body =
  '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>'

function asked(headers: Record<string, string>, status = 200) {
  const requests: string[] = []
  const client = answeredClient(
    ({ url }) => {
      requests.push(url)
      return reply(status, body, headers)
    },
    { now: () => now },
  )
  clients.push(client)
  return { requests, offset: serverClockOffset(client, { bucket: 'examplebucket' }, () => now) }
}

describe('serverClockOffset', () => {
  it.each([
    ['Wed, 04 Mar 2026 05:06:07 GMT', 0],
    ['Wed, 04 Mar 2026 05:16:07 GMT', 600_000],
    ['Wed, 04 Mar 2026 05:05:07 GMT', -60_000],
  ])('%s is ahead by %i ms', async (date, ms) => {
    const { offset, requests } = asked({ Date: date })
    expect(await offset).toBe(ms)
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatch(/[?&]max-uploads=1&uploads$/)
  })

  it.each([{}, { Date: 'soon' }])('does not guess from %j', async (headers) => {
    expect(await asked(headers as Record<string, string>).offset).toBeUndefined()
  })

  it('fails as the request does', async () => {
    await expect(asked({}, 403).offset).rejects.toMatchObject({ status: 403 })
  })

  it('counts from the last attempt', async () => {
    let attempts = 0
    let ms = now.getTime()
    const client = answeredClient(
      () => {
        attempts += 1
        ms += 60_000
        const late = new Date(ms).toUTCString()
        return attempts === 1 ? reply(500) : reply(200, body, { Date: late })
      },
      { now: () => now, retry: { attempts: 2, baseDelay: 0 } },
    )
    clients.push(client)
    const offset = serverClockOffset(client, { bucket: 'examplebucket' }, () => new Date(ms))
    expect(Math.abs((await offset) ?? Number.NaN)).toBeLessThan(2_000)
  })
})
