// Says in the library's own terms why a request has brought no answer.

import { isNodeError, OssError } from '../primitives/errors.js'
import { isTlsFailure } from './tls-failure.js'

/** @param connectTimeoutMs for the message, where that was too short */
export function transportFailure(error: unknown, connectTimeoutMs: number): OssError {
  if (error instanceof OssError) return error
  const cause = innermost(error)
  const code = isNodeError(cause) ? cause.code : undefined
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    const seconds = connectTimeoutMs / 1000
    return new OssError(`no connection within ${seconds} s (connectTimeout)`, {
      code: 'ERR_OSS_TIMEOUT',
      hint: 'check the endpoint and the network',
      cause,
    })
  }
  const hint = hintFor(code ?? '')
  return new OssError(`no complete answer from OSS (${describe(cause)})`, {
    code: 'ERR_OSS_TRANSPORT',
    hint,
    cause,
  })
}

function hintFor(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return 'the name of the endpoint was not found: check region or endpoint, and DNS'
  }
  if (code === 'ECONNREFUSED')
    return 'nobody listens there: check the endpoint, its port and proxies'
  if (isTlsFailure(code)) {
    return 'the connection is not trusted: if a proxy with its own certificate authority is meant to be there, name that in NODE_EXTRA_CA_CERTS'
  }
  return 'check the endpoint and the network'
}

/** With several addresses for a name, Node wraps one error per address into an AggregateError. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0])
  return error
}

function describe(cause: unknown): string {
  if (!isNodeError(cause)) return cause instanceof Error ? cause.message : 'unknown error'
  return cause.message.includes(cause.code ?? '')
    ? cause.message
    : `${cause.code}: ${cause.message}`
}
