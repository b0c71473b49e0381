// The words for what goes wrong below HTTP; that real sockets bring it about is in undici-transport.test.ts.

import { describe, expect, it } from 'vitest'
import { OssError } from '../../src/primitives/errors.js'
import { transportFailure } from '../../src/transport/failure.js'

const withCode = (code: string, message = `${code} happened`): Error =>
  Object.assign(new Error(message), { code })

describe('transportFailure', () => {
  it('leaves alone what is in the library’s terms already', () => {
    const own = new OssError('the answer is too large', { code: 'ERR_OSS_MALFORMED_RESPONSE' })
    expect(transportFailure(own, 1)).toBe(own)
  })

  it('names the limit when no connection was made in time', () => {
    const cause = withCode('UND_ERR_CONNECT_TIMEOUT')
    expect(transportFailure(cause, 2_500)).toMatchObject({
      code: 'ERR_OSS_TIMEOUT',
      message: 'no connection within 2.5 s (connectTimeout)',
      hint: 'check the endpoint and the network',
      cause,
    })
  })

  it.each([
    ['ENOTFOUND', 'the name of the endpoint was not found'],
    ['EAI_AGAIN', 'the name of the endpoint was not found'],
    ['ECONNREFUSED', 'nobody listens there'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'the connection is not trusted'],
    ['ECONNRESET', 'check the endpoint and the network'],
  ])('says what to do about %s', (code, hint) => {
    expect(transportFailure(withCode(code), 1)).toMatchObject({
      code: 'ERR_OSS_TRANSPORT',
      message: `no complete answer from OSS (${code} happened)`,
      hint: expect.stringContaining(hint),
    })
  })

  it('puts the code before a message that does not have it', () => {
    const { message } = transportFailure(withCode('EPIPE', 'broken'), 1)
    expect(message).toBe('no complete answer from OSS (EPIPE: broken)')
  })

  it('takes the first of several addresses that failed', () => {
    const first = withCode('ECONNREFUSED')
    const error = new AggregateError([first, withCode('ENETUNREACH')])
    expect(transportFailure(error, 1)).toMatchObject({ cause: first })
  })

  it('takes what is no error, too', () => {
    expect(transportFailure('a text', 1)).toMatchObject({
      message: 'no complete answer from OSS (unknown error)',
      cause: 'a text',
    })
  })
})
