// Which codes say that a connection is not trusted.

import { describe, expect, it } from 'vitest'
import { isTlsFailure } from '../../src/transport/tls-failure.js'

describe('isTlsFailure', () => {
  // https://nodejs.org/api/tls.html#x509-certificate-error-codes
  it.each([
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_CRL',
    'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'CERT_SIGNATURE_FAILURE',
    'CERT_NOT_YET_VALID',
    'CERT_HAS_EXPIRED',
    'CERT_CHAIN_TOO_LONG',
    'CERT_REVOKED',
    'CERT_UNTRUSTED',
    'CERT_REJECTED',
    'CRL_HAS_EXPIRED',
    'CRL_SIGNATURE_FAILURE',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'INVALID_CA',
    'PATH_LENGTH_EXCEEDED',
    'HOSTNAME_MISMATCH',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    'EPROTO',
  ])('%s is one', (code) => expect(isTlsFailure(code)).toBe(true))

  it.each([
    '',
    'ECONNRESET',
    'ECONNREFUSED',
    'EPROTOTYPE',
    'EPIPE',
    'ENOTFOUND',
    'ETIMEDOUT',
    'UND_ERR_SOCKET',
    'NOT_CERT_HAS_EXPIRED',
  ])('%s is none', (code) => expect(isTlsFailure(code)).toBe(false))
})
