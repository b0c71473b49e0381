// Says, for the errors that users meet, what to do next. Pure; the table is the documentation.

import type { SignatureExplanation } from '../primitives/signature-explanation.js'

const wrongSecret = 'check that OSS_ACCESS_KEY_SECRET belongs to OSS_ACCESS_KEY_ID'

/** https://www.alibabacloud.com/help/en/oss/user-guide/0002-authentication and the pages of the other error groups. */
const hints: ReadonlyMap<string, string> = entriesOf({
  AccessDenied: 'grant this operation to the RAM user or role, and check the bucket and its region',
  BucketAlreadyExists: 'choose another bucket name',
  EntityTooLarge: 'use a smaller part size',
  EntityTooSmall: 'use a part size of at least 100 KiB',
  FileAlreadyExists: 'the object exists and overwriting is forbidden: choose another key',
  FileImmutable: 'the object is under a retention policy: choose another key',
  InvalidAccessKeyId: 'check OSS_ACCESS_KEY_ID; STS credentials also need OSS_SESSION_TOKEN',
  InvalidDigest: 'the bytes changed on their way, or the file changed between two reads: run again',
  InvalidSecurityToken: 'check OSS_SESSION_TOKEN: it must belong to the access key id',
  NoSuchBucket:
    'check the bucket name, and that the region or endpoint is the one it was created in',
  RequestTimeTooSkewed: "set this machine's clock: OSS accepts 15 minutes of difference",
  SecurityTokenExpired: 'get new STS credentials and run again',
  SignatureDoesNotMatch: wrongSecret,
  UserDisable: 'the account is disabled or overdue: check its balance',
})

/** By EC where one code covers several causes. */
const hintsByEc: ReadonlyMap<string, string> = entriesOf({
  '0002-00000226': 'use the region in which the bucket was created',
})

export function hintFor(code: string, ec: string | undefined, status: number): string | undefined {
  const known = hintsByEc.get(ec ?? '') ?? hints.get(code)
  if (known !== undefined) return known
  if (status === 429 || status >= 500) return 'OSS is busy or failing: run again later'
  if (status >= 300 && status < 400)
    return 'redirects are not followed: use the endpoint of the bucket'
  return undefined
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
