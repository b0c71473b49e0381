// Owns the error document: takes what it can from an answer that may be anything, and lets no secret out of it.

import { parseXml } from './document.js'

/** What OSS says of a failed request. Texts that the document lacks are empty. */
export interface ErrorDocument {
  /** OSS's code, e.g. `NoSuchUpload`; never empty. */
  readonly code: string
  readonly message: string
  readonly requestId: string
  readonly hostId: string
  /** The documented error number, e.g. `0042-00000205`. */
  readonly ec: string
  /** Every other element without children by its name. No prototype. Secrets are `<redacted>`. */
  readonly fields: Readonly<Record<string, string>>
}

/** An error is about 1 KiB, with canonical request and dumps about 5. A larger one is not OSS's. */
const maxErrorBytes = 256 * 1024

/** Stands where a secret was. */
export const errorRedaction = '<redacted>'

/**
 * Decodes an `<Error>` document, from a body or from the `x-oss-err` header of a HEAD.
 *
 * https://www.alibabacloud.com/help/en/oss/developer-reference/error-responses
 *
 * @returns undefined for anything else: no body, more than 256 KiB, HTML of a captive portal, an `<Error>` without
 *   `<Code>`. Never throws, because there is a status to report already and nothing may hide it.
 */
export async function decodeErrorBody(
  bytes: Uint8Array | undefined,
): Promise<ErrorDocument | undefined> {
  if (bytes === undefined || bytes.byteLength === 0) return undefined
  try {
    const root = await parseXml(bytes, 'Error', maxErrorBytes)
    const { Code, Message, RequestId, HostId, EC, ...others } = root.leafTexts()
    if (!Code?.trim()) return undefined
    return {
      code: Code.trim(),
      message: redactErrorText(Message ?? ''),
      requestId: RequestId ?? '',
      hostId: HostId ?? '',
      ec: EC ?? '',
      fields: redactFields(others),
    }
  } catch {
    return undefined
  }
}

/** Element names whose whole value is a secret. A signature opens a presigned URL until that expires. */
const secretName = /^signature(?:provided)?$|security-?token|^authorization$/i

/** `41 42 43 ...`: the canonical request or the string to sign once more, where no pattern finds the secrets. */
const hexDump = /(?:\b[0-9a-f]{2}\b\s*){16}/i

function redactFields(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const fields: Record<string, string> = Object.create(null)
  // InvalidArgument names a parameter in one element and quotes its value in another.
  const namesSecret = secretName.test((texts['ArgumentName'] ?? '').replace(/^x-oss-/i, ''))
  for (const [name, value] of Object.entries(texts)) {
    if (/bytes$/i.test(name) || hexDump.test(value)) continue
    const isSecret = secretName.test(name) || (namesSecret && name === 'ArgumentValue')
    fields[name] = isSecret ? errorRedaction : redactErrorText(value)
  }
  return fields
}

/** `-` or `%2D`, and again with the `%` encoded; none in `SecurityToken`. */
const dash = '(?:-|_|%(?:25)*2d)?'
/** `=`, `:`, or either percent-encoded, with what JSON puts around it. */
const separator = `["']?\\s*(?:[=:]|%(?:25)*3[ad])`
/**
 * A header line ends with the line; a parameter ends with `&`, which a header line would not contain.
 *
 * Both end late rather than early: a `+` of the token may have become a blank.
 */
const secretPair = new RegExp(
  `((?:security${dash}token|authorization)${separator}|signature\\s*(?:=|%(?:25)*3d))[^&\\r\\n]*`,
  'gi',
)

/** A text that came back from OSS, or one of ours that is to be compared with it, without its secrets. */
export function redactErrorText(text: string): string {
  return text.replace(secretPair, `$1${errorRedaction}`)
}
