/** Owns what an embedder may configure on the fake: the options, their units and their defaults. */

import type { Fault } from './faults.js'
import type { FakeRequest } from './request.js'

/** A key the fake accepts. With `securityToken` it is a temporary one, and every request must carry that token. */
export interface FakeCredentials {
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly securityToken?: string
  /** From this instant of the server's clock on the answer is 403 SecurityTokenExpired. */
  readonly expiresAt?: Date
}

/** What OSS would send to the application server of an upload callback. */
export interface FakeCallback {
  readonly url: string
  /** `callbackBody` with `${bucket}`, `${object}`, `${etag}`, `${size}`, `${mimeType}`, `${crc64}` and `${x:...}` filled in. */
  readonly body: string
  readonly contentType: string
  /** The decoded `x-oss-callback-var`. */
  readonly vars: Readonly<Record<string, string>>
}

export interface FakeOssOptions {
  /** Buckets that exist. @default ['examplebucket'] */
  readonly buckets?: readonly string[]
  /** Region that signatures must name. @default 'cn-hangzhou' */
  readonly region?: string
  /** Product that signatures must name; 'oss-cloudbox' for a cloud box. @default 'oss' */
  readonly product?: string
  /** Custom domains: host name without port -> bucket. @default none */
  readonly cnames?: Readonly<Record<string, string>>
  /** @default [{ accessKeyId: 'test-access-key-id', accessKeySecret: 'test-access-key-secret' }] */
  readonly credentials?: readonly FakeCredentials[]
  /** 'digest' keeps size, MD5, CRC-64 and SHA-256 but no bytes. Ignored when `directory` is set. @default 'memory' */
  readonly store?: 'memory' | 'digest'
  /** Keeps the bytes of parts and objects as files in this folder, which is created. @default none */
  readonly directory?: string
  /** The server's clock. @default () => new Date() */
  readonly now?: () => Date
  /** Consulted once for every request as soon as its headers are in. Only sockets have faults, `handle` ignores it. */
  readonly fault?: (request: FakeRequest) => Fault | undefined
  /** Operations answered 403 AccessDenied, such as 'ListParts'. @default [] */
  readonly denied?: readonly string[]
  /** false leaves <HashCrc64ecma> out of ListParts, as older replies do. @default true */
  readonly listPartsWithCrc64?: boolean
  /** false leaves x-oss-hash-crc64ecma out of every answer. @default true */
  readonly crc64Headers?: boolean
  /** Gives every object a version id; x-oss-forbid-overwrite is then ignored, as OSS does. @default false */
  readonly versioning?: boolean
  /** Plays the application server of upload callbacks; without it each callback fails with 203. */
  readonly callback?: (callback: FakeCallback) => { status: number; body: string }
  /** Milliseconds by which every answer is late. @default 0 */
  readonly latencyMs?: number
  /** Bytes per second at which the body of a request is read, per connection. @default unlimited */
  readonly bytesPerSecondPerConnection?: number
  /** 0 lets the system choose. @default 0 */
  readonly port?: number
  /** PEM key and certificate; turns the endpoint into https. @default none */
  readonly tls?: { readonly key: string; readonly cert: string }
}
