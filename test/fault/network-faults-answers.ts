// Rows of the fault table: answers of OSS, or of a gateway before it, that say no.

import {
  type FaultRow,
  fromGateway,
  type Lasting,
  type Mode,
  status,
  type Topic,
  withContent,
} from './network-faults.js'
import {
  denied,
  fails,
  finishes,
  lost,
  type Outcome,
  refused,
  retried,
  throttled,
} from './network-outcomes.js'

type Modes = { readonly [M in Mode]?: { readonly [L in Lasting]: Outcome } }

const retriedModes: Modes = {
  bytes: { once: finishes(2), always: fails('resumes', 4) },
  stream: { once: finishes(2), always: fails('resumes', 4) },
  // Never blindly: ListParts says in between that the part is not there.
  sequential: { once: finishes(2), always: fails('resumes', 4) },
  'sequential stream': { once: finishes(2), always: fails('resumes', 4) },
}
const lostModes: Modes = {
  bytes: { once: finishes(2), always: fails('resumes', 4) },
  stream: { once: finishes(2), always: fails('resumes', 4) },
  // ListParts has the part: it is compared, and not sent again.
  sequential: { once: finishes(1), always: finishes(1) },
  'sequential stream': { once: finishes(1), always: finishes(1) },
}

const failing: readonly FaultRow[] = [
  {
    name: '500 InternalError',
    ...{ code: 'InternalError', verdict: 'server', behaviour: retried() },
    ...{ fault: status(500, 'InternalError'), modes: retriedModes },
  },
  {
    name: '500 behind the operation',
    ...{ code: 'InternalError', verdict: 'server', behaviour: lost(), modes: lostModes },
    fault: { type: 'status', status: 500, code: 'InternalError', before: false },
  },
  {
    name: '502 of a gateway',
    says: /may come from a proxy or gateway/,
    ...{ code: 'HttpStatus502', verdict: 'server', behaviour: retried(), fault: fromGateway(502) },
  },
  {
    name: '504 of a gateway',
    ...{ code: 'HttpStatus504', verdict: 'server', behaviour: retried(), fault: fromGateway(504) },
  },
  {
    name: '408 of a gateway',
    ...{ code: 'HttpStatus408', verdict: 'server', behaviour: retried(), fault: fromGateway(408) },
  },
  {
    name: '400 RequestTimeout',
    ...{ code: 'RequestTimeout', verdict: 'server', behaviour: retried() },
    ...{ fault: status(400, 'RequestTimeout'), modes: retriedModes },
  },
]

const throttledModes: Modes = {
  stream: { once: finishes(2), always: fails('resumes', [1, 4000]) },
  sequential: { once: finishes(2), always: fails('resumes', [1, 4000]) },
  'sequential stream': { once: finishes(2), always: fails('resumes', [1, 4000]) },
}

const throttling: readonly FaultRow[] = [
  ...(
    [
      [503, 'ServiceUnavailable'],
      [503, 'UploadTrafficRateLimitExceeded'],
      [503, 'TotalQpsLimitExceeded'],
      [503, 'MetaOperationQpsLimitExceeded'],
      [429, 'RequestLimitExceeded'],
    ] as const
  ).map(
    ([number, code]): FaultRow => ({
      name: `${number} ${code}`,
      ...{ code, verdict: 'throttle', behaviour: throttled, fault: status(number, code) },
      ...(code === 'ServiceUnavailable' && { modes: throttledModes }),
    }),
  ),
  {
    name: '503 of a gateway',
    ...{ code: 'HttpStatus503', verdict: 'throttle', behaviour: throttled },
    fault: fromGateway(503),
  },
  {
    name: '503 with Retry-After',
    ...{ code: 'ServiceUnavailable', verdict: 'throttle', behaviour: throttled, lasting: ['once'] },
    on: ['InitiateMultipartUpload', 'UploadPart', 'PutObject', 'ListParts'],
    fault: { ...status(503, 'ServiceUnavailable'), headers: { 'Retry-After': '1' } } as const,
  } as FaultRow,
]

const refusing: readonly FaultRow[] = [
  {
    name: '403 AccessDenied',
    ...{ code: 'AccessDenied', behaviour: denied, fault: status(403, 'AccessDenied') },
  },
  {
    name: '403 of a gateway',
    ...{ code: 'HttpStatus403', behaviour: denied, fault: fromGateway(403) },
  },
  ...(
    [
      [403, 'SignatureDoesNotMatch'],
      [403, 'UserDisable'],
      [400, 'InvalidArgument'],
      [405, 'MethodNotAllowed'],
    ] as const
  ).map(
    ([number, code]): FaultRow => ({
      name: `${number} ${code}`,
      ...{ code, behaviour: refused, fault: status(number, code) },
    }),
  ),
  {
    name: '404 NoSuchBucket',
    ...{ code: 'NoSuchBucket', behaviour: refused, fault: status(404, 'NoSuchBucket') },
    // To HEAD that is an object which is not there: it is uploaded once more.
    except: { HeadObject: { always: finishes(2, { published: 2 }) } },
  },
  {
    name: '409 FileAlreadyExists',
    ...{ code: 'FileAlreadyExists', behaviour: refused, fault: status(409, 'FileAlreadyExists') },
    on: ['InitiateMultipartUpload', 'CompleteMultipartUpload', 'PutObject'],
  },
  {
    name: '401 of a gateway',
    ...{ code: 'HttpStatus401', verdict: 'server', behaviour: retried(3), fault: fromGateway(401) },
    except: {
      CompleteMultipartUpload: { once: fails('resumes', 1), always: fails('resumes', 1) },
    },
  },
  {
    name: '403 while the body is sent',
    ...{ code: 'AccessDenied', behaviour: refused, on: withContent, lasting: ['always'] },
    fault: { type: 'early-response', status: 403, code: 'AccessDenied' },
    // The first answer may be lost in the reset of the connection; the second attempt looks before it sends.
    except: {
      UploadPart: { always: fails('resumes', [1, 2]) },
      PutObject: { always: fails('starts over', [1, 2]) },
    },
  },
  {
    name: '403 and a reset while the body is sent',
    ...{ code: 'AccessDenied', behaviour: refused, on: withContent, lasting: ['always'] },
    fault: { type: 'early-response', status: 403, code: 'AccessDenied', reset: true },
    except: {
      UploadPart: { always: fails('resumes', [1, 2]) },
      PutObject: { always: fails('starts over', [1, 2]) },
    },
  },
]

const gone: readonly FaultRow[] = [
  {
    name: '404 NoSuchUpload',
    ...{ code: 'NoSuchUpload', behaviour: refused, fault: status(404, 'NoSuchUpload') },
    on: ['UploadPart', 'ListParts', 'CompleteMultipartUpload', 'AbortMultipartUpload'],
    except: {
      // A new upload, once, by itself.
      UploadPart: { once: finishes(2), always: fails('resumes', 2) },
      ListParts: { once: finishes(2), always: finishes(2) },
      CompleteMultipartUpload: { once: finishes(2), always: fails('resumes', 2) },
      // It is said to be gone, and is not.
      AbortMultipartUpload: {
        once: finishes(1, { open: 1, reported: 0 }),
        always: finishes(1, { open: 1, reported: 0 }),
      },
    },
  },
]

const elsewhere = { Location: 'http://127.0.0.1:9/elsewhere' }
const redirecting: readonly FaultRow[] = [
  {
    name: '301 to somewhere else',
    says: /redirects are not followed/,
    ...{ code: 'HttpStatus301', behaviour: refused },
    fault: { type: 'replace', apply: false, status: 301, headers: elsewhere, body: '' },
  },
  {
    name: '307 to somewhere else',
    says: /redirects are not followed/,
    ...{ code: 'TemporaryRedirect', behaviour: refused },
    fault: { type: 'status', status: 307, code: 'TemporaryRedirect', headers: elsewhere },
  },
]

export const answerTopics: readonly Topic[] = [
  { title: 'OSS or a gateway fails', rows: failing },
  { title: 'OSS throttles', rows: throttling },
  { title: 'OSS or a gateway refuses', rows: refusing },
  { title: 'OSS says that the upload is gone', rows: gone },
  { title: 'a redirect', rows: redirecting },
]
export { lostModes, retriedModes }
