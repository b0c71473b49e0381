// Owns what an object is stored with: the settings, what OSS accepts of each, and which operation carries which.

import { encodeUriComponent } from '../primitives/uri-encode.js'

export type ObjectHeaderName =
  | 'Cache-Control'
  | 'Content-Disposition'
  | 'Content-Encoding'
  | 'Content-Type'
  | 'Expires'

/** Names in any case. */
export type ObjectHeaders = {
  readonly [Name in ObjectHeaderName | Lowercase<ObjectHeaderName>]?: string | undefined
}

export type ServerSideEncryption =
  | { readonly algorithm: 'AES256' }
  | { readonly algorithm: 'SM4' }
  | {
      readonly algorithm: 'KMS'
      /** Id of the customer master key. @default the one that KMS keeps for OSS */
      readonly keyId?: string | undefined
      /** What the data is encrypted with. @default AES256 */
      readonly dataEncryption?: 'SM4' | undefined
    }

/** What an object is stored with. https://www.alibabacloud.com/help/en/oss/developer-reference/putobject */
export interface ObjectSettings {
  /**
   * What OSS sends with the object when it is downloaded: these five, by name in any case, as ASCII.
   * @default none; `uploadFile` finds the Content-Type by the name of the file, else of the key
   */
  readonly headers?: ObjectHeaders | undefined
  /**
   * `x-oss-meta-*` by the rest of their names: letters, digits and hyphens, which OSS gives back in lower case. Values are
   * ASCII; names and values together have at most 8,192 bytes. @default {}
   */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Who may read and write the object besides its owner. @default that of the bucket */
  readonly acl?: 'private' | 'public-read' | 'public-read-write' | 'default' | undefined
  /** @default that of the bucket */
  readonly storageClass?:
    | 'Standard'
    | 'IA'
    | 'Archive'
    | 'ColdArchive'
    | 'DeepColdArchive'
    | undefined
  /**
   * Tags by their keys, at most 10: a key has 1..128 characters, a value 0..256. Needs `oss:PutObjectTagging` too. @default {}
   * https://www.alibabacloud.com/help/en/oss/support/0010-00000216
   */
  readonly tagging?: Readonly<Record<string, string>> | undefined
  /** How OSS encrypts what it stores. @default as the bucket says */
  readonly serverSideEncryption?: ServerSideEncryption | undefined
  /** `true` makes OSS refuse (`FileAlreadyExists`) where the key is taken; a bucket with versioning ignores it. @default false */
  readonly forbidOverwrite?: boolean | undefined
  /** `requester` accepts the cost of requests to somebody else's pay-by-requester bucket. @default none */
  readonly requestPayer?: 'requester' | undefined
}

type Check = (value: unknown) => void
type Headers = Record<string, string | undefined>

const headerNames = new Map<string, ObjectHeaderName>(
  (['Cache-Control', 'Content-Disposition', 'Content-Encoding', 'Content-Type', 'Expires'] as const)
    // Compared in lower case: HTTP's names are the same in any.
    .map((name) => [name.toLowerCase(), name]),
)

const maxMetadataBytes = 8 * 1024
const maxTags = 10

/** One check for each setting; each throws a TypeError or RangeError that names it and shows no value of a header. */
export const objectSettingChecks: { readonly [K in keyof Required<ObjectSettings>]: Check } = {
  headers(value) {
    const seen = new Set<string>()
    for (const [name, text] of entriesOf('headers', value)) {
      const known = headerNames.get(name.toLowerCase())
      if (known === undefined) {
        const accepted = [...headerNames.values()].join(', ')
        throw new TypeError(`headers takes ${accepted}, not ${JSON.stringify(name)}`)
      }
      if (text === undefined) continue
      if (seen.has(known)) throw new TypeError(`headers has ${known} twice, in different case`)
      seen.add(known)
      assertText(`headers["${known}"]`, text)
    }
  },
  metadata(value) {
    const seen = new Set<string>()
    let bytes = 0
    for (const [name, text] of entriesOf('metadata', value)) {
      const shown = JSON.stringify(name)
      if (!/^[A-Za-z0-9-]+$/.test(name)) {
        throw new TypeError(`metadata ${shown} must be letters, digits and hyphens`)
      }
      if (seen.has(name.toLowerCase())) {
        throw new TypeError(`metadata has ${shown} twice: OSS keeps names in lower case`)
      }
      seen.add(name.toLowerCase())
      assertText(`metadata ${shown}`, text)
      bytes += name.length + text.length
    }
    if (bytes > maxMetadataBytes) {
      throw new RangeError(`metadata must be at most ${maxMetadataBytes} bytes, not ${bytes}`)
    }
  },
  acl: oneOf('acl', 'private', 'public-read', 'public-read-write', 'default'),
  storageClass: oneOf(
    'storageClass',
    'Standard',
    'IA',
    'Archive',
    'ColdArchive',
    'DeepColdArchive',
  ),
  tagging(value) {
    const tags = entriesOf('tagging', value)
    if (tags.length > maxTags) {
      throw new RangeError(`tagging must be at most ${maxTags} tags, not ${tags.length}`)
    }
    for (const [key, text] of tags) {
      assertTag('key', key, 1, 128)
      assertTag('value', text, 0, 256)
    }
  },
  serverSideEncryption(value) {
    const given = Object.fromEntries(entriesOf('serverSideEncryption', value))
    const { algorithm, keyId, dataEncryption, ...others } = given
    oneOf('serverSideEncryption.algorithm', 'AES256', 'KMS', 'SM4')(algorithm)
    const [other] = Object.keys(others)
    if (other !== undefined) {
      throw new TypeError(`serverSideEncryption has no ${JSON.stringify(other)}`)
    }
    if (algorithm !== 'KMS' && (keyId ?? dataEncryption) !== undefined) {
      throw new TypeError(
        `serverSideEncryption.algorithm must be "KMS" for keyId and dataEncryption, not "${algorithm}"`,
      )
    }
    if (keyId !== undefined) {
      assertText('serverSideEncryption.keyId', keyId)
      if (keyId === '') throw new TypeError('serverSideEncryption.keyId must not be empty')
    }
    if (dataEncryption !== undefined) {
      oneOf('serverSideEncryption.dataEncryption', 'SM4')(dataEncryption)
    }
  },
  forbidOverwrite: oneOf('forbidOverwrite', true, false),
  requestPayer: oneOf('requestPayer', 'requester'),
}

/** The headers that are given, each by the one name that it has here. */
export function namedHeaders(
  headers: ObjectHeaders = {},
): Partial<Record<ObjectHeaderName, string>> {
  const named: Partial<Record<ObjectHeaderName, string>> = {}
  for (const [name, value] of Object.entries(headers)) {
    const known = headerNames.get(name.toLowerCase())
    if (known !== undefined && value !== undefined) named[known] = value
  }
  return named
}

/** @throws {TypeError|RangeError} naming the setting that OSS would not take. */
export function assertObjectSettings(settings: ObjectSettings): void {
  for (const [name, check] of Object.entries(objectSettingChecks)) {
    const value = settings[name as keyof ObjectSettings]
    if (value !== undefined) check(value)
  }
}

/** https://www.alibabacloud.com/help/en/oss/developer-reference/initiatemultipartupload: it takes no ACL. */
export function initiateHeaders(settings: Omit<ObjectSettings, 'acl'>): Headers {
  assertObjectSettings(settings)
  const { headers, metadata = {}, tagging, serverSideEncryption: encryption } = settings
  const isKms = encryption?.algorithm === 'KMS'
  return {
    ...renamed(namedHeaders(headers), (name) => name.toLowerCase()),
    ...renamed(metadata, (name) => `x-oss-meta-${name.toLowerCase()}`),
    'x-oss-storage-class': settings.storageClass,
    'x-oss-tagging': tagging && encodeTagging(tagging),
    'x-oss-server-side-encryption': encryption?.algorithm,
    'x-oss-server-side-encryption-key-id': isKms ? encryption.keyId : undefined,
    'x-oss-server-side-data-encryption': isKms ? encryption.dataEncryption : undefined,
    ...publishingHeaders(settings),
  }
}

/** https://www.alibabacloud.com/help/en/oss/developer-reference/putobject: it takes everything. */
export function putHeaders(settings: ObjectSettings): Headers {
  return { ...initiateHeaders(settings), 'x-oss-object-acl': settings.acl }
}

/** https://www.alibabacloud.com/help/en/oss/developer-reference/completemultipartupload */
export function completeHeaders(
  settings: Pick<ObjectSettings, 'acl' | 'forbidOverwrite' | 'requestPayer'>,
): Headers {
  assertObjectSettings(settings)
  return { ...publishingHeaders(settings), 'x-oss-object-acl': settings.acl }
}

/** Of an operation that stores nothing yet. https://www.alibabacloud.com/help/en/oss/user-guide/pay-by-requester-1 */
export function payerHeader({ requestPayer }: Pick<ObjectSettings, 'requestPayer'>): Headers {
  if (requestPayer !== undefined) objectSettingChecks.requestPayer(requestPayer)
  return { 'x-oss-request-payer': requestPayer }
}

function publishingHeaders(settings: ObjectSettings): Headers {
  return {
    'x-oss-forbid-overwrite': settings.forbidOverwrite ? 'true' : undefined,
    ...payerHeader(settings),
  }
}

function encodeTagging(tagging: Readonly<Record<string, string>>): string | undefined {
  const pairs = Object.entries(tagging).map((pair) => pair.map((t) => encodeUriComponent(t)))
  return pairs.map(([key, value]) => `${key}=${value}`).join('&') || undefined
}

function renamed(
  record: Readonly<Record<string, string>>,
  rename: (name: string) => string,
): Headers {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [rename(name), value]))
}

/** The members of a plain object, none of them checked. */
function entriesOf(option: string, value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${option} must be an object of names and values`)
  }
  return Object.entries(value)
}

/** What HTTP carries unchanged: it would drop blanks at the ends. */
function assertText(option: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw new TypeError(`${option} must be a string`)
  if (!/^[\t\x20-\x7e]*$/.test(value)) {
    const hint = 'encode other characters, for example with encodeURIComponent'
    throw new TypeError(`${option} must be ASCII without line breaks: ${hint}`)
  }
  if (value.trim() !== value) {
    throw new TypeError(`${option} must not begin or end with a blank: HTTP drops it`)
  }
}

function assertTag(part: 'key' | 'value', value: unknown, min: number, max: number): void {
  if (typeof value !== 'string') throw new TypeError(`tagging must have strings as values`)
  const { length } = [...value]
  if (length < min || length > max) {
    throw new RangeError(`tagging: a ${part} must be ${min}..${max} characters, not ${length}`)
  }
  if (!/^[\p{L}\p{M}\p{N} +\-=._:/]*$/u.test(value)) {
    throw new TypeError(`tagging: a ${part} must be letters, digits, blanks and + - = . _ : /`)
  }
}

function oneOf(option: string, ...accepted: readonly unknown[]): Check {
  return (value) => {
    if (accepted.includes(value)) return
    const list = accepted.map((item) => JSON.stringify(item)).join(' or ')
    const given = typeof value === 'string' ? JSON.stringify(value) : typeof value
    throw new TypeError(`${option} must be ${list}, not ${given}`)
  }
}
