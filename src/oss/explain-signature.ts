// Owns the explanation of a signature: every step without its secrets, where OSS saw something else, and why that may be.

import type {
  SignatureDifference,
  SignatureExplanation,
} from '../primitives/signature-explanation.js'
import { type PresignableRequest, presignUrl } from '../signing/presign-url.js'
import { type SignableRequest, type SigningContext, signRequest } from '../signing/sign-request.js'
import { canonicalQuery, credentialScope, timestampOf } from '../signing/v4.js'
import { errorRedaction, redactErrorText } from '../xml/error-xml.js'

/** As for `signRequest`; with `origin` (and `pathStyle`) for the presigned form. */
export interface ExplainedRequest extends SignableRequest {
  readonly origin?: PresignableRequest['origin'] | undefined
  readonly pathStyle?: PresignableRequest['pathStyle']
}

/** As for `signRequest`; `expiresSeconds` makes it the presigned form. */
export interface ExplainedContext extends SigningContext {
  /** Seconds from `time` until the URL expires, 1 to 604,800 (7 days). */
  readonly expiresSeconds?: number | undefined
}

/**
 * What OSS says it computed: elements of the same name in the body of `SignatureDoesNotMatch`, as they came or with their
 * secrets replaced as in `OssServiceError.fields`. What was replaced is left out of the comparison.
 */
export interface SignatureAnswer {
  readonly canonicalRequest?: string | undefined
  readonly stringToSign?: string | undefined
}

/**
 * Signs the request again and explains how. With OSS's answer it also finds the first line that OSS saw otherwise.
 *
 * Nothing is sent, and the result holds no secret.
 *
 * @param context `time` must be the moment the failed request was signed, or its date will differ
 * @throws what {@link signRequest} and {@link presignUrl} throw
 */
export function explainSignature(
  request: ExplainedRequest,
  context: ExplainedContext,
  answer: SignatureAnswer = {},
): SignatureExplanation {
  const signed = sign(request, context)
  const redact = redactor(context.credentials.securityToken)
  const [, uri = '', query = '', ...rest] = signed.canonicalRequest.split('\n')
  const values = [
    ['Time and scope', credentialScopeOf(context)],
    ['Canonical URI', uri],
    ['Canonical query', query],
    ['Canonical headers', rest.slice(0, -3).join('\n')],
    ['Additional headers', rest.at(-2) ?? ''],
    ['Canonical request', signed.canonicalRequest],
    ['String to sign', signed.stringToSign],
    ['Signing key', redacted],
    signed.last,
  ] as const
  const steps = values.map(([title, value], index) => ({
    number: index + 1,
    title,
    value: redact(value),
  }))

  const theirs = {
    CanonicalRequest: linesOf(answer.canonicalRequest),
    StringToSign: linesOf(answer.stringToSign),
  }
  const isRedacted = answer.canonicalRequest?.includes(errorRedaction) === true
  const compared: [SignatureDifference['text'], string][] = [
    [
      'CanonicalRequest',
      isRedacted ? redactErrorText(signed.canonicalRequest) : signed.canonicalRequest,
    ],
    ['StringToSign', signed.stringToSign],
  ]
  for (const [text, ours] of compared) {
    const ourLines = ours.split('\n')
    const theirLines = theirs[text]
    const index = firstDifference(ourLines, theirLines ?? ourLines)
    if (theirLines === undefined || index < 0) continue
    const cause =
      text === 'CanonicalRequest'
        ? canonicalRequestCause(ourLines, theirLines, index)
        : stringToSignCause(ourLines, theirLines, index, theirs.CanonicalRequest, isRedacted)
    const difference = {
      text,
      line: index + 1,
      ours: redact(ourLines[index] ?? ''),
      theirs: redact(theirLines[index] ?? ''),
    }
    return { steps, difference, likelyCause: redact(cause) }
  }
  if (theirs.StringToSign) return { steps, likelyCause: `${wrongSecret}.` }
  if (theirs.CanonicalRequest) return { steps, likelyCause: `${wrongSecret}; ${noStringToSign}.` }
  return { steps }
}

/** The explanation as lines for people. Control characters, which OSS's answer may hold, are written as escapes. */
export function formatExplanation(explanation: SignatureExplanation): string {
  const { steps, difference, likelyCause } = explanation
  const lines = steps.flatMap(({ number, title, value }) => [
    `${number}. ${title}`,
    ...(value === '' ? ['(empty)'] : value.split('\n')).map((line) => `   ${line}`.trimEnd()),
  ])
  if (difference) {
    lines.push(
      `first difference: ${difference.text}, line ${difference.line}`,
      `   ours:   ${difference.ours || '(empty)'}`,
      `   theirs: ${difference.theirs || '(empty)'}`,
    )
  }
  if (likelyCause !== undefined) lines.push(`likely cause: ${likelyCause}`)
  return lines
    .join('\n')
    .replace(/[^\P{Cc}\n]/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

const redacted = '[redacted]'

const wrongSecret =
  'every line agrees, so the secret is what differs: the AccessKey secret is wrong, or it belongs to another AccessKey ID'

const noStringToSign = 'the answer had no StringToSign, so a wrong region or time is not ruled out'

const wrongTime =
  'OSS saw another time than the one signed here: the request was signed at another moment, or a clock or proxy set the date after signing.'

function sign(request: ExplainedRequest, context: ExplainedContext) {
  const { origin, ...plain } = request
  const { expiresSeconds, ...signing } = context
  if (expiresSeconds === undefined) {
    const signed = signRequest(plain, signing)
    return { ...signed, last: ['Authorization', signed.authorization] as const }
  }
  if (origin === undefined) throw new TypeError('origin is required with expiresSeconds')
  const signed = presignUrl({ ...plain, origin }, { ...signing, expiresSeconds })
  return { ...signed, last: ['URL', signed.url] as const }
}

function credentialScopeOf({ time, region, product = 'oss' }: SigningContext): string {
  return credentialScope(timestampOf(time), region, product)
}

/** Covers the token of the caller wherever it is, and whatever else stands where a token belongs. */
function redactor(token: string | undefined): (text: string) => string {
  // Shorter ones would also hit ordinary words, and stand only where the pattern below finds them.
  const tokens = token && token.length >= 16 ? [token, canonicalQuery({ t: token }).slice(2)] : []
  return (text) =>
    tokens
      .reduce((hidden, secret) => hidden.replaceAll(secret, redacted), text)
      .replace(/(security-token(?:[:=]|%3[AD]))[^&\n]*/gi, `$1${redacted}`)
      .replace(/(signature=[0-9a-f]{8})[0-9a-f]{56}/gi, '$1...')
}

function linesOf(text: string | undefined): string[] | undefined {
  return text?.replaceAll('\r\n', '\n').trim().split('\n')
}

/** Index of the first line that is not the same, -1 when all are. */
function firstDifference(ours: readonly string[], theirs: readonly string[]): number {
  const longer = ours.length > theirs.length ? ours : theirs
  return longer.findIndex((_, index) => ours[index] !== theirs[index])
}

function canonicalRequestCause(ours: string[], theirs: string[], index: number): string {
  const [our = '', their = ''] = [ours[index], theirs[index]]
  if (index === 0) return 'the method was changed on the way to OSS, or by a redirect.'
  if (index === 1) return uriCause(our, their)
  if (index === 2) return queryCause(our, their)
  const ourHeaders = headersOf(ours)
  const theirHeaders = headersOf(theirs)
  if (index < 3 + Math.max(ourHeaders.size, theirHeaders.size)) {
    const ourName = our.split(':')[0] ?? ''
    const theirName = their.split(':')[0] ?? ''
    return ourHeaders.has(theirName) || theirName === ''
      ? headerCause(ourName, theirHeaders.has(ourName) ? 'rewritten' : 'removed')
      : headerCause(theirName, 'added')
  }
  return ours.length === theirs.length && index === ours.length - 2
    ? 'the list of additional headers differs: the Authorization header or x-oss-additional-headers was not sent as signed.'
    : 'the end of the canonical request differs: OSS allows UNSIGNED-PAYLOAD only.'
}

function uriCause(our: string, their: string): string {
  if (decoded(their) === our) {
    return 'the key was encoded twice: something encoded the path again after it was signed.'
  }
  if (decoded(our) === decoded(their)) {
    return 'the key is encoded in another way: something decoded or rewrote the path after it was signed.'
  }
  const folded = new URL(our, 'http://host').pathname
  if (their === folded || their === folded.replace(/\/{2,}/g, '/')) {
    return 'something (an HTTP client, a proxy) folded the dots or slashes in the key after it was signed.'
  }
  const withoutBucket = (uri: string) => uri.replace(/^\/[^/]*/, '')
  if (withoutBucket(our) === withoutBucket(their) || their.endsWith(our) || our.endsWith(their)) {
    return 'the bucket differs: OSS took it from the host or the path, so check endpoint, path style and custom domain.'
  }
  return 'bucket or key differ from what was sent: the path was rewritten after signing, or another object was asked for.'
}

function queryCause(our: string, their: string): string {
  const ours = parametersOf(our)
  const theirs = parametersOf(their)
  for (const name of new Set([...ours.keys(), ...theirs.keys()])) {
    const [value, other] = [ours.get(name), theirs.get(name)]
    if (value === other) continue
    if (value === undefined) {
      return `the query parameter ${name} was added after signing; every parameter has to be signed.`
    }
    if (other === undefined) return `the query parameter ${name} was removed after signing.`
    if (name === 'x-oss-credential') {
      const [id, ...scope] = decoded(value).split('/')
      const [otherId, ...otherScope] = decoded(other).split('/')
      return id === otherId ? scopeCause(scope, otherScope) : 'the AccessKey ID differs.'
    }
    if (name === 'x-oss-date') return wrongTime
    return `the query parameter ${name} was changed or encoded in another way after signing.`
  }
  return 'the parameters are the same but not written or sorted in the same way.'
}

function headerCause(name: string, change: 'added' | 'removed' | 'rewritten'): string {
  if (name === 'x-oss-date' && change === 'rewritten') return wrongTime
  if (name === 'x-oss-security-token') {
    return `the security token was ${change} after signing, or the credentials changed in between.`
  }
  return `the header ${name} was ${change} after signing, by a proxy or by the HTTP library.`
}

function stringToSignCause(
  ours: string[],
  theirs: string[],
  index: number,
  canonicalRequest: string[] | undefined,
  isRedacted: boolean,
): string {
  if (index === 0) return 'OSS took the request for one that is not signed with V4.'
  if (index === 1) return wrongTime
  if (index === 2) return scopeCause((ours[2] ?? '').split('/'), (theirs[2] ?? '').split('/'))
  if (isRedacted) {
    return 'what the answer shows agrees, so what is redacted in it differs: the security token was rewritten after signing, or the credentials changed in between.'
  }
  return canonicalRequest
    ? 'OSS hashed another canonical request than the one it shows: the answer is incomplete, or not in UTF-8.'
    : 'the canonical request differs, and the answer does not show it: look for changed headers, query or path.'
}

function scopeCause(ours: readonly string[], theirs: readonly string[]): string {
  if (ours[0] !== theirs[0]) return wrongTime
  if (ours[1] !== theirs[1]) {
    return `wrong region: signed for ${ours[1]}, but OSS expects ${theirs[1]}.`
  }
  return `wrong product: signed for ${ours[2]}, but OSS expects ${theirs[2]}.`
}

function headersOf(lines: readonly string[]): ReadonlySet<string> {
  const end = lines.indexOf('', 3)
  return new Set(lines.slice(3, end < 0 ? undefined : end).map((line) => line.split(':')[0] ?? ''))
}

function parametersOf(query: string): ReadonlyMap<string, string> {
  const pairs = query === '' ? [] : query.split('&')
  return new Map(
    pairs.map((pair): [string, string] => {
      const [name = '', ...value] = pair.split('=')
      return [name, value.join('=')]
    }),
  )
}

/** As given when it cannot be decoded: the text came over the network. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
