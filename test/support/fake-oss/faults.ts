/** Owns the plan of what may go wrong with one exchange: the fault kinds and whether the operation still takes effect. */

/** What the server does to one request instead of answering it properly. */
export type Fault =
  /** Answers an error; `before: false` applies the operation first. */
  | {
      readonly type: 'status'
      readonly status: number
      readonly code?: string
      readonly message?: string
      readonly fields?: Readonly<Record<string, string>>
      readonly headers?: Readonly<Record<string, string>>
      readonly before?: boolean
    }
  /** Resets the connection once that many body bytes were read (default 0, at the latest at the end of the body). */
  | { readonly type: 'reset'; readonly afterBodyBytes?: number }
  /** Applies the operation, then resets the connection without an answer. */
  | { readonly type: 'reset-after-apply' }
  /** Answers and closes while the body is still being sent; `reset` follows the answer with RST at once. */
  | {
      readonly type: 'early-response'
      readonly status: number
      readonly code: string
      readonly reset?: boolean
    }
  /** Applies the operation and answers that much later. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Reads everything and never answers; applies the operation only if asked. */
  | { readonly type: 'hang'; readonly apply?: boolean }
  /** Stops reading the body after that many bytes and keeps the socket open. */
  | { readonly type: 'stall'; readonly afterBodyBytes: number }
  /** Applies the operation (unless told not to) and alters the answer; a header set to undefined is removed. */
  | {
      readonly type: 'replace'
      readonly status?: number
      readonly headers?: Readonly<Record<string, string | undefined>>
      readonly body?: string | Buffer
      readonly apply?: boolean
    }
  /** Answers an error whose document goes on for that many bytes; the log counts those that were handed to the socket. */
  | { readonly type: 'endless'; readonly status: number; readonly bytes: number }
  /** Applies the operation and answers at once, with the body in that many pieces, `ms` apart. */
  | { readonly type: 'drip'; readonly pieces: number; readonly ms: number }
  /** Applies the operation, promises more body than there is and closes after `bytes` bytes of body. */
  | { readonly type: 'truncate-response'; readonly bytes: number }

/** Whether the operation takes effect in spite of the fault. */
export function appliesOperation(fault: Fault | undefined): boolean {
  switch (fault?.type) {
    case 'status':
      return fault.before === false
    case 'hang':
      return fault.apply === true
    case 'replace':
      return fault.apply !== false
    case 'reset':
    case 'early-response':
    case 'stall':
    case 'endless':
      return false
    default:
      return true
  }
}
