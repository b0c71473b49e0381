// Owns the shape of a row of the fault table: one kind of trouble, and what is expected of an upload that meets it.

import type { FailedAttempt } from '../../src/primitives/errors.js'
import type { FakeRequest, Fault } from '../support/fake-oss/index.js'
import type { Behaviour, Operation, Outcome } from './network-outcomes.js'

/** One request that is to meet the trouble. */
export interface Meeting {
  readonly request: FakeRequest
  /** Quoted MD5 of the body's content, as OSS answers it. */
  readonly etag: string
  /** Sets the server's clock off by that much from now on. */
  readonly setClock: (offsetMs: number) => void
}

/** What stands in the way of a connection. */
export type Obstacle = 'refused' | 'no name' | 'no answer to connect' | 'certificate'

export type Lasting = 'once' | 'always'

/** What is uploaded, and how: `file` unless something else is said. */
export type Mode = 'file' | 'bytes' | 'stream' | 'sequential' | 'sequential stream'

export interface FaultRow {
  /** As README has it in backquotes. */
  readonly name: string
  /** What an upload that fails by it fails with. */
  readonly code: string
  /** What is said of an attempt that is followed by another; absent where there is none. */
  readonly verdict?: FailedAttempt['verdict']
  /** What Node or undici says of the connection. */
  readonly cause?: string
  /** In the message of the error or in its hint. */
  readonly says?: RegExp
  readonly behaviour: Behaviour
  readonly except?: { readonly [O in Operation]?: { readonly [L in Lasting]?: Outcome } }
  /** Operations that can meet it. @default all */
  readonly on?: readonly Operation[]
  /** @default both */
  readonly lasting?: readonly Lasting[]
  readonly fault?: Fault | ((meeting: Meeting) => Fault | undefined)
  readonly obstacle?: Obstacle
  /** Credentials that can be renewed; else they are fixed. */
  readonly renewable?: boolean
  /** Attempts of the policy. @default 4 */
  readonly attempts?: number
  /** Milliseconds. @default 20,000 */
  readonly answerTimeout?: number
  readonly contentMd5?: boolean
  /** Also met by these, at UploadPart. */
  readonly modes?: { readonly [M in Mode]?: { readonly [L in Lasting]: Outcome } }
}

/** Trouble of one kind, which README describes in one row that begins with these words. */
export interface Topic {
  readonly title: string
  readonly rows: readonly FaultRow[]
}

/** Operations whose answer is a document. */
export const withDocument = [
  'InitiateMultipartUpload',
  'ListParts',
  'CompleteMultipartUpload',
  'ListMultipartUploads',
] as const

/** Operations that send content. */
export const withContent = ['UploadPart', 'PutObject'] as const

export const portal = '<!DOCTYPE html><html><body>Please accept our terms of use.</body></html>'
/** What a proxy in front of OSS answers. */
export const fromGateway = (status: number): Fault => ({
  type: 'replace',
  apply: false,
  status,
  headers: { 'x-oss-request-id': undefined, server: 'gateway' },
  body: `<html><title>${status}</title></html>`,
})
export const status = (number: number, code: string): Fault => ({
  type: 'status',
  status: number,
  code,
})
