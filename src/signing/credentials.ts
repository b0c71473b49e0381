// Owns what a signer needs to know of the caller, and nothing about where it comes from.

/** An AccessKey pair, and the security token when it was issued by STS. */
export interface Credentials {
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly securityToken?: string | undefined
}
