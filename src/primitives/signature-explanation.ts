// Owns the shape of an explained signature, below everything that makes, carries or prints one.

export interface SignatureStep {
  /** 1 to 9, as in `docs/signing.md`. */
  readonly number: number
  readonly title: string
  /** Security token and signing key are replaced by `[redacted]`; of the signature the first 8 digits are left. */
  readonly value: string
}

export interface SignatureDifference {
  readonly text: 'CanonicalRequest' | 'StringToSign'
  /** From 1. */
  readonly line: number
  /** Empty when our text ends before this line; so for `theirs`. */
  readonly ours: string
  readonly theirs: string
}

/** Holds neither the secret, nor a derived key, nor the security token, nor a usable signature. */
export interface SignatureExplanation {
  readonly steps: readonly SignatureStep[]
  /** The first line that differs. Absent without an answer, and when every line agrees. */
  readonly difference?: SignatureDifference
  /** One sentence. Absent when there was nothing to compare. */
  readonly likelyCause?: string
}
