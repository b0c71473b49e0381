// The public API: explicit named re-exports, no logic.

export { OssClient, type OssClientOptions } from './oss/client.js'
export { type CredentialsProvider, environmentCredentials } from './oss/credentials.js'
export type { Endpoint, EndpointOptions } from './oss/endpoint.js'
export type { ObjectSettings } from './oss/headers.js'
export {
  abortMultipartUpload,
  type CompleteMultipartUploadOptions,
  type CompleteMultipartUploadResult,
  completeMultipartUpload,
  type InitiateMultipartUploadOptions,
  initiateMultipartUpload,
  type ListedPart,
  type ListedUpload,
  type ListMultipartUploadsOptions,
  listMultipartUploads,
  listParts,
  type UploadPartOptions,
  type UploadPartResult,
  uploadPart,
} from './oss/multipart.js'
export {
  type HeadObjectResult,
  headObject,
  type PutObjectOptions,
  type PutObjectResult,
  putObject,
} from './oss/object.js'
export type { OperationRequest } from './oss/send.js'
export {
  OssError,
  type OssErrorCode,
  OssServiceError,
  type UploadFailure,
} from './primitives/errors.js'
export type { Credentials } from './signing/credentials.js'
export type {
  RequestBody,
  Transport,
  TransportRequest,
  TransportResponse,
} from './transport/transport.js'
export type { CheckpointSession, CheckpointStore } from './upload/checkpoint-store.js'
export type { UploadOutcome } from './upload/complete.js'
export type { UploadEvent, UploadProgress } from './upload/events.js'
export type { UploadFileOptions } from './upload/options.js'
export type { UploadFileResult } from './upload/result.js'
export { uploadFile } from './upload/upload-file.js'
