// Says, for the errors that users meet, what to do next. Pure; the table is the documentation.

import type { SignatureExplanation } from '../primitives/signature-explanation.js'
import type { TransportResponse } from '../transport/transport.js'

const wrongSecret = 'check that OSS_ACCESS_KEY_SECRET belongs to OSS_ACCESS_KEY_ID'

/** https://www.alibabacloud.com/help/en/oss/user-guide/0002-authentication and the pages of the other error groups. */
const hints: ReadonlyMap<string, string> = entriesOf({
  AccessKeyIdAndSecurityTokenNotMatch:
    'check OSS_SESSION_TOKEN: it must belong to the access key id',
  BucketAlreadyExists: 'choose another bucket name',
  EntityTooLarge: 'use a smaller part size',
  EntityTooSmall: 'use a part size of at least 100 KiB',
  FileAlreadyExists: 'the object exists and overwriting is forbidden: choose another key',
  FileImmutable: 'the object is under a retention policy: choose another key',
  InvalidAccessKeyId: 'check OSS_ACCESS_KEY_ID; STS credentials also need OSS_SESSION_TOKEN',
  InvalidDigest: 'the bytes changed on their way, or the file changed between two reads: run again',
  InvalidPart: 'OSS does not have a part as it was acknowledged: run again, and it is sent again',
  InvalidSecurityToken: 'check OSS_SESSION_TOKEN: it must belong to the access key id',
  NoSuchBucket:
    'check the bucket name, and that the region or endpoint is the one it was created in',
  NoSuchUpload: 'the upload was completed or aborted elsewhere, or by a lifecycle rule: run again',
  RequestTimeTooSkewed: "set this machine's clock: OSS accepts 15 minutes of difference",
  RequestTimeout: 'the body did not arrive in time: use a smaller part size or concurrency',
  SecurityTokenExpired: 'get new STS credentials and run again',
  SignatureDoesNotMatch: wrongSecret,
  UserDisable: 'the account is disabled or overdue: check its balance',
})

/** By EC where one code covers several causes. */
const hintsByEc: ReadonlyMap<string, string> = entriesOf({
  '0002-00000226': 'use the region in which the bucket was created',
})

/**
 * What a RAM policy must allow for an operation. That of HeadObject is from memory and unverified.
 * https://www.alibabacloud.com/help/en/oss/user-guide/ram-policy-overview
 */
const ramActions: ReadonlyMap<string, string> = entriesOf({
  PutObject: 'oss:PutObject',
  InitiateMultipartUpload: 'oss:PutObject',
  UploadPart: 'oss:PutObject',
  CompleteMultipartUpload: 'oss:PutObject',
  AbortMultipartUpload: 'oss:AbortMultipartUpload',
  ListParts: 'oss:ListParts',
  ListMultipartUploads: 'oss:ListMultipartUploads',
  HeadObject: 'oss:GetObject',
})

type Answer = Pick<TransportResponse, 'headers' | 'body'>

/**
 * @param operation OSS's name of what was refused
 * @param answer what came, for causes that are not OSS's
 */
export function hintFor(
  code: string,
  ec: string | undefined,
  status: number,
  operation = '',
  answer?: Answer,
): string | undefined {
  const known = hintsByEc.get(ec ?? '') ?? hints.get(code)
  if (known !== undefined) return known
  if (code === 'AccessDenied') {
    const action = ramActions.get(operation) ?? 'this operation'
    return `grant ${action} to the RAM user or role, and check the bucket and its region`
  }
  // Before the page: a login page is mostly reached by way of a redirect that has one too.
  if (status >= 300 && status < 400) return redirectHint(answer)
  const portal = answer && portalHint(answer)
  if (portal !== undefined) return portal
  if (status === 403) return 'a gateway or firewall may have refused it: check the way to OSS'
  if (status === 429 || status >= 500 || code === 'InternalError')
    return 'OSS is busy or failing: run again later'
  return undefined
}

/** Where the redirect leads tells a wrong endpoint from a login page; the rest of it may carry secrets. */
function redirectHint(answer: Answer | undefined): string {
  const rule = 'redirects are not followed: use the endpoint of the bucket'
  const host = locationHost(answer?.headers['location'])
  if (host === undefined) return rule
  if (host.endsWith('.aliyuncs.com')) return `${rule} (this one leads to ${host})`
  return `${rule}, or log in to the network, where ${host} is its login page`
}

const longestHost = 253

function locationHost(location: string | undefined): string | undefined {
  if (location === undefined || !URL.canParse(location)) return undefined
  const { hostname, protocol } = new URL(location)
  const isHost = /^[a-z0-9.:[\]-]+$/.test(hostname) && hostname.length <= longestHost
  return /^https?:$/.test(protocol) && isHost ? hostname : undefined
}

/** @returns undefined unless the answer is a page for people, which OSS never answers a request of ours with. */
export function portalHint({ headers, body }: Answer): string | undefined {
  const type = headers['content-type'] ?? ''
  const start = Buffer.from(body.subarray(0, 256)).toString('latin1')
  // By its type alone it could also be an object that is kept as HTML, were it not for the request id, which OSS always gives.
  const isPage =
    /^(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b/i.test(start) ||
    (/^\s*text\/html\b/i.test(type) && headers['x-oss-request-id'] === undefined)
  return isPage
    ? 'a captive portal or a proxy answered in place of OSS: log in to the network, or check the proxy'
    : undefined
}

/** For a refused signature whose request was signed again and compared. */
export function signatureHint({ difference, likelyCause }: SignatureExplanation): string {
  if (likelyCause === undefined) return `${wrongSecret}, or run ossup sign explain`
  const cause = likelyCause.replace(/\.$/, '')
  return difference === undefined ? `${cause}; ${wrongSecret}` : `likely cause: ${cause}`
}

/** A map, because codes come from the network: of an object, `constructor` would be a hint too. */
function entriesOf(table: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(table))
}
