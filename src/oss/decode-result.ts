// Reads the body of a successful answer: a document, which may be an error all the same, or a callback server's reply.

import { OssError } from '../primitives/errors.js'
import type { TransportResponse } from '../transport/transport.js'
import { parseXml, type XmlElement } from '../xml/document.js'
import { decodeErrorBody } from '../xml/error-xml.js'
import { type CallbackReply, callbackReply } from './callback.js'
import { entityTagIfAny } from './headers.js'
import { portalHint } from './hints.js'
import { nameOperation, serviceError } from './send.js'

/**
 * @throws {OssServiceError} what an error document says, whatever the status.
 * @throws {OssError} `ERR_OSS_MALFORMED_RESPONSE` for anything that is not `<operation>Result`.
 */
export async function decodeResult<Result>(
  operation: string,
  response: TransportResponse,
  decode: (document: XmlElement) => Result,
): Promise<Result> {
  try {
    const document = await parseXml(response.body, [`${operation}Result`, 'Error'])
    if (document.name !== 'Error') return decode(document)
  } catch (error) {
    const hint = portalHint(response)
    const isOurs = error instanceof OssError && error.hint === undefined
    if (hint !== undefined && isOurs) Object.assign(error, { hint })
    throw nameOperation(error, operation)
  }
  throw await serviceError(operation, response)
}

/**
 * With a callback the body is the reply of its server, and nothing of it can be relied upon: the ETag is in the headers, or
 * empty.
 *
 * @throws {OssServiceError} for an error document, as it comes when OSS itself has failed.
 */
export async function decodeCallbackAnswer(
  operation: string,
  response: TransportResponse,
): Promise<{ readonly etag: string; readonly callback: CallbackReply }> {
  const etag = entityTagIfAny(response) ?? ''
  if (etag === '' && (await decodeErrorBody(response.body)) !== undefined) {
    throw await serviceError(operation, response)
  }
  return { etag, callback: callbackReply(response) }
}

/** For a list whose next page would be the same one: asking for it would never end. */
export function standingStill(operation: string): OssError {
  return new OssError(`${operation} says that there is more, but not from where`, {
    code: 'ERR_OSS_MALFORMED_RESPONSE',
    operation,
  })
}
