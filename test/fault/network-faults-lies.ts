// Rows of the fault table: answers that are not true, not whole, or not from OSS.

import { type FaultRow, portal, type Topic, withContent, withDocument } from './network-faults.js'
import { denied, fails, finishes, harmless, lost, retried } from './network-outcomes.js'

const malformed = { code: 'ERR_OSS_MALFORMED_RESPONSE', verdict: 'network' } as const
const errorDocument =
  '<?xml version="1.0"?><Error><Code>InternalError</Code><Message>no</Message></Error>'
const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">${Array.from(
  { length: 9 },
  (_, n) => `<!ENTITY b${n} "${`&${n === 0 ? 'a' : `b${n - 1}`};`.repeat(10)}">`,
).join('')}]><Error><Code>&b8;</Code></Error>`
const body = (text: string | Buffer): NonNullable<FaultRow['fault']> => ({
  type: 'replace',
  body: text,
})

const documents: readonly FaultRow[] = [
  {
    name: '200 with an error document',
    ...{ code: 'InternalError', verdict: 'server', behaviour: retried(), on: withDocument },
    fault: { type: 'replace', apply: false, body: errorDocument },
  },
  {
    name: 'a truncated answer',
    ...{ code: 'ERR_OSS_TRANSPORT', verdict: 'network', behaviour: lost() },
    on: [...withDocument, ...withContent],
    fault: { type: 'truncate-response', bytes: 60 },
  },
  {
    name: 'half a document',
    ...{ ...malformed, behaviour: lost(), on: withDocument },
    fault: body('<?xml version="1.0"?><InitiateMultipartUploadResult><Bucket>exam'),
  },
  {
    name: 'bytes that are no XML',
    ...{ ...malformed, behaviour: lost(), on: withDocument },
    fault: body(Buffer.from([0, 255, 254, 60, 62, 128, 7])),
  },
  {
    name: 'no document',
    ...{ ...malformed, behaviour: lost(), on: withDocument, fault: body('') },
  },
  {
    name: 'an XML bomb',
    ...{ ...malformed, behaviour: lost(), on: withDocument, fault: body(bomb) },
  },
  {
    name: 'an XML bomb for an error',
    ...{ code: 'HttpStatus500', verdict: 'server', behaviour: retried() },
    fault: { type: 'replace', apply: false, status: 500, body: bomb },
  },
  {
    name: 'HTML of a captive portal',
    ...{ ...malformed, behaviour: retried() },
    fault: {
      type: 'replace',
      ...{ apply: false, body: portal },
      headers: { 'x-oss-request-id': undefined, 'content-type': 'text/html' },
    },
    // 200 is success there, until ListParts shows the upload; it is tried three times.
    except: { AbortMultipartUpload: { always: finishes(3, { open: 1 }) } },
  },
  {
    name: 'a gigabyte of 500',
    ...{ code: 'HttpStatus500', verdict: 'server', behaviour: retried(2), attempts: 2 },
    on: ['InitiateMultipartUpload', 'UploadPart', 'ListParts', 'PutObject'],
    fault: { type: 'endless', status: 500, bytes: 2 ** 30 },
  },
  {
    name: 'a gigabyte of 403',
    ...{ code: 'HttpStatus403', behaviour: denied, lasting: ['always'] },
    on: ['InitiateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'PutObject'],
    fault: { type: 'endless', status: 403, bytes: 2 ** 30 },
  },
  {
    name: 'a gigabyte of success',
    ...{ ...malformed, behaviour: retried(2), attempts: 2, on: ['ListParts', 'UploadPart'] },
    fault: { type: 'endless', status: 200, bytes: 2 ** 30 },
  },
]

const header = (name: string, value: string | undefined): NonNullable<FaultRow['fault']> => ({
  type: 'replace',
  headers: { [name]: value },
})
const crc = 'x-oss-hash-crc64ecma'
const checksums: readonly FaultRow[] = [
  {
    name: 'wrong CRC-64',
    ...{ code: 'ERR_OSS_CHECKSUM_MISMATCH', verdict: 'damaged', behaviour: retried(3) },
    ...{ on: [...withContent, 'CompleteMultipartUpload', 'HeadObject'], fault: header(crc, '7') },
    except: {
      // It is published, and not what it should be: the next run looks again.
      CompleteMultipartUpload: { once: fails('resumes', 1), always: fails('resumes', 1) },
      // Somebody else's object, it seems: it is uploaded once more.
      HeadObject: { always: finishes(2, { published: 2 }) },
    },
    modes: {
      stream: { once: finishes(2), always: fails('resumes', 3) },
      // What was sent cannot be replaced.
      sequential: { once: fails('resumes', 1), always: fails('resumes', 1) },
    },
  },
  {
    name: '400 InvalidDigest',
    ...{ code: 'InvalidDigest', verdict: 'damaged', behaviour: retried(2), contentMd5: true },
    ...{ on: withContent, fault: { type: 'status', status: 400, code: 'InvalidDigest' } },
  },
  {
    name: 'a CRC-64 that is no number',
    ...{ ...malformed, behaviour: lost(), fault: header(crc, 'abc') },
    on: [...withContent, 'CompleteMultipartUpload', 'HeadObject'],
  },
  {
    name: 'missing ETag',
    ...{ ...malformed, behaviour: lost(), fault: header('etag', undefined) },
    on: [...withContent, 'HeadObject'],
  },
  {
    name: 'wrong ETag',
    ...{ code: 'InvalidPart', behaviour: harmless },
    on: [...withContent, 'CompleteMultipartUpload', 'HeadObject'],
    fault: header('etag', '"0123456789ABCDEF0123456789ABCDEF"'),
    // Complete names the part, which is sent again, once.
    except: { UploadPart: { once: finishes(2), always: fails('resumes', 2) } },
  },
]

const rewriting: readonly FaultRow[] = [
  {
    name: 'missing CRC-64',
    ...{ code: '', behaviour: harmless, fault: header(crc, undefined) },
    on: [...withContent, 'CompleteMultipartUpload', 'HeadObject'],
    except: {
      HeadObject: {
        once: finishes(2),
        always: fails('ambiguous', 2, { code: 'ERR_OSS_AMBIGUOUS' }),
      },
    },
  },
  {
    name: 'ETag without quotes',
    ...{ code: '', behaviour: harmless, on: withContent },
    fault: ({ etag }) => ({ type: 'replace', headers: { etag: etag.replaceAll('"', '') } }),
  },
  {
    name: 'weak ETag',
    ...{ code: '', behaviour: harmless, on: withContent },
    fault: ({ etag }) => ({ type: 'replace', headers: { etag: `W/${etag}` } }),
  },
  {
    name: 'ETag in lower case',
    ...{ code: 'InvalidPart', behaviour: harmless, on: withContent },
    fault: ({ etag }) => ({ type: 'replace', headers: { etag: etag.toLowerCase() } }),
    // The fake takes it for another one, as OSS may: as above.
    except: { UploadPart: { once: finishes(2), always: fails('resumes', 2) } },
  },
  {
    name: 'no request id',
    ...{ code: '', behaviour: harmless, fault: header('x-oss-request-id', undefined) },
  },
  {
    name: 'wrong Date',
    ...{ code: '', behaviour: harmless, fault: header('date', 'Mon, 02 Jan 2034 03:04:05 GMT') },
  },
]

export const lieTopics: readonly Topic[] = [
  { title: 'an answer that is no answer of OSS', rows: documents },
  { title: 'bytes or checksums are damaged', rows: checksums },
  { title: 'a proxy rewrites headers', rows: rewriting },
]
