/** Owns the public names of `ossup/testing`: what people who embed ossup need of the fake in their own tests. */

export { dispatcherTo } from './dispatcher.js'
export { type FakeOss, startFakeOss } from './fake-oss.js'
export type { Fault } from './faults.js'
export type { FakeCallback, FakeCredentials, FakeOssOptions } from './options.js'
export type { FakeRequest, LoggedRequest } from './request.js'
export type {
  AcknowledgedPart,
  CompletedUpload,
  FakeBucket,
  StoredObject,
  StoredPart,
  StoredUpload,
} from './state.js'
