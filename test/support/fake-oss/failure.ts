/** Owns refusals: the error an operation throws, and the reply that OSS makes of it. */

import { element, xmlDocument } from './xml.js'

/** Thrown by every check of the fake; {@link errorResponse} turns it into a reply. */
export class OssFailure extends Error {
  readonly status: number
  readonly code: string
  readonly ec: string
  readonly fields: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    more: { readonly ec?: string; readonly fields?: Readonly<Record<string, string>> } = {},
  ) {
    super(message)
    this.name = 'OssFailure'
    this.status = status
    this.code = code
    this.ec = more.ec ?? usualEc[code] ?? '0000-00009999'
    this.fields = more.fields ?? {}
  }
}

// https://api.aliyun.com/troubleshoot?q=<EC>. Codes without a documented EC get one ending in 9999.
const usualEc: Readonly<Record<string, string>> = {
  AccessDenied: '0003-00000001',
  CallbackFailed: '0007-00000203',
  EntityTooSmall: '0042-00000208',
  FileAlreadyExists: '0026-00000002',
  InvalidAccessKeyId: '0002-00000902',
  InvalidDigest: '0017-00000402',
  InvalidPart: '0042-00000204',
  InvalidPartOrder: '0042-00000206',
  InvalidSecurityToken: '0002-00000006',
  MalformedXML: '0042-00000205',
  NoSuchBucket: '0015-00000101',
  NoSuchKey: '0026-00000001',
  NoSuchUpload: '0042-00000002',
  PartAlreadyExist: '0042-00000108',
  RequestTimeTooSkewed: '0002-00000504',
  SecurityTokenExpired: '0002-00000007',
  SignatureDoesNotMatch: '0002-00000201',
}

/** An answer before it is written; header names are case-insensitive, values UTF-8 text. */
export interface FakeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** 400 InvalidArgument naming the argument, as OSS does. */
export function invalidArgument(
  message: string,
  more: { readonly name?: string; readonly value?: string; readonly ec?: string } = {},
): OssFailure {
  return new OssFailure(400, 'InvalidArgument', message, {
    ...(more.ec === undefined ? {} : { ec: more.ec }),
    fields: {
      ...(more.name === undefined ? {} : { ArgumentName: more.name }),
      ...(more.value === undefined ? {} : { ArgumentValue: more.value }),
    },
  })
}

/** The reply for a refusal; to HEAD it has no body, and the document is base64 in x-oss-err. */
export function errorResponse(
  failure: Pick<OssFailure, 'status' | 'code' | 'message' | 'ec' | 'fields'>,
  request: { readonly method: string; readonly requestId: string; readonly host: string },
): FakeResponse {
  const document = Buffer.from(
    xmlDocument('Error', [
      element('Code', failure.code),
      element('Message', failure.message),
      element('RequestId', request.requestId),
      element('HostId', request.host),
      ...Object.entries(failure.fields).map(([name, value]) => element(name, value)),
      element('EC', failure.ec),
      element('RecommendDoc', `https://api.aliyun.com/troubleshoot?q=${failure.ec}`),
    ]),
  )
  const headers = { 'x-oss-ec': failure.ec }
  return request.method === 'HEAD'
    ? {
        status: failure.status,
        headers: { ...headers, 'x-oss-err': document.toString('base64') },
        body: Buffer.alloc(0),
      }
    : {
        status: failure.status,
        headers: { ...headers, 'Content-Type': 'application/xml' },
        body: document,
      }
}
