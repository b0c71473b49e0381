/** Owns the public names of the fake OSS. */

export { canonicalRequest, type SignedMessage, signatureOf, stringToSign } from './canonical-v4.js'
export { Crc64, combineCrc64 } from './crc64.js'
export { type FakeResponse, OssFailure } from './failure.js'
export { type FakeOss, startFakeOss } from './fake-oss.js'
export type { Fault } from './faults.js'
export { handle } from './handle.js'
export type { FakeCallback, FakeCredentials, FakeOssOptions } from './options.js'
export type { FakeRequest, LoggedRequest, RawMessage } from './request.js'
export {
  type AcknowledgedPart,
  type CompletedUpload,
  type FakeBucket,
  FakeOssState,
  type StoredObject,
  type StoredPart,
  type StoredUpload,
} from './state.js'
export { type VerifierOptions, verifyV4 } from './verify-v4.js'
