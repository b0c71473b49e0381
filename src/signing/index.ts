// Owns the public names of `ossup/signing`: the two forms, the nine steps, and their types.

export type { Credentials } from './credentials.js'
export type { PresignableRequest, PresignedUrl, PresigningContext } from './presign-url.js'
export { presignUrl } from './presign-url.js'
export type { SignableRequest, SignedRequest, SigningContext } from './sign-request.js'
export { signRequest } from './sign-request.js'
export type { TextRecord } from './v4.js'
export {
  additionalHeaderNames,
  authorization,
  canonicalHeaders,
  canonicalQuery,
  canonicalRequest,
  canonicalUri,
  credential,
  credentialScope,
  signature,
  signingKey,
  stringToSign,
  timestampOf,
} from './v4.js'
