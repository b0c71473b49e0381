// Owns how a body is handed to the network: in pieces whose acceptance shows that it moves, and with care where that is asked for.

import type { Ending } from './ending.js'
import type { RequestBody } from './transport.js'
import type { Watchdog } from './watchdog.js'

/** Whether the network of a transport has been quick lately; shared by its connections. */
export interface Pace {
  quick: boolean
}

/**
 * On a slow link a whole chunk of half a MiB may be under way for minutes, and nothing shows that it moves. 64 KiB is not less
 * than what a socket takes without asking for patience, and so it is not asked for the next piece before this one is flushed:
 * the producer may reuse its memory then.
 */
const pieceBytes = 64 * 1024
/** A quick network is given this much at once: below 256 KiB the cost per piece shows. */
const quickPieceBytes = 512 * 1024
/** Milliseconds for 512 KiB: below, a network is quick; above, it is slow. In between it stays what it was. */
const quickMs = 1_000
const slowMs = 2_000
/** Milliseconds that a cautious request gives the other side to refuse its headers. */
const cautionMs = 500

export interface WatchedBodyOptions {
  readonly watchdog: Watchdog
  readonly pace: Pace
  /** Hands out one byte, and the rest half a second later. */
  readonly cautious: boolean
  readonly over: Ending
}

export function watchedBody(
  body: RequestBody,
  options: WatchedBodyOptions,
): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => iterate(body, options) }
}

function iterate(
  body: RequestBody,
  { watchdog, pace, cautious, over }: WatchedBodyOptions,
): AsyncIterator<Uint8Array> {
  const done = { done: true, value: undefined } as const
  const opened = body.open()
  const chunks = (opened instanceof Uint8Array ? wholeAndTail(opened) : opened)[
    Symbol.asyncIterator
  ]()
  let rest: Uint8Array | undefined
  let handed = 0
  let handedAt = 0
  let holdsBack = cautious

  const measure = (): void => {
    if (handed === 0) return
    const msForHalfMiB = ((performance.now() - handedAt) * quickPieceBytes) / handed
    if (msForHalfMiB < quickMs) pace.quick = true
    else if (msForHalfMiB > slowMs) pace.quick = false
  }
  const hand = (piece: Uint8Array): IteratorResult<Uint8Array> => {
    // Too little says nothing: the machine's own buffer took it.
    handed = piece.byteLength >= pieceBytes ? piece.byteLength : 0
    handedAt = performance.now()
    watchdog.sending()
    return { done: false, value: piece }
  }

  return {
    async next() {
      measure()
      if (rest === undefined) {
        watchdog.reading()
        const chunk = await chunks.next()
        if (chunk.done) {
          watchdog.sent(body.contentLength)
          return done
        }
        rest = chunk.value
        if (holdsBack && rest.byteLength > 1) {
          const [first, others] = [rest.subarray(0, 1), rest.subarray(1)]
          rest = others
          return hand(first)
        }
      } else if (holdsBack) {
        holdsBack = false
        await pause(cautionMs, over)
      }
      const size = pace.quick ? quickPieceBytes : pieceBytes
      // The last piece takes what would be too little for one of its own.
      const isLast = rest.byteLength < 2 * size
      const piece = isLast ? rest : rest.subarray(0, size)
      rest = isLast ? undefined : rest.subarray(size)
      return hand(piece)
    },
    async return() {
      await chunks.return?.()
      return done
    },
  }
}

/** At once over when the request is. */
async function pause(ms: number, over: Ending): Promise<void> {
  if (over.aborted) return
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      over.off('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    over.once('abort', finish)
  })
}

/**
 * undici takes the socket for still busy, and destroys it, when the answer arrives before the last bytes have drained: a few
 * bytes at the end are taken at once.
 */
async function* wholeAndTail(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  const tail = Math.max(0, bytes.byteLength - 8 * 1024)
  if (tail > 0) yield bytes.subarray(0, tail)
  yield bytes.subarray(tail)
}
