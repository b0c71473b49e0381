// Pure: which failures of a connection are about trust, and so are neither tried again nor looked away from.

/** Node's and OpenSSL's codes for a certificate that is refused, and EPROTO: no TLS where https was asked for. */
const tlsCode =
  /^(?:CERT_|CRL_|ERR_TLS_|ERR_SSL_|SELF_SIGNED|DEPTH_ZERO_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|EPROTO$)/

/** @param code of the error that Node gave */
export function isTlsFailure(code: string): boolean {
  return tlsCode.test(code)
}
