// TLS is never weakened: a certificate that nobody vouches for is refused before anything is sent.

import { Agent } from 'undici'
import { describe, expect, it } from 'vitest'
import { OssClient } from '../../src/oss/client.js'
import { putObject } from '../../src/oss/object.js'
import { startFakeOss } from '../support/fake-oss/index.js'
import { fakeCredentials, rejection } from '../support/oss-clients.js'
import { selfSigned } from '../support/tls-certificate.js'

const object = { bucket: 'examplebucket', key: 'k', body: Buffer.from('x') }
const common = { region: 'cn-hangzhou', credentials: fakeCredentials }

describe('an https endpoint', () => {
  it('whose certificate nobody vouches for is refused, and nothing is sent to it', async () => {
    await using oss = await startFakeOss({ tls: selfSigned })
    await using client = new OssClient({ ...common, endpoint: oss.endpoint })
    expect(await rejection(putObject(client, object))).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    })
    expect(oss.requests).toEqual([])
  })

  it('can be vouched for by the dispatcher of the caller', async () => {
    await using oss = await startFakeOss({ tls: selfSigned })
    const dispatcher = new Agent({ connect: { ca: selfSigned.cert } })
    await using client = new OssClient({ ...common, endpoint: oss.endpoint, dispatcher })
    await putObject(client, object)
    await dispatcher.close()
    expect(oss.object('examplebucket', 'k')?.size).toBe(1)
  })
})
