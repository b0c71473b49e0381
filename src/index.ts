// The public API: explicit named re-exports, no logic.

export type { CallbackReply, UploadCallback } from './oss/callback.js'
export { type OperationClient, OssClient, type OssClientOptions } from './oss/client.js'
export { type CredentialsUriOptions, uriCredentials } from './oss/credentials/credentials-uri.js'
export {
  type DefaultCredentialsOptions,
  defaultCredentials,
} from './oss/credentials/default-chain.js'
export { type EcsRamRoleOptions, ecsRamRoleCredentials } from './oss/credentials/ecs-ram-role.js'
export { environmentCredentials } from './oss/credentials/environment.js'
export { type OidcRoleOptions, oidcRoleCredentials } from './oss/credentials/oidc-role.js'
export { type ProcessOptions, processCredentials } from './oss/credentials/process.js'
export { type ProfileOptions, profileCredentials } from './oss/credentials/profile.js'
export type {
  CredentialsProvider,
  CredentialsSource,
  EnvironmentVariables,
  ExpiringCredentials,
} from './oss/credentials/provider.js'
export {
  type RefreshingOptions,
  type RefreshingProvider,
  refreshingCredentials,
} from './oss/credentials/refreshing.js'
export type { Endpoint, EndpointOptions } from './oss/endpoint.js'
export {
  type ExplainedContext,
  type ExplainedRequest,
  explainSignature,
  formatExplanation,
  type SignatureAnswer,
} from './oss/explain-signature.js'
export {
  type ListedPart,
  type ListedUpload,
  type ListMultipartUploadsOptions,
  type ListPartsOptions,
  listMultipartUploads,
  listParts,
} from './oss/listings.js'
export {
  abortMultipartUpload,
  type CompleteMultipartUploadOptions,
  type CompleteMultipartUploadResult,
  completeMultipartUpload,
  type InitiateMultipartUploadOptions,
  initiateMultipartUpload,
  type UploadPartOptions,
  type UploadPartResult,
  uploadPart,
} from './oss/multipart.js'
export {
  type HeadObjectOptions,
  type HeadObjectResult,
  headObject,
  type PutObjectOptions,
  type PutObjectResult,
  putObject,
} from './oss/object.js'
export type {
  ObjectHeaderName,
  ObjectHeaders,
  ObjectSettings,
  ServerSideEncryption,
} from './oss/object-settings.js'
export {
  type PresignedRequest,
  type Presigner,
  type PresignOptions,
  presign,
} from './oss/presign.js'
export type { RetryOptions, RetryPolicy } from './oss/retry.js'
export type { RequestEvent, RequestScope } from './oss/scope.js'
export type { OperationRequest } from './oss/send.js'
export {
  type FailedAttempt,
  OssError,
  type OssErrorCode,
  OssServiceError,
  type UploadFailure,
} from './primitives/errors.js'
export type {
  SignatureDifference,
  SignatureExplanation,
  SignatureStep,
} from './primitives/signature-explanation.js'
export type { Credentials } from './signing/credentials.js'
export {
  type PresignableRequest,
  type PresignedUrl,
  type PresigningContext,
  presignUrl,
} from './signing/presign-url.js'
export {
  type SignableRequest,
  type SignedRequest,
  type SigningContext,
  signRequest,
} from './signing/sign-request.js'
export type {
  RequestBody,
  Transport,
  TransportRequest,
  TransportResponse,
} from './transport/transport.js'
export type { CheckpointSession, CheckpointStore } from './upload/checkpoint-store.js'
export type { UploadEvent, UploadProgress } from './upload/events.js'
export { encodeManifest, type ParsedManifest, parseManifest } from './upload/manifest.js'
export type { BlobLike } from './upload/memory-source.js'
export type { UploadFileOptions } from './upload/options.js'
export type {
  Manifest,
  ManifestPart,
  ShardShare,
  UploadFileResult,
  UploadOutcome,
} from './upload/result.js'
export type { Shard } from './upload/shard.js'
export type { UploadSource } from './upload/source-option.js'
export type { ByteStream, WebByteStream } from './upload/stream-source.js'
export { uploadFile } from './upload/upload-file.js'
